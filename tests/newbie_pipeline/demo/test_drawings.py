"""What the artist draws: the scene, the seed and the size decide, and every value shows."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from newbie_pipeline.demo.artist.palette import CLOTHES, EYES, HAIR
from newbie_pipeline.demo.drawings import draw
from newbie_pipeline.demo.sampling import sample_scene
from newbie_pipeline.demo.scene import FIGURE_ATTRIBUTES, Background, Position, Scene
from newbie_pipeline.demo.sight.lab import distance, lab_of

ONE = next(scene for seed in range(99) if len((scene := sample_scene(seed)).figures) == 1)
TWO = next(scene for seed in range(99) if len((scene := sample_scene(seed)).figures) == 2)


@pytest.mark.parametrize("size", [96, 128, 256])
@pytest.mark.parametrize("scene", [ONE, TWO], ids=["one", "two"])
def test_a_picture_has_the_size_that_was_asked_for(scene, size):
    picture = draw(scene, 3, size)

    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8


def test_scene_and_seed_decide_about_every_pixel():
    assert np.array_equal(draw(TWO, 5, 128), draw(TWO, 5, 128))


def test_another_seed_moves_what_a_scene_shows_a_little():
    pictures = [draw(TWO, seed, 128).astype(int) for seed in range(4)]

    for first, second in pairwise(pictures):
        assert 0 < np.abs(first - second).mean() < 40


def test_every_value_of_every_attribute_is_drawn_differently():
    figure = replace(ONE.figures[0], position=Position.CENTER)
    for name in FIGURE_ATTRIBUTES:
        pictures = [
            draw(Scene((replace(figure, **{name: value}),), ONE.background), 1, 96).astype(int)
            for value in type(getattr(figure, name))
        ]
        for first, second in combinations(pictures, 2):
            assert np.abs(first - second).max() > 60, name


def test_backgrounds_differ_where_no_figure_stands():
    pictures = [draw(replace(TWO, background=each), 1, 96).astype(int) for each in Background]

    for first, second in combinations(pictures, 2):
        assert np.abs(first[:12] - second[:12]).mean() > 8


@pytest.mark.parametrize("palette", [HAIR, EYES, CLOTHES], ids=["hair", "eyes", "clothes"])
def test_colours_of_a_kind_are_far_apart(palette):
    for first, second in combinations(palette.values(), 2):
        assert distance(lab_of(first.base), lab_of(second.base)) > 30
        assert distance(lab_of(first.base), lab_of(second.shade)) > 25
        assert distance(lab_of(first.shade), lab_of(second.base)) > 25


def test_a_larger_picture_shows_the_same_as_a_smaller_one():
    small = draw(TWO, 8, 128).astype(float)
    large = draw(TWO, 8, 256).reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))

    assert np.abs(large - small).mean() < 4
