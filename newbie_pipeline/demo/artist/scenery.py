"""Things that stand in backgrounds: clouds, stars, trees, flowers; each in a frame of its own."""

from newbie_pipeline.demo.artist.canvas import Brush
from newbie_pipeline.demo.artist.paths import path, star, symmetric
from newbie_pipeline.demo.seeds import Stream

_CRESCENT = path(
    "M.2,-1 C-.7,-.9 -1.1,-.1 -.8,.6 C-.5,1.2 .5,1.3 "
    "1,.6 C.3,.8 -.2,.5 -.35,0 C-.5,-.5 -.2,-.85 .2,-1 Z"
)
_CLOUD = ((-0.62, 0.02, 0.3), (-0.26, -0.16, 0.4), (0.2, -0.22, 0.46), (0.6, -0.02, 0.34))
_FLAKE = tuple(60 * k for k in range(3))
_HILLS = (
    "M0,{a} C.18,{b} .32,{b} .5,{a} C.68,{c} .84,{c} 1,{a} L1,1 L0,1 Z",
    "M0,{c} C.2,{a} .3,{a} .46,{a} C.7,{b} .86,{b} 1,{c} L1,1 L0,1 Z",
)
_FROND = "M0,0 C.3,-.34 .72,-.34 1,.1 C.78,-.04 .6,-.06 .5,-.02 C.3,-.1 .12,-.06 0,0 Z"

_FRONDS = tuple(
    (turn, tone)
    for turns, tone in (((150, -20), "#2f8f5b"), ((185, 35), "#43ab68"), ((-75, 235), "#5cc47a"))
    for turn in turns
)
_RINGS = ("M.07,.5 L.25,.46", "M.11,.9 L.29,.86", "M.15,1.3 L.33,1.26", "M.19,1.7 L.37,1.66")
# Each layer of a pine, and the snow on it, from the lowest up.
_LAYERS = (
    ("M0,-1 L.7,-.2 Q.35,-.1 0,-.16", "M0,-1 L.43,-.5 Q.21,-.62 0,-.46"),
    ("M0,-1.55 L.56,-.75 Q.28,-.65 0,-.71", "M0,-1.55 L.35,-1.05 Q.17,-1.17 0,-1.01"),
    ("M0,-2.05 L.42,-1.25 Q.21,-1.15 0,-1.21", "M0,-2.05 L.26,-1.55 Q.13,-1.67 0,-1.51"),
)


def draw_cloud(brush: Brush, color: str, shade: str) -> None:
    """Draw a cloud about 2 wide, the shade at its lower edge."""
    for tone, drop in ((shade, 0.09), (color, 0.0)):
        for x, y, radius in _CLOUD:
            brush.ellipse(x, y + drop, radius, radius * 0.86, tone)
        brush.ellipse(0, 0.12 + drop, 0.86, 0.17, tone)


def draw_hills(brush: Brush, height: float, swing: float, color: str, kind: int = 0) -> None:
    """Draw hills over the whole width, from a height (as share of the picture) to the bottom."""
    heights = {"a": height, "b": height - swing, "c": height + swing}
    brush.fill(path(_HILLS[kind].format(**{key: f"{y:.3f}" for key, y in heights.items()})), color)


def draw_crescent(brush: Brush, color: str) -> None:
    """Draw a moon of radius 1."""
    brush.fill(_CRESCENT, color)


def draw_twinkle(brush: Brush, color: str) -> None:
    """Draw a star with four long points, of radius 1."""
    brush.fill(star(0, 0, 1, 4, 0.22), color)


def draw_flake(brush: Brush, color: str) -> None:
    """Draw a snow crystal of radius 1."""
    for turn in _FLAKE:
        brush.within(0, 0, 1, turn).stroke(path("M0,-1 L0,1"), color, 0.3)


def draw_palm(brush: Brush) -> None:
    """Draw a palm whose crown is at the origin; its trunk goes down and to the right."""
    trunk = path("M-.06,0 C.1,.8 .2,1.6 .26,3 L.5,3 C.42,1.6 .3,.8 .1,-.02 Z")
    brush.fill(trunk, "#a9764a")
    for ring in _RINGS:
        brush.stroke(path(ring), "#8a5c38", 0.05)
    for turn, tone in _FRONDS:
        brush.within(0, 0, 1, turn).fill(path(_FROND), tone)
    for x, y in ((-0.08, 0.1), (0.1, 0.08), (0.02, 0.18)):
        brush.ellipse(x, y, 0.1, 0.1, "#6f4a2c")


def draw_pine(brush: Brush, color: str, snow: str | None) -> None:
    """Draw a pine 2 high above the origin, its layers under snow where a colour is named."""
    brush.fill(path("M-.08,0 L.08,0 L.08,-.3 L-.08,-.3 Z"), "#6b4a3a")
    for layer, cap in _LAYERS:
        brush.fill(symmetric(layer), color)
        if snow is not None:
            brush.fill(symmetric(cap), snow)


def draw_bloom(brush: Brush, petals: str, heart: str, count: int = 5) -> None:
    """Draw a flower of radius 1, seen from the front."""
    for k in range(count):
        brush.within(0, 0, 1, 360 * k / count).ellipse(0, -0.58, 0.36, 0.44, petals)
    brush.ellipse(0, 0, 0.34, 0.34, heart)


def draw_tulip(brush: Brush, color: str, shade: str) -> None:
    """Draw a flower that stands on the origin, 1 high."""
    brush.stroke(path("M0,0 L0,-.6"), "#3f9a52", 0.08)
    brush.fill(path("M0,-.06 C.16,-.14 .26,-.3 .26,-.44 C.1,-.36 .02,-.24 0,-.06 Z"), "#56b565")
    brush.fill(
        path(
            "M-.26,-.94 L-.12,-.8 L0,-1 L.12,-.8 L.26,-.94 C.32,-.6 "
            ".2,-.48 0,-.48 C-.2,-.48 -.32,-.6 -.26,-.94 Z"
        ),
        color,
    )
    brush.fill(
        path("M0,-1 L.12,-.8 L.26,-.94 C.32,-.6 .2,-.48 0,-.48 C.1,-.6 .1,-.8 0,-1 Z"), shade
    )


def scatter(stream: Stream, count: int, top: float, bottom: float) -> list[tuple[float, float]]:
    """Give points that lie about evenly over the width, at random heights between two."""
    return [((k + stream.random()) / count, stream.uniform(top, bottom)) for k in range(count)]
