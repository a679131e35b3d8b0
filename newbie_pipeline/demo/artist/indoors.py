"""Rooms as backgrounds; coordinates are shares of the picture."""

from newbie_pipeline.demo.artist.canvas import Canvas
from newbie_pipeline.demo.artist.paths import ellipse, path, rectangle, sided
from newbie_pipeline.demo.artist.scenery import draw_bloom, draw_cloud
from newbie_pipeline.demo.seeds import Stream


def draw_bedroom(canvas: Canvas, stream: Stream) -> None:
    """Draw a room with wallpaper, a window with curtains, a shelf and a bed."""
    canvas.gradient("#c3e3d0", "#b2d8c3")
    whole = canvas.brush()
    for k in range(6):
        whole.fill(rectangle(k / 6 + 0.02, 0, 0.07, 0.8), "#d0ebdb")
    x = stream.uniform(0.3, 0.42)
    whole.fill(rectangle(x, 0.05, 0.28, 0.44), "#a9744f")
    whole.fill(rectangle(x + 0.015, 0.065, 0.25, 0.41), "#a6dbf7")
    draw_cloud(canvas.brush(x + 0.14, 0.16, 0.06), "#ffffff", "#d8eefa")
    whole.fill(rectangle(x + 0.132, 0.065, 0.016, 0.41), "#a9744f")
    for side in (-1, 1):
        curtain = canvas.brush(x + 0.14, 0)
        curtain.fill(
            sided("M.08,.03 L.22,.03 L.23,.56 Q.2,.58 .16,.56 C.18,.4 .12,.2 .08,.03 Z", side),
            "#f39aa8",
        )
        curtain.stroke(sided("M.14,.05 C.19,.2 .2,.36 .2,.55", side), "#da7488", 0.009)
    whole.stroke(path(f"M{x - 0.1:.2f},.03 L{x + 0.38:.2f},.03"), "#8a5a3c", 0.022)
    _draw_shelf(canvas, 0.03 + stream.uniform(-0.02, 0.02))
    _draw_picture(canvas, 0.87 + stream.uniform(-0.03, 0.02))
    whole.fill(rectangle(0, 0.8, 1, 0.2), "#c08a5c")
    whole.fill(rectangle(0, 0.79, 1, 0.018), "#f6efe4")
    bed = canvas.brush(0.5, 0)
    bed.fill(path("M-.5,.62 C-.36,.56 -.2,.6 -.14,.66 L.5,.66 L.5,1 L-.5,1 Z"), "#fdf6ea")
    bed.fill(path("M-.5,.74 L.5,.72 L.5,1 L-.5,1 Z"), "#8fb8e8")
    bed.stroke(path("M-.5,.74 L.5,.72"), "#6f9ad4", 0.016)


def draw_classroom(canvas: Canvas, stream: Stream) -> None:
    """Draw a room with a blackboard, a clock and desks."""
    canvas.gradient("#f6e7c4", "#ecd7a8")
    whole = canvas.brush()
    whole.fill(rectangle(-0.02, 0.14, 1.04, 0.46), "#a8743f")
    whole.fill(rectangle(0.0, 0.165, 1.0, 0.41), "#2f6a58")
    for y in (0.24, 0.33, 0.42):
        start = stream.uniform(0.03, 0.5)
        whole.stroke(
            path(f"M{start:.2f},{y} Q{start + 0.1:.2f},{y - 0.02:.2f} {start + 0.3:.2f},{y}"),
            "#d8eadd",
            0.01,
        )
    draw_bloom(canvas.brush(stream.uniform(0.86, 0.93), 0.26, 0.05), "#f6c9d6", "#ffe9a0")
    x = stream.uniform(0.42, 0.58)
    whole.fill(ellipse(x, 0.07, 0.052, 0.052), "#7a5236")
    whole.fill(ellipse(x, 0.07, 0.042, 0.042), "#ffffff")
    whole.stroke(path(f"M{x:.3f},.07 L{x:.3f},.04"), "#503a30", 0.009)
    whole.stroke(path(f"M{x:.3f},.07 L{x + 0.022:.3f},.078"), "#503a30", 0.009)
    whole.fill(rectangle(0.1, 0.02, 0.16, 0.09), "#ffffff")
    whole.fill(rectangle(0.12, 0.04, 0.12, 0.012), "#e58a8a")
    whole.fill(rectangle(0.12, 0.07, 0.09, 0.012), "#8ab4e5")
    whole.fill(rectangle(0, 0.78, 1, 0.22), "#b98552")
    for x in (-0.06, 0.32, 0.7):
        whole.fill(rectangle(x, 0.74, 0.3, 0.05), "#d9a566")
        whole.fill(rectangle(x, 0.785, 0.3, 0.02), "#9b6a3b")
        whole.fill(rectangle(x + 0.02, 0.8, 0.025, 0.2), "#7f8694")
        whole.fill(rectangle(x + 0.255, 0.8, 0.025, 0.2), "#7f8694")


def _draw_shelf(canvas: Canvas, x: float) -> None:
    whole = canvas.brush()
    whole.fill(rectangle(x, 0.34, 0.2, 0.022), "#a9744f")
    books = (("#e05a5a", 0.1), ("#f2b84b", 0.085), ("#5a8ad0", 0.11), ("#8d68b8", 0.09))
    for k, (color, height) in enumerate(books):
        whole.fill(rectangle(x + 0.02 + 0.032 * k, 0.34 - height, 0.028, height), color)
    whole.ellipse(x + 0.172, 0.315, 0.024, 0.028, "#e8a878")
    whole.ellipse(x + 0.172, 0.275, 0.03, 0.03, "#58ab62")


def _draw_picture(canvas: Canvas, x: float) -> None:
    whole = canvas.brush()
    whole.fill(rectangle(x - 0.075, 0.12, 0.15, 0.17), "#f7f1e6")
    whole.fill(rectangle(x - 0.058, 0.137, 0.116, 0.136), "#ffd98c")
    draw_bloom(canvas.brush(x, 0.205, 0.045), "#ef6f8f", "#fff4c8")
