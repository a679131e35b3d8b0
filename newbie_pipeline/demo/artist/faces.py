"""Faces: skin, eyes, brows, mouth. The unit is half the width of a head, its middle the origin."""

from newbie_pipeline.demo.artist.canvas import Brush
from newbie_pipeline.demo.artist.palette import BLUSH, DARK, EYES, MOUTH, SKIN, WHITE, Tone
from newbie_pipeline.demo.artist.paths import Polyline, ellipse, path, sided, symmetric
from newbie_pipeline.demo.scene import Expression, EyeColor

EYE_X, EYE_Y = 0.45, 0.18
LINE_WIDTH = 0.035

_FACE = symmetric("M0,-1 C.62,-1 .94,-.6 .95,-.05 C.96,.4 .8,.66 .5,.86 C.3,.98 .14,1.02 0,1.02")
_EAR = "M.9,-.02 C1.08,-.12 1.16,.06 1.08,.26 C1.02,.42 .92,.42 .88,.36 Z"
_NECK = path("M-.24,.7 L-.24,1.3 L0,1.42 L.24,1.3 L.24,.7 Z")
_NECK_SHADE = path("M-.24,.85 L-.24,1.06 Q0,1.2 .24,1.06 L.24,.85 Z")

_SCLERA = path(
    "M-.3,-.02 C-.29,-.38 .22,-.46 .32,-.1 C.35,.22 .22,.38 .01,.39 C-.2,.39 -.31,.22 -.3,-.02 Z"
)
_LASH = path(
    "M-.34,.02 C-.36,-.48 .22,-.58 .36,-.16 L.47,-.2 C.45,-.06 .41,.02 .35,.08 "
    "C.33,-.26 .16,-.35 0,-.35 C-.16,-.35 -.27,-.22 -.29,-.02 Z"
)
_LID = path("M-.37,.0 C-.34,-.52 .26,-.6 .42,-.04 C.22,-.26 -.14,-.32 -.33,-.06 Z")
_LOWERED_LASH = path("M-.38,.04 C-.34,-.3 .06,-.42 .42,-.1 L.5,.04 C.24,-.2 -.14,-.26 -.32,.04 Z")
_IRIS_SHADE = path("M-.23,-.08 C-.2,-.4 .2,-.4 .23,-.08 Q0,-.0 -.23,-.08 Z")
_TEAR = path("M0,-.2 C.12,0 .17,.06 .13,.16 C.08,.26 -.08,.26 -.13,.16 C-.17,.06 -.12,0 0,-.2 Z")

# The brow over the right eye, from its inner end to its outer one.
_BROWS = {
    Expression.NEUTRAL: "M.2,-.28 Q.44,-.36 .68,-.26",
    Expression.SMILE: "M.22,-.3 Q.46,-.42 .7,-.26",
    Expression.HAPPY: "M.22,-.34 Q.46,-.48 .7,-.3",
    Expression.SAD: "M.16,-.42 Q.4,-.36 .68,-.16",
    Expression.ANGRY: "M.14,-.12 Q.4,-.26 .7,-.42",
    Expression.SURPRISED: "M.22,-.46 Q.46,-.6 .7,-.42",
}
_MOUTH_Y = 0.68
# A small model must be able to tell them apart: at its size a mouth is a few pixels.
_SMILE = path("M-.28,-.12 Q0,.27 .28,-.12")
_FLAT = path("M-.11,.02 L.11,.02")
_FROWN = path("M-.2,.1 Q0,-.16 .2,.1")
_OPEN = path("M-.26,-.1 Q0,-.04 .26,-.1 C.26,.12 .12,.23 0,.23 C-.12,.23 -.26,.12 -.26,-.1 Z")
_TONGUE = path("M-.15,.13 Q0,.02 .15,.13 Q.08,.23 0,.23 Q-.08,.23 -.15,.13 Z")
_TEETH = path("M-.22,-.09 Q0,-.03 .22,-.09 L.2,-.01 Q0,.05 -.2,-.01 Z")
_SHOUT = path("M-.2,.14 Q-.16,-.1 0,-.1 Q.16,-.1 .2,.14 Q0,.06 -.2,.14 Z")


