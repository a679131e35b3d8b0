"""Find the markup in a prompt, each piece with its offset in the member's own text.

A scanner of our own and not lxml, because libxml2 refuses what this language is (several roots,
names like $character_1$, a bare & or <3), and because it tells the line of an element but not its
column. Wrapping or masking the text for it would repair the first and break every place it reports;
its recovering mode repairs without saying what it did. The tests hold the scanner against lxml on
the part of the language that both read.

- A `<` begins markup when a name, `/`, `!` or `?` as in markup follows; every other `<` is text. So
  are the emoticons `<_<`, `<_>` and `<o>_<o>`, Discord's `<a:dance:1234567890123456>`, and the
  marker `<Prompt Start>`, which people paste along with the model's system prompt. `>`, `]]>` and
  quotes in text are text.
- What begins like a tag and is none is mended or refused where its name is an element's: one that
  the language knows, or one that an end tag or a whole start tag has. Otherwise it is text.
- Text whose name is nearly an element's is told, once for each name.
- A whole start tag is never text, whatever its name: `I <heart> you` could as well be an element
  whose end was forgotten, so it is refused with both ways out.
- Nothing is expanded, fetched or rewritten.
- Time is linear: one regular expression walks the text once, its repeats are possessive and stop at
  the next `<`, and every alternative that can fail after a long way raises an error, which ends the
  walk.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from newbie_pipeline.prompt import broken_tags
from newbie_pipeline.prompt.broken_tags import ATTRIBUTE, LORA, NAME, NO_TAG
from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.references import check_references
from newbie_pipeline.prompt.schema import TO_ASCII, is_known, nearest
from newbie_pipeline.prompt.source import Source

# Gemma reads 512 tokens, so no more than a tenth of these can matter.
MAX_ELEMENTS = 1_024
# Looking up the nearest name is slow.
_NAMES_LOOKED_UP = 16

# A "bare" name has no whole tag around it. "open_end" and "broken" come after the well-formed
# alternatives and take what begins like them.
_MARKUP = re.compile(
    rf"""
    <(?:
        (?P<text>{NO_TAG})
        | (?P<bare>{NAME})(?:(?P<attributes>{ATTRIBUTE}*+)\s*+(?P<empty>/?+)(?P<start>>))?+
        | /(?P<end>(?P<end_name>{NAME})\s*+>)
        | !--(?P<comment>(?s:.*?)-->)
        | !\[CDATA\[(?P<cdata>(?s:.*?)\]\]>)
        | \?(?P<declaration>xml{ATTRIBUTE}++\s*+>)
        | \?(?P<instruction>{NAME}(?s:.*?)\?>)
        | (?P<open_end>/\s*+\$?+[^\W\d])
        | (?P<broken>
            /\s*+[>$] | !(?:--|\[|[^\W\d]) | \?[^\W\d] | [ \t]++/?+[ \t]*+(?:\$|[^\W\d])
          )
    )
    """,
    re.VERBOSE,
)
# A known name in ASCII or full-width signs; like those of the other tags, it may be two words.
_FULL_WIDTH_TAG = re.compile(
    r"[<＜][/／]?+\s*+(\$?+[^\W\d][\w.:$\-＿－]*+)"
    r"(?:[ \t\u3000]++([0-9０-９]{1,4}|[a-zａ-ｚ]{4})(?!\w))?+\s*+[/／]?+[>＞]",
    re.IGNORECASE,
)
_FULL_WIDTH_SIGN = re.compile("[＜＞／]")
_ATTRIBUTE_NAME = re.compile(rf"\s++({NAME})\s*+=\s*+")
_VALUE = re.compile(r""""[^"<]*+"|'[^'<]*+'""")

# The groups of the expression that finds them; plain strings, as an enum's members are slow to get.
Kind = Literal["start", "end", "comment", "cdata", "instruction"]
_SECTIONS: dict[str | None, Kind] = {
    "comment": "comment",
    "cdata": "cdata",
    "instruction": "instruction",
    "declaration": "instruction",
}


