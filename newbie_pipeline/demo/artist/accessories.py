"""What figures wear on their heads, in the frame of the head."""

from newbie_pipeline.demo.artist.canvas import Brush
from newbie_pipeline.demo.artist.faces import EYE_X, EYE_Y
from newbie_pipeline.demo.artist.palette import DARK, WHITE, Tone
from newbie_pipeline.demo.artist.paths import ellipse, path, sided
from newbie_pipeline.demo.scene import Accessory

_EAR = "M.34,-1.16 C.5,-1.5 .76,-1.78 .98,-1.84 C1.12,-1.5 1.16,-1.1 1.08,-.7 Z"
_EAR_INSIDE = "M.56,-1.14 C.66,-1.38 .8,-1.56 .92,-1.62 C1,-1.36 1.02,-1.1 .98,-.86 Z"


def draw_behind_hair(brush: Brush, accessory: Accessory, hair: Tone) -> None:
    """Draw what the front hair covers at its lower edge."""
    if accessory == Accessory.CAT_EARS:
        for side in (-1, 1):
            brush.fill(sided(_EAR, side), hair.base, hair.line, 0.04)
            brush.fill(sided(_EAR_INSIDE, side), "#ffb9c0")


def draw_accessory(brush: Brush, accessory: Accessory, accent: Tone) -> None:
    """Draw what lies over the hair."""
    if accessory in _DRAWERS:
        _DRAWERS[accessory](brush, accent)


def _draw_glasses(brush: Brush, accent: Tone) -> None:
    for side in (-1, 1):
        brush.stroke(ellipse(side * EYE_X, EYE_Y + 0.04, 0.38, 0.4), "#5a3a34", 0.05)
    brush.stroke(path("M-.08,.2 Q0,.14 .08,.2"), "#5a3a34", 0.05)


def _draw_bow(brush: Brush, accent: Tone) -> None:
    bow = brush.within(0.6, -1.08, 1, 18)
    for side in (-1, 1):
        bow.fill(
            sided("M.04,.06 Q.2,.36 .16,.52 L.36,.42 Q.3,.2 .1,.02 Z", side),
            accent.shade,
            accent.line,
            0.03,
        )
        bow.fill(
            sided(
                "M0,0 C.2,-.34 .5,-.4 .56,-.24 C.6,-.06 .6,.1 .54,.22 C.44,.34 .2,.2 0,0 Z", side
            ),
            accent.base,
            accent.line,
            0.035,
        )
        bow.stroke(sided("M.16,-.04 Q.3,-.12 .4,-.1", side), accent.shine, 0.05)
    bow.fill(ellipse(0, 0, 0.12, 0.13), accent.shade, accent.line, 0.03)


def _draw_flower(brush: Brush, accent: Tone) -> None:
    flower = brush.within(0.78, -0.72)
    for k in range(5):
        petal = flower.within(0, 0, 1, 72 * k)
        petal.fill(ellipse(0, -0.21, 0.16, 0.19), "#ffffff", "#d898b8", 0.03)
    flower.fill(ellipse(0, 0, 0.12, 0.12), "#ffd34d", "#e0a52e", 0.03)


def _draw_headphones(brush: Brush, accent: Tone) -> None:
    brush.stroke(path("M-1.16,0 C-1.3,-1 -.8,-1.5 0,-1.5 C.8,-1.5 1.3,-1 1.16,0"), DARK, 0.17)
    brush.stroke(path("M-.9,-1.02 C-.5,-1.44 .5,-1.44 .9,-1.02"), WHITE.shade, 0.06)
    for side in (-1, 1):
        brush.ellipse(side * 1.14, 0.1, 0.22, 0.36, DARK)
        brush.fill(ellipse(side * 1.16, 0.1, 0.13, 0.24), WHITE.base, WHITE.line, 0.03)


def _draw_beret(brush: Brush, accent: Tone) -> None:
    brush.fill(
        path(
            "M-1.1,-.86 C-1.5,-1.5 -.5,-1.86 .2,-1.72 C.9,-1.62 "
            "1.3,-1.2 1.02,-.86 C.6,-1.1 -.5,-1.1 -1.1,-.86 Z"
        ),
        accent.base,
        accent.line,
        0.04,
    )
    brush.fill(
        path(
            "M-1.1,-.86 C-1.2,-1.06 -1.16,-1.2 -1.06,-1.3 C-.5,-1.06 .5,-1.06 "
            "1.1,-1.12 Q1.12,-.98 1.02,-.86 C.6,-1.1 -.5,-1.1 -1.1,-.86 Z"
        ),
        accent.shade,
    )
    brush.stroke(path("M-.02,-1.72 Q.04,-1.84 .14,-1.84"), accent.line, 0.09)


_DRAWERS = {
    Accessory.GLASSES: _draw_glasses,
    Accessory.BOW: _draw_bow,
    Accessory.FLOWER: _draw_flower,
    Accessory.HEADPHONES: _draw_headphones,
    Accessory.BERET: _draw_beret,
}