def draw_neck(brush: Brush) -> None:
    """Draw what joins head and body."""
    brush.fill(_NECK, SKIN.base)
    brush.fill(_NECK_SHADE, SKIN.shade)


def draw_head(brush: Brush) -> None:
    """Draw the face without its features."""
    for side in (-1, 1):
        brush.fill(sided(_EAR, side), SKIN.base, SKIN.line, LINE_WIDTH)
    brush.fill(_FACE, SKIN.base, SKIN.line, LINE_WIDTH)


def draw_features(brush: Brush, expression: Expression, eye_color: EyeColor) -> None:
    """Draw cheeks, eyes, nose and mouth."""
    for side in (-1, 1):
        brush.ellipse(side * 0.62, 0.56, 0.16, 0.09, BLUSH)
        _draw_eye(brush.within(side * EYE_X, EYE_Y), side, expression, EYES[eye_color])
    brush.stroke(path("M.01,.46 L-.02,.49"), SKIN.line, 0.03)
    _draw_mouth(brush.within(0, _MOUTH_Y), expression)


def draw_brows(brush: Brush, expression: Expression, color: str) -> None:
    """Draw the brows, which lie over the hair as is usual in this style."""
    width = 0.085 if expression == Expression.ANGRY else 0.06
    for side in (-1, 1):
        brush.stroke(sided(_BROWS[expression], side), color, width)
    if expression == Expression.SAD:
        _draw_tear(brush.within(EYE_X + 0.2, 0.62))


def _draw_eye(brush: Brush, side: int, expression: Expression, tone: Tone) -> None:
    """Draw an eye; its highlights are on the same side in both, where the light comes from."""
    is_wide = expression == Expression.SURPRISED
    size = 0.84 if is_wide else 1.0
    brush.fill(_turned(_SCLERA, side), WHITE.base)
    brush.fill(ellipse(0, 0.01, 0.245 * size, 0.36 * size), tone.base, tone.line, 0.03)
    brush.fill(_IRIS_SHADE * size, tone.shade)
    brush.ellipse(0, 0.21 * size, 0.16 * size, 0.11 * size, tone.shine)
    brush.ellipse(0, 0.03, 0.09 * size, 0.13 * size, tone.line)
    brush.ellipse(-0.1, -0.13, 0.085, 0.1, WHITE.shine)
    brush.ellipse(0.11, 0.17, 0.045, 0.05, WHITE.shine)
    if expression == Expression.SAD:
        brush.fill(_turned(_LID, side), SKIN.shade)
        brush.fill(_turned(_LOWERED_LASH, side), DARK)
    else:
        brush.fill(_turned(_LASH, side), DARK)
    brush.stroke(_turned(path("M-.12,.41 Q.06,.44 .22,.33"), side), SKIN.line, 0.025)


def _draw_tear(brush: Brush) -> None:
    brush.fill(_TEAR, "#8fd0ff", "#4a90d8", 0.025)
    brush.ellipse(-0.03, 0.08, 0.03, 0.04, "#ffffff")


def _draw_mouth(brush: Brush, expression: Expression) -> None:
    if expression == Expression.SMILE:
        brush.stroke(_SMILE, MOUTH, 0.08)
    elif expression == Expression.NEUTRAL:
        brush.stroke(_FLAT, MOUTH, 0.06)
    elif expression == Expression.SAD:
        brush.stroke(_FROWN, MOUTH, 0.07)
    elif expression == Expression.SURPRISED:
        brush.fill(ellipse(0, 0.06, 0.12, 0.16), "#9c2c3c", DARK, 0.03)
    elif expression == Expression.ANGRY:
        brush.fill(_SHOUT, "#9c2c3c", DARK, 0.035)
        brush.fill(path("M-.13,.0 Q0,-.1 .13,0 L.12,-.04 Q0,-.12 -.12,-.04 Z"), WHITE.base)
    else:
        brush.fill(_OPEN, "#a83444", DARK, 0.035)
        brush.fill(_TONGUE, "#f48a8a")
        brush.fill(_TEETH, WHITE.base)


def _turned(outline: Polyline, side: int) -> Polyline:
    return outline if side > 0 else outline * (-1, 1)
