"""The tags that the language model may write, element by element; read from `words/`.

- `words/vocabulary.txt` is the limit: what is not in the list of an element never gets into it.
  A tag stands in one element only. Tags of one group exclude each other in a field.
- An interaction is a relation from the list and the other character: `leaning_on character_2`.
- Bounds keep a field short: a prompt has 512 tokens in all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

_WORDS = files("newbie_pipeline.prompt") / "words"
_GROUP = re.compile(r"([a-z ]+): (.*)")
_INTERACTION = re.compile(r"(\S+) character_([1-9]\d?)")

SEPARATOR = ", "
# The most tags that are written into one field.
MOST_TAGS = {
    "gender": 1,
    "appearance": 5,
    "clothing": 5,
    "expression": 3,
    "action": 3,
    "interaction": 1,
    "position": 1,
    "style": 2,
    "background": 3,
    "environment": 3,
    "perspective": 2,
    "atmosphere": 2,
    "lighting": 2,
    "quality": 3,
    "objects": 3,
}
MOST_CHARACTERS_OF_A_FIELD = 160


@dataclass(frozen=True)
class FieldVocabulary:
    """Hold the tags of one element in the list's order; `groups` tells the group of some."""

    tags: tuple[str, ...] = ()
    groups: dict[str, str] = field(default_factory=dict, hash=False)


@cache
def vocabulary() -> dict[str, FieldVocabulary]:
    """Read the list, once."""
    tags: dict[str, list[str]] = {}
    groups: dict[str, dict[str, str]] = {}
    for element, line in read_sections("vocabulary.txt"):
        match = _GROUP.fullmatch(line)
        found = (match[2] if match else line).split()
        tags.setdefault(element, []).extend(found)
        if match:
            groups.setdefault(element, {}).update(dict.fromkeys(found, match[1]))
    return {name: FieldVocabulary(tuple(tags[name]), groups.get(name, {})) for name in tags}


def read_sections(name: str) -> Iterator[tuple[str, str]]:
    """Give the lines of a file of words, each with the element that it stands under."""
    element = ""
    for raw in (_WORDS / name).read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if line.startswith("["):
            element = line.strip("[]")
        elif line and not line.startswith("#"):
            yield element, line


def tag_choices(element: str, character: int | None = None, characters: int = 0) -> tuple[str, ...]:
    """Give every tag that a field may hold; an interaction names one of the other characters."""
    tags = vocabulary()[element].tags
    if element != "interaction":
        return tags
    others = [number for number in range(1, characters + 1) if number != character]
    return tuple(f"{tag} character_{other}" for other in others for tag in tags)


def group_of(element: str, tag: str) -> str | None:
    """Give the name of the group of which a field takes one tag, if the tag is in any."""
    return vocabulary()[element].groups.get(tag)


def passes(element: str, value: str, character: int | None = None, characters: int = 0) -> bool:
    """Tell whether a value may be added to an element: known tags, few, none twice.

    `character` is the number of the one that the field belongs to, of `characters` in all.
    """
    if element not in MOST_TAGS or len(value) > MOST_CHARACTERS_OF_A_FIELD:
        return False
    tags = value.split(SEPARATOR)
    if len(tags) > MOST_TAGS[element] or len(set(tags)) < len(tags):
        return False
    if element == "interaction":
        return _is_interaction(value, character, characters)
    groups = [group for tag in tags if (group := group_of(element, tag)) is not None]
    known = frozenset(vocabulary()[element].tags)
    return known.issuperset(tags) and len(set(groups)) == len(groups)


def _is_interaction(value: str, character: int | None, characters: int) -> bool:
    match = _INTERACTION.fullmatch(value)
    if match is None or match[1] not in vocabulary()["interaction"].tags:
        return False
    return int(match[2]) != character and int(match[2]) <= characters
