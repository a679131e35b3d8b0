"""From a file's bytes to text: which encoding it is in, and which files are no text at all.

The first of these rules that fits decides:

1. A byte order mark, or UTF-16 that shows in where the zero bytes are.
2. The encoding that the XML declaration names, where the bytes can be in it. A file that is valid
   UTF-8 and has a character of three bytes or more is UTF-8 whatever the declaration says: text of
   another encoding does not look like that by chance, and editors often change one without the
   other.
3. UTF-8.
4. What `guessing` finds: GBK, Shift-JIS, and where it is beyond doubt Big5, EUC-JP, or UTF-16.

What is not plain is told by a warning: rule 1 without a mark and rule 4 guess, rule 2 may correct
the declaration. Everything else is refused: a wrong guess would draw a picture of mojibake.
"""

import re
from typing import NamedTuple

from newbie_pipeline.prompt.file_kinds import has_controls, kind_of_binary
from newbie_pipeline.prompt.guessing import guess

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
    "utf-16le": "utf-8",
    "utf-16be": "utf-8",
    "unicode": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "x-gbk": "gb18030",
    "euc-cn": "gb18030",
    "gb_2312-80": "gb18030",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "cp950": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "cp932": "cp932",
    "ms932": "cp932",
    "x-sjis": "cp932",
    "euc-jp": "euc_jp",
    "euc-kr": "cp949",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
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

# UTF-8's characters of three and four bytes, in text that is known to be valid UTF-8.
_LONG_CHARACTER = re.compile(rb"[\xe0-\xf4]")
# A declaration with one of these names in a file that can be read as ASCII is wrong, if harmless.
_NOT_ASCII = ("utf-16", "utf-16le", "utf-16be", "unicode")

_SHOWN_NAMES = {
    "gb18030": "GBK",
    "cp932": "Shift-JIS",
    "cp950": "Big5",
    "big5hkscs": "Big5",
    "euc_jp": "EUC-JP",
    "utf-8": "UTF-8",
}


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
    if (unmarked := _unmarked_utf16(data)) is not None:
        return unmarked
    declaration = _DECLARATION.match(data)
    if declaration is None:
        return _undeclared(data)
    declared = declaration[1].decode("ascii")
    codec = _DECLARED.get(declared.lower())
    as_utf8 = _attempt(data, "utf-8")
    if as_utf8 is not None and (codec == "utf-8" or _LONG_CHARACTER.search(data)):
        is_wrong = codec != "utf-8" or declared.lower() in _NOT_ASCII
        return Decoded(as_utf8, "utf-8", declared=declared if is_wrong else "")
    if codec is None:
        raise UnknownEncoding(declared, data[: declaration.start(1)])
    return _declared(data, declared, codec)


def name_of(encoding: str) -> str:
    """Give an encoding's name as people know it."""
    return _SHOWN_NAMES.get(encoding, encoding.upper().removesuffix("-LE").removesuffix("-BE"))


def _declared(data: bytes, declared: str, codec: str) -> Decoded:
    if (text := _attempt(data, codec)) is not None:
        return Decoded(text, codec)
    if (text := _attempt(data, "utf-8")) is not None:
        return Decoded(text, "utf-8", declared=declared)
    if (guessed := _guess(data)) is None:
        return _strictly(data, codec)
    return guessed._replace(declared=declared)


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


def _unmarked_utf16(data: bytes) -> Decoded | None:
    """Recognise UTF-16 by its zero bytes, which all lie on one side of the pairs."""
    zeros = data.count(0)
    if len(data) % 2 or zeros * 8 < len(data) or kind_of_binary(data):
        return None
    for encoding, side in (("utf-16-le", 1), ("utf-16-be", 0)):
        if data[side::2].count(0) == zeros:
            text = _attempt(data, encoding)
            if text is not None and not has_controls(text.encode("ascii", "ignore")):
                return Decoded(text, encoding, is_guess=True)
    return None


def _guess(data: bytes) -> Decoded | None:
    if kind_of_binary(data) or (found := guess(data)) is None:
        return None
    return Decoded(found.text, found.encoding, is_guess=True, other=found.other)
