"""Decide whether a text is a prompt, and give it as the model is shown it.

- The model was trained on the XML text itself, so a prompt is never rewritten: `check_prompt` gives
  the member's text without byte order mark, with LF line ends and without blank lines around it,
  and nothing else is changed. Giving it the result again gives the same text.
- Plain tags and sentences are prompts; they are XML without elements.
- Every refusal is a `PromptError` with the place in the member's own text.
- Time is linear in the length of the text.
"""

import re
from functools import lru_cache

from newbie_pipeline.prompt.errors import Code, PromptError, quote
from newbie_pipeline.prompt.scan import Markup, referenced_character, scan
from newbie_pipeline.prompt.source import (
    MAX_BYTES,
    Source,
    is_visible,
    read,
    without_blank_edges,
)

__all__ = ["MAX_BYTES", "MAX_CHARACTERS", "MAX_DEPTH", "PromptError", "check_prompt", "is_xml"]

MAX_DEPTH = 8
MAX_CHARACTERS = 16

_CHARACTER = re.compile(r"\$?character(?:_?\d+)?\$?", re.IGNORECASE)


def check_prompt(data: bytes | str) -> str:
    """Give the prompt as the model is shown it, or raise PromptError.

    `data` is a file's bytes (UTF-8, UTF-16 with a byte order mark, or what its XML declaration
    names) or text that is decoded already.
    """
    source = read(data)
    _check_structure(source)
    return without_blank_edges(source.text)


def is_xml(text: str) -> bool:
    """Tell whether a text that `check_prompt` gave has at least one element."""
    return any(markup.kind == "start" for markup in scan(Source(text)))


def _check_structure(source: Source) -> None:
    """Check that elements nest, within the limits, and that there is text in or around them."""
    text = source.text
    open_elements: list[Markup] = []
    characters = 0
    text_from = 0
    has_text = False
    for markup in scan(source):
        if not has_text:
            has_text = is_visible(text[text_from : markup.start]) or _holds_text(text, markup)
            text_from = markup.end
        if markup.kind == "end":
            if not open_elements or open_elements[-1].name != markup.name:
                raise _wrong_end(source, open_elements, markup)
            open_elements.pop()
        elif markup.kind == "start":
            if len(open_elements) == MAX_DEPTH:
                tag = quote(f"<{markup.name}>")
                raise source.error(Code.TOO_DEEP, markup.start, tag=tag, limit=MAX_DEPTH)
            if _is_character(markup.name):
                characters += 1
                if characters > MAX_CHARACTERS:
                    values = {"count": characters, "limit": MAX_CHARACTERS}
                    raise source.error(Code.TOO_MANY_CHARACTERS, markup.start, **values)
            if not markup.is_empty:
                open_elements.append(markup)
    if open_elements:
        raise _never_closed(source, open_elements[-1])
    if not has_text and not is_visible(text[text_from:]):
        raise PromptError(Code.EMPTY)


@lru_cache(maxsize=64)
def _is_character(name: str) -> bool:
    """Tell whether this is a character's element; a prompt repeats a few names many times."""
    return _CHARACTER.fullmatch(name) is not None


def _holds_text(text: str, markup: Markup) -> bool:
    if markup.kind == "cdata":
        return is_visible(text[markup.start + len("<![CDATA[") : markup.end - len("]]>")])
    if markup.kind == "number":
        return is_visible(referenced_character(text[markup.start : markup.end]) or "")
    return False


def _wrong_end(source: Source, open_elements: list[Markup], end_tag: Markup) -> PromptError:
    """Say what is wrong with an end tag that is not the innermost open element's."""
    found = quote(f"</{end_tag.name}>")
    if not open_elements:
        return source.error(Code.CLOSES_NOTHING, end_tag.start, found=found)
    innermost = open_elements[-1]
    if all(element.name != end_tag.name for element in open_elements):
        tag = quote(f"<{innermost.name}>")
        return source.error(Code.WRONG_END, end_tag.start, found=found, tag=tag)
    next_tag = re.compile(rf"[^<]*+</{re.escape(innermost.name)}\s*+>")
    if next_tag.match(source.text, end_tag.end):
        expected = quote(f"</{innermost.name}>")
        return source.error(Code.CROSSED, end_tag.start, found=found, expected=expected)
    return _never_closed(source, innermost)


def _never_closed(source: Source, element: Markup) -> PromptError:
    tag, end = quote(f"<{element.name}>"), quote(f"</{element.name}>")
    return source.error(Code.NEVER_CLOSED, element.start, tag=tag, end=end)
