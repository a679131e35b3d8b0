"""Backgrounds, each of its own colours in the upper third and at the sides, where figures leave it.

Coordinates are shares of the picture; what lies where changes a little with the stream.
"""

from newbie_pipeline.demo.artist.canvas import Brush, Canvas
from newbie_pipeline.demo.artist.indoors import draw_bedroom, draw_classroom
from newbie_pipeline.demo.artist.paths import ellipse, moved, path, rectangle, sided
from newbie_pipeline.demo.artist.scenery import (
    draw_bloom,
    draw_cloud,
    draw_crescent,
    draw_flake,
    draw_hills,
    draw_palm,
    draw_pine,
    draw_tulip,
    draw_twinkle,
    scatter,
)
from newbie_pipeline.demo.scene import Background
from newbie_pipeline.demo.seeds import Stream

_SHORE = "M0,.7 C.2,.66 .36,.72 .54,.7 C.72,.67 .86,.72 1,.69 L1,1 L0,1 Z"


def draw_background(canvas: Canvas, background: Background, stream: Stream) -> None:
    """Fill the picture with a background."""
    _DRAWERS[background](canvas, stream)


def _draw_simple(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#fdfcfb", "#f1eff2")


def _draw_sky(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#4fa3ee", "#7dbff5", "#c4e4fb")
    for k, (x, y) in enumerate(scatter(stream, 3, 0.08, 0.3)):
        draw_cloud(canvas.brush(x, y, 0.11 + 0.03 * (k % 2)), "#ffffff", "#d4e6f8")
    for x, y in ((0.02, 0.62), (0.5, 0.56), (0.98, 0.64)):
        place = (x + stream.uniform(-0.06, 0.06), y + stream.uniform(-0.04, 0.04))
        draw_cloud(canvas.brush(*place, 0.2), "#ffffff", "#d9eafa")
    for x, y in scatter(stream, 4, 0.9, 0.94):
        draw_cloud(canvas.brush(x, y, 0.17), "#ffffff", "#d9eafa")
    canvas.brush().fill(rectangle(0, 0.94, 1, 0.06), "#ffffff")


def _draw_sunset(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#8a5fae", "#e8788a", "#fba45c", "#ffd97a", bottom=0.8)
    whole = canvas.brush()
    x, y = stream.uniform(0.42, 0.58), stream.uniform(0.26, 0.32)
    whole.fill(ellipse(x, y, 0.17, 0.17), "#ffc069")
    whole.fill(ellipse(x, y, 0.125, 0.125), "#fff0b0")
    for x, y in ((0.1, 0.14), (0.86, 0.2), (0.5, 0.06)):
        cloud = canvas.brush(x + stream.uniform(-0.06, 0.06), y + stream.uniform(-0.03, 0.03), 0.13)
        draw_cloud(cloud, "#f7a08e", "#b5689f")
    draw_hills(whole, 0.6, 0.05, "#a3527f")
    draw_hills(whole, 0.7, 0.05, "#6d3a6e", 1)
    draw_hills(whole, 0.86, 0.03, "#48285a")


def _draw_night(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#161a47", "#29307a", "#4a4fa6")
    for x, y in scatter(stream, 26, 0.02, 0.7):
        radius = stream.uniform(0.003, 0.006)
        canvas.brush().ellipse(x, y, radius, radius, "#e8ebff")
    for x, y in scatter(stream, 5, 0.04, 0.4):
        draw_twinkle(canvas.brush(x, y, stream.uniform(0.02, 0.032)), "#fff3b4")
    x, y = stream.uniform(0.46, 0.56), stream.uniform(0.12, 0.16)
    canvas.brush().fill(ellipse(x, y, 0.115, 0.115), "#343d8e")
    draw_crescent(canvas.brush(x, y, 0.075), "#ffe98a")
    draw_hills(canvas.brush(), 0.72, 0.05, "#1d2259")
    draw_hills(canvas.brush(), 0.84, 0.04, "#12163f", 1)


def _draw_beach(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#9fe3ea", "#d6f6f2", bottom=0.42)
    canvas.gradient("#1f9fb8", "#37bfc7", "#7fdfd6", top=0.42, bottom=0.72)
    whole = canvas.brush()
    whole.ellipse(0.5, 0.13, 0.085, 0.085, "#fff6c0")
    whole.ellipse(0.5, 0.13, 0.06, 0.06, "#ffe374")
    draw_cloud(canvas.brush(stream.uniform(0.3, 0.7), 0.29, 0.1), "#ffffff", "#dff3f4")
    for x, y in scatter(stream, 7, 0.46, 0.62):
        canvas.brush(x, y).stroke(path("M-.05,0 Q0,-.012 .05,0"), "#bff0ee", 0.007)
    whole.fill(path(_SHORE), "#ffffff")
    canvas.brush(0, 0.025).fill(path(_SHORE), "#efd9a0")
    side = 1 if stream.happens(0.5) else 0
    draw_palm(canvas.brush(0.06 + 0.82 * side, 0.13 + stream.uniform(-0.02, 0.03), 0.21))


def _draw_forest(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#d9f2a8", "#a8db86", "#6fb36a")
    whole = canvas.brush()
    for tone, top, width, count in (
        ("#7fb574", 0.1, 0.05, 6),
        ("#5d7f4e", 0.1, 0.06, 5),
        ("#6a4f36", 0.0, 0.08, 4),
    ):
        for x, _ in scatter(stream, count, 0, 1):
            trunk = path("M0,0 L1,0 L1.2,1 L-.2,1 Z") * (width, 1)
            whole.fill(moved(trunk, x, top), tone)
    for tone, y, radius, count in (("#2f7d46", 0.0, 0.15, 8), ("#46a057", -0.03, 0.12, 9)):
        for x, _ in scatter(stream, count, 0, 1):
            whole.ellipse(x, y + stream.uniform(-0.02, 0.05), radius, radius * 0.8, tone)
    draw_hills(whole, 0.82, 0.02, "#3c8a4a")
    for tone, y, radius, count in (("#2f7d46", 0.9, 0.09, 8), ("#56ab57", 0.98, 0.1, 7)):
        for x, _ in scatter(stream, count, 0, 1):
            whole.ellipse(x, y, radius, radius * 0.8, tone)
    for x, y in scatter(stream, 8, 0.25, 0.7):
        whole.ellipse(x, y, 0.009, 0.009, "#f6ffc4")


def _draw_flower_field(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#ffe9a6", "#fff6d8", "#f1fbe0", bottom=0.5)
    for x, y in scatter(stream, 3, 0.06, 0.26):
        draw_cloud(canvas.brush(x, y, 0.1), "#fffdf2", "#fbe3b0")
    whole = canvas.brush()
    draw_hills(whole, 0.42, 0.05, "#b7dd8a")
    draw_hills(whole, 0.52, 0.04, "#8fcf73", 1)
    draw_hills(whole, 0.64, 0.02, "#6fbb60")
    tulips = (
        ("#f2596b", "#cc3a52"),
        ("#ff9ac2", "#e4709f"),
        ("#ffcb47", "#e8a52a"),
        ("#b884ea", "#935fc9"),
    )
    for row, (y, height, count) in enumerate(
        ((0.62, 0.11, 12), (0.74, 0.15, 10), (0.9, 0.2, 8), (1.06, 0.24, 7))
    ):
        for k, (x, _) in enumerate(scatter(stream, count, 0, 1)):
            color, shade = tulips[(k + row) % 4]
            draw_tulip(canvas.brush(x, y + stream.uniform(-0.02, 0.02), height), color, shade)


def _draw_cherry_blossoms(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#d9ecfb", "#fbe6ef", "#fbd6e4")
    whole = canvas.brush()
    side = 1 if stream.happens(0.5) else -1
    for points, width in (
        ("M-.6,1.1 C-.44,.7 -.5,.4 -.42,.1", 0.1),
        ("M-.44,.4 C-.3,.2 -.1,.16 .3,.14", 0.035),
        ("M-.46,.3 C-.4,.1 -.2,.04 .1,.02", 0.03),
    ):
        whole.within(0.5, 0).stroke(sided(points, -side), "#7b5145", width)
    for tone, count, top, bottom, radius in (
        ("#ee8fb4", 9, -0.02, 0.12, 0.1),
        ("#f7aecb", 11, -0.04, 0.14, 0.085),
        ("#fdd0e0", 11, -0.04, 0.1, 0.06),
    ):
        for x, y in scatter(stream, count, top, bottom):
            whole.ellipse(x, y, radius, radius * 0.85, tone)
    for x, y in scatter(stream, 7, 0.03, 0.2):
        draw_bloom(canvas.brush(x, y, 0.035, stream.uniform(0, 72)), "#fff2f7", "#e7608f")
    draw_hills(whole, 0.84, 0.02, "#a9d68c")
    for x, y in scatter(stream, 16, 0.25, 0.98):
        canvas.brush(x, y, 0.018, stream.uniform(0, 180)).ellipse(0, 0, 1, 0.55, "#f48fb6")


def _draw_snow(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#a9bdd3", "#c9d8e6", "#e6eef5")
    for k, (x, _) in enumerate(scatter(stream, 6, 0, 1)):
        draw_pine(canvas.brush(x, 0.66, 0.17 + 0.04 * (k % 2)), "#7f9db5", "#eef4f9")
    draw_hills(canvas.brush(), 0.64, 0.03, "#dfe9f3")
    for x in (0.02 + stream.uniform(-0.04, 0.05), 0.97 + stream.uniform(-0.05, 0.04)):
        draw_pine(canvas.brush(x, 0.84, 0.36), "#4f7c86", "#ffffff")
    draw_hills(canvas.brush(), 0.8, 0.03, "#f5f9fd", 1)
    for x, y in scatter(stream, 9, 0.02, 0.6):
        draw_flake(canvas.brush(x, y, 0.02, stream.uniform(0, 60)), "#ffffff")
    for x, y in scatter(stream, 24, 0.0, 0.95):
        canvas.brush().ellipse(x, y, 0.009, 0.009, "#ffffff")


def _draw_city(canvas: Canvas, stream: Stream) -> None:
    canvas.gradient("#b9b4de", "#dccfe6", "#f6e2dc")
    whole = canvas.brush()
    for k in range(9):
        top = stream.uniform(0.16, 0.4)
        whole.fill(rectangle(k / 9 + stream.uniform(-0.01, 0.01), top, 0.114, 1 - top), "#a39fc9")
    for k in range(6):
        place = canvas.brush(k / 6 + stream.uniform(-0.01, 0.01), stream.uniform(0.1, 0.44))
        _draw_building(place, stream)


def _draw_building(brush: Brush, stream: Stream) -> None:
    """Draw a building down from its upper left corner, some of its windows lit."""
    brush.fill(rectangle(0, 0, 0.143, 1), "#6f72a3")
    for row in range(10):
        for column in range(3):
            glass = "#ffe59a" if stream.happens(0.6) else "#585a8c"
            brush.fill(rectangle(0.022 + 0.042 * column, 0.03 + 0.075 * row, 0.026, 0.04), glass)


_DRAWERS = {
    Background.SIMPLE: _draw_simple,
    Background.SKY: _draw_sky,
    Background.SUNSET: _draw_sunset,
    Background.NIGHT: _draw_night,
    Background.BEACH: _draw_beach,
    Background.FOREST: _draw_forest,
    Background.FLOWER_FIELD: _draw_flower_field,
    Background.CHERRY_BLOSSOMS: _draw_cherry_blossoms,
    Background.SNOW: _draw_snow,
    Background.CITY: _draw_city,
    Background.BEDROOM: draw_bedroom,
    Background.CLASSROOM: draw_classroom,
}
