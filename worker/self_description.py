"""How a renderer describes itself: on what it draws, with which model, and what it can draw.

Only sizes that members can ask for count: all that are at most as large as what is said are drawn.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jobs.capability import Capability
from jobs.models import Size
from jobs.registration import Description, Device
from newbie_pipeline.device import card_of

if TYPE_CHECKING:
    from newbie_pipeline.render import Renderer

CPU = Device(name="CPU")


def describe(
    renderer: "Renderer", device: Device, plan: dict[str, Any], most_pixels: int | None
) -> Description:
    """Describe a loaded renderer whose operator wants no picture of more pixels than this."""
    info = renderer.info
    limits = (most_pixels, largest_picture(renderer.can_draw))
    return Description(
        device=device,
        model=info.model_name,
        model_hash=info.model_hash,
        plan=plan,
        capability=Capability(
            max_pixels=min((limit for limit in limits if limit is not None), default=None),
            assist=renderer.can_assist,
            model=info.model_name,
        ),
    )


def largest_picture(can_draw: Callable[[int, int], bool]) -> int | None:
    """Give the pixels of the largest picture that can be drawn, and all smaller ones with it.

    Returns:
        None where every size can be drawn, 0 where none can.
    """
    impossible = [pixels(size) for size in Size if not can_draw(size.width, size.height)]
    if not impossible:
        return None
    least = min(impossible)
    return max((pixels(size) for size in Size if pixels(size) < least), default=0)


def pixels(size: Size) -> int:
    """Count the pixels of one picture."""
    return size.width * size.height


def device_of(renderer: "Renderer") -> Device:
    """Tell on what a renderer draws."""
    card = card_of(renderer.info.device)
    return CPU if card is None else Device(name=card[0], memory=card[1])
