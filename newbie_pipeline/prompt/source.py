"""From a member's bytes to text: encodings, line ends, binary files, sizes and places.

- Text in, text out: a `str` is taken as decoded; whatever encoding its XML declaration names is
  ignored, as it no longer says anything about it.
- Bytes: a byte order mark wins, then the XML declaration, then UTF-8. Nothing is guessed: a wrong
  guess would draw a picture of mojibake.
- `Source.text` has no leading byte order mark and only LF as line end; as both CRLF and CR become
  one LF, its lines and columns are those of the file.
"""

import re
import sys
import unicodedata
from dataclasses import dataclass

from newbie_pipeline.prompt.errors import Code, PromptError, quote

MAX_BYTES = 65_536

BYTE_ORDER_MARK = "\ufeff"

# Longest first: UTF-32 little-endian begins like UTF-16 little-endian.
_BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    # XML 1.0, appendix F: UTF-16 without a mark shows in how "<?" is stored.
    (b"<\x00?\x00", "utf-16-le"),
    (b"\x00<\x00?", "utf-16-be"),
)

# The names that declarations use, and the codec that reads them. Where an encoding has a superset
# that files really contain under the smaller name, the superset reads them (as browsers do). A
# declaration that could be read as ASCII is not UTF-16: some tools write it into UTF-8 files.
_DECLARED = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
    "cp936": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "cp932": "cp932",
    "euc-jp": "euc_jp",
    "euc-kr": "cp949",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "iso-8859-2": "iso8859-2",
    "iso-8859-15": "iso8859-15",
    "koi8-r": "koi8-r",
}

_DECLARATION = re.compile(
    rb"""\s*<\?xml(?=\s)[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z0-9._:\-]{1,200})["']"""
)

_FILE_KINDS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a WebP picture or another RIFF file"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF-", "a PDF document"),
)

# Control characters of both sets but tab and line feed, halves of surrogate pairs, and the two
# code points that are no characters: what XML 1.0 forbids or advises against.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# All white space of Unicode lies below U+3001. A mark counts as blank: left at the start of a text
# it would be taken for an encoding mark the next time.
_BLANK = BYTE_ORDER_MARK + "".join(filter(str.isspace, map(chr, range(0x3001))))

_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Zs"}


@dataclass(frozen=True)
class Source:
    """Hold the decoded text and tell the place of an offset in it."""

    text: str

    def error(self, code: Code, offset: int, **values: str | int) -> PromptError:
        """Build the refusal for what stands at this offset."""
        line = self.text.count("\n", 0, offset) + 1
        column = offset - self.text.rfind("\n", 0, offset)
        return PromptError(code, line=line, column=column, **values)


def read(data: bytes | str) -> Source:
    """Decode a prompt and check everything that does not depend on markup.

    Raises PromptError: TOO_LARGE, BINARY, UNDECODABLE, UNKNOWN_ENCODING, CONTROL_CHARACTER.
    """
    if isinstance(data, bytes):
        _check_size(len(data))
        data = _decode(data)
    # In UTF-8, too, so that a prompt which passed once passes again however it is stored.
    _check_size(len(data.encode("utf-8", "surrogatepass")))
    text = data.lstrip(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")
    source = Source(text)
    if forbidden := _FORBIDDEN.search(text):
        name = f"U+{ord(forbidden[0]):04X}"
        raise source.error(Code.CONTROL_CHARACTER, forbidden.start(), character=name)
    return source


def is_allowed(code_point: int) -> bool:
    """Tell whether a prompt may hold the character with this code point."""
    if 0x20 <= code_point < 0x7F or code_point == 0xD:
        return True
    return code_point <= sys.maxunicode and not _FORBIDDEN.match(chr(code_point))


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


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise PromptError(Code.TOO_LARGE, size=size, limit=MAX_BYTES)


def _decode(data: bytes) -> str:
    encoding, mark_length = _encoding_of(data)
    body = data[mark_length:]
    if not encoding.startswith(("utf-16", "utf-32")) and b"\x00" in body:
        raise PromptError(Code.BINARY, kind=_file_kind(data) or "a binary file")
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        if kind := _file_kind(data):
            raise PromptError(Code.BINARY, kind=kind) from error
        before = body[: error.start].decode(encoding, "replace")
        before = before.replace("\r\n", "\n").replace("\r", "\n")
        raise Source(before).error(
            Code.UNDECODABLE,
            len(before),
            byte=f"0x{body[error.start]:02X}",
            encoding=encoding.upper().removesuffix("-LE").removesuffix("-BE"),
        ) from error


def _encoding_of(data: bytes) -> tuple[str, int]:
    """Give the codec's name and the length of the byte order mark before the text."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding, 0 if b"<" in mark else len(mark)
    declaration = _DECLARATION.match(data)
    if declaration is None:
        return "utf-8", 0
    declared = declaration[1].decode("ascii")
    if (codec := _DECLARED.get(declared.lower())) is None:
        head = data[: declaration.start(1)].decode("ascii", "replace")
        head = head.replace("\r\n", "\n").replace("\r", "\n")
        raise Source(head).error(Code.UNKNOWN_ENCODING, len(head), encoding=quote(declared))
    return codec, 0


def _file_kind(data: bytes) -> str | None:
    return next((kind for magic, kind in _FILE_KINDS if data.startswith(magic)), None)
