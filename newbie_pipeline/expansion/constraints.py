"""Which tokens may come next while a value is written; loads no torch.

- Tags: a token may come where it goes on with one of the tags that are still possible, in the way
  that the tokenizer writes that tag. Where a tag is whole, the next one may begin, or the field
  ends; that is the model's choice. Where only one token may come, nobody is asked.
- A caption: whole words, figures and punctuation of plain English, ended behind a full stop.
- No token that could begin or end an element is ever possible but the first of the end that the
  driver gave.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from newbie_pipeline.expansion.writing import WantedCaption, WantedTags
from newbie_pipeline.prompt.caption_rules import count_sentences, whole_sentences
from newbie_pipeline.prompt.vocabulary import SEPARATOR

Encode = Callable[[str], Sequence[int]]

_FIRST_WORD = re.compile(r"[A-Z][a-z]*")
_WORD = re.compile(r" (?:[A-Za-z]+|[0-9]{1,4})")
_WORD_PART = re.compile(r"[a-z]+|'[a-z]{1,2}|-")
_PAUSE = re.compile(r"[,;:]")
_END = re.compile(r"[.!?]")
# A sentence is ended where so little room is left for another one.
_ROOM_FOR_A_WORD = 24
# Nothing is put to a word of so many letters any more.
_LONG_WORD = 14


class Grammar(Protocol):
    """One value in the making."""

    @property
    def is_finished(self) -> bool:
        """Tell whether the value is whole and its end has begun."""

    @property
    def text(self) -> str:
        """The value so far."""

    def allowed(self) -> Sequence[int]:
        """Give the tokens that may come next, at least one."""

    def advance(self, token: int) -> None:
        """Take one of them."""


@dataclass
class _Node:
    """A place among the ways to write tags; `tag` is what is whole here."""

    following: "dict[int, _Node]" = field(default_factory=dict)
    tag: str | None = None


class TagGrammar:
    """A list of tags."""

    def __init__(self, wanted: WantedTags, encode: Encode, end: str) -> None:
        self._wanted, self._encode = wanted, encode
        self._close = encode(end)[0]
        self._chosen: list[str] = []
        self._node = self._begin(self._chosen)
        # Where the next tag begins, once the one at hand is known to be whole.
        self._after: _Node | None = None
        self.is_finished = False

    @property
    def text(self) -> str:
        """The tags that were chosen."""
        return SEPARATOR.join(self._chosen)

    def allowed(self) -> Sequence[int]:
        """Give the tokens that may come next, in the order of their ids."""
        ids = set(self._node.following)
        if self._node.tag is not None:
            ids |= {self._close, *self._next().following}
        return sorted(ids)

    def advance(self, token: int) -> None:
        """Take a token, and leave a tag behind that can only be whole."""
        following = self._node.following.get(token)
        if following is None:
            chosen, node = [*self._chosen, self._node.tag or ""], self._next()
            self._chosen = chosen
            if token == self._close:
                self.is_finished = True
                return
            following = node.following[token]
        self._node, self._after = following, None

    def _next(self) -> _Node:
        if self._after is None:
            self._after = self._begin([*self._chosen, self._node.tag or ""])
        return self._after

    def _begin(self, chosen: Sequence[str]) -> _Node:
        """Give the ways to write one more tag; none where there are enough."""
        root = _Node()
        if len(chosen) >= self._wanted.most:
            return root
        groups = {self._wanted.groups[tag] for tag in chosen if tag in self._wanted.groups}
        for tag in self._wanted.options:
            if tag in chosen or self._wanted.groups.get(tag) in groups:
                continue
            node = root
            for token in self._encode(f"{SEPARATOR if chosen else ''}{tag}"):
                node = node.following.setdefault(token, _Node())
            node.tag = tag
        return root


class CaptionWords:
    """The tokens that captions are made of, by what may come before them."""

    def __init__(self, strings: Sequence[str]) -> None:
        self.strings = strings

        def matching(*patterns: re.Pattern[str]) -> tuple[int, ...]:
            return tuple(
                number
                for number, text in enumerate(strings)
                if text and any(pattern.fullmatch(text) for pattern in patterns)
            )

        self.first = matching(_FIRST_WORD)
        self.word = matching(_WORD)
        self.end = matching(_END)
        self.after_a_word = matching(_WORD, _PAUSE, _END)
        self.anything = matching(_WORD, _WORD_PART, _PAUSE, _END)


class CaptionGrammar:
    """Whole sentences."""

    def __init__(
        self, wanted: WantedCaption, words: CaptionWords, encode: Encode, end: str
    ) -> None:
        self._wanted, self._words = wanted, words
        self._close = encode(end)[0]
        self._text = ""
        self.is_finished = False

    @property
    def text(self) -> str:
        """The sentences that are whole."""
        return whole_sentences(self._text)

    def allowed(self) -> Sequence[int]:
        """Give the tokens that may come next."""
        room = self._wanted.most_characters - len(self._text)
        if not self._text:
            return self._words.first or self._words.word
        last = self._text[-1]
        if _END.fullmatch(last):
            is_last = count_sentences(self._text) >= self._wanted.most_sentences
            enough = is_last or room < 2 * _ROOM_FOR_A_WORD
            return (self._close,) if enough else (self._close, *self._words.word)
        if not last.isalnum():
            return self._words.word
        if room < _ROOM_FOR_A_WORD:
            return self._words.end
        is_long = len(self._text.rpartition(" ")[2]) > _LONG_WORD
        return self._words.after_a_word if is_long else self._words.anything

    def advance(self, token: int) -> None:
        """Take a token."""
        if token == self._close and _END.fullmatch(self._text[-1:]):
            self.is_finished = True
            return
        self._text += self._words.strings[token]
