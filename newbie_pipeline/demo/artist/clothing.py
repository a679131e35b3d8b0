"""Clothes, in the frame of a body: the middle of the head is its origin, half a head its unit."""

from newbie_pipeline.demo.artist.canvas import Brush
from newbie_pipeline.demo.artist.palette import CLOTHES, SKIN, WHITE, Tone
from newbie_pipeline.demo.artist.paths import ellipse, path, sided, star, symmetric
from newbie_pipeline.demo.scene import Clothing, ClothingColor

LINE_WIDTH = 0.04

_TORSO = symmetric("M0,1.16 L.3,1.18 C.62,1.26 .98,1.3 1.1,1.7 C1.2,2.1 1.26,2.6 1.28,3.4 L0,3.4")
_SKIN_TORSO = symmetric(
    "M0,1.1 L.22,1.1 C.5,1.3 .94,1.28 1.04,1.68 C1.12,2.1 1.16,2.6 1.16,3.4 L0,3.4"
)
_ARM_LINE = "M.76,1.86 C.8,2.2 .82,2.6 .82,3.4"
_SIDE_SHADE = (
    "M.8,1.8 C.86,2.2 .88,2.6 .88,3.4 L1.26,3.4 C1.24,2.7 1.2,2.4 1.14,2 Q.96,2.2 .8,1.8 Z"
)


def draw_clothes(brush: Brush, clothing: Clothing, color: ClothingColor) -> None:
    """Draw the body and what it wears."""
    _DRAWERS[clothing](brush, CLOTHES[color], color)


def _draw_torso(brush: Brush, tone: Tone) -> None:
    """Draw what has long sleeves."""
    brush.fill(_TORSO, tone.base, tone.line, LINE_WIDTH)
    for side in (-1, 1):
        brush.fill(sided(_SIDE_SHADE, side), tone.shade)
        brush.stroke(sided(_ARM_LINE, side), tone.line, 0.03)


def _draw_bare_torso(brush: Brush) -> None:
    brush.fill(_SKIN_TORSO, SKIN.base, SKIN.line, LINE_WIDTH)
    for side in (-1, 1):
        brush.stroke(sided("M.78,1.9 L.8,3.4", side), SKIN.line, 0.03)
    brush.stroke(path("M-.34,1.42 Q-.18,1.48 -.06,1.46"), SKIN.shade, 0.035)
    brush.stroke(path("M.34,1.42 Q.18,1.48 .06,1.46"), SKIN.shade, 0.035)


def _draw_school_uniform(brush: Brush, tone: Tone, color: ClothingColor) -> None:
    collar = CLOTHES[ClothingColor.BLUE] if color == ClothingColor.WHITE else WHITE
    stripe = WHITE.base if color == ClothingColor.WHITE else tone.base
    is_reddish = color in (ClothingColor.RED, ClothingColor.PINK)
    scarf = CLOTHES[ClothingColor.BLUE if is_reddish else ClothingColor.RED]
    _draw_torso(brush, tone)
    for side in (-1, 1):
        brush.fill(
            sided("M.16,1.1 C.5,1.14 .74,1.28 .84,1.5 L.7,1.86 L0,2.06 L0,1.84 Z", side),
            collar.base,
            collar.line,
            0.03,
        )
        brush.stroke(sided("M.72,1.52 L.6,1.76 L.06,1.92", side), stripe, 0.05)
    brush.fill(path("M-.2,1.16 L.2,1.16 L0,1.84 Z"), SKIN.base)
    brush.fill(path("M-.2,1.16 L.2,1.16 L.12,1.3 L-.12,1.3 Z"), SKIN.shade)
    for side in (-1, 1):
        brush.fill(
            sided("M0,1.94 C.2,1.72 .46,1.78 .44,2 C.42,2.16 .2,2.16 0,2 Z", side),
            scarf.base,
            scarf.line,
            0.03,
        )
        brush.fill(sided("M.02,2 Q.3,2.3 .26,2.62 L.02,2.46 Z", side), scarf.base, scarf.line, 0.03)
    brush.fill(ellipse(0, 1.98, 0.11, 0.11), scarf.shine, scarf.line, 0.03)


