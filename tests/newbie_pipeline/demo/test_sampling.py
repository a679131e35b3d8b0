"""Which scenes are drawn, and which combinations are kept out of training."""

from collections import Counter
from dataclasses import replace
from itertools import product

import pytest

from newbie_pipeline.demo.sampling import is_held_out, sample_scene
from newbie_pipeline.demo.scene import (
    FIGURE_ATTRIBUTES,
    Background,
    Clothing,
    EyeColor,
    Figure,
    HairColor,
    Position,
    Scene,
)

A_FIGURE = sample_scene(0).figures[0]


def alone(hair: HairColor, eyes: EyeColor, clothing: Clothing) -> Scene:
    figure = replace(A_FIGURE, hair_color=hair, eye_color=eyes, clothing=clothing)
    return Scene((replace(figure, position=Position.CENTER),), Background.SKY)


def pair(left: HairColor, right: HairColor) -> Scene:
    """Two whose triples are both seen in training, so that only their pair counts."""
    return Scene(
        (
            trained(left, Position.LEFT),
            trained(right, Position.RIGHT),
        ),
        Background.SKY,
    )


def trained(hair: HairColor, position: Position) -> Figure:
    for eyes, clothing in product(EyeColor, Clothing):
        scene = alone(hair, eyes, clothing)
        if not is_held_out(scene):
            return replace(scene.figures[0], position=position)
    raise AssertionError(f"no figure with {hair} hair is in training")


def test_a_scene_has_one_figure_or_two_who_stand_left_and_right():
    left, right = (replace(A_FIGURE, position=side) for side in (Position.LEFT, Position.RIGHT))

    assert len(Scene((left, right), Background.SKY).figures) == 2
    for figures in ((), (right, left), (left, left), (left, right, right)):
        with pytest.raises(ValueError, match="figures"):
            Scene(figures, Background.SKY)


def test_the_same_seed_gives_the_same_scene_and_another_seed_another():
    scenes = [sample_scene(seed) for seed in range(200)]

    assert scenes == [sample_scene(seed) for seed in range(200)]
    assert len(set(scenes)) == len(scenes)


def test_training_and_evaluation_never_draw_the_same_combination():
    for seed in range(400):
        assert not is_held_out(sample_scene(seed))
        assert is_held_out(sample_scene(seed, held_out=True))


def test_one_triple_in_eight_is_held_out_and_every_pair_of_its_values_is_trained():
    triples = list(product(HairColor, EyeColor, Clothing))
    seen = [triple for triple in triples if not is_held_out(alone(*triple))]

    assert 0.86 < len(seen) / len(triples) < 0.89
    assert {triple[:2] for triple in seen} == set(product(HairColor, EyeColor))
    assert {triple[1:] for triple in seen} == set(product(EyeColor, Clothing))
    assert {triple[::2] for triple in seen} == set(product(HairColor, Clothing))


def test_of_a_held_out_pair_of_hair_colours_the_swapped_pair_is_trained():
    pairs = set(product(HairColor, repeat=2))
    held_out = {each for each in pairs if is_held_out(pair(*each))}

    assert 0.1 < len(held_out) / len(pairs) < 0.15
    assert not {(right, left) for left, right in held_out} & held_out
    for side in (0, 1):
        assert {each[side] for each in pairs - held_out} == set(HairColor)


def test_every_value_of_every_attribute_is_drawn_about_equally_often_in_training():
    figures = [figure for seed in range(1500) for figure in sample_scene(seed).figures]

    for name in set(FIGURE_ATTRIBUTES) - {"position", "accessory"}:
        values = type(getattr(A_FIGURE, name))
        counts = Counter(getattr(figure, name) for figure in figures)
        assert set(counts) == set(values)
        assert max(counts.values()) < 2 * min(counts.values()), name


def test_held_out_scenes_of_two_have_a_held_out_pair_on_its_sides():
    scenes = [sample_scene(seed, held_out=True) for seed in range(300)]
    twos = [scene for scene in scenes if len(scene.figures) == 2]

    assert 0.3 < len(twos) / len(scenes) < 0.5
    for scene in twos:
        assert is_held_out(pair(*(figure.hair_color for figure in scene.figures)))


def test_a_figure_alone_stands_in_the_middle_more_often_in_training_than_in_the_evaluation():
    shares = {}
    for held_out in (False, True):
        scenes = [sample_scene(seed, held_out) for seed in range(1500)]
        alone = Counter(scene.figures[0].position for scene in scenes if len(scene.figures) == 1)
        assert 0.55 < alone.total() / len(scenes) < 0.65
        shares[held_out] = {place: alone[place] / alone.total() for place in Position}

    assert 0.55 < shares[False][Position.CENTER] < 0.65
    assert min(shares[False].values()) > 0.15
    assert all(0.28 < share < 0.39 for share in shares[True].values())
