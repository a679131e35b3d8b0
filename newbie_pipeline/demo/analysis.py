"""Measure what a picture shows, from the picture alone, and compare it with what was asked for.

How, without any neural network (`sight/`):

1. A picture of any size is read at 128 x 128, in CIELAB.
2. Faces are found by the map of skin colour, which is correlated with the mean map of a face at
   every place and several sizes. Their number and places are the layout.
3. In the frame of each face, regions are read: the fringe votes for the colour of the hair and the
   irises for that of the eyes, point by point among the colours of the palette; the torso is
   compared with the artist's clothes in all their colours, mouth and cheeks with its expressions,
   the hair around with its hairstyles and accessories.
4. What is left beside and above the figures is compared, in coarse cells, with the mean of each
   background.

`tests/newbie_pipeline/demo/test_analysis.py` measures the measuring: on drawings that were spoiled
as a small autoencoder does (31 dB), and at chance where scenes are shuffled.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from newbie_pipeline.demo.scene import Background, Figure, Position, Wanted, WantedFigure
from newbie_pipeline.demo.sight.backgrounds import see_background
from newbie_pipeline.demo.sight.faces import find_faces
from newbie_pipeline.demo.sight.figures import (
    see_accessory,
    see_clothes,
    see_expression,
    see_eye_color,
    see_hair_color,
    see_hair_style,
)
from newbie_pipeline.demo.sight.lab import Lab, to_lab
from newbie_pipeline.demo.sight.reference import SIDE, Frame

# The attributes of a figure that can be right or wrong once it stands where it should.
LOOKS = (
    *("hair_color", "hair_style", "eye_color", "clothing", "clothing_color"),
    *("expression", "accessory"),
)
# A figure alone stands at 0.285, 0.5 or 0.715 of the width.
_LEFT_OF_CENTER, _RIGHT_OF_CENTER = 0.3925, 0.6075


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what a picture shows: no figure, one or two, from left to right, and the background."""

    figures: tuple[Figure, ...]
    background: Background


def measure(picture: NDArray[np.uint8] | NDArray[np.floating]) -> Seen:
    """Tell what a picture shows: height x width x 3, as bytes or from 0 to 1.

    Raises ValueError for any other shape.
    """
    lab = to_lab(_at_reading_size(picture))
    frames = find_faces(lab)
    return Seen(
        tuple(_see(lab, frame, position) for frame, position in _placed(frames)),
        see_background(lab, frames),
    )


def compare(seen: Seen, wanted: Wanted) -> dict[str, tuple[bool, ...]]:
    """Say of everything that a prompt asks for whether a picture shows it.

    `layout` is the number of figures and their places, where the prompt speaks of figures. Looks
    have one answer for each figure that asks, in the order of the prompt: that of the figure in its
    place, and where places are free, of the order of figures that answers best. What a figure asks
    that is not there is wrong.
    """
    verdict: dict[str, list[bool]] = {}
    if wanted.background is not None:
        verdict["background"] = [seen.background == wanted.background]
    if wanted.figures:
        pairs = _matched(seen, wanted)
        verdict["layout"] = [_is_laid_out(seen, wanted, pairs)]
        for figure, found in pairs:
            for name in LOOKS:
                if (value := getattr(figure, name)) is not None:
                    verdict.setdefault(name, []).append(_shows(found, name, value))
    return {name: tuple(answers) for name, answers in verdict.items()}


Pairs = list[tuple[WantedFigure, Figure | None]]


def _matched(seen: Seen, wanted: Wanted) -> Pairs:
    """Give each figure that is asked for with the one that answers it best."""
    missing = (None,) * max(0, len(wanted.figures) - len(seen.figures))
    orders = permutations((*seen.figures, *missing), len(wanted.figures))
    choices = [list(zip(wanted.figures, order, strict=True)) for order in orders]
    return max(choices, key=_score)


def _score(pairs: Pairs) -> tuple[int, int]:
    """Count right places first, as these say who is meant, then right looks."""
    sides = sum(_shows(found, "position", figure.position) for figure, found in pairs)
    looks = sum(
        _shows(found, name, getattr(figure, name)) for figure, found in pairs for name in LOOKS
    )
    return sides, looks


def _shows(found: Figure | None, name: str, value: object) -> bool:
    return found is not None and value is not None and getattr(found, name) == value


def _is_laid_out(seen: Seen, wanted: Wanted, pairs: Pairs) -> bool:
    return len(seen.figures) == len(wanted.figures) and all(
        figure.position is None or _shows(found, "position", figure.position)
        for figure, found in pairs
    )


def _see(lab: Lab, frame: Frame, position: Position) -> Figure:
    hair_color = see_hair_color(lab, frame)
    hair_style = see_hair_style(lab, frame, hair_color)
    clothing, clothing_color = see_clothes(lab, frame)
    return Figure(
        hair_color=hair_color,
        hair_style=hair_style,
        eye_color=see_eye_color(lab, frame),
        clothing=clothing,
        clothing_color=clothing_color,
        expression=see_expression(lab, frame),
        accessory=see_accessory(lab, frame, hair_color, hair_style),
        position=position,
    )


def _placed(frames: tuple[Frame, ...]) -> list[tuple[Frame, Position]]:
    if len(frames) == 2:
        return list(zip(frames, (Position.LEFT, Position.RIGHT), strict=True))
    return [(frame, _place_of(frame)) for frame in frames]


def _place_of(frame: Frame) -> Position:
    if frame.x < _LEFT_OF_CENTER * SIDE:
        return Position.LEFT
    return Position.RIGHT if frame.x > _RIGHT_OF_CENTER * SIDE else Position.CENTER


def _at_reading_size(
    picture: NDArray[np.uint8] | NDArray[np.floating],
) -> NDArray[np.float64]:
    """Give a picture of `SIDE` squared, from 0 to 1."""
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"a picture is height x width x 3, not {picture.shape}")
    if picture.dtype != np.uint8:
        picture = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    image = Image.fromarray(picture)
    if image.size != (SIDE, SIDE):
        image = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(image) / 255
