"""What a caption asks for, place by place."""

from newbie_pipeline.demo.captions import caption
from newbie_pipeline.demo.sampling import sample_scene
from newbie_pipeline.demo.scene import (
    Accessory,
    Background,
    Clothing,
    ClothingColor,
    Expression,
    EyeColor,
    Figure,
    HairColor,
    HairStyle,
    Position,
    Scene,
    Wanted,
    WantedFigure,
)
from newbie_pipeline.demo.scene_labels import IGNORED, OPEN, QUESTIONS, VALUES, labels_of


def figure(hair, position):
    return Figure(
        hair,
        HairStyle.LONG,
        EyeColor.RED,
        Clothing.DRESS,
        ClothingColor.WHITE,
        Expression.SMILE,
        Accessory.NONE,
        position,
    )


TWO = Scene(
    (figure(HairColor.BLUE, Position.LEFT), figure(HairColor.PINK, Position.RIGHT)), Background.SKY
)
ONE = Scene((figure(HairColor.BLUE, Position.CENTER),), Background.SKY)


def answers(scene, wanted):
    return dict(zip(QUESTIONS, labels_of(scene, wanted), strict=True))


def hair(color):
    return 1 + list(HairColor).index(color)


def test_what_is_said_of_a_figure_counts_where_it_stands():
    wanted = Wanted(
        (
            WantedFigure(hair_color=HairColor.PINK, position=Position.RIGHT),
            WantedFigure(hair_color=HairColor.BLUE),
        )
    )
    found = answers(TWO, wanted)
    assert found["left.hair_color"] == hair(HairColor.BLUE)
    assert found["right.hair_color"] == hair(HairColor.PINK)
    assert [found[f"{place}.there"] for place in Position] == [1, 0, 1]


def test_what_is_not_said_is_open_and_a_place_without_a_figure_is_ignored():
    found = answers(ONE, Wanted())
    assert found["background"] == OPEN
    assert {found[f"center.{name}"] for name in VALUES} == {OPEN}
    assert {found[f"left.{name}"] for name in VALUES} == {IGNORED}


def test_a_named_background_has_its_own_answer():
    assert answers(ONE, Wanted((), Background.SKY))["background"] == 1 + list(Background).index(
        Background.SKY
    )


def test_figures_that_cannot_be_told_apart_are_read_in_the_order_of_the_scene():
    wanted = Wanted((WantedFigure(expression=Expression.SMILE), WantedFigure()))
    found = answers(TWO, wanted)
    assert found["left.expression"] != OPEN
    assert found["right.expression"] == OPEN


def test_the_labels_of_training_captions_are_possible_answers():
    for seed in range(300):
        scene = sample_scene(seed)
        labels = labels_of(scene, caption(scene, seed).named)
        for label, count in zip(labels, QUESTIONS.values(), strict=True):
            assert label == IGNORED or 0 <= label < count
