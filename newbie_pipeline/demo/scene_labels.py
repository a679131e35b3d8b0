"""What a text encoder is to know of a caption: for each place and attribute, what is asked for.

- Places are those of the picture: left, center and right. What a caption says of a figure counts at
  the place where the figure stands.
- An attribute that the caption leaves open has a value of its own, `OPEN`: an encoder is to know
  that nothing is asked for, and not to guess.
- A place where nobody stands has no attributes; they are `IGNORED` by the loss.
"""

from enum import StrEnum

from newbie_pipeline.demo.scene import (
    FIGURE_ATTRIBUTES,
    Accessory,
    Background,
    Clothing,
    ClothingColor,
    Expression,
    EyeColor,
    Figure,
    HairColor,
    HairStyle,
    Position,
    Scene,
    Wanted,
    WantedFigure,
)

IGNORED = -100  # what torch's cross entropy leaves out
OPEN = 0
VALUES: dict[str, type[StrEnum]] = {
    "hair_color": HairColor,
    "hair_style": HairStyle,
    "eye_color": EyeColor,
    "clothing": Clothing,
    "clothing_color": ClothingColor,
    "expression": Expression,
    "accessory": Accessory,
}
# Name of what is asked: how many answers it has.
QUESTIONS: dict[str, int] = {
    **{f"{place}.there": 2 for place in Position},
    **{f"{place}.{name}": 1 + len(values) for place in Position for name, values in VALUES.items()},
    "background": 1 + len(Background),
}
_NAMED: dict[str, type[StrEnum]] = {**VALUES, "background": Background}
_INDEX = {
    name: {value: index for index, value in enumerate(values, 1)} for name, values in _NAMED.items()
}


def labels_of(scene: Scene, wanted: Wanted) -> list[int]:
    """Give the answer to each of QUESTIONS for a caption of a scene."""
    answers = dict.fromkeys(QUESTIONS, IGNORED)
    figures = {figure.position: figure for figure in scene.figures}
    said = {figure.position: said for said, figure in _pairs(scene, wanted)}
    for place in Position:
        answers[f"{place}.there"] = int(place in figures)
        if place in figures:
            for name in VALUES:
                value = getattr(said.get(place), name, None)
                answers[f"{place}.{name}"] = OPEN if value is None else _INDEX[name][value]
    background = wanted.background
    answers["background"] = OPEN if background is None else _INDEX["background"][background]
    return list(answers.values())


def _pairs(scene: Scene, wanted: Wanted) -> list[tuple[WantedFigure, Figure]]:
    """Find out which of the scene's figures each one of the caption is.

    A caption that names less than what tells two figures apart is read in the order of the scene.
    """
    free = list(scene.figures)
    pairs = []
    for said in sorted(wanted.figures, key=lambda one: sum(_fits(one, each) for each in free)):
        figure = next((each for each in free if _fits(said, each)), None)
        if figure is not None:
            free.remove(figure)
            pairs.append((said, figure))
    return pairs


def _fits(said: WantedFigure, figure: Figure) -> bool:
    values = ((getattr(said, name), getattr(figure, name)) for name in FIGURE_ATTRIBUTES)
    return all(wish is None or wish == value for wish, value in values)
