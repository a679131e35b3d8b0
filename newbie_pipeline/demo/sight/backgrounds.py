"""Which background a picture has: the one whose mean is nearest where no figure stands.

Pictures are compared in coarse cells, in which clouds, windows and petals are a mean colour; beyond
a limit, how far off a cell is does not matter, so that a tail of hair hides little.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from newbie_pipeline.demo.artist.backgrounds import draw_background
from newbie_pipeline.demo.artist.canvas import Canvas
from newbie_pipeline.demo.scene import Background
from newbie_pipeline.demo.seeds import Stream
from newbie_pipeline.demo.sight.lab import Lab, distance, to_lab
from newbie_pipeline.demo.sight.reference import SIDE, Frame

_CELLS = 16
_CELL = SIDE // _CELLS
_EXAMPLES = 12
# In CIELAB.
_MOST_DISTANCE = 40.0
# How far a head reaches from its middle: to the sides, and up.
_WIDTH, _HEIGHT = 1.25, 1.4


def see_background(picture: Lab, frames: Iterable[Frame]) -> Background:
    """Tell what is behind the figures whose heads are in these frames."""
    seen = _in_cells(picture)
    free = _free_of(frames)
    away = {
        each: float(np.minimum(distance(seen, mean), _MOST_DISTANCE)[free].mean())
        for each, mean in _means().items()
    }
    return min(away, key=lambda each: away[each])


def _in_cells(picture: Lab) -> Lab:
    return picture.reshape(_CELLS, _CELL, _CELLS, _CELL, 3).mean(axis=(1, 3))


def _free_of(frames: Iterable[Frame]) -> NDArray[np.bool_]:
    """Tell which cells no head and no body covers; of a picture without figures, all."""
    middle = (np.arange(_CELLS) + 0.5) * _CELL
    across, down = middle[None, :], middle[:, None]
    free = np.ones((_CELLS, _CELLS), dtype=bool)
    for frame in frames:
        beside = np.abs(across - frame.x) > _WIDTH * frame.unit
        free &= beside | (down < frame.y - _HEIGHT * frame.unit)
    return free


@cache
def _means() -> dict[Background, Lab]:
    return {each: np.mean([_example(each, k) for k in range(_EXAMPLES)], 0) for each in Background}


def _example(background: Background, seed: int) -> Lab:
    canvas = Canvas(SIDE)
    draw_background(canvas, background, Stream("background", seed))
    return _in_cells(to_lab(canvas.finished() / 255))
