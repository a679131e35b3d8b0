"""Outlines as polylines, written in the path notation of SVG: `M x,y L x,y Q x,y x,y C ... Z`.

All coordinates are absolute, y points down. A polyline is an array of n x 2 that nobody changes:
outlines are cached.
"""

import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Polyline = NDArray[np.float32]

_POINTS_A_CURVE = 8
_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)"
_COMMAND = re.compile(rf"([MLQCZ])((?:[\s,]*{_NUMBER})*)\s*")
_POINTS_OF = {"M": 1, "L": 1, "Q": 2, "C": 3}
_TURNS = np.linspace(0, 2 * np.pi, 25)
_CIRCLE = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1).astype(np.float32)
_TIMES = np.linspace(0, 1, _POINTS_A_CURVE + 1)[1:, None]


@lru_cache(maxsize=1024)
def path(notation: str) -> Polyline:
    """Read an outline; a closed one (Z) ends where it begins."""
    points: list[NDArray[np.floating]] = []
    for command, arguments in _COMMAND.findall(notation):
        if command == "Z":
            points.append(points[0])
            continue
        numbers = [float(each) for each in re.findall(_NUMBER, arguments)]
        given = np.array(numbers).reshape(-1, _POINTS_OF[command], 2)
        for controls in given:
            if command in "ML":
                points.append(controls[0])
            else:
                points += list(_curve(points[-1], controls))
    return _fixed(np.array(points))


@lru_cache(maxsize=1024)
def symmetric(half: str) -> Polyline:
    """Read the right half of an outline, from its top to its bottom, and close it on the left."""
    right = path(half)
    return _fixed(np.concatenate([right, right[::-1] * (-1, 1), right[:1]]))


@lru_cache(maxsize=1024)
def mirrored(notation: str) -> Polyline:
    """Read an outline and turn it over, left for right."""
    return _fixed(path(notation) * (-1, 1))


def sided(notation: str, side: int) -> Polyline:
    """Read an outline of the right side (1), or its mirror image on the left (-1)."""
    return path(notation) if side > 0 else mirrored(notation)


def ellipse(x: float, y: float, rx: float, ry: float) -> Polyline:
    """Give an ellipse around a point."""
    return _CIRCLE * np.array((rx, ry), np.float32) + np.array((x, y), np.float32)


def rectangle(x: float, y: float, width: float, height: float) -> Polyline:
    """Give a rectangle from its upper left corner."""
    return np.array(
        [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)], np.float32
    )


@lru_cache(maxsize=256)
def star(x: float, y: float, radius: float, points: int = 5, inner: float = 0.45) -> Polyline:
    """Give a star around a point, one of its points up."""
    turns = np.arange(2 * points + 1) * np.pi / points
    radii = np.where(np.arange(2 * points + 1) % 2, inner * radius, radius)
    return _fixed(np.stack([x + radii * np.sin(turns), y - radii * np.cos(turns)], axis=1))


def moved(outline: Polyline, x: float, y: float) -> Polyline:
    """Give an outline moved by a distance."""
    return outline + np.array((x, y), np.float32)


def _curve(start: NDArray[np.floating], controls: NDArray[np.floating]) -> NDArray[np.floating]:
    """Give the points of a quadratic or cubic Bezier curve behind its start."""
    level = np.stack([start, *controls])[:, None, :].repeat(len(_TIMES), axis=1)
    while len(level) > 1:
        level = level[:-1] * (1 - _TIMES) + level[1:] * _TIMES
    return level[0]


def _fixed(points: NDArray[np.floating]) -> Polyline:
    outline = points.astype(np.float32)
    outline.flags.writeable = False
    return outline
