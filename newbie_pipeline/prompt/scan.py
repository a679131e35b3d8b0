"""Find the markup in a prompt, each piece with its offset in the member's own text.

A scanner of our own and not lxml, because libxml2 refuses what this language is (several roots,
names like $character_1$, a bare & or <3), and because it tells the line of an element but not its
column. Wrapping or masking the text for it would repair the first and break every place it reports;
its recovering mode repairs without saying what it did. The tests hold the scanner against lxml on
the part of the language that both read.

- A `<` begins markup when a name, `/`, `!` or `?` as in markup follows; every other `<` is text,
  and so are the emoticon tags `<_<` and `<o>_<o>` and the marker `<Prompt Start>`, which people
  paste along with the model's system prompt. `>`, `]]>` and quotes in text are text.
- What begins like a tag and is none is mended or refused where its name is an element's: one that
  the language knows, or one that an end tag somewhere names. Otherwise it is text.
- Nothing is expanded, fetched or rewritten.
- Time is linear: one regular expression walks the text once, its repeats are possessive and stop at
  the next `<`, and every alternative that can fail after a long way raises an error, which ends the
  walk.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from newbie_pipeline.prompt import broken_tags
from newbie_pipeline.prompt.broken_tags import ATTRIBUTE, LORA, NAME, TAG_NAME
from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.references import check_references
from newbie_pipeline.prompt.schema import TO_ASCII, UNKNOWN, meaning_of
from newbie_pipeline.prompt.source import Source

# Gemma reads 512 tokens, so no more than a tenth of these can matter.
MAX_ELEMENTS = 1_024

# "bare" and "broken" come after the well-formed alternatives and take what begins like them.
_MARKUP = re.compile(
    rf"""
    <(?:
        (?P<start>(?P<name>{TAG_NAME})(?P<attributes>{ATTRIBUTE}*+)\s*+(?P<empty>/?+)>)
        | /(?P<end>(?P<end_name>{NAME})\s*+>)
        | !--(?P<comment>(?s:.*?)-->)
        | !\[CDATA\[(?P<cdata>(?s:.*?)\]\]>)
        | \?(?P<instruction>{NAME}(?s:.*?)\?>)
        | (?P<bare>{TAG_NAME})
        | (?P<broken>
            /\s*+(?:[>$]|[^\W\d]) | !(?:--|\[|[^\W\d]) | \?[^\W\d]
            | [ \t]++/?+[ \t]*+(?:\$|[^\W\d])
          )
    )
    """,
    re.VERBOSE,
)
_FULL_WIDTH_TAG = re.compile(rf"[<＜][/／]?+\s*+({NAME})\s*+[/／]?+[>＞]")
_ATTRIBUTE_NAME = re.compile(rf"\s++({NAME})\s*+=\s*+")
_VALUE = re.compile(r""""[^"<]*+"|'[^'<]*+'""")

# The groups of the expression that finds them; plain strings, as an enum's members are slow to get.
Kind = Literal["start", "end", "comment", "cdata", "instruction"]
_SECTIONS: dict[str | None, Kind] = {
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

    Raises PromptError (E2xx, E307, E401; E107 and E402 in attributes) at the first piece that is
    neither well formed nor sure to be mended.
    """
    _make_tags_ascii(source)
    elements = 0
    names_in_text: set[str] = set()
    for match in _MARKUP.finditer(source.text):
        start, end = match.span()
        group = match.lastgroup
        if group == "start":
            name, attributes, empty = match.group("name", "attributes", "empty")
            if ":" in name and name.lower().startswith(LORA):
                raise source.error(Code.LORA_TAG, start, tag=quote(match[0]))
            if attributes:
                _check_attributes(source, match)
            markup = Markup("start", start, end, name, empty != "")
        elif group == "end":
            markup = Markup("end", start, end, match["end_name"])
        elif group in ("bare", "broken"):
            # Neither what is mended nor what is text reaches over the next `<`: the walk goes on.
            if match["bare"] in names_in_text:
                continue
            mended = broken_tags.mend(source, start)
            if mended is None:
                if group == "bare":
                    names_in_text.add(match["bare"])
                continue
            kind, end, name, is_empty = mended
            markup = Markup(kind, start, end, name, is_empty)
        else:
            markup = Markup(_SECTIONS[group], start, end)
        if markup.kind == "start":
            elements += 1
            if elements > MAX_ELEMENTS:
                raise source.error(Code.TOO_MANY_ELEMENTS, start, limit=MAX_ELEMENTS)
        yield markup


def _make_tags_ascii(source: Source) -> None:
    """Write tags in full-width signs in ASCII, sign for sign, so that no place changes."""
    if "＜" not in source.text and "＞" not in source.text and "／" not in source.text:
        return

    def written_in_ascii(match: re.Match[str]) -> str:
        tag = match[0]
        ascii_tag = _ascii_tag(tag, match[1])
        if ascii_tag != tag:
            values = {"found": quote(tag), "read": quote(ascii_tag)}
            source.warn(Code.FULL_WIDTH_TAG, match.start(), **values)
        return ascii_tag

    source.text = _FULL_WIDTH_TAG.sub(written_in_ascii, source.text)


@lru_cache(maxsize=256)
def _ascii_tag(tag: str, name: str) -> str:
    """Give the tag of a known element in ASCII; others and those that are ASCII stay."""
    if meaning_of(name) == UNKNOWN or not any(sign in tag for sign in "＜／＞"):
        return tag
    return tag.translate(TO_ASCII)


def _check_attributes(source: Source, tag: re.Match[str]) -> None:
    """Refuse an attribute that comes twice, and references that are refused in text."""
    start, end = tag.span("attributes")
    name = quote(f"<{tag['name']}>")
    seen: set[str] = set()
    offset = start
    while offset < end and (found := _ATTRIBUTE_NAME.match(source.text, offset)):
        attribute = found[1]
        if attribute in seen:
            values = {"attribute": quote(attribute), "tag": name}
            raise source.error(Code.REPEATED_ATTRIBUTE, found.start(1), **values)
        if not seen:
            values = {"attribute": quote(attribute), "tag": name}
            source.warn(Code.ATTRIBUTE_UNUSED, found.start(1), **values)
        seen.add(attribute)
        value = _VALUE.match(source.text, found.end())
        offset = value.end() if value else end
    if "&" in tag["attributes"]:
        check_references(source, start, end)
