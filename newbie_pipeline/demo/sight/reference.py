"""How the artist's own figures look in the frame of a head: what pictures are compared with.

References are drawn once a process, alone, upright and in the middle, and are read on a grid of
points in the frame of the head (half its width is the unit, its middle the origin).
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newbie_pipeline.demo.artist.canvas import Canvas
from newbie_pipeline.demo.artist.figures import ALONE, draw_figure
from newbie_pipeline.demo.scene import (
    Accessory,
    Clothing,
    ClothingColor,
    Expression,
    EyeColor,
    Figure,
    HairColor,
    HairStyle,
    Position,
)
from newbie_pipeline.demo.sight.lab import Lab, to_lab

# Pictures are read at this size, whatever theirs is.
SIDE = 128
# What is behind the figure of a reference.
EMPTY = "#7f7f7f"
_PLACEMENT = ALONE[Position.CENTER]
_PLAIN = Figure(
    HairColor.BROWN,
    HairStyle.BUNS,
    EyeColor.BROWN,
    Clothing.SHIRT,
    ClothingColor.BLUE,
    Expression.SMILE,
    Accessory.NONE,
    Position.CENTER,
)


class Frame(NamedTuple):
    """Hold where a head is, in pixels of a picture of `SIDE`: its middle and half its width."""

    x: float
    y: float
    unit: float


class Grid(NamedTuple):
    """Hold the points of a region in the frame of a head, row by row."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]


def grid(left: float, right: float, top: float, bottom: float, step: float) -> Grid:
    """Give evenly spaced points of a region."""
    x, y = np.meshgrid(np.arange(left, right + 1e-6, step), np.arange(top, bottom + 1e-6, step))
    return Grid(x.ravel().astype(np.float32), y.ravel().astype(np.float32))


def sample(picture: Lab, points: Grid, frame: Frame) -> Lab:
    """Read a picture of height x width x 3 at points of a frame, between pixels evenly mixed.

    Points beyond the picture read its nearest edge.
    """
    height, width = picture.shape[:2]
    across = np.clip(frame.x + frame.unit * points.x - 0.5, 0, width - 1.001)
    down = np.clip(frame.y + frame.unit * points.y - 0.5, 0, height - 1.001)
    column, row = across.astype(int), down.astype(int)
    right, below = (across - column)[:, None], (down - row)[:, None]
    upper = picture[row, column] * (1 - right) + picture[row, column + 1] * right
    lower = picture[row + 1, column] * (1 - right) + picture[row + 1, column + 1] * right
    return upper * (1 - below) + lower * below


def is_inside(points: Grid, frame: Frame) -> NDArray[np.bool_]:
    """Tell which points of a frame lie within a picture of `SIDE` squared."""
    across, down = frame.x + frame.unit * points.x, frame.y + frame.unit * points.y
    return (across >= 0) & (across < SIDE) & (down >= 0) & (down < SIDE)


def reference(points: Grid, **looks: Any) -> Lab:
    """Read a plain figure with some of its looks changed, at points of its head's frame."""
    canvas = Canvas(SIDE)
    canvas.gradient(EMPTY, EMPTY)
    draw_figure(canvas, replace(_PLAIN, **looks), _PLACEMENT)
    frame = Frame(_PLACEMENT.x * SIDE, _PLACEMENT.y * SIDE, _PLACEMENT.unit * SIDE)
    return sample(to_lab(canvas.finished() / 255), points, frame)
