"""A trie of words that is walked along a row of cells, past whatever was put inside of a word.

`jobs.words` says what matches and why. Here is how: all ways to read the cells are followed at
once, each as a state, from every place where a word can begin.

Time is linear in the length of the text, times the length of the longest entry: a state goes on
with a letter of a word, a sign between two letters, or a repeat of its last letter right after it.
No word begins inside of a run of one letter, so no more runs are repeated from one beginning than
an entry has letters.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from jobs.word_cells import (
    DIGIT,
    HAN,
    HANGUL,
    HIRAGANA,
    JOIN,
    KATAKANA,
    LETTER,
    LOOSE,
    MARK,
    PICTURE,
    TAG,
    TIGHT,
    Cells,
)

_SIGNS = TIGHT + JOIN + LOOSE + TAG
_PASSED = _SIGNS + MARK + PICTURE
_UNSPACED = HIRAGANA + KATAKANA + HAN + HANGUL
_PARTICLES = frozenset("のがはをにとなでもやへかねよだ")
_UNPARTED = 99
# Strict lists: blanks stand between pieces so short, and anywhere in words that are so long.
_SHORT_PIECE = 2
_LONG_WORD = 5

# From this length on hiragana is a word wherever it stands.
_LONG_KANA = 4

_BEGINNING = re.compile(
    f"(?<!{LETTER})[{LETTER}{DIGIT}{MARK}]|[{HAN}{HIRAGANA}{PICTURE}]"
    f"|(?<!{HANGUL}){HANGUL}|(?<!{KATAKANA}){KATAKANA}"
)


class Found(NamedTuple):
    """A word that was found: the lists that have it, its first cell and the one after its last."""

    lists: frozenset[str]
    start: int
    end: int


class _Node:
    """What letters led here, and where they go on."""

    __slots__ = ("children", "depth", "ends_part", "is_number", "letter", "lists")

    def __init__(self, letter: str, depth: int, *, is_number: bool) -> None:
        self.letter = letter
        self.depth = depth
        self.is_number = is_number
        self.children: dict[str, _Node] = {}
        # Between two words of an entry.
        self.ends_part = False
        # Names of the lists with the entry that ends here.
        self.lists: tuple[str, ...] = ()


class _State(NamedTuple):
    """One way to read the cells so far.

    `piece` counts the letters since the last sign, `longest` those of the longest piece, and no
    piece may have more than `most`. `terms` are the lists of the terms before this one that are
    written together with it.
    """

    node: _Node
    piece: int
    longest: int
    most: int
    terms: frozenset[str]


class Trie:
    """Words of some lists. `is_strict` passes over more, see `jobs.words`."""

    def __init__(self, *, is_strict: bool) -> None:
        self._root = _Node("", 0, is_number=True)
        self._is_strict = is_strict

    def add(self, list_name: str, parts: list[str]) -> None:
        """Add an entry: its words, in folded letters."""
        node = self._root
        for part in parts:
            for letter in part:
                if letter not in node.children:
                    is_number = node.is_number and letter.isdigit()
                    node.children[letter] = _Node(letter, node.depth + 1, is_number=is_number)
                node = node.children[letter]
            node.ends_part = True
        if list_name not in node.lists:
            node.lists = (*node.lists, list_name)

    def walk(self, cells: Cells) -> Iterator[Found]:
        """Find all words, in the order of their beginnings."""
        known = self._root.children
        for start in self._beginnings(cells):
            if any(letter in known for letter in cells.letters[start]):
                yield from self._follow(cells, start)

    def _beginnings(self, cells: Cells) -> Iterator[int]:
        kinds, letters = cells.kinds, cells.letters
        places = [match.start() for match in _BEGINNING.finditer(kinds)]
        if self._is_strict:
            after_digits = (k for k in range(1, len(letters)) if letters[k - 1][:1].isdigit())
            inside = {*cells.humps, *after_digits}.difference(places)
            # Within a run of one letter a word begins once, or the time would be quadratic.
            inside = {k for k in inside if letters[k] and letters[k][-1] not in letters[k - 1]}
            places = sorted(inside.union(places))
        for place in places:
            kind = kinds[place]
            # A digit or sign is a letter only at a word; otherwise a number begins, or nothing.
            if kind in (DIGIT, MARK) and LETTER not in kinds[place : place + 4]:
                is_number = kind == DIGIT and kinds[place - 1 : place] != DIGIT
                if not is_number or letters[place][0] not in self._root.children:
                    continue
            if kind in _UNSPACED and place and letters[place] == letters[place - 1]:
                continue
            yield place

    def _follow(self, cells: Cells, start: int) -> Iterator[Found]:
        states = [_State(self._root, 0, 0, _UNPARTED, frozenset())]
        before, is_word = "", False
        for index in range(start, len(cells.letters)):
            kind = cells.kinds[index]
            going_on = [] if kind in _SIGNS else self._read(states, cells, index)
            if kind in _PASSED:
                self._pass(states, kind, before, going_on)
            if not going_on:
                return
            # There are seldom two, but ways that come to the same must not double with each cell.
            states = going_on if len(going_on) == 1 else list(dict.fromkeys(going_on))
            if kind in _SIGNS:
                continue
            before = kind
            is_word = is_word or kind not in (DIGIT, MARK)
            complete = [state for state in states if state.node.lists and state.piece]
            for state in complete:
                if self._is_end(cells, start, index, state.node):
                    if is_word != state.node.is_number and _counts(cells, state, start, index):
                        yield Found(state.terms.union(state.node.lists), start, index + 1)
                elif self._is_strict and kind == LETTER and state.most == _UNPARTED:
                    # Perhaps the next term begins here.
                    terms = state.terms.union(state.node.lists)
                    states.append(_State(self._root, state.piece, state.longest, _UNPARTED, terms))

    def _read(self, states: list[_State], cells: Cells, index: int) -> list[_State]:
        """Go on with what the cell can be."""
        found: list[_State] = []
        can_repeat = cells.kinds[index] != MARK and (self._is_strict or index in cells.stretched)
        letters = cells.letters[index]
        for state in states:
            node, piece, longest, most, terms = state
            for letter in letters:
                child = node.children.get(letter)
                if child is not None and piece < most:
                    # More than two letters are never asked for.
                    now = piece + 1 if piece < 3 else 3
                    found.append(_State(child, now, now if now > longest else longest, most, terms))
                if can_repeat and letter == node.letter and piece:
                    found.append(state)
        return found

    def _pass(self, states: list[_State], kind: str, before: str, going_on: list[_State]) -> None:
        """Pass over a sign; ways that it ends are left out."""
        if kind in (MARK, PICTURE) or (kind == JOIN and self._is_strict):
            kind = TIGHT
        allowed = _UNPARTED - 1 if self._is_strict and kind == LOOSE else 1
        for node, _, longest, most, terms in states:
            # Terms are written together without a sign, or they are words of their own.
            if not node.depth or terms:
                continue
            if kind == TIGHT or (kind != TAG and (node.ends_part or before in _UNSPACED)):
                going_on.append(_State(node, 0, longest, most, terms))
            elif longest <= allowed and (kind != TAG or self._is_strict):
                going_on.append(_State(node, 0, longest, min(most, allowed), terms))

    def _is_end(self, cells: Cells, start: int, end: int, node: _Node) -> bool:
        """Tell whether this word can end with this cell."""
        kind, following = cells.kinds[end], cells.kinds[end + 1 : end + 2]
        if kind == HIRAGANA and following == HIRAGANA:
            # After Han characters these are endings, and others may follow.
            is_word = cells.letters[end + 1] in _PARTICLES or node.depth >= _LONG_KANA
            return is_word or cells.kinds[start] == HAN
        if kind == KATAKANA:
            return following != KATAKANA
        if following != LETTER or kind in _UNSPACED + PICTURE:
            return True
        after = end + 1
        return self._is_strict and (after in cells.humps or cells.letters[after][0].isdigit())


def _counts(cells: Cells, state: _State, start: int, end: int) -> bool:
    """Tell whether this is the word, and not something that looks like it by chance."""
    node, kinds = state.node, cells.kinds
    if state.most != _UNPARTED and (
        node.depth < 3 or (state.longest > _SHORT_PIECE and node.depth < _LONG_WORD)
    ):
        return False
    if node.is_number and DIGIT in (kinds[start - 1 : start], kinds[end + 1 : end + 2]):
        return False
    if kinds[start] == HIRAGANA and kinds[start - 1 : start] in (HIRAGANA, HAN):
        return node.depth >= _LONG_KANA
    return node.depth > 1 or kinds[end] not in _UNSPACED or _is_whole_word(kinds, start, end)


def _is_whole_word(kinds: str, start: int, end: int) -> bool:
    """Tell whether blanks, the ends of tags or of the text stand on both sides."""
    before, after = start - 1, end + 1
    while before >= 0 and kinds[before] in TIGHT + JOIN:
        before -= 1
    while after < len(kinds) and kinds[after] in TIGHT + JOIN:
        after += 1
    is_apart = (before < 0, after == len(kinds))
    sides = (kinds[before : before + 1], kinds[after : after + 1])
    return all(edge or side in (LOOSE, TAG) for edge, side in zip(is_apart, sides, strict=True))
