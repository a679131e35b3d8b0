"""From markup to a tree of elements, with the mistakes repaired that have only one reading.

What is repaired, each with a warning:

- Two end tags in a row in the wrong order are swapped: there is no text between them to belong to
  one or the other. Not where a field ends before a known element in it: the field may as well have
  lost its end tag before. The same end tag twice in a row loses the second one.
- An end tag whose name is a misspelling of the open element's, or another character's number,
  closes that element. Where the start tag is the one that is misspelt, it is corrected.
- A field without end tag ends after its text, where that is a single line and another field or its
  parent's end follows. So `<n>miku<n>` ends there as well. A character or the general tags without
  end tag end before the next character, general tags or caption, or at the end of the file.

Everything else that does not nest is refused: so is a field that ends while a known element is open
inside it, as either end may be the wrong one. The text of a field that ends with the file may have
been cut off, so it is refused too.
"""

import re
from dataclasses import dataclass, field

from newbie_pipeline.prompt.errors import Code, PromptError, quote
from newbie_pipeline.prompt.references import decode_text
from newbie_pipeline.prompt.scan import Markup, scan
from newbie_pipeline.prompt.schema import Meaning, is_misspelt, meaning_of
from newbie_pipeline.prompt.source import Edit, Source, blank_stripped, is_visible

MAX_DEPTH = 8
MAX_CHARACTERS = 16

_NEXT_END = re.compile(r"\s*+</(\$?+[^\W\d][\w.:$\-]*+)\s*+>")


@dataclass(slots=True)
class Piece:
    """Hold decoded text between two tags; `start` is where its first part that is not blank is."""

    start: int
    parts: list[str]
    is_blank: bool

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.parts)


@dataclass(slots=True)
class Node:
    """Hold one element; its end tag stands at `end_tag`, or is the one that a repair writes."""

    name: str
    meaning: Meaning
    start: int = 0
    end: int = 0
    end_tag: int | None = None
    end_repair: Edit | None = None
    children: "list[Node | Piece]" = field(default_factory=list)
    holds_structure: bool = False


@dataclass(slots=True)
class Tree:
    """Hold the root, the characters in document order, and where text stands in the source."""

    root: Node
    characters: list[Node]
    text_spans: list[tuple[int, int]]


def build(source: Source) -> Tree:
    """Read the elements and texts of a prompt.

    Raises PromptError: what `scan` raises, E107, E3xx, E402, and EMPTY.
    """
    return _Builder(source).build()


