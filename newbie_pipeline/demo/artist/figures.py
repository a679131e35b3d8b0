"""Draw one figure: hair behind, body, head, face, hair before, accessory."""

from newbie_pipeline.demo.artist.accessories import draw_accessory, draw_behind_hair
from newbie_pipeline.demo.artist.canvas import Canvas
from newbie_pipeline.demo.artist.clothing import draw_clothes
from newbie_pipeline.demo.artist.faces import (
    draw_brows,
    draw_features,
    draw_head,
    draw_neck,
)
from newbie_pipeline.demo.artist.hair import draw_back_hair, draw_front_hair, draw_shadow_of_hair
from newbie_pipeline.demo.artist.palette import HAIR, accent_of
from newbie_pipeline.demo.scene import Accessory, Figure, Position
from newbie_pipeline.demo.seeds import Stream

_COVERS_THE_TOP = (Accessory.BERET, Accessory.HEADPHONES)
_ALONE = {Position.LEFT: 0.285, Position.CENTER: 0.5, Position.RIGHT: 0.715}
_TOGETHER = {Position.LEFT: 0.252, Position.RIGHT: 0.748}


def draw_figure(canvas: Canvas, figure: Figure, is_alone: bool, stream: Stream) -> None:
    """Draw a figure at its place, a little different for each stream."""
    center = (_ALONE if is_alone else _TOGETHER)[figure.position] + 0.012 * stream.uniform(-1, 1)
    height = (0.45 if is_alone else 0.515) + 0.012 * stream.uniform(-1, 1)
    unit = (0.212 if is_alone else 0.174) * (1 + 0.04 * stream.uniform(-1, 1))
    tilt = stream.uniform(-5, 5)
    body = canvas.brush(center, height, unit)
    # The head turns around the neck.
    head = body.within(0, 0.9, 1, tilt).within(0, -0.9)
    has_ahoge = stream.happens(0.4) and figure.accessory not in _COVERS_THE_TOP
    tone, accent = HAIR[figure.hair_color], accent_of(figure.hair_color)
    draw_back_hair(head, figure.hair_style, tone)
    draw_neck(body)
    draw_clothes(body, figure.clothing, figure.clothing_color)
    draw_head(head)
    draw_shadow_of_hair(head, figure.hair_style)
    draw_features(head, figure.expression, figure.eye_color)
    draw_behind_hair(head, figure.accessory, tone)
    draw_front_hair(head, figure.hair_style, tone, accent.base, has_ahoge)
    draw_brows(head, figure.expression, tone.line)
    draw_accessory(head, figure.accessory, accent)
