"""Cut a prompt into passages: what the text encoders read of it, each passage in a pass of its own.

- "whole" is one passage, the prompt as it is; the model was trained so.
- "per_character" makes one passage for each character, in the order of the text: the prompt without
  the other characters. What is about the whole picture stands in every passage: general tags,
  caption, and all that is outside of characters, wherever it was written.
- Passages are cut out of `Prompt.source`, never written anew; a character keeps its number, so what
  fields say about `character_2` stays true. Where a character stood on lines of its own, these go.
- A prompt with fewer than two characters, and what `parse` refuses, is one passage, untouched.
- Weights are read as in the whole prompt: no bracket pairs with one beyond a character that went.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Literal

from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.source import Source
from newbie_pipeline.prompt.tree import Node, build
from newbie_pipeline.prompt.weights import WeightedText, WeightSpan, read_weights

CharacterEncoding = Literal["whole", "per_character"]
CHARACTER_ENCODINGS: tuple[CharacterEncoding, ...] = ("whole", "per_character")

_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)+")
_JOINT = re.compile(r"[\s>].|.[\s<]", re.DOTALL)
_BLANKS = re.compile(r"[^\S\n]*")

# A part of a text from its start up to its end.
Range = tuple[int, int]


def passages_of(
    text: str, *, prompt_weights: bool = True, character_encoding: CharacterEncoding = "whole"
) -> tuple[WeightedText, ...]:
    """Give the passages of a prompt, at least one, each with its weights.

    Without `prompt_weights` what reads like a weight is text as any other.
    """
    pieces = _pieces_by_character(text) if character_encoding == "per_character" else ()
    # What is about the whole picture is the same piece in many passages.
    read = cache(read_weights if prompt_weights else _read_as_written)
    return tuple(_put_together(each, read) for each in pieces or ((text,),))


def _pieces_by_character(text: str) -> tuple[tuple[str, ...], ...]:
    """Give what is left around the cuts, for each of several characters; else nothing."""
    try:
        prompt = parse(text, max_bytes=None)
        if len(prompt.characters) < 2:
            return ()
        # Nothing is left to repair in it, so that every element has its end.
        tree = build(Source(prompt.source))
    except PromptError:
        return ()
    parts = _Parts(prompt.source, tree.root)
    return tuple(parts.pieces_for(number) for number in range(len(tree.characters)))


def _read_as_written(text: str) -> WeightedText:
    return WeightedText(text, ())


def _put_together(pieces: tuple[str, ...], read: Callable[[str], WeightedText]) -> WeightedText:
    whole: list[str] = []
    spans: list[WeightSpan] = []
    length = 0
    for piece in pieces:
        plain, found = read(piece)
        # What touched a character must not become one word with what comes now.
        if whole and not _JOINT.search(whole[-1][-1] + plain[0]):
            whole.append("\n")
            length += 1
        whole.append(plain)
        spans += (span.moved(length) for span in found)
        length += len(plain)
    return WeightedText("".join(whole), tuple(spans))


class _Parts:
    """Whose each part of a text is: a character's, by its number from 0, or the whole picture's."""

    def __init__(self, text: str, root: Node) -> None:
        self.text = text
        self.count = 0
        self.owned: list[tuple[Range, int | None]] = []
        self.offset = 0
        self._walk(root, None)
        self._take(len(text), None)

    def pieces_for(self, number: int) -> tuple[str, ...]:
        """Give the text without the other characters, in the pieces between the cuts."""
        pieces, offset = [], 0
        for start, end in self._cuts(number):
            pieces.append(self.text[offset:start])
            offset = end
        pieces.append(self.text[offset:])
        pieces = [piece for piece in pieces if piece.strip()]
        if first := _BLANK_LINES.match(pieces[0]):
            pieces[0] = pieces[0][first.end() :]
        pieces[-1] = pieces[-1].rstrip()
        return tuple(pieces)

    def _walk(self, node: Node, owner: int | None) -> None:
        for child in node.children:
            if not isinstance(child, Node):
                continue
            role = child.meaning.role
            if role == "character":
                inside, self.count = self.count, self.count + 1
            elif role in ("general", "caption"):
                inside = None
            elif child.meaning.is_leaf:
                continue
            else:
                inside = owner
            self._take(child.start, owner)
            if role != "caption":
                self._walk(child, inside)
            self._take(self._end(child), inside)

    def _take(self, end: int, owner: int | None) -> None:
        """Note whose the text is from where the last part ended."""
        if end > self.offset:
            self.owned.append(((self.offset, end), owner))
            self.offset = end

    def _end(self, node: Node) -> int:
        return node.end if node.end_tag is None else self.text.index(">", node.end_tag) + 1

    def _cuts(self, number: int) -> list[Range]:
        """Give the parts of the other characters; those with nothing but blanks between are one."""
        found: list[Range] = []
        for (start, end), owner in self.owned:
            if owner in (None, number):
                continue
            if found and not self.text[found[-1][1] : start].strip():
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        return [self._with_its_lines(start, end) for start, end in found]

    def _with_its_lines(self, start: int, end: int) -> Range:
        """Take what is blank around a cut: its lines where it has them to itself."""
        after = _BLANKS.match(self.text, end)
        end = end if after is None else after.end()
        line = self.text.rfind("\n", 0, start) + 1
        has_lines = not self.text[line:start].strip() and self.text[end : end + 1] in ("\n", "")
        return (line, min(end + 1, len(self.text))) if has_lines else (start, end)