def _draw_dress(brush: Brush, tone: Tone, color: ClothingColor) -> None:
    _draw_bare_torso(brush)
    bodice = symmetric(
        "M0,1.78 Q.2,1.62 .46,1.66 L.78,1.78 C.74,2.1 "
        ".7,2.2 .68,2.4 C.86,2.6 1.1,2.9 1.2,3.4 L0,3.4"
    )
    brush.fill(bodice, tone.base, tone.line, LINE_WIDTH)
    for side in (-1, 1):
        brush.stroke(sided("M.54,1.7 C.5,1.5 .46,1.4 .42,1.28", side), tone.base, 0.1)
        brush.fill(
            sided("M.72,1.9 C.7,2.1 .66,2.2 .66,2.4 L.5,2.4 Q.64,2.1 .6,1.72 Z", side), tone.shade
        )
        brush.stroke(sided("M.4,2.52 Q.56,2.8 .6,3.4", side), tone.shade, 0.06)
        for k in range(3):
            brush.fill(
                ellipse(side * (0.13 + 0.24 * k), 1.74, 0.14, 0.09), WHITE.base, WHITE.line, 0.02
            )
    brush.fill(
        path("M-.68,2.34 Q0,2.46 .68,2.34 L.7,2.5 Q0,2.62 -.7,2.5 Z"), tone.shine, tone.line, 0.02
    )
    for side in (-1, 1):
        brush.fill(sided("M0,1.98 L.24,1.86 L.26,2.12 Z", side), WHITE.base, WHITE.line, 0.025)
    brush.ellipse(0, 1.99, 0.06, 0.06, WHITE.shade)


def _draw_hoodie(brush: Brush, tone: Tone, color: ClothingColor) -> None:
    cord = CLOTHES[ClothingColor.BLUE] if color == ClothingColor.WHITE else WHITE
    _draw_torso(brush, tone)
    brush.fill(
        symmetric("M0,1.02 C.3,1 .7,.98 .82,1.2 C.86,1.5 .5,1.78 0,1.8"),
        tone.shade,
        tone.line,
        LINE_WIDTH,
    )
    brush.fill(symmetric("M0,1.1 C.3,1.08 .5,1.06 .56,1.2 C.56,1.42 .3,1.6 0,1.62"), tone.line)
    brush.fill(path("M-.24,1 L.24,1 L.24,1.34 Q0,1.52 -.24,1.34 Z"), SKIN.shade)
    for side in (-1, 1):
        brush.stroke(sided("M.26,1.7 Q.3,1.9 .27,2.16", side), cord.base, 0.06)
        brush.ellipse(side * 0.27, 2.2, 0.05, 0.07, cord.base)
    brush.fill(
        path("M-.56,2.4 L.56,2.4 L.72,2.72 L.72,3.4 L-.72,3.4 L-.72,2.72 Z"),
        tone.shine,
        tone.line,
        0.03,
    )


