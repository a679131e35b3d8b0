"""A member's prompt as text: line ends, sizes, places, and what is found and changed in it.

- A `str` is taken as decoded; whatever encoding its XML declaration names is ignored, as it no
  longer says anything about it. Bytes are decoded by the rules of `decoding`.
- `Source.text` has no leading byte order mark and only LF as line end; as both CRLF and CR become
  one LF, its lines and columns are those of the file.
- A repair is a replacement that is noted with its place and comes with a warning; `Source.repaired`
  puts all of them into the text. Only the signs of full-width tags are replaced in `text` itself,
  one for one.
"""

import re
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter

from newbie_pipeline.prompt.decoding import (
    Decoded,
    Undecodable,
    UnknownEncoding,
    decode,
    name_of,
)
from newbie_pipeline.prompt.errors import Code, PromptError, PromptWarning, quote
from newbie_pipeline.prompt.file_kinds import (
    A_BINARY_FILE,
    has_controls,
    kind_of_binary,
    kind_of_document,
)

MAX_BYTES = 65_536
MAX_REPAIRS = 256
MAX_WARNINGS_OF_A_CODE = 8

BYTE_ORDER_MARK = "\ufeff"

# Control characters of both sets but tab and line feed, halves of surrogate pairs, and the two
# code points that are no characters: what XML 1.0 forbids or advises against.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# All white space of Unicode lies below U+3001. A mark counts as blank: left at the start of a text
# it would be taken for an encoding mark the next time.
_BLANK = BYTE_ORDER_MARK + "".join(filter(str.isspace, map(chr, range(0x3001))))

_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Zs"}


Finder = Callable[[str], frozenset[str]]


@dataclass(slots=True)
class Edit:
    """Hold what stands between two offsets after a repair; it inserts where they are equal."""

    start: int
    end: int
    text: str


