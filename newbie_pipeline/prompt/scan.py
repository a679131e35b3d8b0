"""Find the markup in a prompt, each piece with its offset in the member's own text.

A scanner of our own and not lxml, because libxml2 refuses what this language is (several roots,
names like $character_1$, a bare & or <3), and because it tells the line of an element but not its
column. Wrapping or masking the text for it would repair the first and break every place it reports.
The tests hold the scanner against lxml on the part of the language that both read.

- A `<` begins markup when a name, `/`, `!` or `?` as in markup follows; every other `<` is text,
  and so are the emoticon tags `<_<` and `<o>_<o>` and the marker `<Prompt Start>`, which people
  paste along with the model's system prompt. An `&` begins a reference when a name or a number and
  `;` follow. `>`, `]]>` and quotes in text are text.
- Nothing is expanded, fetched or rewritten.
- Time is linear: one regular expression walks the text once, its repeats are possessive, and every
  alternative that can fail after a long way raises an error, which ends the walk.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, Never

from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.source import Source, is_allowed

_NAME = r"\$?+[^\W\d][\w.:$\-]*+"
_ATTRIBUTE = rf"""(?:\s++{_NAME}\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))"""
_TAG_NAME = rf"(?!_<|o>_<o>|Prompt[ ]Start>)(?<!<o>_<){_NAME}"
_NUMBER = r"\#(?:[0-9]++|x[0-9a-fA-F]++);"
_ENTITY = rf"(?!(?:lt|gt|amp|quot|apos);){_NAME};"

# Both alternatives begin with a plain character, which lets the search skip text fast. "broken"
# comes after the well-formed alternatives and takes what begins like one of them.
_MARKUP = re.compile(
    rf"""
    <(?:
        (?P<start>(?P<name>{_TAG_NAME})(?P<attributes>{_ATTRIBUTE}*+)\s*+(?P<empty>/?+)>)
        | /(?P<end>(?P<end_name>{_NAME})\s*+>)
        | !--(?P<comment>(?s:.*?)-->)
        | !\[CDATA\[(?P<cdata>(?s:.*?)\]\]>)
        | \?(?P<instruction>{_NAME}(?s:.*?)\?>)
        | (?P<broken>{_TAG_NAME} | /\s*+(?:[>$]|[^\W\d]) | !(?:--|\[|[^\W\d]) | \?[^\W\d])
    )
    | &(?:(?P<number>{_NUMBER})|(?P<entity>{_ENTITY}))
    """,
    re.VERBOSE,
)

_REFERENCE = re.compile(rf"&(?:{_NUMBER}|(?P<entity>{_ENTITY}))")
_NAME_ONLY = re.compile(_NAME)
_SPACE = re.compile(r"\s*+")
_ATTRIBUTE_NAME = re.compile(rf"\s++({_NAME})\s*+=")
_VALUE = re.compile(r"""\s*+("[^"<]*+"|'[^'<]*+')""")

_SECTIONS = (
    ("<!--", "comment", "-->"),
    ("<![CDATA[", "CDATA section", "]]>"),
    ("<?", "processing instruction", "?>"),
)


# The groups of the expression that finds them; plain strings, as an enum's members are slow to get.
Kind = Literal["start", "end", "comment", "cdata", "instruction", "number"]
_SECTION_KINDS: dict[str | None, Kind] = {
    "comment": "comment",
    "cdata": "cdata",
    "instruction": "instruction",
}


class Markup(NamedTuple):
    """Hold one piece of markup: where it is, and for tags the name and whether it is empty."""

    kind: Kind
    start: int
    end: int
    name: str = ""
    is_empty: bool = False


def scan(source: Source) -> Iterator[Markup]:
    """Yield the markup in order; what lies between two pieces is text.

    Raises PromptError (E107, E2xx, E4xx) at the first piece that is not well formed.
    """
    for match in _MARKUP.finditer(source.text):
        start, end = match.span()
        group = match.lastgroup
        if group == "start":
            name, attributes, empty = match.group("name", "attributes", "empty")
            if ":" in name and name.lower().startswith(("lora:", "lyco:")):
                raise source.error(Code.LORA_TAG, start, tag=quote(match[0]))
            if attributes:
                _check_attributes(source, match)
            yield Markup("start", start, end, name, empty != "")
        elif group == "end":
            yield Markup("end", start, end, match["end_name"])
        elif group == "number":
            _check_number(source, match)
            yield Markup("number", start, end)
        elif group == "entity":
            raise source.error(Code.ENTITY, start, reference=quote(match[0]))
        elif group == "broken":
            _refuse(source, start)
        else:
            yield Markup(_SECTION_KINDS[group], start, end)


def referenced_character(reference: str) -> str | None:
    """Give the character for "&#65;" or "&#x41;", or None where a prompt cannot hold it."""
    digits, base = (reference[3:-1], 16) if reference[2] == "x" else (reference[2:-1], 10)
    # Converting thousands of digits is slow, and eight are more than any character has.
    if len(digits) > 8 and len(digits := digits.lstrip("0") or "0") > 8:
        return None
    code_point = int(digits, base)
    return chr(code_point) if is_allowed(code_point) else None


def _check_number(source: Source, match: re.Match[str]) -> None:
    if referenced_character(match[0]) is None:
        values = {"reference": quote(match[0])}
        raise source.error(Code.BAD_CHARACTER_REFERENCE, match.start(), **values)


def _check_attributes(source: Source, tag: re.Match[str]) -> None:
    """Refuse an attribute that comes twice, and references that are refused in text."""
    start, end = tag.span("attributes")
    if tag["attributes"].count("=") > 1:
        _check_repeats(source, start, end, tag["name"])
    for reference in _REFERENCE.finditer(source.text, start, end):
        if reference["entity"]:
            raise source.error(Code.ENTITY, reference.start(), reference=quote(reference[0]))
        _check_number(source, reference)


def _check_repeats(source: Source, start: int, end: int, tag: str) -> None:
    seen = set()
    offset = start
    while offset < end and (found := _ATTRIBUTE_NAME.match(source.text, offset)):
        attribute = found[1]
        if attribute in seen:
            values = {"attribute": quote(attribute), "tag": quote(f"<{tag}>")}
            raise source.error(Code.REPEATED_ATTRIBUTE, found.start(1), **values)
        seen.add(attribute)
        value = _VALUE.match(source.text, found.end())
        offset = value.end() if value else end


def _refuse(source: Source, start: int) -> Never:
    """Say what is wrong with the markup that begins here and is not well formed."""
    text = source.text
    for opening, section, end in _SECTIONS:
        if text.startswith(opening, start):
            raise source.error(Code.SECTION_NOT_FINISHED, start, section=section, end=end)
    if text.startswith("<!", start):
        keyword = re.compile(r"<!\[?\w*+").match(text, start)
        raise source.error(Code.DTD, start, found=quote(keyword[0] if keyword else "<!"))
    if text.startswith("</", start):
        raise source.error(Code.BAD_END_TAG, start)
    _refuse_start_tag(source, start)


def _refuse_start_tag(source: Source, start: int) -> Never:
    text = source.text
    name = _NAME_ONLY.match(text, start + 1)
    if name is None:
        raise source.error(Code.TAG_NOT_FINISHED, start, tag="<")
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
