"""The demo model's artist: a picture of a scene, which depends on the scene and a seed only."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from newbie_pipeline.demo.scene import Position, Scene
from newbie_pipeline.demo.seeds import Stream

_CENTERS = {Position.LEFT: 0.27, Position.CENTER: 0.5, Position.RIGHT: 0.73}
_OVERSAMPLING = 4


def draw(scene: Scene, seed: int, size: int = 256) -> NDArray[np.uint8]:
    """Draw a scene; gives size x size x 3."""
    stream = Stream("drawing", seed)
    image = Image.new("RGB", (size * _OVERSAMPLING,) * 2, "#cfe4f7")
    pen = ImageDraw.Draw(image)
    unit = size * _OVERSAMPLING
    for figure in scene.figures:
        x, y, r = (
            _CENTERS[figure.position] * unit,
            (0.45 + 0.02 * stream.random()) * unit,
            0.2 * unit,
        )
        pen.ellipse((x - 1.2 * r, y - 1.3 * r, x + 1.2 * r, y + 1.2 * r), "blue")
        pen.ellipse((x - r, y - r, x + r, y + r), "#ffe4d2")
    return np.asarray(image.reduce(_OVERSAMPLING))
