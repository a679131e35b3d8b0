"""Text as a row of cells: what each character can be read as, once all disguise is taken off.

- Compatibility forms (full width, mathematical letters, ligatures), case and diacritics are folded;
  characters that show nothing are left out; look-alikes of other scripts and of digits are read as
  the Latin letters that they stand for (`wordlists/lookalikes.txt`).
- Katakana is read as hiragana. The kind of a cell still tells them apart, since a change between
  the two is where words end.
- A cell can stand for several letters: 1 is 1, i and l.
- Signs between words are cells too, of four kinds: TIGHT (points, hyphens, brackets: what people
  write inside of a word), JOIN (underscores and apostrophes: what makes one of two words), LOOSE
  (blanks) and TAG (commas, line ends: what ends a tag).
- Time is linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

# Kinds of cells. Each is one character, so that regular expressions can walk over rows of them.
LETTER, CAPITAL = "l", "C"
# A digit at an edge of a word: it can be a letter of it, and the word can end before it.
DIGIT = "d"
# A sign that some write for a letter; otherwise it is TIGHT.
MARK = "m"
HIRAGANA, KATAKANA, HAN, HANGUL = "h", "k", "x", "g"
PICTURE = "p"
TIGHT, JOIN, LOOSE, TAG = ".", "_", " ", ","

# Digits and signs inside of words, and the letters that they are written for.
DIGITS = {"0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b"}
MARKS = {"@": "a", "$": "s", "!": "i", "|": "il", "+": "t", "€": "e", "¡": "i"}
MARKS |= {"£": "l", "¢": "c", "©": "c", "∂": "d"}

_TAG_ENDS = frozenset(",，、،;；؛\n\r。｡\u2028\u2029")
_JOINS = frozenset("_'’‘ʼ`´＇・･")
_IGNORED = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3)),
    *((0x1D173, 0x1D17A), (0x1F3FB, 0x1F3FF), (0xE0000, 0xE0FFF)),
)
# Marks that are put on letters of any script; those of one script are letters to it.
_DIACRITICS = (
    *((0x0300, 0x036F), (0x0483, 0x0489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF)),
    *((0x20D0, 0x20FF), (0xFE20, 0xFE2F)),
)
_SCRIPTS = (
    (HIRAGANA, ((0x3041, 0x3096), (0x309D, 0x309F))),
    (KATAKANA, ((0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF))),
    (
        HAN,
        (
            *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF)),
            *((0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
        ),
    ),
    (HANGUL, ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7FB))),
)

# A kana and the sign for its voiced sound, where they are two characters.
_TO_VOICE = re.compile("[ぁ-ゖァ-ヺｦ-ﾝ][\u3099\u309aﾞﾟ]")
_DIGITS_INSIDE = re.compile("(?<=[lC])d+(?=[lC])")
_LONG_SOUND = re.compile(f"(?<={HIRAGANA}){KATAKANA}+")
_WORD = re.compile("[lC]+")
_DIGIT = re.compile("[0-9]")
_HUMP = re.compile("(?<=l)C")
# A word has a letter twice in a row at most.
_STRETCH = re.compile(r"([^\0])\1\1+")


class _Cell(NamedTuple):
    """What one character of a text, or a part of it, can be read as."""

    letters: str
    kind: str


@dataclass(frozen=True)
class Cells:
    """A row of cells.

    Attributes:
        letters: What each cell can be, the likeliest first; "" for signs between words.
        kinds: One character a cell.
        offsets: Where each cell's character stands in the text.
        stretched: Cells that belong to a run of three and more of one letter.
        humps: Capitals right after small letters, as in "blueHair".
    """

    letters: list[str]
    kinds: str
    offsets: Sequence[int]
    stretched: frozenset[int]
    humps: frozenset[int]

    @property
    def plain(self) -> str:
        """Give the folded text: one character a cell, blanks between words, commas after tags."""
        return "".join(
            [
                "," if kind == TAG else letters[0] if letters and kind != MARK else " "
                for letters, kind in zip(self.letters, self.kinds, strict=True)
            ]
        )

    @property
    def spelled(self) -> str:
        """Give the same with the letters that digits inside of words stand for."""
        text = list(self.plain)
        for digit in _DIGIT.finditer(self.plain):
            index = digit.start()
            if self.kinds[index] == LETTER:
                text[index] = self.letters[index][1:2] or digit[0]
        return "".join(text)


class _Table(dict[str, tuple[_Cell, ...]]):
    """The cells of each character, made when it is first met."""

    def __missing__(self, character: str) -> tuple[_Cell, ...]:
        cells = _read(character)
        if len(self) < 65_536:
            self[character] = cells
        return cells


_TABLE = _Table()


def fold(text: str) -> Cells:
    """Read a text as cells."""
    if _TO_VOICE.search(text):
        # The sign is dropped by `_read`; the offsets stay.
        text = _TO_VOICE.sub(lambda pair: unicodedata.normalize("NFKC", pair[0]) + "\u200b", text)
    row = [cell for character in text for cell in _TABLE[character]]
    letters = [cell.letters for cell in row]
    kinds = "".join([cell.kind for cell in row])
    offsets: Sequence[int] = range(len(text))
    if any(len(_TABLE[character]) != 1 for character in set(text)):
        offsets = [index for index, sign in enumerate(text) for _ in _TABLE[sign]]
    humps: frozenset[int] = frozenset()
    if CAPITAL in kinds:
        _read_stems(letters, kinds)
        humps = frozenset(hump.start() for hump in _HUMP.finditer(kinds))
        kinds = kinds.replace(CAPITAL, LETTER)
    if DIGIT in kinds:
        kinds = _DIGITS_INSIDE.sub(lambda digits: LETTER * len(digits[0]), kinds)
    if KATAKANA in kinds:
        kinds = _settle_long_sounds(letters, kinds)
    return Cells(letters, kinds, offsets, _stretched(letters), humps)


def _read(character: str) -> tuple[_Cell, ...]:
    """Give the cells of one character; none for one that shows nothing."""
    if character in _TAG_ENDS:
        return (_Cell("", TAG),)
    if character in _JOINS:
        return (_Cell("", JOIN),)
    return tuple(
        cell
        for plain in unicodedata.normalize("NFKC", character)
        for each in _without_diacritics(plain)
        if not _is_in(ord(each), _IGNORED)
        for cell in _cells_of(each)
    )


def _without_diacritics(character: str) -> str:
    if _script(ord(character)):
        return character
    parts = unicodedata.normalize("NFD", character)
    return "".join(part for part in parts if not _is_in(ord(part), _DIACRITICS))


def _cells_of(character: str) -> list[_Cell]:
    code = ord(character)
    category = unicodedata.category(character)
    if script := _script(code):
        is_katakana = 0x30A1 <= code <= 0x30F6 or code in (0x30FD, 0x30FE)
        return [_Cell(chr(code - 0x60) if is_katakana else character, script)]
    if character in MARKS:
        return [_Cell(MARKS[character], MARK)]
    if category == "Nd":
        digit = str(unicodedata.digit(character))
        return [_Cell(digit + DIGITS.get(digit, ""), DIGIT)]
    if category[0] in "LMN" or character in _lookalikes():
        return _letters_of(character)
    if category == "So" and code >= 0x2600:
        return [_Cell(character, PICTURE)]
    return [_Cell("", LOOSE if character.isspace() else TIGHT)]


def _letters_of(character: str) -> list[_Cell]:
    """Read a letter as what its small form looks like, and as what it looks like itself."""
    small = character.casefold()
    kind = LETTER if small == character else CAPITAL
    look = _lookalikes()
    itself = look.get(character, "")
    read = [look.get(each, each) for each in small]
    return [_Cell(each if itself in each else each + itself, kind) for each in read]


@cache
def _lookalikes() -> dict[str, str]:
    text = resources.files("jobs").joinpath("wordlists/lookalikes.txt").read_text("utf-8")
    rows = (line.split() for line in text.splitlines() if line and line[0] != "#")
    return {character: letter for letter, characters in rows for character in characters}


def _script(code: int) -> str:
    if code < 0x1100:
        return ""
    return next((kind for kind, ranges in _SCRIPTS if _is_in(code, ranges)), "")


def _is_in(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


def _read_stems(letters: list[str], kinds: str) -> None:
    """Read a capital I among small letters as l too, and a small l among capitals as i too."""
    for word in _WORD.finditer(kinds):
        if CAPITAL not in word[0]:
            continue
        cells = range(*word.span())
        small = {letters[index] for index in cells if kinds[index] == LETTER}
        for index in cells:
            if kinds[index] == CAPITAL and letters[index] == "i" and small:
                letters[index] = "il"
            elif kinds[index] == LETTER and small == {"l"}:
                letters[index] = "li"


def _settle_long_sounds(letters: list[str], kinds: str) -> str:
    """Let the sign for a long sound, which is katakana's, be hiragana after hiragana."""

    def settled(run: re.Match[str]) -> str:
        start, end = run.span()
        length = next((k for k in range(start, end) if letters[k] != "ー"), end) - start
        return HIRAGANA * length + run[0][length:]

    return _LONG_SOUND.sub(settled, kinds)


def _stretched(letters: list[str]) -> frozenset[int]:
    # What a cell ends with is its letter, where it is a digit too.
    last = "".join([each[-1] if each else "\0" for each in letters])
    return frozenset(
        index for run in _STRETCH.finditer(last) for index in range(run.start(), run.end())
    )