class Source:
    """Hold the decoded text, tell the place of an offset in it, collect warnings and repairs."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._warnings: list[PromptWarning] = []
        self._counts: dict[Code, int] = {}
        self._edits: list[Edit] = []
        self._edits_by_start: dict[int, Edit] = {}
        self._line_starts: list[int] = []
        self._found: dict[Finder, frozenset[str]] = {}

    def place(self, offset: int) -> tuple[int, int]:
        """Give the line and column of an offset, both from 1."""
        if not self._line_starts:
            lengths = (len(line) + 1 for line in self.text.split("\n"))
            self._line_starts = [0, *accumulate(lengths)]
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def error(self, code: Code, offset: int, **values: str | int) -> PromptError:
        """Build the refusal for what stands at this offset."""
        line, column = self.place(offset)
        return PromptError(code, line=line, column=column, **values)

    def warn(self, code: Code, offset: int | None, **values: str | int) -> None:
        """Note a warning; of one code only the first few are kept, and the others counted."""
        if self._counts.get(code, 0) < MAX_WARNINGS_OF_A_CODE:
            self.warn_at(code, (None, None) if offset is None else self.place(offset), **values)
        else:
            self._counts[code] += 1

    def warn_at(
        self, code: Code, place: tuple[int | None, int | None], **values: str | int
    ) -> None:
        """Note a warning for a line and column."""
        count = self._counts[code] = self._counts.get(code, 0) + 1
        if count <= MAX_WARNINGS_OF_A_CODE:
            self._warnings.append(PromptWarning(code, *place, values))

    def replace(self, start: int, end: int, text: str) -> Edit:
        """Note that a part of the text is to be replaced; a tag that was mended is replaced again.

        The text of the repair can change yet. Raises PromptError: TOO_MANY_REPAIRS.
        """
        if end > start and (before := self._edits_by_start.get(start)) is not None:
            before.text = text
            return before
        edit = Edit(start, end, text)
        self._edits.append(edit)
        if len(self._edits) > MAX_REPAIRS:
            raise self.error(Code.TOO_MANY_REPAIRS, start, limit=MAX_REPAIRS)
        if end > start:
            self._edits_by_start[start] = edit
        return edit

    def repair_at(self, start: int) -> Edit | None:
        """Give the repair that replaces what stands at this offset."""
        return self._edits_by_start.get(start)

    def search(self, find: Finder) -> frozenset[str]:
        """Give what is found in the text, which is searched once."""
        if find not in self._found:
            self._found[find] = find(self.text)
        return self._found[find]

    @property
    def warnings(self) -> tuple[PromptWarning, ...]:
        """All warnings in the order of their places, those that were only counted last."""
        found = sorted(self._warnings, key=lambda each: (each.line or 0, each.column or 0))
        for code, count in self._counts.items():
            if count > MAX_WARNINGS_OF_A_CODE:
                values = {"code": code.value, "count": count - MAX_WARNINGS_OF_A_CODE}
                found.append(PromptWarning(Code.MORE_OF_THESE, values=values))
        return tuple(found)

    @property
    def repaired(self) -> str:
        """The text with all replacements in it."""
        if not self._edits:
            return self.text
        pieces, offset = [], 0
        for edit in sorted(self._edits, key=attrgetter("start", "end")):
            pieces += [self.text[offset : edit.start], edit.text]
            offset = edit.end
        return "".join((*pieces, self.text[offset:]))


def read(data: bytes | str, max_bytes: int | None) -> Source:
    """Decode a prompt and check everything that does not depend on markup.

    Raises PromptError: TOO_LARGE, BINARY, UNDECODABLE, UNKNOWN_ENCODING, CONTROL_CHARACTER.
    """
    decoded = None
    if isinstance(data, bytes):
        if max_bytes is not None and len(data) > max_bytes and (kind := kind_of_binary(data)):
            # A picture that was sent by mistake is not helped by making it smaller.
            raise PromptError(Code.BINARY, kind=kind)
        _check_size(len(data), max_bytes)
        decoded = _decode(data)
        data = decoded.text
    # In UTF-8, too, so that a prompt which passed once passes again however it is stored.
    _check_size(len(data.encode("utf-8", "surrogatepass")), max_bytes)
    source = Source(_with_line_feeds(data))
    if forbidden := _FORBIDDEN.search(source.text):
        name = f"U+{ord(forbidden[0]):04X}"
        raise source.error(Code.CONTROL_CHARACTER, forbidden.start(), character=name)
    if decoded is not None:
        _warn_of_encoding(source, decoded)
    return source


def is_allowed(code_point: int) -> bool:
    """Tell whether a prompt may hold the character with this code point."""
    return (
        0x20 <= code_point < 0x7F
        or 0xA0 <= code_point < 0xD800
        or 0xE000 <= code_point < 0xFFFE
        or 0x10000 <= code_point <= sys.maxunicode
        or code_point in (0x9, 0xA, 0xD)
    )


def is_visible(fragment: str) -> bool:
    """Tell whether the fragment holds anything but spaces and invisible format characters."""
    rest = fragment.strip()
    return bool(rest) and any(unicodedata.category(each) not in _INVISIBLE for each in rest)


def without_blank_edges(text: str) -> str:
    """Drop the blank lines before the first and after the last line that has something on it."""
    text = text.lstrip(BYTE_ORDER_MARK)
    indent = len(text) - len(text.lstrip(_BLANK))
    text = text[text.rfind("\n", 0, indent) + 1 :].lstrip(BYTE_ORDER_MARK)
    line_end = text.find("\n", len(text.rstrip(_BLANK)))
    return text if line_end < 0 else text[:line_end]


def blank_stripped(text: str) -> str:
    """Drop all blanks and marks at both ends."""
    # The method is much faster without an argument, and marks are rare.
    text = text.strip()
    return text.strip(_BLANK) if BYTE_ORDER_MARK in text else text


def _check_size(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise PromptError(Code.TOO_LARGE, size=size, limit=limit)


def _with_line_feeds(text: str) -> str:
    return text.lstrip(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")


def _decode(data: bytes) -> Decoded:
    if kind := kind_of_document(data):
        raise PromptError(Code.BINARY, kind=kind)
    try:
        decoded = decode(data)
    except UnknownEncoding as error:
        head = Source(_with_line_feeds(error.before.decode("ascii", "replace")))
        name = quote(error.name)
        raise head.error(Code.UNKNOWN_ENCODING, len(head.text), encoding=name) from error
    except Undecodable as error:
        is_marked = error.encoding.startswith(("utf-16", "utf-32"))
        if not is_marked and has_controls(data):
            kind = kind_of_binary(data) or A_BINARY_FILE
            raise PromptError(Code.BINARY, kind=kind) from error
        head = Source(_with_line_feeds(error.before.decode(error.encoding, "replace")))
        values = {"byte": f"0x{error.byte:02X}", "encoding": name_of(error.encoding)}
        raise head.error(Code.UNDECODABLE, len(head.text), **values) from error
    if "\x00" in decoded.text:
        raise PromptError(Code.BINARY, kind=kind_of_binary(data) or A_BINARY_FILE)
    return decoded


def _warn_of_encoding(source: Source, decoded: Decoded) -> None:
    encoding = name_of(decoded.encoding)
    if decoded.declared:
        declared = quote(decoded.declared)
        source.warn(Code.DECLARATION_WRONG, 0, declared=declared, encoding=encoding)
    if decoded.other:
        other = name_of(decoded.other)
        source.warn(Code.ENCODING_AMBIGUOUS, None, encoding=encoding, other=other)
    elif decoded.is_guess and not decoded.declared:
        source.warn(Code.ENCODING_GUESSED, None, encoding=encoding)
