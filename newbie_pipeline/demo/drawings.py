"""The demo model's artist: flat pictures of anime-like figures.

- A picture depends on the scene and the seed only, and is the same on every machine with the same
  Pillow. The seed moves, turns and sizes a little what the scene shows; it changes no attribute.
- Figures and backgrounds are outlines in frames of their own (`artist/`), drawn at four times the
  size and averaged. They are designed for 256 x 256 and hold at 128 x 128.
"""

import numpy as np
from numpy.typing import NDArray

from newbie_pipeline.demo.artist.backgrounds import draw_background
from newbie_pipeline.demo.artist.canvas import Canvas
from newbie_pipeline.demo.artist.figures import draw_figure, place_figure
from newbie_pipeline.demo.scene import Scene
from newbie_pipeline.demo.seeds import Stream


def draw(scene: Scene, seed: int, size: int = 256) -> NDArray[np.uint8]:
    """Draw a scene; gives size x size x 3."""
    stream = Stream("drawing", seed)
    canvas = Canvas(size)
    draw_background(canvas, scene.background, stream)
    for figure in scene.figures:
        draw_figure(canvas, figure, place_figure(figure, len(scene.figures) == 1, stream))
    return canvas.finished()
