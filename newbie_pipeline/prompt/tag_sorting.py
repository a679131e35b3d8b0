"""In which element a member's own tag belongs, by the vocabulary, by words and by patterns.

The lists are `words/vocabulary.txt` and `words/sorting.txt`, in English, Chinese and Japanese. What
no list knows is for the language model to place, or stays in `<other>`.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

from newbie_pipeline.prompt.contradictions import sayings
from newbie_pipeline.prompt.vocabulary import group_of, read_sections, vocabulary
from newbie_pipeline.prompt.weights import read_weights

_COUNTED = re.compile(
    r"(\d{1,2})\+?_?(girl|boy|other|person|people|woman|women|man|men)s?"
    r"|(\d{1,2}|[一二两兩三四五六])(?:[个個名位]|人の)?"
    r"(女孩子?|女の子|女生|少女|美少女|女性|女人|女|男孩子?|男の子|男生|少年|男性|男人|男|人)"
    r"|(女の子|男の子|少女|少年|女性|男性|人物)([1-9１-９一二三四五六])人"
)
_NUMBERS = {
    **{str(number): number for number in range(100)},
    **{sign: number for number, sign in enumerate("一二三四五六", 1)},
    **{"两": 2, "兩": 2},
}
_GIRLS = ("girl", "woman", "women", "女", "少女", "美少女")
_BOYS = ("boy", "man", "men", "男", "少年")
_ONE = ("solo", "单人", "一人", "一個人", "ソロ")
_TWO = ("duo", "couple", "双人", "二人", "两人", "两个人")
_RESOLUTION = re.compile(r"\d{3,5}_?[x×*]_?\d{3,5}|\d{3,4}p")
_SCORE = re.compile(r"(?:score_\d(?:_up)?|rating_.+|(?:very_)?(?:bad|low|high)_score)")
_STAR = "*"
_LONGEST_PATTERN = 24

# Of these a tag says something only where `contradictions` reads it: gradient_hair is no colour.
_READ_BY_VALUE = ("hair colour", "eye colour", "hair length")


@lru_cache(maxsize=4096)
def element_of(tag: str) -> str | None:
    """Give the element that a tag belongs in, or None for a tag that no list knows."""
    words = plain_tag(tag)
    if not words:
        return None
    if _COUNTED.fullmatch(words):
        return "count"
    if _RESOLUTION.fullmatch(words):
        return "resolution"
    if _SCORE.fullmatch(words):
        return "quality"
    return _words().get(words) or _by_pattern(words)


@lru_cache(maxsize=4096)
def plain_tag(tag: str) -> str:
    """Give a tag as the lists spell it, without its weight; of several in brackets the first."""
    text = unicodedata.normalize("NFKC", read_weights(tag).text).lower()
    first = re.split(r"[,、]", text.strip(), maxsplit=1)[0].rstrip(".。!")
    return "_".join(first.split())


def people_of(tag: str) -> tuple[int, str] | None:
    """Read how many a tag counts, and of which gender (`1girl`, `1boy`, or empty for anyone).

    None for tags that do not say a number, such as `multiple_girls`.
    """
    words = plain_tag(tag)
    if words in _ONE or words in _TWO:
        return (1 if words in _ONE else 2), ""
    match = _COUNTED.fullmatch(words)
    if match is None:
        return None
    number = _NUMBERS.get(match[1] or match[3] or match[6], 0)
    return number, _gender(match[2] or match[4] or match[5])


def qualities_of(element: str, tag: str) -> dict[str, frozenset[str]]:
    """Give what a tag says about qualities of which a character has one: hair colour, blue.

    Two tags that leave no value of a quality open are about two characters.
    """
    words = plain_tag(tag)
    said = dict(sayings(words))
    if said or element not in ("gender", "appearance", "clothing"):
        return said
    group = group_of(element, words)
    if group is None or group in _READ_BY_VALUE:
        return {}
    return {group: frozenset((words,))}


def _gender(word: str) -> str:
    if word.startswith(_GIRLS):
        return "1girl"
    return "1boy" if word.startswith(_BOYS) else ""


@cache
def _words() -> dict[str, str]:
    """Read the words that count as a whole."""
    words = {tag: name for name, found in vocabulary().items() for tag in found.tags}
    return words | {
        word: element
        for element, line in read_sections("sorting.txt")
        for word in line.split()
        if _STAR not in word and word not in words
    }


@cache
def _beginnings() -> dict[str, str]:
    return _patterns(lambda word: word.endswith(_STAR))


@cache
def _endings() -> dict[str, str]:
    return _patterns(lambda word: word.startswith(_STAR))


def _patterns(is_wanted: Callable[[str], bool]) -> dict[str, str]:
    found: dict[str, str] = {}
    for element, line in read_sections("sorting.txt"):
        for word in filter(is_wanted, line.split()):
            found.setdefault(word.strip(_STAR), element)
    return found


def _by_pattern(words: str) -> str | None:
    """Look the longest ending or beginning up; the star stands for one sign at least."""
    for length in range(min(len(words) - 1, _LONGEST_PATTERN), 0, -1):
        found = _endings().get(words[-length:]) or _beginnings().get(words[:length])
        if found is not None:
            return found
    return None
