"""How one writer writes: which word of several, underscores or blanks, weights."""

from collections.abc import Iterable
from enum import StrEnum

from newbie_pipeline.demo.scene import Clothing, ClothingColor, HairStyle, WantedFigure
from newbie_pipeline.demo.seeds import Stream
from newbie_pipeline.demo.vocabulary import COMPANIONS, LENGTHS, WORDS, tag_of

_CANONICAL = 0.6
_WEIGHTS = ("({}:1.1)", "({}:1.2)", "({}:1.3)", "({})", "{{{}}}", "[{}]")
_IN_APPEARANCE = ("cat_ears", "bow", "flower")


class Spelling:
    """Write tags; what a writer does once it does in the whole prompt."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._has_underscores = stream.happens(0.7)
        self._weighs = 0.15 if stream.happens(0.25) else 0.0
        self._varies = stream.happens(0.6)

    def word(self, attribute: str, value: StrEnum) -> str:
        """Choose one of the words of a value."""
        words = WORDS[attribute][value]
        is_canonical = not self._varies or self._stream.happens(_CANONICAL)
        return words[0] if is_canonical else self._stream.pick(words)

    def written(self, tags: Iterable[str]) -> list[str]:
        """Give tags as this writer writes them."""
        return [self._written(tag) for tag in tags]

    def appearance(self, figure: WantedFigure) -> list[str]:
        """Give the tags of hair and eyes, and of what grows or is worn in the hair."""
        tags = self._hair(figure)
        if figure.eye_color is not None:
            tags.append(tag_of("eye_color", self.word("eye_color", figure.eye_color)))
        if figure.accessory in _IN_APPEARANCE:
            tags.append(self.word("accessory", figure.accessory))
        return tags

    def clothing(self, figure: WantedFigure) -> list[str]:
        """Give the tags of what is worn."""
        tags = self.garment(figure.clothing, figure.clothing_color)
        if figure.accessory is not None and figure.accessory not in _IN_APPEARANCE:
            tags.append(self.word("accessory", figure.accessory))
        return tags

    def garment(self, clothing: Clothing | None, color: ClothingColor | None) -> list[str]:
        """Give the tag of a garment and its colour, if any of both is named."""
        word = None if color is None else self.word("clothing_color", color)
        if clothing is None:
            return [] if word is None else [tag_of("clothing_color", word)]
        noun = self.word("clothing", clothing)
        return [noun if word is None else f"{word}_{noun}"]

    def with_companions(self, attribute: str, value: StrEnum | None) -> list[str]:
        """Give a value's tag, now and then with words that people write beside it."""
        if value is None:
            return []
        tags = [self.word(attribute, value)]
        companions = COMPANIONS[attribute].get(value, ())
        if companions and self._stream.happens(0.35):
            tags += self._stream.sample(companions, min(len(companions), self._stream.pick((1, 2))))
        if self._stream.happens(0.3):
            tags.reverse()
        return list(dict.fromkeys(tags))

    def _hair(self, figure: WantedFigure) -> list[str]:
        color, style = figure.hair_color, figure.hair_style
        if color is not None and style in LENGTHS and self._stream.happens(0.2):
            return [f"{LENGTHS[HairStyle(style)]}_{self.word('hair_color', color)}_hair"]
        tags = self.with_companions("hair_style", style)
        if color is not None:
            place = 0 if self._stream.happens(0.6) else len(tags)
            tags.insert(place, tag_of("hair_color", self.word("hair_color", color)))
        return tags

    def _written(self, tag: str) -> str:
        text = tag if self._has_underscores else tag.replace("_", " ")
        if self._weighs and self._stream.happens(self._weighs):
            return self._stream.pick(_WEIGHTS).format(text)
        return text
