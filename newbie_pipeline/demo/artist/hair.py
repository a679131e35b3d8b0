"""Hair behind the body, behind the head and before the face, in the frame of the head."""

from functools import cache

import numpy as np

from newbie_pipeline.demo.artist.canvas import Brush
from newbie_pipeline.demo.artist.palette import SKIN, Tone
from newbie_pipeline.demo.artist.paths import Polyline, ellipse, moved, path, sided, symmetric
from newbie_pipeline.demo.scene import HairStyle

LINE_WIDTH = 0.04

# Behind the head, right half from the top.
_BOB = symmetric(
    "M0,-1.34 C.9,-1.34 1.34,-.72 1.27,0 C1.25,.3 1.34,.56 1.32,.8 Q1.22,.86 1.12,.84 "
    "Q1.2,.98 1.14,1.08 Q.98,1.1 .84,1.02 Q.74,1.14 .56,1.16 L0,1.06"
)
_NAPE = symmetric("M0,-1.34 C.88,-1.34 1.28,-.72 1.22,.02 C1.2,.3 1.12,.5 .98,.66 L0,.8")
_LONG = symmetric(
    "M0,-1.34 C.9,-1.34 1.34,-.72 1.28,.05 C1.26,.7 1.44,1.2 1.4,1.8 Q1.38,2.2 1.5,2.5 "
    "Q1.3,2.5 1.2,2.36 Q1.16,2.7 .94,2.9 Q.9,2.6 .8,2.4 L0,2.4"
)
_STRANDS_OF_LONG = ("M1.18,.4 C1.14,1 1.3,1.4 1.26,2.2", "M1.02,1 C1.02,1.5 1.1,1.8 1.04,2.5")
_TAIL = (
    "M.96,-.74 C1.2,-1.06 1.62,-.86 1.62,-.1 C1.62,.5 1.62,1 1.4,1.76 Q1.36,1.54 1.3,1.42 "
    "Q1.2,1.7 1.02,1.84 C1.06,1.3 1.2,.6 1.1,.1 C1.04,-.2 .94,-.4 .96,-.74 Z"
)
_TAIL_STRANDS = ("M1.16,-.56 C1.42,-.1 1.4,.6 1.3,1.3", "M1.32,-.66 C1.56,-.2 1.54,.5 1.44,1.2")
_TAIL_SHINE = (
    "M1.26,-.36 C1.36,-.3 1.42,-.28 1.5,-.3 C1.54,-.14 1.54,-.04 1.52,.08 Q1.42,.02 1.36,.06 Z"
)
_TIE = (
    "M.88,-.78 C.98,-.94 1.14,-.92 1.2,-.76 C1.22,-.6 "
    "1.12,-.48 .98,-.5 C.86,-.54 .82,-.66 .88,-.78 Z"
)
_PONYTAIL = path(
    "M.4,-1.2 C.66,-1.66 1.22,-1.56 1.46,-.9 C1.66,-.3 1.66,.5 1.36,1.36 Q1.34,1.1 1.3,.96 "
    "Q1.2,1.3 .98,1.5 C1.16,.8 1.26,.1 1.06,-.4 C.94,-.7 .66,-.9 .4,-1.2 Z"
)
_PONYTAIL_STRANDS = ("M.84,-1.2 C1.26,-.9 1.44,-.1 1.3,.8", "M1.02,-1.3 C1.44,-1 1.56,-.2 1.46,.7")
_PONYTAIL_TIE = path(
    "M.44,-1.34 C.54,-1.5 .78,-1.48 .86,-1.32 C.92,-1.16 "
    ".8,-1.02 .66,-1.02 C.46,-1.02 .36,-1.18 .44,-1.34 Z"
)

