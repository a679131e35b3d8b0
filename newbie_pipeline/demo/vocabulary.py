"""The demo model's whole language: for each value of each attribute the words by which it is asked.

- The first word of a value is its canonical one, the others mean the same; a word means one value
  of its attribute. Words are written as tags are, with underscores; blanks mean the same.
- Colours are adjectives and kinds of clothes are nouns. With them tags are made: `blue_hair`,
  `blue_eyes`, `blue_dress`, and `blue_clothes` where the kind is free.
- `COMPANIONS` are words that people write beside a value's own and that then change nothing:
  `beach, blue_sky` is a beach, `smile, open_mouth` is a laugh. Alone such a word means what `WORDS`
  says, or nothing.
- `USUAL` words stand in most prompts and ask for nothing but the number of figures.
- All other words are unknown to the model, which has learnt not to be moved by them.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from newbie_pipeline.demo.scene import (
    Accessory,
    Background,
    Clothing,
    ClothingColor,
    Expression,
    EyeColor,
    HairColor,
    HairStyle,
    Position,
)
from newbie_pipeline.prompt.model import Character, GeneralTags, Prompt
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS
from newbie_pipeline.prompt.tag_list import is_sentence, split_tags
from newbie_pipeline.prompt.weights import read_weights

_NAME = CHARACTER_FIELDS["name"]

_HAIR_COLOR = {
    HairColor.BLACK: "black dark jet_black",
    HairColor.BROWN: "brown dark_brown light_brown chestnut",
    HairColor.BLONDE: "blonde blond golden yellow",
    HairColor.ORANGE: "orange ginger",
    HairColor.RED: "red crimson scarlet dark_red",
    HairColor.PINK: "pink light_pink pastel_pink",
    HairColor.PURPLE: "purple violet lavender light_purple dark_purple",
    HairColor.BLUE: "blue light_blue dark_blue navy_blue",
    HairColor.AQUA: "aqua teal cyan turquoise",
    HairColor.GREEN: "green light_green dark_green",
    HairColor.WHITE: "white silver grey gray",
}
_HAIR_STYLE = {
    HairStyle.SHORT: "short_hair bob_cut very_short_hair",
    HairStyle.LONG: "long_hair very_long_hair straight_hair hime_cut",
    HairStyle.TWINTAILS: "twintails twin_tails pigtails long_twintails",
    HairStyle.PONYTAIL: "ponytail side_ponytail high_ponytail",
    HairStyle.BRAIDS: "twin_braids braids braid braided_hair",
    HairStyle.BUNS: "double_bun hair_buns hair_bun buns",
}
_EYE_COLOR = {
    EyeColor.BLUE: "blue light_blue aqua cyan",
    EyeColor.GREEN: "green emerald teal",
    EyeColor.RED: "red crimson scarlet",
    EyeColor.PURPLE: "purple violet",
    EyeColor.YELLOW: "yellow golden gold amber orange",
    EyeColor.BROWN: "brown hazel dark_brown",
}
_CLOTHING = {
    Clothing.SCHOOL_UNIFORM: "school_uniform serafuku sailor_uniform sailor_suit uniform",
    Clothing.DRESS: "dress sundress summer_dress sleeveless_dress",
    Clothing.HOODIE: "hoodie sweatshirt hooded_sweatshirt",
    Clothing.KIMONO: "kimono yukata japanese_clothes",
    Clothing.SWEATER: "sweater turtleneck turtleneck_sweater knit_sweater",
    Clothing.SHIRT: "shirt t-shirt tee short-sleeved_shirt",
}
_CLOTHING_COLOR = {
    ClothingColor.RED: "red crimson dark_red",
    ClothingColor.PINK: "pink light_pink",
    ClothingColor.YELLOW: "yellow golden",
    ClothingColor.GREEN: "green dark_green light_green",
    ClothingColor.BLUE: "blue navy_blue dark_blue light_blue",
    ClothingColor.PURPLE: "purple violet lavender",
    ClothingColor.WHITE: "white",
    ClothingColor.BLACK: "black",
}
_EXPRESSION = {
    Expression.NEUTRAL: "expressionless neutral_expression serious calm emotionless",
    Expression.SMILE: "smile smiling light_smile gentle_smile soft_smile",
    Expression.HAPPY: "happy laughing big_smile :d grin open_mouth cheerful excited",
    Expression.SAD: "sad crying tears teary_eyes frown unhappy",
    Expression.ANGRY: "angry annoyed mad furious v-shaped_eyebrows",
    Expression.SURPRISED: "surprised shocked wide-eyed :o astonished",
}
_ACCESSORY = {
    Accessory.GLASSES: "glasses round_eyewear eyeglasses round_glasses",
    Accessory.BOW: "hair_bow hair_ribbon red_bow bow ribbon",
    Accessory.FLOWER: "hair_flower flower_in_hair flower_hair_ornament",
    Accessory.CAT_EARS: "cat_ears animal_ears cat_girl nekomimi",
    Accessory.HEADPHONES: "headphones headset",
    Accessory.BERET: "beret hat red_beret",
}
_POSITION = {
    Position.LEFT: "left on_the_left left_side on_the_left_side",
    Position.CENTER: "center middle in_the_center in_the_middle centered",
    Position.RIGHT: "right on_the_right right_side on_the_right_side",
}
_BACKGROUND = {
    Background.SIMPLE: "white_background simple_background plain_background",
    Background.SKY: "blue_sky sky clouds cloudy_sky",
    Background.SUNSET: "sunset dusk evening_sky orange_sky sunset_sky",
    Background.NIGHT: "night night_sky starry_sky moon starry_night crescent_moon",
    Background.BEACH: "beach ocean sea seaside palm_tree",
    Background.FOREST: "forest woods woodland trees",
    Background.FLOWER_FIELD: "flower_field field_of_flowers tulips meadow flowers",
    Background.CHERRY_BLOSSOMS: "cherry_blossoms sakura cherry_tree falling_petals",
    Background.SNOW: "snow snowing winter snowfield snowy",
    Background.CITY: "city cityscape buildings skyscrapers skyline",
    Background.BEDROOM: "bedroom room bed curtains",
    Background.CLASSROOM: "classroom chalkboard blackboard school",
}


_HAIR_STYLE_COMPANIONS = {
    HairStyle.TWINTAILS: "long_hair very_long_hair",
    HairStyle.PONYTAIL: "long_hair",
    HairStyle.BRAIDS: "long_hair",
}
_EXPRESSION_COMPANIONS = {
    Expression.NEUTRAL: "closed_mouth",
    Expression.SMILE: "closed_mouth blush",
    Expression.HAPPY: "smile open_mouth smiling",
    Expression.ANGRY: "open_mouth frown",
    Expression.SURPRISED: "open_mouth",
}
_BACKGROUND_COMPANIONS = {
    Background.SKY: "outdoors day sunny",
    Background.SUNSET: "outdoors evening clouds sky",
    Background.NIGHT: "outdoors stars sky moonlight",
    Background.BEACH: "outdoors day summer sand blue_sky clouds sunny",
    Background.FOREST: "outdoors nature day sunlight",
    Background.FLOWER_FIELD: "outdoors spring day blue_sky sunny nature",
    Background.CHERRY_BLOSSOMS: "outdoors spring petals tree day",
    Background.SNOW: "outdoors snowflakes trees",
    Background.CITY: "outdoors street urban windows",
    Background.BEDROOM: "indoors window",
    Background.CLASSROOM: "indoors desk window",
}

Words = dict[StrEnum, tuple[str, ...]]


def _split(words: Mapping[Any, str]) -> Words:
    return {value: tuple(line.split()) for value, line in words.items()}


# Attribute: value: its words. NONE of the accessories has none: nobody writes what is not there.
WORDS: dict[str, Words] = {
    "hair_color": _split(_HAIR_COLOR),
    "hair_style": _split(_HAIR_STYLE),
    "eye_color": _split(_EYE_COLOR),
    "clothing": _split(_CLOTHING),
    "clothing_color": _split(_CLOTHING_COLOR),
    "expression": _split(_EXPRESSION),
    "accessory": _split(_ACCESSORY),
    "position": _split(_POSITION),
    "background": _split(_BACKGROUND),
}
COMPANIONS: dict[str, Words] = {
    "hair_style": _split(_HAIR_STYLE_COMPANIONS),
    "expression": _split(_EXPRESSION_COMPANIONS),
    "background": _split(_BACKGROUND_COMPANIONS),
}
# Lengths that people write before a colour: `long_blue_hair`.
LENGTHS = {HairStyle.SHORT: "short", HairStyle.LONG: "long"}

_USUAL_WORDS = (
    "1girl solo 2girls girl girls duo multiple_girls woman female masterpiece best_quality "
    "high_quality very_aesthetic highly_detailed absurdres highres no_text looking_at_viewer "
    "upper_body standing anime_style"
)
USUAL = frozenset(_USUAL_WORDS.split())
_COLORED = {"hair_color": "hair", "eye_color": "eyes", "clothing_color": "clothes"}


def tag_of(attribute: str, word: str) -> str:
    """Make the tag of a word: a colour needs what it colours."""
    return f"{word}_{_COLORED[attribute]}" if attribute in _COLORED else word


def words_of(attribute: str) -> list[str]:
    """Give all words of an attribute."""
    return [word for words in WORDS[attribute].values() for word in words]


@cache
def known_tags() -> frozenset[str]:
    """Give every tag that the model knows."""
    tags = {tag_of(attribute, word) for attribute in WORDS for word in words_of(attribute)}
    nouns, colors = words_of("clothing"), words_of("clothing_color")
    tags.update(f"{color}_{noun}" for color in colors for noun in nouns)
    lengths, hair = LENGTHS.values(), words_of("hair_color")
    tags.update(f"{length}_{color}_hair" for length in lengths for color in hair)
    tags.update(word for each in COMPANIONS.values() for words in each.values() for word in words)
    return frozenset(tags | USUAL)


def plain(tag: str) -> str:
    """Give a tag as this vocabulary writes it: without weight, in small letters, no blanks."""
    return "_".join(read_weights(tag).text.strip().lower().replace("_", " ").split())


def unknown_tags(prompt: Prompt) -> tuple[str, ...]:
    """Give the tags of a prompt that the model does not know, as written, each once.

    Names of characters and sentences are no tags.
    """
    found: dict[str, None] = {}
    for text in _texts(prompt):
        tags = () if is_sentence(text) else split_tags(text)
        found.update((tag, None) for tag in tags if plain(tag) not in known_tags())
    return tuple(found)


def _texts(prompt: Prompt) -> Iterator[str]:
    parts: list[Character | GeneralTags] = [*prompt.characters]
    if prompt.general_tags is not None:
        parts.append(prompt.general_tags)
    for part in parts:
        if part.text is not None:
            yield part.text.text
        yield from (element.text for name, element in part.elements() if name != _NAME)
    if prompt.text is not None:
        yield prompt.text.text
