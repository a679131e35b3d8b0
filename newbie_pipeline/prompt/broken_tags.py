"""What begins like a tag and is none: mend it where only one thing can be meant, or say what it is.

Mended, with a warning: blanks after `<` or `</`, `<character 1>`, a `/` before a blank, and a
missing `>` where the next tag follows at once. Everything here looks no further than the next `<`,
but for the names of elements, which are collected once.

Whether a name is an element's must not depend on what repairs add: else the repaired text could
read differently. Repairs add end tags only to start tags that are there.
"""

import re
from typing import Literal, Never

from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.schema import UNKNOWN, Meaning, meaning_of
from newbie_pipeline.prompt.source import Source

NAME = r"\$?+[^\W\d][\w.:$\-]*+"
ATTRIBUTE = rf"""(?:\s++{NAME}\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))"""
TAG_NAME = rf"(?!_<|o>_<o>|Prompt[ ]Start>)(?<!<o>_<){NAME}"

# What other programs load weights with; it begins a tag that is not finished, too.
LORA = ("lora:", "lyco:")

_SECTIONS = (
    ("<!--", "comment", "-->"),
    ("<![CDATA[", "CDATA section", "]]>"),
    ("<?", "processing instruction", "?>"),
)

_DECLARATION = re.compile(r"<!\[?\w*+")
_NAME_ONLY = re.compile(NAME)
_SPACE = re.compile(r"\s*+")
_ATTRIBUTE_NAME = re.compile(rf"\s++({NAME})\s*+=")
_VALUE = re.compile(r"""\s*+("[^"<]*+"|'[^'<]*+')""")

_NUMBER = r"character[ \t]++[0-9]{1,4}(?![\w.:$\-])"
_BLANKS = re.compile(r"[ \t]++")
_END = re.compile(rf"</\s*+({_NUMBER}|{NAME})\s*+(?:>|(?=<)|\Z)", re.IGNORECASE)
_SPACED = re.compile(rf"<[ \t]*+(/?+)[ \t]*+({_NUMBER}|{NAME})\s*+(/?+)\s*+>", re.IGNORECASE)
_NOT_FINISHED = re.compile(rf"<({NAME})[ \t]*+\s*+(?=<)")
_WHOLE_TAG = re.compile(rf"<(?:({NAME}){ATTRIBUTE}*+\s*+/?+\s*+>|[ \t]*+/\s*+({NAME}))")
_ANY_TAG = re.compile(rf"<(?:[ \t]*+/\s*+)?({NAME})")
_SLASHED = re.compile(rf"<({NAME})({ATTRIBUTE}*+)\s*+/\s++>")

Mended = tuple[Literal["start", "end"], int, str, bool]


def mend(source: Source, start: int) -> Mended | None:
    """Give kind, end, name and emptiness of the tag that is meant, or None where `<` is text.

    Raises PromptError (E2xx, E401).
    """
    text = source.text
    sign = text[start + 1]
    if sign in " \t":
        found = _SPACED.match(text, start)
        meaning = meaning_of(_BLANKS.sub("_", found[2]) if found else "")
        is_meant = bool(found and found[1]) or _role(meaning) in source.search(_roles)
        if found and meaning != UNKNOWN and is_meant:
            return _mended(source, found, found[1], found[2], found[3])
        return None
    if sign == "/":
        if found := _END.match(text, start):
            return _mended(source, found, "/", found[1], "")
        raise source.error(Code.BAD_END_TAG, start)
    if sign in "!?":
        _refuse_section(source, start)
    return _mend_start_tag(source, start)


def _mend_start_tag(source: Source, start: int) -> Mended | None:
    text = source.text
    name = _NAME_ONLY.match(text, start + 1)
    if name is None:
        return None
    if name[0].lower().startswith(LORA):
        raise source.error(Code.LORA_TAG, start, tag=quote(text[start : name.end()]))
    is_known = meaning_of(name[0]) != UNKNOWN
    if not is_known and name[0] not in source.search(_element_names):
        return None
    if (found := _SPACED.match(text, start)) and (found[3] or " " in found[2] or "\t" in found[2]):
        return _mended(source, found, "", found[2], found[3])
    if found := _SLASHED.match(text, start):
        source.replace(start, found.end(), f"<{found[1]}{found[2]}/>")
        _warn(source, start, found[0], f"<{found[1]}/>")
        return "start", found.end(), found[1], True
    if is_known and (found := _NOT_FINISHED.match(text, start)):
        # The blanks stay behind the tag, as they stood behind its name.
        source.replace(start, name.end(), f"<{name[0]}>")
        _warn(source, start, found[0].rstrip(), f"<{name[0]}>")
        return "start", name.end(), name[0], False
    _refuse_start_tag(source, start, name)


def _mended(source: Source, found: re.Match[str], slash: str, name: str, empty: str) -> Mended:
    name = _BLANKS.sub("_", name)
    empty = "" if slash else empty
    # A tag without its > gives the blanks after it back to the text.
    end = found.start() + len(found[0] if found[0].endswith(">") else found[0].rstrip())
    meant = f"<{slash}{name}{empty}>"
    source.replace(found.start(), end, meant)
    _warn(source, found.start(), source.text[found.start() : end], meant)
    return "end" if slash else "start", end, name, empty != ""


def _element_names(text: str) -> frozenset[str]:
    """Find the names that are surely elements': those of end tags and of whole start tags."""
    return frozenset(start or end for start, end in _WHOLE_TAG.findall(text))


def _roles(text: str) -> frozenset[str]:
    """Find what is meant by all that looks like a tag without blanks before its name."""
    return frozenset(_role(meaning_of(name)) for name in _ANY_TAG.findall(text))


def _role(meaning: Meaning) -> str:
    return f"{meaning.role} {meaning.field}"


def _warn(source: Source, start: int, found: str, meant: str) -> None:
    source.warn(Code.TAG_REPAIRED, start, found=quote(found), read=quote(meant))


def _refuse_section(source: Source, start: int) -> Never:
    for opening, section, end in _SECTIONS:
        if source.text.startswith(opening, start):
            raise source.error(Code.SECTION_NOT_FINISHED, start, section=section, end=end)
    keyword = _DECLARATION.match(source.text, start)
    raise source.error(Code.DTD, start, found=quote(keyword[0] if keyword else "<!"))


def _refuse_start_tag(source: Source, start: int, name: re.Match[str]) -> Never:
    text = source.text
    tag = quote(text[start : name.end()])
    offset = name.end()
    while found := _ATTRIBUTE_NAME.match(text, offset):
        attribute = quote(found[1])
        value = _VALUE.match(text, found.end())
        if value is None:
            space = _SPACE.match(text, found.end())
            at = space.end() if space else found.end()
            if text[at : at + 1] in ('"', "'"):
                raise source.error(Code.QUOTE_NOT_CLOSED, at, attribute=attribute)
            values = {"attribute": attribute, "tag": tag}
            raise source.error(Code.ATTRIBUTE_WITHOUT_VALUE, found.start(1), **values)
        offset = value.end()
    space = _SPACE.match(text, offset)
    at = space.end() if space else offset
    if at >= len(text) or text[at] == "<":
        raise source.error(Code.TAG_NOT_FINISHED, start, tag=tag)
    if at > offset and (attribute_name := _NAME_ONLY.match(text, at)):
        values = {"attribute": quote(attribute_name[0]), "tag": tag}
        raise source.error(Code.ATTRIBUTE_WITHOUT_VALUE, at, **values)
    raise source.error(Code.UNEXPECTED_IN_TAG, at, found=text[at], tag=tag)
