"""The measuring, measured: on drawings that were spoiled, and on scenes that were shuffled."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from newbie_pipeline.demo.analysis import Seen, compare, measure
from newbie_pipeline.demo.drawings import draw
from newbie_pipeline.demo.evaluation import everything_of
from newbie_pipeline.demo.sampling import sample_scene
from newbie_pipeline.demo.scene import (
    Background,
    Expression,
    HairColor,
    Position,
    Scene,
    Wanted,
    WantedFigure,
)
from tests.newbie_pipeline.demo.spoiling import psnr, spoiled

COUNT = 60
MEASURED = (
    "layout",
    "background",
    "hair_color",
    "eye_color",
    "clothing",
    "clothing_color",
    "expression",
)
# The share of right answers if a picture has nothing to do with what is asked: one in as many as
# there are values, for hair a little less, as two in a scene mostly have different hair.
CHANCE = {"background": 1 / 12, "hair_color": 1 / 11, "clothing_color": 1 / 8, "eye_color": 1 / 6}
TWO = next(scene for seed in range(99) if len((scene := sample_scene(seed)).figures) == 2)


@cache
def seen_and_shown() -> list[tuple[Seen, Scene]]:
    """Measure spoiled drawings of held-out scenes, of which every second is of two."""
    scenes = [sample_scene(seed, held_out=True) for seed in range(COUNT)]
    return [(measure(spoiled(draw(each, k, 128), k)), each) for k, each in enumerate(scenes)]


def shares(pairs) -> dict[str, float]:
    right, asked = Counter(), Counter()
    for seen, scene in pairs:
        for name, answers in compare(seen, everything_of(scene)).items():
            right[name] += sum(answers)
            asked[name] += len(answers)
    return {name: right[name] / asked[name] for name in asked}


def test_a_spoiled_drawing_is_as_far_off_as_it_should_be():
    picture = draw(TWO, 1, 128)

    assert psnr(picture, spoiled(picture, 1)) == pytest.approx(31, abs=0.5)


@pytest.mark.slow
def test_of_spoiled_drawings_at_least_98_percent_of_what_is_promised_is_read_right():
    found = shares(seen_and_shown())

    for name in MEASURED:
        assert found[name] >= 0.98, (name, found)
    assert min(found["hair_style"], found["accessory"]) >= 0.93, found


@pytest.mark.slow
def test_on_shuffled_scenes_the_measuring_is_at_chance():
    results = seen_and_shown()
    shifted = [
        (results[k][0], results[(k + shift) % COUNT][1])
        for shift in (7, 11, 23)
        for k in range(COUNT)
    ]
    found = shares(shifted)

    for name, chance in CHANCE.items():
        assert found[name] == pytest.approx(chance, abs=0.08), (name, found)


def test_size_and_kind_of_numbers_do_not_matter():
    picture = draw(TWO, 2, 256)

    assert (
        measure(picture) == measure(picture.astype(np.float32) / 255) == measure(draw(TWO, 2, 128))
    )


def test_a_picture_without_figures_has_none():
    assert measure(np.full((128, 128, 3), 250, np.uint8)).figures == ()


@pytest.mark.parametrize("shape", [(128, 128), (128, 128, 4), (3, 128, 128)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(ValueError, match="height x width x 3"):
        measure(np.zeros(shape))


def seen_of(scene: Scene) -> Seen:
    return Seen(scene.figures, scene.background)


def test_only_what_is_asked_for_is_answered():
    asked = Wanted((WantedFigure(hair_color=TWO.figures[0].hair_color), WantedFigure()))

    assert compare(seen_of(TWO), asked) == {"layout": (True,), "hair_color": (True,)}
    assert compare(seen_of(TWO), Wanted((), TWO.background)) == {"background": (True,)}


def test_hair_on_the_wrong_sides_is_wrong_twice():
    left, right = (figure.hair_color for figure in TWO.figures)
    assert left != right
    sides = (Position.LEFT, Position.RIGHT)
    placed = [
        WantedFigure(hair_color=hair, position=side)
        for hair, side in zip((left, right), sides, strict=True)
    ]
    swapped = [
        WantedFigure(hair_color=hair, position=side)
        for hair, side in zip((right, left), sides, strict=True)
    ]

    assert compare(seen_of(TWO), Wanted(tuple(placed)))["hair_color"] == (True, True)
    # In which order a prompt names them does not matter.
    assert compare(seen_of(TWO), Wanted(tuple(placed[::-1])))["hair_color"] == (True, True)
    assert compare(seen_of(TWO), Wanted(tuple(swapped)))["hair_color"] == (False, False)


def test_where_no_side_is_named_either_order_is_right():
    left, right = (WantedFigure(hair_color=figure.hair_color) for figure in TWO.figures)

    for order in ((left, right), (right, left)):
        assert compare(seen_of(TWO), Wanted(order)) == {
            "layout": (True,),
            "hair_color": (True, True),
        }


def test_a_figure_that_is_missing_has_nothing_right():
    one = Seen(TWO.figures[:1], Background.SKY)
    verdict = compare(one, everything_of(TWO))

    assert verdict["layout"] == (False,)
    assert verdict["hair_color"] == (True, False)
    assert compare(Seen((), Background.SKY), everything_of(TWO))["expression"] == (False, False)


def test_a_figure_too_many_is_a_wrong_layout_and_one_in_the_wrong_place_too():
    figure = TWO.figures[0]
    alone = Wanted((WantedFigure(hair_color=figure.hair_color),))
    placed = Wanted((WantedFigure(position=Position.CENTER),))

    assert compare(seen_of(TWO), alone) == {"layout": (False,), "hair_color": (True,)}
    assert compare(Seen((figure,), Background.SKY), alone)["layout"] == (True,)
    assert compare(Seen((figure,), Background.SKY), placed)["layout"] == (False,)


def test_wrong_looks_are_wrong():
    figure = TWO.figures[0]
    others = [each for each in HairColor if each != figure.hair_color]
    moods = [each for each in Expression if each != figure.expression]
    asked = Wanted((WantedFigure(hair_color=others[0], expression=moods[0]),))

    assert compare(Seen((figure,), Background.SKY), asked) == {
        "layout": (True,),
        "hair_color": (False,),
        "expression": (False,),
    }
