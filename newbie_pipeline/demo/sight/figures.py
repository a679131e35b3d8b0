"""What a figure looks like whose face was found: colours by vote, shapes by comparison.

- A colour is the one that most points of its region are nearest to: the fringe for the hair, both
  irises for the eyes. Shade counts as the colour that it shades.
- Clothes and expressions are those whose reference differs least, over small shifts; beyond a
  limit, how much a point differs does not matter, so that a braid or a tear hides little.
- The hairstyle is the one whose reference, in the colour of the hair, explains most of what is
  around the head, its outlines too; then the accessory is looked for on a head with such hair.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from newbie_pipeline.demo.artist.faces import EYE_X, EYE_Y
from newbie_pipeline.demo.artist.palette import EYES, HAIR
from newbie_pipeline.demo.scene import (
    Accessory,
    Clothing,
    ClothingColor,
    Expression,
    EyeColor,
    HairColor,
    HairStyle,
)
from newbie_pipeline.demo.sight.lab import Lab, distance, lab_of
from newbie_pipeline.demo.sight.reference import (
    EMPTY,
    Frame,
    Grid,
    grid,
    is_inside,
    reference,
    sample,
)

Color = TypeVar("Color", bound=StrEnum)
Look = TypeVar("Look")

_FRINGE = grid(-1.0, 1.0, -0.85, -0.25, 0.07)
_TORSO = grid(-0.7, 0.7, 1.15, 2.4, 0.08)
_MOUTH = grid(-0.85, 0.85, 0.5, 0.98, 0.05)
_HEAD = grid(-1.35, 1.35, -1.8, 0.55, 0.1)
# In CIELAB.
_NEAR = 15.0
_MOST_DIFFERENCE = 40.0
_EMPTY_WITHIN = 8.0
_SHIFTS = tuple(product((-0.1, -0.05, 0.0, 0.05, 0.1), repeat=2))
# Heads and hair are large, and need no finer ones.
_WIDE_SHIFTS = tuple(product((-0.1, 0.0, 0.1), repeat=2))


def see_hair_color(picture: Lab, frame: Frame) -> HairColor:
    """Tell the colour of a figure's hair."""
    tones = {color: tone[:2] for color, tone in HAIR.items()}
    return _vote(sample(picture, _FRINGE, frame), tones)


def see_eye_color(picture: Lab, frame: Frame) -> EyeColor:
    """Tell the colour of a figure's eyes."""
    tones = {color: tone[:3] for color, tone in EYES.items()}
    return _vote(sample(picture, _irises(), frame), tones)


def see_clothes(picture: Lab, frame: Frame) -> tuple[Clothing, ClothingColor]:
    """Tell what a figure wears, and in which colour."""
    return _least_different(picture, frame, _TORSO, _clothes())


def see_expression(picture: Lab, frame: Frame) -> Expression:
    """Tell a figure's expression by its mouth, and its cheeks, on which tears run."""
    return _least_different(picture, frame, _MOUTH, _expressions())


def see_hair_style(picture: Lab, frame: Frame, color: HairColor) -> HairStyle:
    """Tell the shape of hair of a colour."""
    found = _best_explained(picture, frame, _around(), _hairstyles(color), empty=20.0)
    return list(HairStyle)[found]


def see_accessory(picture: Lab, frame: Frame, color: HairColor, style: HairStyle) -> Accessory:
    """Tell what a figure with such hair wears on its head."""
    found = _best_explained(picture, frame, _HEAD, _heads(color, style), empty=30.0)
    return list(Accessory)[found]


def _vote(points: Lab, tones: Mapping[Color, Iterable[str]]) -> Color:
    """Give the colour with most points near one of its tones."""
    votes = {
        color: float(np.exp(-((_least_distance(points, each) / _NEAR) ** 2)).sum())
        for color, each in tones.items()
    }
    return max(votes, key=lambda color: votes[color])


def _least_distance(points: Lab, colors: Iterable[str]) -> NDArray[np.float32]:
    """Give the distance of each point to the nearest of some colours."""
    return np.min([distance(points, lab_of(color)) for color in colors], axis=0)


def _least_different(
    picture: Lab, frame: Frame, points: Grid, references: Mapping[Look, Lab]
) -> Look:
    drawn = np.stack(list(references.values()))
    least = np.full(len(drawn), np.inf)
    for moved in _shifted(frame, _SHIFTS):
        apart = distance(sample(picture, points, moved), drawn)
        least = np.minimum(least, np.minimum(apart, _MOST_DIFFERENCE).mean(axis=1))
    return list(references)[int(np.argmin(least))]


def _best_explained(picture: Lab, frame: Frame, points: Grid, drawn: Lab, *, empty: float) -> int:
    """Give which of several references differs least from what lies within the picture.

    What is behind a reference cannot be foretold: there a picture counts as if it differed by
    `empty`, in CIELAB, so that a shape gains by what it explains.
    """
    is_empty = distance(drawn, lab_of(EMPTY)) < _EMPTY_WITHIN
    least = np.full(len(drawn), np.inf)
    for moved in _shifted(frame, _WIDE_SHIFTS):
        apart = np.minimum(distance(sample(picture, points, moved), drawn), _MOST_DIFFERENCE)
        apart = np.where(is_empty, empty, apart)
        least = np.minimum(least, apart[:, is_inside(points, moved)].mean(axis=1))
    return int(np.argmin(least))


def _shifted(frame: Frame, shifts: Iterable[tuple[float, ...]]) -> Iterator[Frame]:
    for x, y in shifts:
        yield frame._replace(x=frame.x + x * frame.unit, y=frame.y + y * frame.unit)


@cache
def _around() -> Grid:
    """Give the points where hair can be, without those of the body, which is another matter."""
    everywhere = grid(-1.7, 1.7, -1.7, 2.2, 0.1)
    kept = (everywhere.y <= 1.1) | (np.abs(everywhere.x) >= 1.15)
    return Grid(everywhere.x[kept], everywhere.y[kept])


@cache
def _irises() -> Grid:
    inside = grid(-0.2, 0.2, -0.3, 0.3, 0.05)
    kept = (inside.x / 0.2) ** 2 + (inside.y / 0.3) ** 2 <= 1
    x, y = inside.x[kept], inside.y[kept] + EYE_Y
    return Grid(np.concatenate([x - EYE_X, x + EYE_X]), np.concatenate([y, y]))


@cache
def _clothes() -> dict[tuple[Clothing, ClothingColor], Lab]:
    return {
        (kind, color): reference(_TORSO, clothing=kind, clothing_color=color)
        for kind, color in product(Clothing, ClothingColor)
    }


@cache
def _expressions() -> dict[Expression, Lab]:
    return {each: reference(_MOUTH, expression=each) for each in Expression}


@cache
def _hairstyles(color: HairColor) -> Lab:
    """Give a figure with each hairstyle in turn."""
    looks = ({"hair_color": color, "hair_style": each} for each in HairStyle)
    return np.stack([reference(_around(), **each) for each in looks])


@cache
def _heads(color: HairColor, style: HairStyle) -> Lab:
    """Give the head with each accessory in turn."""
    looks = {"hair_color": color, "hair_style": style}
    return np.stack([reference(_HEAD, accessory=each, **looks) for each in Accessory])
