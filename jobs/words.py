"""Lists of words, and where a text holds one of them, however it is disguised.

What matches:

- An entry matches whole words only: `ass` neither in `class` nor in `assassin`. Blanks, underscores
  and hyphens are the same between the words of an entry, and none is as good as one.
- Text and entries are folded (see `jobs.word_cells`): case, width, accents, invisible characters,
  look-alikes, and digits inside of words make no difference.
- A letter three times and more counts as often as wanted: `loooli`. Twice it does not, or a list
  with `god` would refuse `good`.
- Signs inside of a word are passed over (`l.o.l.i`, `lo-li`, `lo<b/>li`), blanks and underscores
  only where every letter stands alone (`l o l i`), or `as salt` would be a word.
- Chinese and Japanese write no blanks. An entry in Han characters matches anywhere, but a single
  character only as a whole tag or between blanks. One in hangul matches from the beginning of a
  word on, as endings follow. One in katakana matches whole runs of it only: エロ is not in ピエロ.
  One in hiragana of up to three characters begins where hiragana does not go on from another word
  or its ending, and ends with it or before a particle: えろ is not in 消えろ. A longer one matches
  anywhere.
- Markup is looked through and looked into (see `jobs.word_segments`).

Strict lists are for what must not get through, where a few false alarms are the smaller harm. They
match in these ways too: a letter twice, blanks between pieces of one or two letters (`lo li`) and
anywhere in words of five and more, underscores and apostrophes anywhere, tags of one letter each,
words that end at a digit or a capital (`cuteLoli`), terms of the lists written together
(`lolinude`). Exceptions are matched as they stand, in no disguise.

What a `Match` says is the name of a list and the place. The word itself is told to nobody.

A negative prompt says what is to be left out, and naming a blocked word there is a good thing: the
lists are not for it. Time is linear (see `jobs.word_trie`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from jobs.errors import BadValue
from jobs.word_cells import JOIN, LOOSE, MARK, TAG, TIGHT, Cells, fold
from jobs.word_segments import segments
from jobs.word_trie import Found, Trie

MAX_ENTRY = 60
_SIGNS = TIGHT + JOIN + LOOSE + TAG
# Signs that moderators write for letters; others between letters are signs.
_LETTER_MARKS = frozenset("@$")


class Match(NamedTuple):
    """The list that a text holds a word of, and the offsets in the text."""

    list_name: str
    start: int
    end: int


@lru_cache(maxsize=8)
def read(text: str) -> tuple[Cells, ...]:
    """Read a text once for any number of lists: a prompt with its markup, or any other."""
    found = []
    for segment in segments(text):
        cells = fold(segment.text)
        offsets = [segment.offsets[offset] for offset in cells.offsets]
        found.append(Cells(cells.letters, cells.kinds, offsets, cells.stretched, cells.humps))
    return tuple(found)


class WordLists:
    """Some lists by name, compiled; inside of one of the `exceptions` nothing matches.

    Raises:
        BadValue: an entry cannot be looked for.
    """

    def __init__(
        self,
        lists: Mapping[str, Iterable[str]],
        exceptions: Iterable[str] = (),
        *,
        is_strict: bool = False,
    ) -> None:
        self._trie = Trie(is_strict=is_strict)
        for name, entries in lists.items():
            for entry in entries:
                self._trie.add(name, canonical(entry).split())
        self._exceptions = _phrases(exceptions)

    def matches(self, text: str) -> Iterator[Match]:
        """Find all words of all lists."""
        for cells in read(text):
            for found in self._in(cells):
                start, end = cells.offsets[found.start], cells.offsets[found.end - 1] + 1
                for name in sorted(found.lists):
                    yield Match(name, start, end)

    def _in(self, cells: Cells) -> Iterator[Found]:
        """Leave out what lies within an exception; both come in the order of their beginnings."""
        spared: Iterator[re.Match[str]] | None = None
        phrase, spared_up_to = None, 0
        for found in self._trie.walk(cells):
            if self._exceptions is not None and spared is None:
                spared = self._exceptions.finditer(cells.plain)
                phrase = next(spared, None)
            while spared is not None and phrase is not None and phrase.start() <= found.start:
                spared_up_to = phrase.end()
                phrase = next(spared, None)
            if found.end > spared_up_to:
                yield found


def _phrases(exceptions: Iterable[str]) -> re.Pattern[str] | None:
    """Compile phrases for folded text; a sign has to stand where the phrase has one."""
    phrases = sorted({canonical(each) for each in exceptions}, key=len, reverse=True)
    if not phrases:
        return None
    alternatives = ("[ ]+".join(map(re.escape, phrase.split())) for phrase in phrases)
    return re.compile(rf"(?:(?<![a-z])|(?![a-z]))(?:{'|'.join(alternatives)})(?![a-z])")


def find(text: str, lists: WordLists) -> Match | None:
    """Find the first word of any list, or None."""
    return next(lists.matches(text), None)


@lru_cache(maxsize=4_096)
def canonical(entry: str) -> str:
    """Give an entry in folded letters, with one blank between its words.

    Two entries of which this is the same match the same.

    Raises:
        BadValue: it is longer than `MAX_ENTRY`, holds a comma, or nothing that could be found; a
            single Latin letter or digit would be found in every other prompt.
    """
    cells = fold(entry)
    letters = "".join(
        each[0] if each and (kind != MARK or entry[offset] in _LETTER_MARKS) else "\0"
        for each, kind, offset in zip(cells.letters, cells.kinds, cells.offsets, strict=True)
    )
    words = " ".join(letters.replace("\0", " ").split())
    if len(entry) > MAX_ENTRY:
        raise BadValue("words", "word_long", most=MAX_ENTRY)
    if TAG in cells.kinds.strip(_SIGNS):
        raise BadValue("words", "word_several")
    if not words or (len(words) == 1 and words.isascii()):
        raise BadValue("words", "word_short")
    return words
