"""The texts in a prompt that words are looked for in: each with where it stands in the prompt.

- Markup is taken off: elements that the language knows end a tag, all others, comments and the
  marks of CDATA sections are a sign inside of a word at most, as they are easily put there. What
  stands in comments, attributes and the names of unknown elements is a text of its own. Names of
  known elements are our language's and no member's words.
- A prompt with escapes (`&#108;`, `&amp;#108;`, `%6C`) is read twice: as it stands, and with
  everything decoded that somebody could decode. The model is shown the former; who writes the
  latter means something by it.
- A weight (`(tag:1.2)`) is no part of the text: `(lo:1.2)(li:1.2)` is one word to the model.
- Any text can be read, not only well-formed prompts; time is linear.
"""

import html
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from newbie_pipeline.prompt.schema import UNKNOWN, meaning_of

# What stands for markup in a text: a sign inside of a word, and the end of a tag.
_INSIDE = "-"
_END = "\n"

MOST_DECODINGS = 3

_ESCAPE = re.compile(
    r"""
    &(?:\#[0-9]{1,8}|\#[xX][0-9a-fA-F]{1,8}|[a-zA-Z][a-zA-Z0-9]{1,31});?
    | \\u\{[0-9a-fA-F]{1,6}\} | [\\%]u[0-9a-fA-F]{4} | \\x[0-9a-fA-F]{2} | \\U[0-9a-fA-F]{8}
    | [uU]\+[0-9a-fA-F]{4,6}
    | (?:%[0-9a-fA-F]{2})+
    """,
    re.VERBOSE,
)
_HEX = re.compile(r"[0-9a-fA-F]+")
_TAG = re.compile(r"</?+\s*+([^\s<>/=!?\"']++)([^<>]*+)>")
_WEIGHT = re.compile(r":\s*+[+-]?+(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)\s*+(?=\))")
_SECTIONS = (("<!--", "-->"), ("<?", "?>"))


class Segment(NamedTuple):
    """Hold a text and the offsets of its characters in the prompt."""

    text: str
    offsets: Sequence[int]


def segments(prompt: str) -> Iterator[Segment]:
    """Give the texts in a prompt, the one without markup first."""
    yield from _split(prompt, range(len(prompt)))
    text, offsets = _decoded(prompt, range(len(prompt)))
    if text != prompt:
        yield from _split(text, offsets)


def _split(text: str, offsets: Sequence[int]) -> Iterator[Segment]:
    if "<" not in text and ":" not in text:
        yield Segment(text, offsets)
        return
    main: list[str] = []
    places: list[int] = []
    inner: list[tuple[int, int]] = []

    def take(start: int, end: int) -> None:
        """Add a text without the numbers of its weights."""
        for weight in _WEIGHT.finditer(text, start, end):
            main.append(text[start : weight.start()])
            places.extend(offsets[start : weight.start()])
            start = weight.end()
        main.append(text[start:end])
        places.extend(offsets[start:end])

    done = 0
    for start, end, sign, hidden in _markup(text):
        take(done, start)
        main.append(sign)
        places.append(offsets[start])
        inner += hidden
        done = end
    take(done, len(text))
    yield Segment("".join(main), places)
    for start, end in inner:
        yield Segment(text[start:end], offsets[start:end])


def _markup(text: str) -> Iterator[tuple[int, int, str, list[tuple[int, int]]]]:
    """Find markup: its start and end, what stands for it, and the texts inside of it."""
    unfinished: set[str] = set()
    at = text.find("<")
    while at >= 0:
        end = at + 1
        if text.startswith("<![CDATA[", at):
            # The section's text is text; its end mark is found like one that stands alone.
            end = at + len("<![CDATA[")
            yield at, end, _INSIDE, []
        elif section := _section(text, at, unfinished):
            begins, ends, end = section
            yield at, end, _INSIDE, [(begins, ends)]
        elif tag := _TAG.match(text, at):
            end = tag.end()
            is_known = meaning_of(tag[1]) != UNKNOWN
            hidden = [tag.span(2)] if is_known else [tag.span(1), tag.span(2)]
            filled = [span for span in hidden if text[slice(*span)].strip("/ ")]
            yield at, end, _END if is_known else _INSIDE, filled
        at = text.find("<", end)


def _section(text: str, at: int, unfinished: set[str]) -> tuple[int, int, int] | None:
    """Find a comment or an instruction: where its text begins and ends, and where it ends."""
    for opening, closing in _SECTIONS:
        if text.startswith(opening, at) and opening not in unfinished:
            begins = at + len(opening)
            ends = text.find(closing, begins)
            if ends >= 0:
                return begins, ends, ends + len(closing)
            # No later one is finished either; looking again would take quadratic time.
            unfinished.add(opening)
    return None


def _decoded(text: str, offsets: Sequence[int]) -> tuple[str, Sequence[int]]:
    """Replace escapes by what they stand for, also escapes of escapes."""
    for _ in range(MOST_DECODINGS):
        pieces: list[str] = []
        places: list[int] = []
        done = 0
        for escape in _ESCAPE.finditer(text):
            pieces += (text[done : escape.start()], character := _meaning(escape[0]))
            places += offsets[done : escape.start()]
            places += [offsets[escape.start()]] * len(character)
            done = escape.end()
        if not done:
            break
        text = "".join(pieces) + text[done:]
        offsets = [*places, *offsets[done:]]
    return text, offsets


def _meaning(escape: str) -> str:
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[0] == "%" and escape[1] != "u":
        return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "replace")
    digits = _HEX.search(escape, 2)
    code = int(digits[0], 16) if digits else 0xFFFD
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd"