# Before the face: a cap from the tip of the left sidelock clockwise, and the bangs of each style
# from the right temple to the left one.
_CAP = (
    "M-.9,{tip} C-1.14,.56 -1.26,.24 -1.2,-.1 C-1.24,-.9 -.84,-1.38 0,-1.38 "
    "C.84,-1.38 1.24,-.9 1.2,-.1 C1.26,.24 1.14,.56 .9,{tip} C.94,.6 .9,.2 .82,-.12 "
)
_BANGS = {
    HairStyle.SHORT: (
        "L.7,-.38 Q.66,-.12 .58,-.02 Q.5,-.22 .42,-.4 Q.34,-.12 .2,-.04 Q.18,-.26 .1,-.44 "
        "Q.02,-.14 -.16,-.02 Q-.18,-.24 -.24,-.42 Q-.34,-.14 "
        "-.52,-.04 Q-.54,-.24 -.6,-.4 Q-.7,-.22 -.82,-.12"
    ),
    HairStyle.LONG: (
        "L.8,-.34 Q.76,-.2 .64,-.16 L.58,-.3 Q.5,-.16 .3,-.14 L.26,-.3 Q.2,-.13 0,-.12 L-.05,-.28 "
        "Q-.12,-.13 -.34,-.14 L-.4,-.3 Q-.46,-.15 -.64,-.16 L-.7,-.32 Q-.76,-.22 -.82,-.12"
    ),
    HairStyle.TWINTAILS: (
        "Q.76,-.3 .7,-.42 Q.62,-.14 .46,-.04 Q.38,-.28 .24,-.5 Q.18,-.2 -.02,-.08 "
        "Q-.1,-.32 -.22,-.5 Q-.34,-.14 -.52,-.04 Q-.58,-.26 -.64,-.42 Q-.72,-.3 -.82,-.12"
    ),
    HairStyle.PONYTAIL: (
        "Q.78,-.3 .66,-.1 Q.62,-.44 .46,-.74 Q.3,-.34 -.06,-.08 Q-.0,-.24 -.02,-.34 "
        "Q-.2,-.1 -.5,-.02 Q-.46,-.18 -.5,-.28 Q-.62,-.1 -.82,-.12"
    ),
    HairStyle.BRAIDS: (
        "Q.78,-.24 .7,-.06 Q.66,-.34 .58,-.48 Q.5,-.24 .38,-.16 Q.28,-.56 .02,-.8 "
        "Q-.26,-.56 -.38,-.16 Q-.5,-.24 -.58,-.48 Q-.66,-.34 -.7,-.06 Q-.78,-.24 -.82,-.12"
    ),
    HairStyle.BUNS: (
        "L.72,-.36 Q.58,-.1 .36,-.06 Q.4,-.2 .38,-.32 Q.2,-.1 -.04,-.08 Q-.02,-.22 -.06,-.34 "
        "Q-.26,-.12 -.5,-.06 Q-.5,-.22 -.54,-.36 Q-.7,-.2 -.82,-.12"
    ),
}
_TIP = {HairStyle.SHORT: 0.72, HairStyle.LONG: 1.06, HairStyle.TWINTAILS: 0.96}
_STRANDS = {
    HairStyle.SHORT: (
        "M.1,-.9 Q.12,-.7 .1,-.5",
        "M.44,-.84 Q.48,-.62 .44,-.46",
        "M-.24,-.88 Q-.26,-.66 -.24,-.5",
    ),
    HairStyle.LONG: (
        "M.3,-.7 L.28,-.36",
        "M-.06,-.72 L-.05,-.34",
        "M-.4,-.68 L-.4,-.36",
        "M.66,-.6 L.6,-.36",
    ),
    HairStyle.TWINTAILS: (
        "M.2,-.86 Q.26,-.7 .26,-.54",
        "M-.18,-.88 Q-.24,-.7 -.24,-.54",
        "M.6,-.74 Q.68,-.6 .7,-.48",
    ),
    HairStyle.PONYTAIL: (
        "M.4,-1.1 Q.5,-.96 .5,-.8",
        "M.24,-1 Q.12,-.56 -.06,-.34",
        "M-.06,-1 Q-.22,-.6 -.5,-.34",
    ),
    HairStyle.BRAIDS: (
        "M0,-1.24 L.02,-.84",
        "M.3,-1 Q.52,-.8 .58,-.54",
        "M-.28,-1 Q-.52,-.8 -.58,-.54",
    ),
    HairStyle.BUNS: (
        "M.5,-.9 Q.46,-.56 .38,-.36",
        "M.1,-.94 Q.02,-.6 -.06,-.38",
        "M-.3,-.9 Q-.44,-.6 -.54,-.4",
    ),
}
_SHINE = path(
    "M-.92,-.5 C-.68,-.9 -.36,-1.02 0,-1.02 C.36,-1.02 "
    ".68,-.9 .92,-.5 Q.8,-.62 .72,-.52 Q.62,-.74 .5,-.62 "
    "Q.38,-.84 .24,-.7 Q.1,-.86 0,-.74 Q-.1,-.86 -.24,-.7 Q-.38,-.84 -.5,-.62 Q-.62,-.74 -.72,-.52 "
    "Q-.8,-.62 -.92,-.5 Z"
)
_SIDE_SHADE = "M1.16,-.3 C1.22,.2 1.12,.54 .92,.84 C1,.5 1,.1 .9,-.3 Q1.04,-.4 1.16,-.3 Z"
_AHOGE = path(
    "M-.06,-1.34 C-.1,-1.62 .06,-1.8 .34,-1.78 C.46,-1.76 "
    ".5,-1.66 .5,-1.58 C.34,-1.68 .14,-1.62 .12,-1.34 Z"
)


