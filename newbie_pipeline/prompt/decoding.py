"""From a file's bytes to text: which encoding it is in, and which files are no text at all.

The first of these rules that fits decides:

1. A byte order mark, or UTF-16 that shows in where the zero bytes are.
2. The encoding that the XML declaration names, where the bytes can be in it. A file that is valid
   UTF-8 and has a character of three bytes or more is UTF-8 whatever the declaration says: text of
   another encoding does not look like that by chance, and editors often change one without the
   other.
3. UTF-8.
4. GBK or Shift-JIS, whichever gives a text that people write: of the characters beyond ASCII the
   share is counted that are common ones of that encoding (Chinese of GB 2312's first level, or
   kana and JIS's first level). A share under one half is no text. Where both shares are within
   `_CLOSE` of each other, GBK is chosen, as most prompts in such files are Chinese.

What is not plain is told by a warning: rule 1 without a mark and rule 4 guess, rule 2 may correct
the declaration. Everything else is refused: a wrong guess would draw a picture of mojibake.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

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

# UTF-8's characters of three and four bytes, in text that is known to be valid UTF-8.
_LONG_CHARACTER = re.compile(rb"[\xe0-\xf4]")
_CLOSE = 0.2

_SHOWN_NAMES = {"gb18030": "GBK", "cp932": "Shift-JIS", "utf-8": "UTF-8"}


class Undecodable(Exception):
    """The bytes are not what they have to be; `code` and `values` are those of the refusal."""

    def __init__(self, encoding: str, before: bytes, byte: int) -> None:
        super().__init__(encoding)
        self.encoding = encoding
        self.before = before
        self.byte = byte


class UnknownEncoding(Exception):
    """The declaration names an encoding that is not known here."""

    def __init__(self, name: str, before: bytes) -> None:
        super().__init__(name)
        self.name = name
        self.before = before


class Decoded(NamedTuple):
    """Hold the text, its encoding, and what there is to warn about."""

    text: str
    encoding: str
    is_guess: bool = False
    other: str = ""
    declared: str = ""


def decode(data: bytes) -> Decoded:
    """Find out the encoding and decode.

    Raises Undecodable where nothing fits, and UnknownEncoding.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _strictly(data[0 if b"<" in mark else len(mark) :], encoding)
    unmarked = _unmarked_utf16(data)
    if unmarked is not None and (text := _attempt(data, unmarked)) is not None:
        return Decoded(text, unmarked, is_guess=True)
    declaration = _DECLARATION.match(data)
    if declaration is None:
        return _undeclared(data)
    declared = declaration[1].decode("ascii")
    if (codec := _DECLARED.get(declared.lower())) is None:
        raise UnknownEncoding(declared, data[: declaration.start(1)])
    return _declared(data, declared, codec)


def name_of(encoding: str) -> str:
    """Give an encoding's name as people know it."""
    return _SHOWN_NAMES.get(encoding, encoding.upper().removesuffix("-LE").removesuffix("-BE"))


def file_kind(data: bytes) -> str | None:
    """Tell what kind of binary file begins like this."""
    return next((kind for magic, kind in _FILE_KINDS if data.startswith(magic)), None)


def _declared(data: bytes, declared: str, codec: str) -> Decoded:
    as_utf8 = _attempt(data, "utf-8")
    if as_utf8 is not None and (codec == "utf-8" or _LONG_CHARACTER.search(data)):
        is_wrong = codec != "utf-8" or declared.lower() == "utf-16"
        return Decoded(as_utf8, "utf-8", declared=declared if is_wrong else "")
    if (text := _attempt(data, codec)) is not None:
        return Decoded(text, codec)
    if as_utf8 is not None:
        return Decoded(as_utf8, "utf-8", declared=declared)
    if (guess := _guess(data)) is None:
        return _strictly(data, codec)
    return guess._replace(declared=declared)


def _undeclared(data: bytes) -> Decoded:
    if (text := _attempt(data, "utf-8")) is not None:
        return Decoded(text, "utf-8")
    return _guess(data) or _strictly(data, "utf-8")


def _strictly(data: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(data.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        raise Undecodable(encoding, data[: error.start], data[error.start]) from error


def _attempt(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _unmarked_utf16(data: bytes) -> str | None:
    """Recognise UTF-16 by its zero bytes, which all lie on one side of the pairs."""
    zeros = data.count(0)
    if len(data) % 2 or zeros * 8 < len(data) or file_kind(data):
        return None
    if data[1::2].count(0) == zeros:
        return "utf-16-le"
    return "utf-16-be" if data[::2].count(0) == zeros else None


def _guess(data: bytes) -> Decoded | None:
    """Choose between GBK and Shift-JIS by which of them gives a text that people write."""
    if b"\x00" in data or file_kind(data):
        return None
    shares = sorted(_shares(data), key=lambda row: row[0], reverse=True)
    if not shares or shares[0][0] < 0.5:
        return None
    if len(shares) == 1 or shares[0][0] - shares[1][0] >= _CLOSE:
        return Decoded(shares[0][2], shares[0][1], is_guess=True)
    chosen, other = sorted(shares, key=lambda row: row[1] != "gb18030")
    return Decoded(chosen[2], chosen[1], is_guess=True, other=other[1])


def _shares(data: bytes) -> Iterator[tuple[float, str, str]]:
    """Give for each encoding that fits the share of common characters, its name, and the text."""
    for encoding, narrow in (("gb18030", "gb2312"), ("cp932", "shift_jis")):
        text = _attempt(data, encoding)
        if text is None:
            continue
        counts = Counter(text)
        foreign = {sign: count for sign, count in counts.items() if sign > "\x7f"}
        common = sum(count for sign, count in foreign.items() if _is_common(sign, narrow))
        yield common / max(1, sum(foreign.values())), encoding, text


def _is_common(character: str, narrow: str) -> bool:
    """Tell whether a character is of the part of an encoding that ordinary text is made of.

    GB 2312: signs and full-width letters, first-level hanzi (rows 16 to 55). JIS X 0208: signs and
    kana, first-level kanji (rows 16 to 47). Half-width katakana are what Chinese looks like when
    it is read as Shift-JIS, and never count.
    """
    try:
        code = character.encode(narrow)
    except UnicodeEncodeError:
        return False
    if len(code) != 2:
        return False
    if narrow == "gb2312":
        return 0xB0 <= code[0] <= 0xD7 or code[0] in (0xA1, 0xA3)
    return 0x88 <= code[0] <= 0x97 or code[0] in (0x81, 0x82, 0x83)
