"""The demo model's artist: a picture of a scene, which depends on the scene and a seed only."""

import numpy as np
from numpy.typing import NDArray

from newbie_pipeline.demo.artist.backgrounds import draw_background
from newbie_pipeline.demo.artist.canvas import Canvas
from newbie_pipeline.demo.artist.figures import draw_figure
from newbie_pipeline.demo.scene import Scene
from newbie_pipeline.demo.seeds import Stream


def draw(scene: Scene, seed: int, size: int = 256) -> NDArray[np.uint8]:
    """Draw a scene; gives size x size x 3."""
    stream = Stream("drawing", seed)
    canvas = Canvas(size)
    draw_background(canvas, scene.background, stream)
    for figure in scene.figures:
        draw_figure(canvas, figure, len(scene.figures) == 1, stream)
    return canvas.finished()
