"""What a renderer says of itself: device, model, plan, and what it can draw."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.capability import ANYTHING, Capability
from jobs.models import Size
from jobs.registration import Description, Device
from newbie_pipeline.render import LoadOptions, Renderer
from tests.worker.chosen_renderer import ChosenRenderer, Served
from worker.description_file import MOST_BYTES, read_description, write_description
from worker.self_description import largest_picture, pixels
from worker.settings import WorkerSettings

SERVE = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[SERVE]:
    """Start a renderer's server, and stop it in the end."""
    servers: list[Served] = []

    def start(renderer: ChosenRenderer, most_pixels: int | None = None) -> Served:
        servers.append(Served(renderer, tmp_path / "renderer.sock", most_pixels=most_pixels))
        return servers[-1]

    yield start
    for one in servers:
        one.stop()


@pytest.mark.parametrize("clip_only", [False, True])
async def test_a_renderer_says_what_it_is_and_whether_it_can_help(
    serve: SERVE, clip_only: bool
) -> None:
    one = serve(ChosenRenderer(clip_only=clip_only))
    await one.draw()
    before = one.said()
    await one.draw()  # what was measured is written after the first one's answer
    after = one.said()
    for said in (before, after):
        assert said.device == Device(name="CPU")
        assert (said.model, said.model_hash) == ("tiny", "0123456789ab")
        assert said.capability == Capability(assist=not clip_only, model="tiny")
    assert after.plan is not None
    assert "measured" in after.plan
    placement = "absent" if clip_only else "cpu"
    assert after.plan["components"]["text_encoder"]["placement"] == placement


async def test_a_size_that_fits_no_longer_is_said_after_the_render(serve: SERVE) -> None:
    one = serve(ChosenRenderer())
    await one.draw()
    assert one.said().capability.max_pixels is None
    one.renderer.most_pixels = pixels(Size.PORTRAIT_2_3)
    for _ in range(2):  # the file is written after the first one's answer
        await one.draw()
    assert one.said().capability.max_pixels == pixels(Size.PORTRAIT_2_3)


@pytest.mark.parametrize(
    ("wanted", "said"), [(None, 1_011_712), (10**9, 1_011_712), (990_000,) * 2]
)
async def test_the_operators_limit_and_the_memorys_both_count(
    serve: SERVE, wanted: int | None, said: int
) -> None:
    renderer = ChosenRenderer()
    renderer.most_pixels = pixels(Size.PORTRAIT_2_3)
    one = serve(renderer, wanted)
    await one.draw()
    assert one.said().capability.max_pixels == said


def test_the_largest_picture_is_one_below_all_that_cannot_be_drawn() -> None:
    assert largest_picture(lambda *_: True) is None
    assert largest_picture(lambda *_: False) == 0
    assert largest_picture(lambda width, height: width * height < 2**20) == 1_032_192
    # One of two sizes of as many pixels.
    assert largest_picture(lambda width, height: (width, height) != (768, 1344)) == 1_011_712


def test_a_loaded_model_can_draw_what_it_knows_and_what_its_memory_holds(tiny_model: Path) -> None:
    renderer = Renderer.load(tiny_model, LoadOptions(device="cpu", memory="2GiB"))
    assert largest_picture(renderer.can_draw) is None
    assert not renderer.can_draw(1000, 1000), "no multiple of the patches"
    assert not renderer.can_draw(4096, 4096), "no plan for 2 GiB"
    assert Renderer.load(tiny_model, LoadOptions(device="cpu")).can_draw(4096, 4096)


@pytest.mark.parametrize(("given", "most"), [(None, None), (1.0, 2**20), (0.9375, 983_040)])
def test_the_setting_is_in_megapixels(given: float | None, most: int | None) -> None:
    assert WorkerSettings(model=".", max_megapixels=given).max_pixels == most


@pytest.mark.parametrize("given", [0, 0.5, -1, float("inf"), float("nan")])
def test_a_worker_that_could_draw_nothing_is_no_setting(given: float) -> None:
    with pytest.raises(ValueError, match="max_megapixels"):
        WorkerSettings(model=".", max_megapixels=given)


def test_a_description_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "renderer.json"
    assert read_description(path) is None
    said = Description(
        device=Device(name="GPU", memory=24 << 30), model="x", model_hash="y", plan={"rank": 1}
    )
    write_description(path, said)
    assert read_description(path) == said
    assert list(tmp_path.iterdir()) == [path]
    assert said.capability == ANYTHING


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"model": 1}', " " * (MOST_BYTES + 1)])
def test_what_is_no_description_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "renderer.json"
    path.write_text(text)
    assert read_description(path) is None
