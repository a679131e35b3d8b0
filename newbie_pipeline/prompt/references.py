"""Character references: `&lt;` and `&#65;` are read, every other entity is refused.

Nothing is ever expanded into more than one character.
"""

import re

from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.source import Source, is_allowed

# Few digits are most of what is written, and quickly read.
_REFERENCE = re.compile(
    r"&(?:\#([0-9]{1,7}+)|\#(?:[0-9]++|x[0-9a-fA-F]++)|\$?+[^\W\d][\w.:$\-]*+);"
)
_NAMED = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&apos;": "'"}


def check_references(source: Source, start: int, end: int) -> None:
    """Raise PromptError (E107, E402) where a reference stands for no single character."""
    decode_text(source, start, end)


def decode_text(source: Source, start: int, end: int) -> str:
    """Give a part of the text with its references replaced by what they stand for.

    Raises PromptError (E107, E402).
    """
    raw = source.text[start:end]
    if "&" not in raw:
        return raw
    known = dict(_NAMED)

    def character(match: re.Match[str]) -> str:
        if match[1] and is_allowed(code_point := int(match[1])) and code_point != 0xD:
            return chr(code_point)
        reference = match[0]
        found = known.get(reference)
        if found is None:
            found = known[reference] = _numbered(source, start + match.start(), reference)
        return found

    return _REFERENCE.sub(character, raw)


def _numbered(source: Source, offset: int, reference: str) -> str:
    """Give the character for "&#65;" or "&#x41;"."""
    if reference[1] != "#":
        raise source.error(Code.ENTITY, offset, reference=quote(reference))
    digits, base = (reference[3:-1], 16) if reference[2] == "x" else (reference[2:-1], 10)
    # Converting thousands of digits is slow, and eight are more than any character has.
    if len(digits) > 8:
        digits = digits.lstrip("0") or "0"
    code_point = int(digits, base) if len(digits) <= 8 else -1
    if code_point < 0 or not is_allowed(code_point):
        raise source.error(Code.BAD_CHARACTER_REFERENCE, offset, reference=quote(reference))
    return "\n" if code_point == 0xD else chr(code_point)