def draw_back_hair(brush: Brush, style: HairStyle, tone: Tone) -> None:
    """Draw what lies behind head and body."""
    if style == HairStyle.LONG:
        brush.fill(_LONG, tone.shade, tone.line, LINE_WIDTH)
        for side in (-1, 1):
            for strand in _STRANDS_OF_LONG:
                brush.stroke(sided(strand, side), tone.base, 0.13)
    elif style == HairStyle.SHORT:
        brush.fill(_BOB, tone.shade, tone.line, LINE_WIDTH)
    else:
        brush.fill(_NAPE, tone.shade, tone.line, LINE_WIDTH)
    if style == HairStyle.PONYTAIL:
        brush.fill(_PONYTAIL, tone.base, tone.line, LINE_WIDTH)
        for strand in _PONYTAIL_STRANDS:
            brush.stroke(path(strand), tone.shade, 0.06)
    for side in (-1, 1):
        if style == HairStyle.TWINTAILS:
            _draw_tail(brush, side, tone)
        elif style == HairStyle.BUNS:
            _draw_bun(brush, side, tone)


def draw_front_hair(brush: Brush, style: HairStyle, tone: Tone, tie: str, has_ahoge: bool) -> None:
    """Draw what lies before the face and over the shoulders; `tie` is the colour of ribbons."""
    if style == HairStyle.BRAIDS:
        for side in (-1, 1):
            _draw_braid(brush, side, tone, tie)
    if has_ahoge:
        brush.fill(_AHOGE, tone.base, tone.line, LINE_WIDTH)
    brush.fill(_cap(style), tone.base, tone.line, LINE_WIDTH)
    brush.fill(path(_SIDE_SHADE), tone.shade)
    brush.fill(_SHINE, tone.shine)
    for strand in _STRANDS[style]:
        brush.stroke(path(strand), tone.shade, 0.045)
    if style == HairStyle.TWINTAILS:
        for side in (-1, 1):
            brush.fill(sided(_TIE, side), tie)
    elif style == HairStyle.PONYTAIL:
        brush.fill(_PONYTAIL_TIE, tie)


def draw_shadow_of_hair(brush: Brush, style: HairStyle) -> None:
    """Draw the shadow that the bangs throw on the forehead."""
    brush.fill(_shadow(style), SKIN.shade)


@cache
def _cap(style: HairStyle) -> Polyline:
    tip = _TIP.get(style, 0.9)
    return path(f"{_CAP.format(tip=tip)} {_BANGS[style]} C-.9,.2 -.94,.6 -.9,{tip} Z")


@cache
def _shadow(style: HairStyle) -> Polyline:
    edge = moved(path(f"M.82,-.12 {_BANGS[style]}"), 0, 0.12)
    return np.concatenate([edge, path("M-.88,-.7 L.88,-.7")])


def _draw_tail(brush: Brush, side: int, tone: Tone) -> None:
    brush.fill(sided(_TAIL, side), tone.base, tone.line, LINE_WIDTH)
    for strand in _TAIL_STRANDS:
        brush.stroke(sided(strand, side), tone.shade, 0.06)
    brush.fill(sided(_TAIL_SHINE, side), tone.shine)


def _draw_bun(brush: Brush, side: int, tone: Tone) -> None:
    bun = brush.within(side * 0.8, -1.22)
    bun.fill(ellipse(0, 0, 0.44, 0.42), tone.base, tone.line, LINE_WIDTH)
    bun.fill(sided("M.4,-.06 C.42,.2 .2,.4 -.06,.38 C.16,.3 .32,.16 .4,-.06 Z", side), tone.shade)
    bun.stroke(
        sided("M-.2,-.04 C-.14,-.22 .14,-.22 .18,0 C.18,.14 .0,.2 -.06,.08", side), tone.shade, 0.05
    )
    bun.stroke(sided("M-.26,-.16 Q-.18,-.28 -.06,-.31", side), tone.shine, 0.07)


def _draw_braid(brush: Brush, side: int, tone: Tone, tie: str) -> None:
    for k in range(5):
        link = brush.within(side * (0.98 - 0.015 * k), 0.86 + 0.27 * k, 1 - 0.06 * k)
        link.fill(ellipse(0, 0, 0.24, 0.21), tone.base, tone.line, LINE_WIDTH)
        link.stroke(path("M-.12,-.06 Q0,.1 .12,-.06"), tone.shade, 0.05)
    end = brush.within(side * 0.92, 2.2)
    tuft = "M-.12,0 L.12,0 Q.2,.2 0,.36 Q-.2,.2 -.12,0 Z"
    end.fill(path(tuft), tone.base, tone.line, LINE_WIDTH)
    end.ellipse(0, -0.04, 0.17, 0.09, tie)