class _Builder:
    """The elements that are open, and what has been read so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root = Node("", meaning_of(""))
        self.open = [self.root]
        self.character_count = 0
        self.text_spans: list[tuple[int, int]] = []
        self.has_text = False
        # The end of a pair of end tags that was swapped: what lies before is dealt with.
        self.done_until = 0

    def build(self) -> Tree:
        """Walk over the markup once."""
        offset = 0
        for markup in scan(self.source):
            if markup.start > offset:
                self._add_text(offset, markup.start)
            offset = markup.end
            if markup.kind == "start":
                self._open(markup)
            elif markup.kind == "end":
                if markup.start >= self.done_until:
                    self._close(markup)
            elif markup.kind == "cdata":
                start, end = markup.start + len("<![CDATA["), markup.end - len("]]>")
                self._add_piece(start, end, self.source.text[start:end])
        if offset < len(self.source.text):
            self._add_text(offset, len(self.source.text))
        self._close_all()
        if not self.has_text:
            raise PromptError(Code.EMPTY)
        characters: list[Node] = []
        _find_structure(self.root, characters)
        return Tree(self.root, characters, self.text_spans)

    def _add_text(self, start: int, end: int) -> None:
        self._add_piece(start, end, decode_text(self.source, start, end))

    def _add_piece(self, start: int, end: int, text: str) -> None:
        """Add text; what only comments and sections part is one text."""
        if not self.has_text:
            self.has_text = is_visible(text)
        self.text_spans.append((start, end))
        # Most pieces between tags are blanks: where the text begins tells where it is.
        siblings = self.open[-1].children
        is_blank = not blank_stripped(text)
        if siblings and isinstance(last := siblings[-1], Piece):
            if last.is_blank:
                last.start, last.is_blank = start, is_blank
            last.parts.append(text)
        else:
            siblings.append(Piece(start, [text], is_blank))

    def _open(self, markup: Markup) -> None:
        if len(self.open) > MAX_DEPTH:
            tag = quote(f"<{markup.name}>")
            raise self.source.error(Code.TOO_DEEP, markup.start, tag=tag, limit=MAX_DEPTH)
        node = Node(markup.name, meaning_of(markup.name), markup.start, markup.end)
        self.open[-1].children.append(node)
        if node.meaning.role == "character":
            self.character_count += 1
            if self.character_count > MAX_CHARACTERS:
                values = {"count": self.character_count, "limit": MAX_CHARACTERS}
                raise self.source.error(Code.TOO_MANY_CHARACTERS, markup.start, **values)
        if not markup.is_empty:
            self.open.append(node)

    def _close(self, markup: Markup) -> None:
        innermost = self.open[-1]
        if innermost.name == markup.name and len(self.open) > 1:
            innermost.end_tag = markup.start
            self.open.pop()
        elif any(node.name == markup.name for node in self.open[1:]):
            self._close_outer(markup)
        elif len(self.open) > 1 and is_misspelt(markup.name, innermost.name):
            self._rename_end(markup, innermost)
        elif (outer := self._meant_by(markup.name)) is not None:
            values = {"found": quote(f"</{markup.name}>"), "tag": quote(f"<{outer.name}>")}
            self.source.warn(Code.END_RENAMED, markup.start, **values)
            self.source.replace(markup.start, markup.end, f"</{outer.name}>")
            self._close_outer(markup._replace(name=outer.name))
        else:
            self._drop_end(markup)

    def _meant_by(self, name: str) -> Node | None:
        """Give the open element that this name stands for in another spelling."""
        meaning = meaning_of(name)
        same = (node for node in reversed(self.open) if meaning.role and node.meaning == meaning)
        return next(same, None)

    def _close_outer(self, markup: Markup) -> None:
        """Close an element with others open inside it."""
        source, inner = self.source, self.open[-1]
        ends_field = meaning_of(markup.name).is_leaf and inner.meaning.role != ""
        following = None if ends_field else _NEXT_END.match(source.text, markup.end)
        closes_inner = following is not None and following[1] == inner.name
        values = {"found": quote(f"</{markup.name}>"), "expected": quote(f"</{inner.name}>")}
        if following and closes_inner and self.open[-2].name == markup.name:
            source.warn(Code.ENDS_SWAPPED, markup.start, **values)
            source.replace(markup.start, markup.end, f"</{inner.name}>")
            second = source.text.index("<", markup.end)
            self.open.pop()
            outer = self.open.pop()
            outer.end_repair = source.replace(second, following.end(), f"</{outer.name}>")
            self.done_until = following.end()
            return
        if self._crosses(markup):
            raise source.error(Code.CROSSED, markup.start, **values)
        if ends_field:
            raise self._never_closed(inner)
        while self.open[-1].name != markup.name:
            self._close_unclosed(self.open.pop(), markup.start, is_file_end=False)
        self.open[-1].end_tag = markup.start
        self.open.pop()

    def _crosses(self, markup: Markup) -> bool:
        """Tell whether the inner element's own end tag is the next tag after this one."""
        following = re.compile(rf"[^<]*+</{re.escape(self.open[-1].name)}\s*+>")
        return following.match(self.source.text, markup.end) is not None

    def _rename_end(self, markup: Markup, node: Node) -> None:
        meaning = meaning_of(markup.name)
        if meaning.is_leaf and not node.meaning.role:
            self._rename_start(markup, node, meaning)
            return
        values = {"found": quote(f"</{markup.name}>"), "tag": quote(f"<{node.name}>")}
        self.source.warn(Code.END_RENAMED, markup.start, **values)
        node.end_repair = self.source.replace(markup.start, markup.end, f"</{node.name}>")
        self.open.pop()

    def _rename_start(self, markup: Markup, node: Node, meaning: Meaning) -> None:
        """Correct the start tag, where the end tag is that of an element we know."""
        values = {"found": quote(f"<{node.name}>"), "read": quote(f"<{markup.name}>")}
        self.source.warn(Code.TAG_REPAIRED, node.start, **values)
        if (repair := self.source.repair_at(node.start)) is not None:
            repair.text = repair.text.replace(node.name, markup.name, 1)
        else:
            name_start = node.start + 1
            self.source.replace(name_start, name_start + len(node.name), markup.name)
        node.name, node.meaning, node.end_tag = markup.name, meaning, markup.start
        self.open.pop()

    def _drop_end(self, markup: Markup) -> None:
        """Remove an end tag that stands there twice; refuse any other that closes nothing."""
        found = quote(f"</{markup.name}>")
        before = self.open[-1].children[-2:]
        if before and isinstance(before[-1], Piece) and before[-1].is_blank:
            before.pop()
        last = before[-1] if before else None
        if isinstance(last, Node) and last.name == markup.name and last.end_tag is not None:
            self.source.warn(Code.END_REMOVED, markup.start, found=found)
            self.source.replace(markup.start, markup.end, "")
            return
        if len(self.open) == 1:
            raise self.source.error(Code.CLOSES_NOTHING, markup.start, found=found)
        tag = quote(f"<{self.open[-1].name}>")
        raise self.source.error(Code.WRONG_END, markup.start, found=found, tag=tag)

    def _close_all(self) -> None:
        while len(self.open) > 1:
            self._close_unclosed(self.open.pop(), len(self.source.text), is_file_end=True)

    def _close_unclosed(self, node: Node, at: int, is_file_end: bool) -> None:
        """End an element that has no end tag, or raise NEVER_CLOSED; `node` is popped already."""
        parent = self.open[-1]
        if self._is_missing_slash(node, parent):
            self._close_with(parent, node)
            return
        first = next((k for k, each in enumerate(node.children) if _ends(node, each)), None)
        inside = node.children[:first]
        outside = [] if first is None else node.children[first:]
        if first is None and is_file_end and node.meaning.is_leaf:
            raise self._never_closed(node)
        if not _is_whole(node, inside, is_cut=first is not None):
            raise self._never_closed(node)
        node.children = inside
        parent.children += outside
        if outside:
            at = outside[0].start
        at -= len(blank := self.source.text[:at]) - len(blank.rstrip())
        node.end_repair = self.source.replace(at, at, f"</{node.name}>")
        values = {"tag": quote(f"<{node.name}>"), "end": quote(f"</{node.name}>")}
        self.source.warn(Code.CLOSED_FOR_YOU, node.start, **values)

    def _is_missing_slash(self, node: Node, parent: Node) -> bool:
        """Tell whether this start tag was meant to be the end tag of the element around it."""
        return (
            node.meaning.is_leaf
            and parent.name == node.name
            and len(parent.children) == 2
            and parent.children[-1] is node
            and _is_line(parent.children[:-1])
            and _is_line(node.children[:1], may_be_blank=True, may_have_text=False)
        )

    def _close_with(self, parent: Node, node: Node) -> None:
        meant = f"</{node.name}>"
        found = self.source.text[node.start : node.end]
        values = {"found": quote(found), "read": quote(meant)}
        self.source.warn(Code.TAG_REPAIRED, node.start, **values)
        self.source.replace(node.start, node.end, meant)
        parent.children.pop()
        self.open.pop()
        self.open[-1].children += node.children

    def _never_closed(self, node: Node) -> PromptError:
        tag, end = quote(f"<{node.name}>"), quote(f"</{node.name}>")
        return self.source.error(Code.NEVER_CLOSED, node.start, tag=tag, end=end)


