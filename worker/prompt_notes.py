"""What a posted picture says about its prompt: what was added to it, and what was cut off.

- Text of a member or of the language model stands in code blocks only. It has no backtick, no line
  end and no character that turns the writing direction, so nothing of it can close the block, start
  a line of its own, mention anyone or format anything.
- Lengths are counted in UTF-16 units, which is never less than Discord counts, and stay below its
  limits: 4,096 for a description, 1,024 for a field's value, 6,000 for an embed with all its parts.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.models import RenderRequest
from jobs.wording import say
from newbie_pipeline.prompt.assist import Addition, Assisted, AssistMode, AssistNote
from newbie_pipeline.render import Truncation

BLOCK_UNITS = 2_800
ADDITION_UNITS = 500
PLACE_UNITS = 80
CUT_UNITS = 400
# Marks that turn the direction of what follows: a line could seem to begin elsewhere.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REMOVED_CATEGORIES = ("Cc", "Cs")


@dataclass(frozen=True)
class AssistText:
    """What was done to a prompt, in words; `is_whole` tells whether they show all of it."""

    text: str
    is_whole: bool


def drawn_prompt(request: RenderRequest, assisted: Assisted | None) -> str:
    """Give the text that the model was shown."""
    return request.prompt if assisted is None else assisted.prompt


def assist_text(
    request: RenderRequest, assisted: Assisted | None, filename: str, locale: str
) -> AssistText | None:
    """Say what the language model did; None where it was not asked.

    `filename` is the file with the whole prompt, which is named where the words do not show all.
    """
    if request.assist is AssistMode.OFF:
        return None
    # A renderer that says nothing about it cannot help.
    assisted = assisted or Assisted(request.prompt, note=AssistNote.UNAVAILABLE)
    changed = assisted.prompt != request.prompt
    if not changed and not assisted.additions:
        note = assisted.note or AssistNote.NOTHING_TO_ADD
        return AssistText(say(_note(request.assist, note), locale), is_whole=True)
    block, left_out, is_shortened = _diff(assisted.additions)
    lines = [say(_heading(request.assist, bool(block)), locale)]
    if block:
        lines.append(block)
    if left_out:
        lines.append(say("assist.more", locale, count=left_out))
    # Additions do not show how tags and sentences were put into elements.
    shows_all = bool(block) and request.assist is not AssistMode.STRUCTURE
    is_whole = shows_all and not left_out and not is_shortened
    if not is_whole:
        lines.append(say("assist.file", locale, file=f"`{filename}`"))
    return AssistText("\n".join(lines), is_whole)


def cut_text(truncation: Truncation, locale: str) -> str:
    """Say that a prompt was cut, and where."""
    text = say("prompt.cut", locale, tokens=truncation.tokens, limit=truncation.limit)
    rest = shorten(plain(truncation.cut), CUT_UNITS)
    if not rest:
        return text
    return f"{text}\n{say('prompt.cut.rest', locale)}\n```\n{rest}\n```"


def plain(text: str) -> str:
    """Write foreign text on one line and without what could leave a code block."""
    kept = (
        each
        for each in text.replace("`", "ˋ")
        if each.isspace()
        or (unicodedata.category(each) not in _REMOVED_CATEGORIES and each not in _DIRECTION)
    )
    return " ".join("".join(kept).split())


def shorten(text: str, units: int) -> str:
    """Cut a text to so many UTF-16 units; a cut one ends in an ellipsis."""
    if _units(text) <= units:
        return text
    left = units - 1
    for index, each in enumerate(text):
        left -= _units(each)
        if left < 0:
            return text[:index] + "…"
    return text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _note(mode: AssistMode, note: AssistNote) -> str:
    """Choose the sentence; where there was nothing to add it says what the mode works on."""
    key = f"assist.note.{note.value}"
    return f"{key}.{mode.value}" if note is AssistNote.NOTHING_TO_ADD else key


def _heading(mode: AssistMode, has_additions: bool) -> str:
    if mode is not AssistMode.STRUCTURE:
        return "assist.added"
    return "assist.structured.added" if has_additions else "assist.structured"


def _diff(additions: Sequence[Addition]) -> tuple[str, int, bool]:
    """Give the block with marked lines, how many additions it lacks, and whether it cuts any."""
    lines: list[str] = []
    left, is_shortened = BLOCK_UNITS, False
    for each in additions:
        place, text = plain(each.place), plain(each.text)
        line = f"+ {shorten(place, PLACE_UNITS)}: {shorten(text, ADDITION_UNITS)}"
        left -= _units(line) + 1
        if left < 0:
            break
        is_shortened |= _units(place) > PLACE_UNITS or _units(text) > ADDITION_UNITS
        lines.append(line)
    block = "\n".join(("```diff", *lines, "```")) if lines else ""
    return block, len(additions) - len(lines), is_shortened
