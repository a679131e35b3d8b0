"""What begins like a tag and is none: mend it where only one thing can be meant, or say what it is.

Mended, with a warning: blanks after `<` or `</`, `<character 1>` and `<general tags>`, a `/` before
a blank, a missing `>` where the next tag follows at once or where the element's own end tag is the
next, and an XML declaration that ends with `>`. Everything here looks no further than the next `<`,
but for the names of elements, which are collected once.

Text is what has a name that is no element's: none that the language knows, and none that an end tag
or a whole start tag has. What begins like an end tag is text where the prompt has no elements.

Whether a name is an element's must not depend on what repairs add: else the repaired text could
read differently. Repairs add end tags only to start tags that are there.
"""

import re
from typing import Literal, Never

from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.schema import UNKNOWN, Meaning, is_known, meaning_of
from newbie_pipeline.prompt.source import Source

NAME = r"\$?+[^\W\d][\w.:$\-]*+"
ATTRIBUTE = rf"""(?:\s++{NAME}\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))"""
# What follows a `<` that is text: emoticons, the end of the model's system prompt, and Discord's
# moving emoji and times. No element can have one of these names.
NO_TAG = r"""(?: _++ | a:\w{2,32}:\d{15,20} | t:-?\d{9,13}(?::[a-zA-Z])?+ )(?![\w.:$\-])
            | o>_<o> | Prompt[ ]Start>"""

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
_ATTRIBUTES = re.compile(rf"{ATTRIBUTE}*+")
_ATTRIBUTE_NAME = re.compile(rf"\s++({NAME})\s*+=")

_BLANK = r"[ \t\u3000]++"
_TWO_WORDS = rf"(?:character{_BLANK}[0-9]{{1,4}}|general{_BLANK}tags)(?![\w.:$\-])"
_FIRST_OF_TWO = "general"
_BEGIN_SPECIAL = (*LORA, _FIRST_OF_TWO)
_BLANKS = re.compile(_BLANK)
_END = re.compile(rf"</\s*+({_TWO_WORDS}|{NAME})\s*+(?:>|(?=<)|\Z)", re.IGNORECASE)
_SPACED = re.compile(rf"<[ \t]*+(/?+)[ \t]*+({_TWO_WORDS}|{NAME})\s*+(/?+)\s*+>", re.IGNORECASE)
_NOT_FINISHED = re.compile(rf"<({NAME})(?:[ \t]*+\s*+(?=<)|\s[^<>=]*+(?=</\1\s*+>))")
_WHOLE_START = re.compile(rf"<({NAME}){ATTRIBUTE}*+\s*+/?+\s*+>")
_ANY_END = re.compile(rf"<[ \t]*+/\s*+({NAME})")
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
        return _mend_end_tag(source, start)
    if sign in "!?":
        _refuse_section(source, start)
    return _mend_start_tag(source, start)


def mend_declaration(source: Source, start: int, end: int) -> None:
    """Write the `?` that is missing at the end of an XML declaration."""
    source.replace(end - 1, end, "?>")
    _warn(source, start, "<?xml …>", "<?xml …?>")


def is_text(source: Source, name: str) -> bool:
    """Tell whether `<` and this name are text wherever no whole tag follows."""
    return not (
        is_known(name)
        or name.lower().startswith(_BEGIN_SPECIAL)
        or name in source.search(_element_names)
    )


def has_elements(source: Source) -> bool:
    """Tell whether the text has a whole start tag, or a tag of an element that is known."""
    return bool(source.search(_elements))


def _mend_end_tag(source: Source, start: int) -> Mended:
    if found := _END.match(source.text, start):
        return _mended(source, found, "/", found[1], "")
    raise source.error(Code.BAD_END_TAG, start)


def _mend_start_tag(source: Source, start: int) -> Mended | None:
    text = source.text
    name = _NAME_ONLY.match(text, start + 1)
    if name is None:
        return None
    if name[0].lower().startswith(LORA):
        raise source.error(Code.LORA_TAG, start, tag=quote(text[start : name.end()]))
    if (found := _SPACED.match(text, start)) and (found[3] or _BLANKS.search(found[2])):
        return _mended(source, found, "", found[2], found[3])
    if not is_known(name[0]) and name[0] not in source.search(_element_names):
        return None
    if found := _SLASHED.match(text, start):
        source.replace(start, found.end(), f"<{found[1]}{found[2]}/>")
        _warn(source, start, found[0], f"<{found[1]}/>")
        return "start", found.end(), found[1], True
    if is_known(name[0]) and (found := _NOT_FINISHED.match(text, start)):
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
    return frozenset(_ANY_END.findall(text)).union(_WHOLE_START.findall(text))


def _elements(text: str) -> frozenset[str]:
    """Find the names of whole start tags, and those that the language knows wherever they are."""
    found = set(_ANY_TAG.findall(text))
    known = (name for name in found if is_known(name) or name.lower() == _FIRST_OF_TWO)
    return frozenset(_WHOLE_START.findall(text)).union(known)


def _roles(text: str) -> frozenset[str]:
    """Find what is meant by all that looks like a tag without blanks before its name."""
    return frozenset(_role(meaning_of(name)) for name in set(_ANY_TAG.findall(text)))


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
    whole = _ATTRIBUTES.match(text, name.end())
    offset = whole.end() if whole else name.end()
    if found := _ATTRIBUTE_NAME.match(text, offset):
        attribute = quote(found[1])
        at = _after_space(text, found.end())
        if text[at : at + 1] in ('"', "'"):
            raise source.error(Code.QUOTE_NOT_CLOSED, at, attribute=attribute)
        values = {"attribute": attribute, "tag": tag}
        raise source.error(Code.ATTRIBUTE_WITHOUT_VALUE, found.start(1), **values)
    at = _after_space(text, offset)
    if at >= len(text) or text[at] == "<":
        raise source.error(Code.TAG_NOT_FINISHED, start, tag=tag)
    if at > offset and (attribute_name := _NAME_ONLY.match(text, at)):
        values = {"attribute": quote(attribute_name[0]), "tag": tag}
        raise source.error(Code.ATTRIBUTE_WITHOUT_VALUE, at, **values)
    raise source.error(Code.UNEXPECTED_IN_TAG, at, found=quote(text[at]), tag=tag)


def _after_space(text: str, offset: int) -> int:
    space = _SPACE.match(text, offset)
    return space.end() if space else offset
