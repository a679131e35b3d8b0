"""Whether `<count>` names as many girls and boys as there are characters.

Numbers are read as people write them, in three languages: `2girls`, `1girl and 1boy`, `两个女孩`,
`女の子2人`. Where a number stands before a word that is not known, or where the count says that
there is a crowd, nothing is compared.
"""

import re
from typing import NamedTuple

from newbie_pipeline.prompt.contradictions import plain_tag
from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.model import Character, Element, Prompt
from newbie_pipeline.prompt.source import Source

_LONGEST_COUNT = 200

_GIRLS = (
    *("girl", "girls", "woman", "women", "female", "females"),
    *("女孩子", "女孩", "女の子", "女性", "女人", "女生", "少女", "女"),
)
_BOYS = (
    *("boy", "boys", "man", "men", "male", "males"),
    *("男孩子", "男孩", "男の子", "男性", "男人", "男生", "少年", "男"),
)
_OTHERS = ("other", "others", "person", "persons", "people", "character", "characters")
_SEX = {
    **dict.fromkeys(_GIRLS, "girls"),
    **dict.fromkeys(_BOYS, "boys"),
    **dict.fromkeys(_OTHERS, "others"),
}
_NUMBERS = {
    **{str(number): number for number in range(1, 100)},
    **{word: k for k, word in enumerate(("one", "two", "three", "four", "five", "six"), 1)},
    **{word: k for k, word in enumerate("一二三四五六", 1)},
    **dict.fromkeys("两兩", 2),
}
_NUMBER = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_NOUN = "|".join(sorted(_SEX, key=len, reverse=True))
_PEOPLE = re.compile(
    rf"({_NUMBER})_?(?:(?:[个個名位]|人の)?({_NOUN})|人|名|位)|({_NOUN})({_NUMBER})(?:人|名)"
)
_MULTIPLE = re.compile(r"multiple_(girls|boys|others)")
_JOINTS = re.compile(r"_|and|&|with|和|与|と|、")
_HAS_NUMBER = re.compile(rf"\d|[一二三四五六两兩]|(?:{_NUMBER})(?![a-z])")
_CROWD = re.compile(r"\+|crowd|group|everyone|army|many|no_humans|多人|群")


class _People(NamedTuple):
    """How many are named; of those under `multiple`, as many as are needed for it to be true."""

    girls: int = 0
    boys: int = 0
    others: int = 0
    is_least: bool = False

    @property
    def total(self) -> int:
        return self.girls + self.boys + self.others


def compare_count(source: Source, prompt: Prompt) -> None:
    """Note W402 or W405 where the count and the characters do not agree."""
    count = prompt.general_tags.count if prompt.general_tags else None
    if not prompt.characters or count is None or len(count.text) > _LONGEST_COUNT:
        return
    named = _named(count)
    if named is None or not named.total:
        return
    described = len(prompt.characters)
    sexes = [_sex(character) for character in prompt.characters]
    girls, boys = sexes.count("girls"), sexes.count("boys")
    place, given = (count.line, count.column), quote(count.text)
    if described < named.total or (described > named.total and not named.is_least):
        source.warn_at(Code.COUNT_MISMATCH, place, given=given, found=described)
    elif _excludes(named, girls, boys, described):
        source.warn_at(Code.GENDER_MISMATCH, place, given=given, girls=girls, boys=boys)


def _excludes(named: _People, girls: int, boys: int, described: int) -> bool:
    """Tell whether so many girls and boys cannot be those that are named."""
    unknown = described - girls - boys
    if girls + unknown < named.girls or boys + unknown < named.boys:
        return True
    too_many = girls > named.girls + named.others or boys > named.boys + named.others
    return too_many and not named.is_least


def _named(count: Element) -> _People | None:
    """Add up the people; None where the numbers are not understood or mean a crowd."""
    found = {"girls": 0, "boys": 0, "others": 0}
    tags = [plain_tag(tag) for tag in count.tags]
    if any(_CROWD.search(tag) for tag in tags):
        return None
    for tag in tags:
        for match in _PEOPLE.finditer(tag):
            number, noun = match[1] or match[4], match[2] or match[3]
            found[_SEX[noun] if noun else "others"] += _NUMBERS[number]
        if _HAS_NUMBER.search(_JOINTS.sub("", _PEOPLE.sub("", tag))):
            return None
    several = {found_in[1] for tag in tags if (found_in := _MULTIPLE.fullmatch(tag))}
    open_kinds = {kind for kind in several if found[kind] < 2}
    found |= dict.fromkeys(open_kinds, 2)
    if "solo" in tags and not any(found.values()):
        found["others"] = 1
    return _People(**found, is_least=bool(open_kinds))


def _sex(character: Character) -> str:
    """Give the kind that a character's gender names, or nothing where that is not one."""
    if character.gender is None:
        return ""
    tags = (plain_tag(tag).removeprefix("1") for tag in character.gender.tags)
    kinds = {_SEX[tag] for tag in tags if tag in _SEX}
    return kinds.pop() if len(kinds) == 1 else ""