class Markup(NamedTuple):
    """Hold one piece of markup: where it is, and for tags the name and whether it is empty."""

    kind: Kind
    start: int
    end: int
    name: str = ""
    is_empty: bool = False


class _AsciiTag(NamedTuple):
    """Hold a tag that was written in full-width signs, and what to tell about it."""

    tag: str
    values: dict[str, str]


def scan(source: Source) -> Iterator[Markup]:
    """Yield the markup in order; what lies between two pieces is text.

    Raises PromptError (E2xx, E307, E401; E107 and E402 in attributes) at the first piece that is
    neither well formed nor sure to be mended.
    """
    _make_tags_ascii(source)
    elements = 0
    names_in_text: set[str] = set()
    has_elements: bool | None = None
    for match in _MARKUP.finditer(source.text):
        group = match.lastgroup
        if group == "bare":
            name = match["bare"]
            if name in names_in_text:
                continue
            if broken_tags.is_text(source, name):
                if len(names_in_text) < _NAMES_LOOKED_UP and (near := nearest(name)):
                    values = {"tag": quote(f"<{name}"), "nearest": f"<{near}>"}
                    source.warn(Code.TAG_AS_TEXT, match.start(), **values)
                names_in_text.add(name)
                continue
        elif group == "open_end":
            if has_elements is None:
                has_elements = broken_tags.has_elements(source)
            if not has_elements:
                continue
        elif group == "text":
            continue
        markup = _read(source, match)
        if markup is None:
            continue
        if markup.kind == "start":
            elements += 1
            if elements > MAX_ELEMENTS:
                raise source.error(Code.TOO_MANY_ELEMENTS, markup.start, limit=MAX_ELEMENTS)
        yield markup


def _read(source: Source, match: re.Match[str]) -> Markup | None:
    """Tell what was found, and mend it where it has to be; None where it is text."""
    start, end = match.span()
    group = match.lastgroup
    if group == "start":
        name, attributes, empty = match.group("bare", "attributes", "empty")
        if ":" in name and name.lower().startswith(LORA):
            raise source.error(Code.LORA_TAG, start, tag=quote(match[0]))
        if attributes:
            _check_attributes(source, match)
        return Markup("start", start, end, name, empty != "")
    if group == "end":
        return Markup("end", start, end, match["end_name"])
    if group in ("bare", "open_end", "broken"):
        # Neither what is mended nor what is text reaches over the next `<`: the walk goes on.
        mended = broken_tags.mend(source, start)
        return None if mended is None else Markup(mended[0], start, *mended[1:])
    if group == "declaration":
        broken_tags.mend_declaration(source, start, end)
    return Markup(_SECTIONS[group], start, end)


def _make_tags_ascii(source: Source) -> None:
    """Write tags in full-width signs in ASCII, sign for sign, so that no place changes."""
    if not _FULL_WIDTH_SIGN.search(source.text):
        return

    meanings: dict[str, _AsciiTag | None] = {}

    def written_in_ascii(match: re.Match[str]) -> str:
        tag = match[0]
        if tag not in meanings:
            meanings[tag] = _ascii_tag(match)
        meant = meanings[tag]
        if meant is None:
            return tag
        source.warn(Code.FULL_WIDTH_TAG, match.start(), **meant.values)
        return meant.tag

    source.text = _FULL_WIDTH_TAG.sub(written_in_ascii, source.text)


def _ascii_tag(match: re.Match[str]) -> _AsciiTag | None:
    """Give the tag of a known element in ASCII; None for others and those that are ASCII."""
    tag, name, second = match.group(0, 1, 2)
    if not is_known(f"{name}_{second}" if second else name) or not _FULL_WIDTH_SIGN.search(tag):
        return None
    ascii_tag = tag.translate(TO_ASCII)
    return _AsciiTag(ascii_tag, {"found": quote(tag), "read": quote(ascii_tag)})


def _check_attributes(source: Source, tag: re.Match[str]) -> None:
    """Refuse an attribute that comes twice, and references that are refused in text."""
    start, end = tag.span("attributes")
    name = quote(f"<{tag['bare']}>")
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
