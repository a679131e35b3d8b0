"""Draw one figure: hair behind, body, head, face, hair before, accessory."""

from typing import NamedTuple

from newbie_pipeline.demo.artist.accessories import draw_accessory, draw_behind_hair
from newbie_pipeline.demo.artist.canvas import Canvas
from newbie_pipeline.demo.artist.clothing import draw_clothes
from newbie_pipeline.demo.artist.faces import draw_brows, draw_features, draw_head, draw_neck
from newbie_pipeline.demo.artist.hair import draw_back_hair, draw_front_hair, draw_shadow_of_hair
from newbie_pipeline.demo.artist.palette import HAIR, accent_of
from newbie_pipeline.demo.scene import Accessory, Figure, Position
from newbie_pipeline.demo.seeds import Stream

_COVERS_THE_TOP = (Accessory.BERET, Accessory.HEADPHONES)


class Placement(NamedTuple):
    """Hold where a head is, in shares of the picture: its middle, and half its width as unit.

    The tilt turns the head around the neck, clockwise in degrees.
    """

    x: float
    y: float
    unit: float
    tilt: float = 0.0
    has_ahoge: bool = False


ALONE = {
    Position.LEFT: Placement(0.285, 0.45, 0.212),
    Position.CENTER: Placement(0.5, 0.45, 0.212),
    Position.RIGHT: Placement(0.715, 0.45, 0.212),
}
TOGETHER = {
    Position.LEFT: Placement(0.252, 0.515, 0.174),
    Position.RIGHT: Placement(0.748, 0.515, 0.174),
}


def place_figure(figure: Figure, is_alone: bool, stream: Stream) -> Placement:
    """Choose where exactly a figure stands and how it holds its head."""
    usual = (ALONE if is_alone else TOGETHER)[figure.position]
    return Placement(
        usual.x + stream.uniform(-0.012, 0.012),
        usual.y + stream.uniform(-0.012, 0.012),
        usual.unit * stream.uniform(0.96, 1.04),
        stream.uniform(-5, 5),
        stream.happens(0.4),
    )


def draw_figure(canvas: Canvas, figure: Figure, placement: Placement) -> None:
    """Draw a figure at its place."""
    body = canvas.brush(placement.x, placement.y, placement.unit)
    head = body.within(0, 0.9, 1, placement.tilt).within(0, -0.9)
    tone, accent = HAIR[figure.hair_color], accent_of(figure.hair_color)
    has_ahoge = placement.has_ahoge and figure.accessory not in _COVERS_THE_TOP
    draw_back_hair(head, figure.hair_style, tone)
    draw_neck(body)
    draw_clothes(body, figure.clothing, figure.clothing_color)
    draw_head(head)
    draw_shadow_of_hair(head, figure.hair_style)
    draw_features(head, figure.expression, figure.eye_color)
    draw_behind_hair(head, figure.accessory, tone)
    draw_front_hair(head, figure.hair_style, tone, accent.base, has_ahoge)
    draw_brows(head, figure.expression, tone.line)
    draw_accessory(head, figure.accessory, accent)
