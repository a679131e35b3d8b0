"""Guess the encoding of bytes that do not say it, by which reading is a text that people write.

- The share is counted, among the characters beyond ASCII, of those that ordinary text in that
  encoding is made of: the signs and the first level of its standard, about 3,000 to 5,400
  characters. What belongs to another encoding reads as rare characters of the second level.
- GBK and Shift-JIS are what prompts come in. Of the two, GBK is chosen where both shares are within
  `_CLOSE` of each other, and that is told.
- Big5, and UTF-16 without a mark, are only chosen where nothing else comes near.
- EUC-JP is not chosen, as it cannot be told from GBK by what is common in it (nor can EUC-KR). Text
  that is mostly kana is neither, then; text with fewer is GBK, and the doubt is told.
- A wrong guess would draw a picture of mojibake, so what is not clear is not guessed.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_CLOSE = 0.2
_LEAST_SHARE = 0.5
_SURE_SHARE = 0.8
# What is neither GBK nor Shift-JIS hardly reads as well as this in one of them.
_CLEAR_SHARE = 0.95
# In Big5 the second byte of two characters in five is ASCII, and in GB 2312 of none.
_LEAST_ASCII_TRAILS = 0.125

# The first bytes of the common characters of each encoding, and the codec of its plain standard.
# Half-width katakana are what Chinese looks like when it is read as Shift-JIS, and never count;
# neither do kana in GBK, as EUC-JP has them in the same places.
_COMMON: dict[str, tuple[str, tuple[tuple[int, int], ...]]] = {
    "gb18030": ("gb2312", ((0xA1, 0xA1), (0xA3, 0xA3), (0xB0, 0xD7))),
    "cp932": ("shift_jis", ((0x81, 0x83), (0x88, 0x97))),
    "cp950": ("big5", ((0xA1, 0xA3), (0xA4, 0xC5))),
    "euc_jp": ("euc_jp", ((0xA1, 0xA1), (0xA3, 0xA5), (0xB0, 0xCF))),
}
_USUAL = ("gb18030", "cp932")
_UTF16 = ("utf-16-le", "utf-16-be")
_KANA = frozenset(map(chr, range(0x3041, 0x30FD)))
_MANY_KANA = 0.4


class Guess(NamedTuple):
    """Hold the text, its encoding, and the encoding that fits as well, if one does."""

    text: str
    encoding: str
    other: str = ""


class _Reading(NamedTuple):
    share: float
    encoding: str
    text: str


def guess(data: bytes) -> Guess | None:
    """Choose the encoding that gives a text that people write, or none."""
    readings = list(_readings(data, () if b"\x00" in data else _USUAL))
    if not any(each.share >= _CLEAR_SHARE for each in readings):
        readings += _readings(data, _UTF16 if b"\x00" in data else ("cp950", *_UTF16))
    readings.sort(reverse=True)
    best = readings[0] if readings else _Reading(0.0, "", "")
    if best.share < _LEAST_SHARE:
        return None
    close = [each for each in readings if best.share - each.share < _CLOSE]
    if len(close) == 1 and best.encoding not in _USUAL:
        is_sure = best.share >= _SURE_SHARE and not _has_kana(readings)
        return Guess(best.text, best.encoding) if is_sure else None
    close.sort(key=lambda each: each.encoding != _USUAL[0])
    chosen = next((each for each in close if each.encoding in _USUAL), None)
    if chosen is None or chosen.share < _LEAST_SHARE:
        return None
    others = [each.encoding for each in close if each is not chosen]
    if not others and chosen.encoding == _USUAL[0] and _is_japanese(data, chosen.text):
        others = ["euc_jp"]
    return Guess(chosen.text, chosen.encoding, others[0] if others else "")


def _readings(data: bytes, encodings: tuple[str, ...]) -> Iterator[_Reading]:
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        counts = Counter(text)
        if encoding in _UTF16:
            yield _Reading(_share(counts, _common_in_utf16()), encoding, text)
        elif encoding != "cp950" or _share(_beyond_ascii(counts), _big5()) >= _LEAST_ASCII_TRAILS:
            share = _share(_beyond_ascii(counts), _common_in(encoding))
            yield _Reading(share, encoding, text)


def _has_kana(readings: list[_Reading]) -> bool:
    """Tell whether kana are so many in GBK that Japanese in GBK or EUC-JP may look like Big5."""
    as_gbk = next((each.text for each in readings if each.encoding == _USUAL[0]), "")
    return _share(_beyond_ascii(Counter(as_gbk)), _KANA) >= _MANY_KANA


def _is_japanese(data: bytes, as_gbk: str) -> bool:
    """Tell whether a text that is read as GBK has kana and is common in EUC-JP, too."""
    if _KANA.isdisjoint(as_gbk):
        return False
    try:
        text = data.decode("euc_jp")
    except UnicodeDecodeError:
        return False
    return _share(_beyond_ascii(Counter(text)), _common_in("euc_jp")) >= _SURE_SHARE


def _beyond_ascii(counts: Counter[str]) -> Counter[str]:
    return Counter({sign: count for sign, count in counts.items() if sign > "\x7f"})


def _share(counts: Counter[str], signs: frozenset[str]) -> float:
    found = sum(count for sign, count in counts.items() if sign in signs)
    return found / max(1, counts.total())


@lru_cache
def _common_in(encoding: str) -> frozenset[str]:
    """Give the characters that ordinary text in this encoding is made of."""
    codec, rows = _COMMON[encoding]
    return _signs(codec, rows, range(0x40, 0xFF))


@lru_cache
def _big5() -> frozenset[str]:
    """Give the characters of Big5 whose second byte is ASCII."""
    return _signs("cp950", ((0xA1, 0xF9),), range(0x40, 0x7F))


@lru_cache
def _common_in_utf16() -> frozenset[str]:
    """Give the common characters of all encodings, and those of ASCII."""
    return frozenset(map(chr, (0xA, 0xD, *range(0x20, 0x7F)))).union(*map(_common_in, _COMMON))


def _signs(codec: str, rows: tuple[tuple[int, int], ...], trails: range) -> frozenset[str]:
    found = set()
    for first, last in rows:
        for lead in range(first, last + 1):
            for trail in trails:
                try:
                    found.add(bytes((lead, trail)).decode(codec))
                except UnicodeDecodeError:  # not every place is taken
                    continue
    return frozenset(found)