def _draw_kimono(brush: Brush, tone: Tone, color: ClothingColor) -> None:
    sash = CLOTHES[ClothingColor.YELLOW if color != ClothingColor.YELLOW else ClothingColor.RED]
    brush.fill(
        symmetric("M0,1.16 L.3,1.16 C.62,1.24 1,1.3 1.14,1.7 C1.3,2.1 1.4,2.6 1.44,3.4 L0,3.4"),
        tone.base,
        tone.line,
        LINE_WIDTH,
    )
    for side in (-1, 1):
        brush.fill(
            sided(
                "M.86,1.84 C.9,2.2 .9,2.6 .9,3.4 L1.42,3.4 "
                "C1.4,2.8 1.32,2.4 1.22,2.02 Q1.02,2.24 .86,1.84 Z",
                side,
            ),
            tone.shade,
        )
        brush.stroke(sided("M.8,1.86 C.84,2.2 .84,2.6 .84,3.4", side), tone.line, 0.03)
        for x, y, r in ((0.62, 1.6, 0.09), (0.46, 2.0, 0.07), (1.1, 2.5, 0.1)):
            brush.fill(star(side * x, y, r, 5, 0.6), WHITE.base)
            brush.ellipse(side * x, y, r * 0.35, r * 0.35, sash.base)
    brush.fill(path("M-.26,1.12 L.26,1.12 L.02,1.72 Z"), SKIN.base)
    brush.fill(path("M-.24,1.12 L.24,1.12 L.12,1.32 L-.12,1.32 Z"), SKIN.shade)
    brush.stroke(path("M.28,1.14 L-.34,2.3"), WHITE.base, 0.14)
    brush.stroke(path("M-.28,1.14 L.36,2.3"), WHITE.base, 0.14)
    brush.stroke(path("M-.4,1.18 L.3,2.34"), tone.shade, 0.12)
    brush.fill(path("M-.8,2.26 L.8,2.26 L.82,3.4 L-.82,3.4 Z"), sash.base, sash.line, LINE_WIDTH)
    brush.stroke(path("M-.8,2.56 L.8,2.56"), sash.line, 0.1)
    brush.fill(ellipse(0, 2.56, 0.12, 0.1), sash.shine, sash.line, 0.03)


def _draw_sweater(brush: Brush, tone: Tone, color: ClothingColor) -> None:
    _draw_torso(brush, tone)
    brush.fill(path("M-.74,2.1 L.74,2.1 L.78,2.36 L-.78,2.36 Z"), WHITE.base)
    for k in range(-3, 4):
        brush.fill(
            path(f"M{0.2 * k - 0.1:.2f},2.34 L{0.2 * k:.2f},2.14 L{0.2 * k + 0.1:.2f},2.34 Z"),
            tone.shade,
        )
    brush.fill(
        symmetric("M0,.98 L.36,1 C.42,1.1 .42,1.26 .38,1.36 Q.2,1.46 0,1.46"),
        tone.base,
        tone.line,
        LINE_WIDTH,
    )
    for x in (-0.22, -0.08, 0.08, 0.22):
        brush.stroke(path(f"M{x},1.12 L{x},1.38"), tone.shade, 0.04)


def _draw_shirt(brush: Brush, tone: Tone, color: ClothingColor) -> None:
    emblem = CLOTHES[ClothingColor.RED] if color == ClothingColor.WHITE else WHITE
    if color == ClothingColor.YELLOW:
        emblem = CLOTHES[ClothingColor.RED]
    _draw_bare_torso(brush)
    brush.fill(
        symmetric(
            "M0,1.46 Q.26,1.42 .36,1.2 C.66,1.26 1.02,1.3 1.14,1.7 L1.2,2.24 L.8,2.3 L.8,3.4 L0,3.4"
        ),
        tone.base,
        tone.line,
        LINE_WIDTH,
    )
    for side in (-1, 1):
        brush.fill(
            sided("M.78,1.8 L.8,2.28 L1.18,2.22 L1.12,1.9 Q.94,2.1 .78,1.8 Z", side), tone.shade
        )
        brush.stroke(sided("M.78,1.84 L.8,2.3", side), tone.line, 0.03)
    brush.stroke(path("M-.34,1.22 Q-.24,1.46 0,1.48 Q.24,1.46 .34,1.22"), tone.shade, 0.07)
    brush.fill(star(0, 2.06, 0.3, 5, 0.5), emblem.base)


_DRAWERS = {
    Clothing.SCHOOL_UNIFORM: _draw_school_uniform,
    Clothing.DRESS: _draw_dress,
    Clothing.HOODIE: _draw_hoodie,
    Clothing.KIMONO: _draw_kimono,
    Clothing.SWEATER: _draw_sweater,
    Clothing.SHIRT: _draw_shirt,
}
