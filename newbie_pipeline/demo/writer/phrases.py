"""What sentences are put together from: how each value is said within one."""

import re
from enum import StrEnum

from newbie_pipeline.demo.scene import (
    Accessory,
    Background,
    Clothing,
    Expression,
    HairStyle,
    Position,
    WantedFigure,
)
from newbie_pipeline.demo.seeds import Stream
from newbie_pipeline.demo.vocabulary import WORDS

_ARTICLE = re.compile(r"\b([Aa]) (?=[aeio])")
# `{}` is a colour and a blank behind it, or nothing.
_HAIR = {
    HairStyle.SHORT: ("short {}hair", "{}short hair"),
    HairStyle.LONG: ("long {}hair", "very long {}hair"),
    HairStyle.TWINTAILS: ("{}twintails", "{}hair in twintails", "long {}twintails"),
    HairStyle.PONYTAIL: ("a {}ponytail", "{}hair in a ponytail"),
    HairStyle.BRAIDS: ("{}braids", "{}hair in two braids", "{}hair in twin braids"),
    HairStyle.BUNS: ("{}hair in two buns", "{}hair buns"),
}
_WORN = {
    Accessory.GLASSES: ("glasses", "round glasses"),
    Accessory.BOW: ("a hair bow", "a bow in her hair", "a hair ribbon"),
    Accessory.FLOWER: ("a flower in her hair", "a hair flower"),
    Accessory.CAT_EARS: ("cat ears",),
    Accessory.HEADPHONES: ("headphones", "a headset"),
    Accessory.BERET: ("a beret", "a hat"),
}
_GARMENTS = {
    Clothing.SCHOOL_UNIFORM: ("school uniform", "sailor uniform", "uniform"),
    Clothing.DRESS: ("dress", "summer dress", "sundress"),
    Clothing.HOODIE: ("hoodie", "sweatshirt"),
    Clothing.KIMONO: ("kimono", "yukata"),
    Clothing.SWEATER: ("sweater", "turtleneck sweater"),
    Clothing.SHIRT: ("shirt", "t-shirt"),
}
# An adjective that stands before a girl, and what she is or does.
_MOODS = {
    Expression.NEUTRAL: (("serious", "calm", "expressionless"), ("serious", "calm")),
    Expression.SMILE: (("smiling",), ("smiling", "smiling gently")),
    Expression.HAPPY: (("happy", "laughing", "cheerful"), ("happy", "laughing", "very happy")),
    Expression.SAD: (("sad", "crying", "unhappy"), ("sad", "crying", "in tears")),
    Expression.ANGRY: (("angry", "annoyed", "furious"), ("angry", "annoyed")),
    Expression.SURPRISED: (("surprised", "shocked"), ("surprised", "shocked")),
}
_SIDES = {
    Position.LEFT: ("on the left", "on the left side", "at the left"),
    Position.CENTER: ("in the center", "in the middle", "in the center of the picture"),
    Position.RIGHT: ("on the right", "on the right side", "at the right"),
}
_PLACES = {
    Background.SIMPLE: ("on a white background", "with a simple background"),
    Background.SKY: ("under a blue sky", "in front of a blue sky", "in front of clouds"),
    Background.SUNSET: ("at sunset", "in front of a sunset", "at dusk"),
    Background.NIGHT: ("at night", "under a starry sky", "under the moon", "under the night sky"),
    Background.BEACH: ("at the beach", "on a beach", "by the sea", "at the ocean"),
    Background.FOREST: ("in a forest", "in the woods", "among the trees of a forest"),
    Background.FLOWER_FIELD: ("in a flower field", "in a field of flowers", "among tulips"),
    Background.CHERRY_BLOSSOMS: ("under cherry blossoms", "under a cherry tree", "under sakura"),
    Background.SNOW: ("in the snow", "in a snowy landscape", "in winter"),
    Background.CITY: ("in the city", "in a city", "in front of city buildings"),
    Background.BEDROOM: ("in a bedroom", "in her bedroom", "in a room with a bed"),
    Background.CLASSROOM: ("in a classroom", "in a school classroom", "in front of a blackboard"),
}


def color_word(stream: Stream, attribute: str, value: StrEnum) -> str:
    """Give a word for a colour, mostly the canonical one."""
    words = WORDS[attribute][value]
    return (words[0] if stream.happens(0.7) else stream.pick(words)).replace("_", " ")


def hair(stream: Stream, figure: WantedFigure) -> str:
    """Say what hair a figure has, or nothing."""
    color = (
        ""
        if figure.hair_color is None
        else f"{color_word(stream, 'hair_color', figure.hair_color)} "
    )
    if figure.hair_style is None:
        return f"{color}hair" if color else ""
    return with_articles(stream.pick(_HAIR[figure.hair_style]).format(color))


def eyes(stream: Stream, figure: WantedFigure) -> str:
    """Say what eyes a figure has, or nothing."""
    if figure.eye_color is None:
        return ""
    return f"{color_word(stream, 'eye_color', figure.eye_color)} eyes"


def garment(stream: Stream, figure: WantedFigure) -> str:
    """Say what a figure wears, or nothing."""
    color = ""
    if figure.clothing_color is not None:
        color = color_word(stream, "clothing_color", figure.clothing_color)
    if figure.clothing is None:
        return f"{color} clothes" if color else ""
    noun = stream.pick(_GARMENTS[figure.clothing])
    return with_articles(f"a {color} {noun}" if color else f"a {noun}")


def accessory(stream: Stream, figure: WantedFigure) -> str:
    """Say what a figure wears on its head, or nothing."""
    worn = figure.accessory
    return "" if worn is None or worn == Accessory.NONE else stream.pick(_WORN[worn])


def mood_before(stream: Stream, figure: WantedFigure) -> str:
    """Give an adjective for a figure with a blank behind it, or nothing."""
    expression = figure.expression
    return "" if expression is None else f"{stream.pick(_MOODS[expression][0])} "


def mood_after(stream: Stream, figure: WantedFigure) -> str:
    """Say what a figure is or does, or nothing."""
    return "" if figure.expression is None else stream.pick(_MOODS[figure.expression][1])


def side(stream: Stream, position: Position | None) -> str:
    """Say where a figure stands, or nothing."""
    return "" if position is None else stream.pick(_SIDES[position])


def place(stream: Stream, background: Background | None) -> str:
    """Say what is behind the figures, or nothing."""
    return "" if background is None else stream.pick(_PLACES[background])


def set_in(stream: Stream, background: Background | None) -> str:
    """Say as a sentence of its own what is behind the figures, or nothing."""
    if background is None:
        return ""
    word = stream.pick(WORDS["background"][background][:2]).replace("_", " ")
    frame = stream.pick(("the background is {}", "the background shows {}", "background: {}"))
    return frame.format(word)


def with_articles(text: str) -> str:
    """Write `an` before vowels."""
    return _ARTICLE.sub(r"\1n ", text)


def joined(parts: list[str]) -> str:
    """Join what is said with commas and an `and`."""
    said = [part for part in parts if part]
    return ", ".join(said[:-1]) + " and " + said[-1] if len(said) > 1 else "".join(said)
