"""What of a scene a caption names, and in which order.

- What is not named is free: the scene's value is one of many that fit the caption. The place of a
  figure alone is not: where it is not named, the figure stands in the middle, as everybody expects.
  A model that learns otherwise draws it somewhere between two places.
- Of two figures either both are spoken of or none. Where no side is named, the left figure comes
  first, so that a prompt without sides is read as it is written, from left to right.
"""

from dataclasses import replace

from newbie_pipeline.demo.scene import Accessory, Figure, Position, Scene, Wanted, WantedFigure
from newbie_pipeline.demo.seeds import Stream

# How often an attribute is named.
Chances = dict[str, float]

COMPLETE: Chances = {
    "hair_color": 1.0,
    "hair_style": 0.9,
    "eye_color": 0.95,
    "clothing": 0.95,
    "clothing_color": 0.95,
    "expression": 0.9,
    "accessory": 0.95,
    "position": 0.95,
    "background": 0.95,
}
USUAL: Chances = {
    "hair_color": 0.97,
    "hair_style": 0.75,
    "eye_color": 0.85,
    "clothing": 0.9,
    "clothing_color": 0.8,
    "expression": 0.8,
    "accessory": 0.8,
    "position": 0.75,
    "background": 0.85,
}
SOME: Chances = {
    "hair_color": 0.9,
    "hair_style": 0.4,
    "eye_color": 0.5,
    "clothing": 0.6,
    "clothing_color": 0.5,
    "expression": 0.5,
    "accessory": 0.35,
    "position": 0.6,
    "background": 0.65,
}
FEW: Chances = {
    "hair_color": 0.75,
    "hair_style": 0.2,
    "eye_color": 0.3,
    "clothing": 0.3,
    "clothing_color": 0.25,
    "expression": 0.25,
    "accessory": 0.15,
    "position": 0.45,
    "background": 0.4,
}
_BOTH_SIDES = 0.85


def choose(stream: Stream, scene: Scene, chances: Chances) -> Wanted:
    """Choose what is named of a scene, at least something, and the order of its figures."""
    figures = [_choose_of_figure(stream, figure, chances) for figure in scene.figures]
    if len(figures) == 2:
        figures = _both_or_none(figures, scene)
        figures = _with_sides(stream, figures, scene, chances["position"])
    else:
        place = scene.figures[0].position
        if place != Position.CENTER or stream.happens(chances["position"]):
            figures = [replace(figures[0], position=place)]
    background = scene.background if stream.happens(chances["background"]) else None
    named = Wanted(tuple(figures), background)
    if named.background is None and not any(map(_says_something, figures)):
        return replace(named, background=scene.background)
    return named


def _says_something(figure: WantedFigure) -> bool:
    return figure != WantedFigure()


def _both_or_none(figures: list[WantedFigure], scene: Scene) -> list[WantedFigure]:
    """Name the hair of a figure of which nothing is named beside one of which something is."""
    if not any(map(_says_something, figures)):
        return figures
    return [
        each if _says_something(each) else replace(each, hair_color=figure.hair_color)
        for each, figure in zip(figures, scene.figures, strict=True)
    ]


def _choose_of_figure(stream: Stream, figure: Figure, chances: Chances) -> WantedFigure:
    named = {
        name: getattr(figure, name)
        for name, chance in chances.items()
        if name not in ("position", "background") and stream.happens(chance)
    }
    if figure.accessory == Accessory.NONE:
        named.pop("accessory", None)
    return WantedFigure(**named)


def _with_sides(
    stream: Stream, figures: list[WantedFigure], scene: Scene, chance: float
) -> list[WantedFigure]:
    """Name both sides, one, or none; where one is named at least, the right one can be first."""
    if not any(map(_says_something, figures)) or not stream.happens(chance):
        return figures
    sides = [figure.position for figure in scene.figures]
    silent = None if stream.happens(_BOTH_SIDES) else stream.pick((0, 1))
    placed = [
        figure if k == silent else replace(figure, position=sides[k])
        for k, figure in enumerate(figures)
    ]
    return placed[::-1] if stream.happens(0.5) else placed
