"""What a drawing of the demo model shows, and what a prompt asks of one.

- A `Scene` is complete: every attribute has a value, whether a prompt names it or not.
- Its figures stand in the order of the picture, from left to right; two figures are always one on
  the left and one on the right.
- A `Wanted` says only what a prompt names; None is "free". Its figures stand in the order in which
  the prompt names them.
"""

from dataclasses import dataclass, fields
from enum import StrEnum


class HairColor(StrEnum):
    """Name the colours of hair."""

    BLACK = "black"
    BROWN = "brown"
    BLONDE = "blonde"
    ORANGE = "orange"
    RED = "red"
    PINK = "pink"
    PURPLE = "purple"
    BLUE = "blue"
    AQUA = "aqua"
    GREEN = "green"
    WHITE = "white"


class HairStyle(StrEnum):
    """Name the shapes of hair."""

    SHORT = "short"
    LONG = "long"
    TWINTAILS = "twintails"
    PONYTAIL = "ponytail"
    BRAIDS = "braids"
    BUNS = "buns"


class EyeColor(StrEnum):
    """Name the colours of eyes."""

    BLUE = "blue"
    GREEN = "green"
    RED = "red"
    PURPLE = "purple"
    YELLOW = "yellow"
    BROWN = "brown"


class Clothing(StrEnum):
    """Name the kinds of clothes."""

    SCHOOL_UNIFORM = "school_uniform"
    DRESS = "dress"
    HOODIE = "hoodie"
    KIMONO = "kimono"
    SWEATER = "sweater"
    SHIRT = "shirt"


class ClothingColor(StrEnum):
    """Name the colours of clothes."""

    RED = "red"
    PINK = "pink"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    WHITE = "white"
    BLACK = "black"


class Expression(StrEnum):
    """Name the expressions of a face."""

    NEUTRAL = "neutral"
    SMILE = "smile"
    HAPPY = "happy"
    SAD = "sad"
    ANGRY = "angry"
    SURPRISED = "surprised"


class Accessory(StrEnum):
    """Name what a figure wears on its head, if anything."""

    NONE = "none"
    GLASSES = "glasses"
    BOW = "bow"
    FLOWER = "flower"
    CAT_EARS = "cat_ears"
    HEADPHONES = "headphones"
    BERET = "beret"


class Position(StrEnum):
    """Name where a figure stands."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


class Background(StrEnum):
    """Name what is behind the figures."""

    SIMPLE = "simple"
    SKY = "sky"
    SUNSET = "sunset"
    NIGHT = "night"
    BEACH = "beach"
    FOREST = "forest"
    FLOWER_FIELD = "flower_field"
    CHERRY_BLOSSOMS = "cherry_blossoms"
    SNOW = "snow"
    CITY = "city"
    BEDROOM = "bedroom"
    CLASSROOM = "classroom"


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold the looks of one character and its place."""

    hair_color: HairColor
    hair_style: HairStyle
    eye_color: EyeColor
    clothing: Clothing
    clothing_color: ClothingColor
    expression: Expression
    accessory: Accessory
    position: Position


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold one or two figures, from left to right, and what is behind them.

    Raises ValueError for any other number of figures, and for two that do not stand left and right.
    """

    figures: tuple[Figure, ...]
    background: Background

    def __post_init__(self) -> None:
        positions = tuple(figure.position for figure in self.figures)
        if len(positions) not in (1, 2):
            raise ValueError(f"a scene has one or two figures, not {len(positions)}")
        if len(positions) == 2 and positions != (Position.LEFT, Position.RIGHT):
            raise ValueError("two figures stand left and right, in this order")


@dataclass(frozen=True, slots=True)
class WantedFigure:
    """Hold what a prompt says about one character; None is free."""

    hair_color: HairColor | None = None
    hair_style: HairStyle | None = None
    eye_color: EyeColor | None = None
    clothing: Clothing | None = None
    clothing_color: ClothingColor | None = None
    expression: Expression | None = None
    accessory: Accessory | None = None
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold what a prompt asks for; None is free, an empty `figures` says nothing of any figure."""

    figures: tuple[WantedFigure, ...] = ()
    background: Background | None = None


FIGURE_ATTRIBUTES = tuple(each.name for each in fields(Figure))
