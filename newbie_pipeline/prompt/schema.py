"""The elements that the model was trained on, and which of them a written name means.

Names are compared without case, dollar signs and full-width forms, so `<$Character_1$>` is a
character and `<ＳＴＹＬＥ>` a style. `name` is read as `n`.
"""

import difflib
import re
from functools import lru_cache
from typing import Literal, NamedTuple

# Attribute of `Character` or `GeneralTags`: the element's name, in the order of the canonical form.
CHARACTER_FIELDS = {
    "name": "n",
    **{
        name: name
        for name in (
            *("gender", "appearance", "clothing", "expression", "action"),
            *("interaction", "position"),
        )
    },
}
GENERAL_FIELDS = {
    name: name
    for name in (
        *("count", "artists", "style", "background", "environment", "perspective"),
        *("atmosphere", "lighting", "resolution", "quality", "objects", "other"),
    )
}
ROOTS = ("img", "image")

Role = Literal["character", "general", "caption", "root", "character_field", "general_field", ""]

_STRUCTURAL = ("character", "general", "caption")
_CHARACTER = re.compile(r"character(?:[_-]?(\d+))?")
# More digits than any number has; a longer one counts as none.
_MOST_DIGITS = 9
_NEAR = 0.75
# Comparing two names takes time with the product of their lengths.
_LONGEST_COMPARED = 24

# Full-width forms of the ASCII signs and of the space, one for one.
TO_ASCII = {0x3000: 0x20, **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}}


class Meaning(NamedTuple):
    """Say what an element's name stands for; `field` is the attribute, `number` a character's."""

    role: Role
    field: str = ""
    number: int | None = None

    @property
    def is_structural(self) -> bool:
        """Tell whether this is a part of the whole prompt and not of a character."""
        return self.role in _STRUCTURAL

    @property
    def is_leaf(self) -> bool:
        """Tell whether this element is meant to hold nothing but text."""
        return self.role in ("character_field", "general_field", "caption")


UNKNOWN = Meaning("")


_MEANINGS = {
    "general_tags": Meaning("general"),
    "caption": Meaning("caption"),
    **{name: Meaning("root") for name in ROOTS},
    **{tag: Meaning("character_field", name) for name, tag in CHARACTER_FIELDS.items()},
    "name": Meaning("character_field", "name"),
    **{name: Meaning("general_field", name) for name in GENERAL_FIELDS},
}


@lru_cache(maxsize=1024)
def meaning_of(name: str) -> Meaning:
    """Find out what a name means; a prompt repeats a few names many times."""
    plain = (name if name.isascii() else name.translate(TO_ASCII)).lower().strip("$")
    if plain.startswith("character") and (match := _CHARACTER.fullmatch(plain)):
        digits = match[1] or ""
        is_number = 0 < len(digits) <= _MOST_DIGITS
        return Meaning("character", number=int(digits) if is_number else None)
    return _MEANINGS.get(plain, UNKNOWN)


def is_known(name: str) -> bool:
    """Tell whether a name means anything; this is quick for names that are all different."""
    if not name.isascii() or "$" in name:
        # Kanji and kana begin no name that is known.
        return (name[0] <= "~" or "！" <= name[0] <= "～") and meaning_of(name) != UNKNOWN
    plain = name.lower()
    is_character = plain.startswith("character")
    return plain in _MEANINGS or (is_character and meaning_of(name) != UNKNOWN)


@lru_cache(maxsize=256)
def nearest(name: str) -> str | None:
    """Give the known name that this one most likely is a misspelling of."""
    known = [*CHARACTER_FIELDS.values(), *GENERAL_FIELDS, "character_1", "general_tags", "caption"]
    if len(name) > _LONGEST_COMPARED:
        return None
    found = difflib.get_close_matches(name.lower().strip("$"), known, n=1, cutoff=_NEAR)
    return found[0] if found else None


def is_misspelt(end: str, start: str) -> bool:
    """Tell whether an end tag's name can only be meant for this start tag's name.

    A name that is another known element's is no misspelling; the numbers of characters are.
    """
    meant, given = meaning_of(start), meaning_of(end)
    if (
        meant.role
        and given.role
        and given != meant
        and (given.role, meant.role) != ("character", "character")
    ):
        return False
    if given == meant != UNKNOWN:
        return True
    if max(len(start), len(end)) > _LONGEST_COMPARED:
        return False
    return difflib.SequenceMatcher(None, end.lower(), start.lower()).ratio() >= _NEAR