def _find_structure(node: Node, characters: list[Node]) -> bool:
    """Collect the characters outside of fields, and mark the elements that hold structure."""
    for child in node.children:
        if isinstance(child, Piece) or (child.meaning.is_leaf and child.meaning.role != "caption"):
            continue
        if child.meaning.role == "character":
            characters.append(child)
        is_deeper = child.meaning.role != "caption" and _find_structure(child, characters)
        node.holds_structure |= child.meaning.is_structural or is_deeper
    return node.holds_structure


def _ends(node: Node, child: Node | Piece) -> bool:
    """Tell whether this child cannot belong into the element."""
    if isinstance(child, Piece):
        return False
    if node.meaning.is_leaf:
        return child.meaning.role not in ("", "root")
    return node.meaning.role in ("character", "general") and child.meaning.is_structural


def _is_whole(node: Node, inside: "list[Node | Piece]", is_cut: bool) -> bool:
    """Tell whether the element can end after these children and nowhere else."""
    if node.meaning.is_leaf:
        return _is_line(inside)
    if not node.meaning.role:
        return False
    # Text at the end may belong to the element or stand behind it.
    last = inside[-1] if inside else None
    return bool(inside) and not (isinstance(last, Piece) and not last.is_blank)


def _is_line(
    children: "list[Node | Piece]", may_be_blank: bool = False, may_have_text: bool = True
) -> bool:
    """Tell whether these are nothing but a single line of text."""
    if not children:
        return may_be_blank
    first = children[0]
    if len(children) > 1 or isinstance(first, Node):
        return may_be_blank and isinstance(first, Node)
    text = blank_stripped(first.text)
    return "\n" not in text and (may_have_text if text else may_be_blank)
