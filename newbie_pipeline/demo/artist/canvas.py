"""Where the artist draws: a picture at several times its size, and brushes in frames of their own.

A frame says where on the picture its origin is, how long its unit is and how it is turned, so that
shapes are designed once. Everything is drawn at four times the size and averaged, which makes the
edges smooth.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from newbie_pipeline.demo.artist.paths import Polyline, ellipse

OVERSAMPLING = 4
_QUARTER_TURN = np.array((1, -1), np.float32)
_TINY = 1e-6


class Canvas:
    """Hold a square picture that is being drawn; positions are shares of its side."""

    def __init__(self, size: int) -> None:
        self.side = size * OVERSAMPLING
        self.image = Image.new("RGB", (self.side, self.side))
        self.pen = ImageDraw.Draw(self.image)

    def brush(self, x: float = 0, y: float = 0, unit: float = 1, tilt: float = 0) -> "Brush":
        """Give a brush for a frame; `tilt` turns it clockwise, in degrees."""
        return Brush(self, x, y, unit, tilt)

    def gradient(self, *colors: str, top: float = 0, bottom: float = 1) -> None:
        """Fill a band of the whole width with colours that change evenly from top to bottom."""
        first, last = round(top * self.side), round(bottom * self.side)
        rows = np.linspace(0, len(colors) - 1, last - first)
        stops = np.array([_rgb(color) for color in colors]).T
        column = np.stack([np.interp(rows, np.arange(len(colors)), stop) for stop in stops], 1)
        strip = Image.fromarray(column[:, None].round().astype(np.uint8))
        band = strip.resize((self.side, last - first), Image.Resampling.NEAREST)
        self.image.paste(band, (0, first))

    def finished(self) -> NDArray[np.uint8]:
        """Give the picture at its own size, height x width x 3."""
        return np.asarray(self.image.reduce(OVERSAMPLING))


class Brush:
    """Draw in a frame: lengths, widths and positions are in its unit."""

    def __init__(self, canvas: Canvas, x: float, y: float, unit: float, tilt: float) -> None:
        self._canvas, self._pen = canvas, canvas.pen
        self._x, self._y, self._unit, self._tilt = x, y, unit, tilt
        scale, turn = unit * canvas.side, math.radians(tilt)
        self._scale = scale
        self._matrix = np.array(
            [
                [scale * math.cos(turn), scale * math.sin(turn)],
                [-scale * math.sin(turn), scale * math.cos(turn)],
            ],
            dtype=np.float32,
        )
        self._origin = np.array([x * canvas.side, y * canvas.side], dtype=np.float32)

    def within(self, x: float, y: float, unit: float = 1, tilt: float = 0) -> "Brush":
        """Give a brush for a frame inside this one."""
        (at,) = self._placed(np.array([[x, y]], dtype=np.float32)) / self._canvas.side
        return Brush(self._canvas, at[0], at[1], self._unit * unit, self._tilt + tilt)

    def fill(
        self, outline: Polyline, color: str, line: str | None = None, width: float = 0
    ) -> None:
        """Fill an outline, and draw a line along it where one is named."""
        points = self._placed(outline).ravel().tolist()
        self._pen.polygon(points, _ink(color))
        if line is not None:
            self._pen.line(points, _ink(line), self._pixels(width))

    def stroke(self, outline: Polyline, color: str, width: float) -> None:
        """Draw a line with round ends."""
        placed = self._placed(outline)
        half = self._pixels(width) / 2
        along = placed.copy()
        along[:-1] -= placed[1:]
        along[-1] = along[-2]
        along[1:-1] += along[:-2]
        along *= half / np.sqrt((along * along).sum(axis=1, keepdims=True) + _TINY)
        across = along[:, ::-1] * _QUARTER_TURN
        sides = np.concatenate([placed + across, (placed - across)[::-1]])
        self._pen.polygon(sides.ravel().tolist(), _ink(color))
        for x, y in (placed[0].tolist(), placed[-1].tolist()):
            self._pen.ellipse((x - half, y - half, x + half, y + half), _ink(color))

    def ellipse(self, x: float, y: float, rx: float, ry: float, color: str) -> None:
        """Fill an ellipse around a point."""
        self.fill(ellipse(x, y, rx, ry), color)

    def _placed(self, points: Polyline) -> Polyline:
        return points.dot(self._matrix) + self._origin

    def _pixels(self, width: float) -> int:
        return max(1, round(width * self._scale))


@cache
def _ink(color: str) -> int:
    """Give a colour as Pillow takes it without reading it again."""
    red, green, blue = _rgb(color)
    return red | green << 8 | blue << 16


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
