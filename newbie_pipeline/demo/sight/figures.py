"""What a figure looks like whose face was found: colours by vote, shapes by comparison.

- A colour is the one that most points of its region are nearest to: the fringe for the hair, both
  irises for the eyes. Shade counts as the colour that it shades.
- Clothes and expressions are those whose reference differs least, over small shifts; beyond a
  limit, how much a point differs does not matter, so that a braid or a tear hides little.
- The hairstyle is the one that best explains where the hair's colour is, and where it is not; the
  accessory is looked for on a head with hair of this colour and style.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from newbie_pipeline.demo.artist.faces import EYE_X, EYE_Y
from newbie_pipeline.demo.artist.palette import EYES, HAIR, Tone
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
_AROUND = grid(-1.75, 1.75, -1.7, 2.3, 0.1)
# In CIELAB.
_NEAR = 15.0
_MOST_DIFFERENCE = 40.0
# Around the head of a reference nothing is drawn. What a picture has there cannot be foretold, so
# it counts as if it differed by so much.
_DIFFERENCE_OF_EMPTY = 28.0
_EMPTY_WITHIN = 8.0
_SHIFTS = tuple(product((-0.1, -0.05, 0.0, 0.05, 0.1), repeat=2))


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
    seen = _hair_in(sample(picture, _AROUND, frame), HAIR[color])
    inside = is_inside(_AROUND, frame)
    # What has the colour of hair need not be hair, and hair can be hidden.
    if_hair, if_not = np.log(0.35 + 0.65 * seen), np.log(1 - 0.6 * seen)
    fits = {
        style: float(((1 - hair) * if_not + hair * if_hair)[inside].mean())
        for style, hair in _hair_maps().items()
    }
    return max(fits, key=lambda style: fits[style])


def see_accessory(picture: Lab, frame: Frame, color: HairColor, style: HairStyle) -> Accessory:
    """Tell what a figure with such hair wears on its head."""
    drawn = _heads(color, style)
    is_empty = distance(drawn, lab_of(EMPTY)) < _EMPTY_WITHIN
    least = np.full(len(drawn), np.inf)
    for moved in _shifted(frame):
        apart = np.minimum(distance(sample(picture, _HEAD, moved), drawn), _MOST_DIFFERENCE)
        apart = np.where(is_empty, _DIFFERENCE_OF_EMPTY, apart)
        least = np.minimum(least, apart[:, is_inside(_HEAD, moved)].mean(axis=1))
    return list(Accessory)[int(np.argmin(least))]


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
    for moved in _shifted(frame):
        apart = distance(sample(picture, points, moved), drawn)
        least = np.minimum(least, np.minimum(apart, _MOST_DIFFERENCE).mean(axis=1))
    return list(references)[int(np.argmin(least))]


def _shifted(frame: Frame) -> Iterator[Frame]:
    for x, y in _SHIFTS:
        yield frame._replace(x=frame.x + x * frame.unit, y=frame.y + y * frame.unit)


def _hair_in(points: Lab, tone: Tone) -> NDArray[np.float32]:
    """Give how much each point is like hair of a tone, up to 1."""
    return np.exp(-((_least_distance(points, tone[:3]) / _NEAR) ** 2))


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
def _hair_maps() -> dict[HairStyle, NDArray[np.float32]]:
    tone = HAIR[HairColor.BROWN]
    return {each: _hair_in(reference(_AROUND, hair_style=each), tone) for each in HairStyle}


@cache
def _heads(color: HairColor, style: HairStyle) -> Lab:
    """Give the head with each accessory in turn."""
    looks = {"hair_color": color, "hair_style": style}
    return np.stack([reference(_HEAD, accessory=each, **looks) for each in Accessory])
