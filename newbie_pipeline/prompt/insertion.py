"""Put values into the open fields of a prompt, into the member's own text.

- Only insertions are made: take the inserted pieces out again, and the text is the member's to the
  character. `<clothing/>` becomes `<clothing>skirt</clothing>`, which is an insertion too.
- A new element stands behind the last one that comes before it in canonical order, on a line of its
  own where its neighbour has one. General tags that are missing come after the last character, a
  caption after the general tags.
- What comes out is read again: everything that was there must be there, equal, the new values must
  be what was asked for, and nothing may need a repair.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.model import Element, GeneralTags, Prompt
from newbie_pipeline.prompt.open_fields import CAPTION, Slot, value_of
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS, Role
from newbie_pipeline.prompt.source import Source
from newbie_pipeline.prompt.tree import Node, Piece, build

Values = Sequence[tuple[Slot, str]]
# (offset in the text, what is inserted there)
Insertion = tuple[int, str]

_FIELD_ROLES: dict[Role, Role] = {"character": "character_field", "general": "general_field"}
_INDENT = "  "


def with_values(prompt: Prompt, values: Values) -> Prompt | None:
    """Give the prompt with the values in it, or None where that cannot be done without a trace.

    `prompt` is one that `parse` gave; its slots must be open. Values may come in any order.
    """
    try:
        text = inserted(prompt.source, insertions(prompt.source, values))
        changed = parse(text)
    except PromptError:
        return None
    if changed.source != text or any(warning.code.is_repair for warning in changed.warnings):
        return None
    return changed if _without(changed, values, prompt) == prompt else None


def inserted(text: str, pieces: Sequence[Insertion]) -> str:
    """Put pieces into a text; those for the same offset in the order in which they are given."""
    parts, offset = [], 0
    for at, piece in sorted(pieces, key=lambda each: each[0]):
        parts += [text[offset:at], piece]
        offset = at
    return "".join((*parts, text[offset:]))


def insertions(text: str, values: Values) -> list[Insertion]:
    """Find out where the values go; raises PromptError where the text is no prompt."""
    return _Layout(text).insertions(values)


class _Layout:
    """Where the elements of a text are."""

    def __init__(self, text: str) -> None:
        self.text = text
        tree = build(Source(text))
        self.characters = {node.meaning.number: node for node in tree.characters}
        self.general = list(_find(tree.root, "general"))
        self.captions = list(_find(tree.root, "caption"))

    def insertions(self, values: Values) -> list[Insertion]:
        """Give the insertions part by part, each in canonical order."""
        parts: dict[str, dict[str, str]] = {}
        for slot, value in values:
            parts.setdefault(slot.parent, {})[slot.element] = value
        found: list[Insertion] = []
        for slot, _ in values:
            fields = parts.pop(slot.parent, None)
            if fields is None:
                continue
            if slot.element == CAPTION:
                found += self._caption(fields[CAPTION])
            elif slot.character is not None:
                node = self.characters.get(slot.character)
                found += [] if node is None else self._fields(node, CHARACTER_FIELDS, fields)
            elif self.general:
                found += self._fields(self.general[0], GENERAL_FIELDS, fields)
            else:
                found.append(self._new_general(fields))
        # General tags that are new, and the caption after them, may begin at the same offset.
        return sorted(found, key=lambda each: (each[0], "<caption>" in each[1]))

    def _fields(
        self, node: Node, order: Mapping[str, str], fields: Mapping[str, str]
    ) -> Iterator[Insertion]:
        ranks = {name: rank for rank, name in enumerate(order)}
        there = [
            (ranks[field.meaning.field], field)
            for part in (self.general if node.meaning.role == "general" else [node])
            for field in _fields_of(part)
        ]
        missing = []
        for name in sorted(fields, key=lambda each: ranks[each]):
            empty = next((field for rank, field in there if rank == ranks[name]), None)
            if empty is not None:
                yield from self._fill(empty, fields[name])
            else:
                missing.append(name)
        before: dict[int, list[str]] = {}
        for name in missing:
            element = f"<{order[name]}>{fields[name]}</{order[name]}>"
            earlier = [row for row in there if row[0] < ranks[name]]
            if earlier:
                # Of a field that stands there twice, the last.
                neighbour = max(earlier, key=lambda row: (row[0], row[1].start))[1]
                yield self._end(neighbour), f"{self._lead(neighbour)}{element}"
            elif there:
                following = min(there, key=lambda row: (row[0], row[1].start))[1]
                yield following.start, f"{element}{self._lead(following)}"
            else:
                before.setdefault(0, []).append(element)
        if before:
            yield from self._into_bare(node, before[0])

    def _fill(self, node: Node, value: str) -> list[Insertion]:
        """Put a value into an element that is there and empty."""
        if node.end_tag is None:
            slash = self.text.rindex("/", node.start, node.end)
            return [(slash, f">{value}<"), (slash + 1, node.name)]
        # After a comment inside it, but before the blanks of `<action> </action>`.
        inside = self.text[node.end : node.end_tag]
        return [(node.end + len(inside.rstrip()), value)]

    def _into_bare(self, node: Node, elements: list[str]) -> list[Insertion]:
        """Put elements into a character or general tags without any fields."""
        if node.end_tag is None:
            inner = "".join(elements)
            slash = self.text.rindex("/", node.start, node.end)
            return [(slash, f">{inner}<"), (slash + 1, node.name)]
        inside = self.text[node.end : node.end_tag]
        lead = ""
        if "\n" in inside:
            lead = f"\n{self._indent(node)}{_INDENT}"
        elif inside.strip():
            lead = " "
        at = node.end + len(inside.rstrip())
        return [(at, "".join(f"{lead}{element}" for element in elements))]

    def _new_general(self, fields: Mapping[str, str]) -> Insertion:
        names = [name for name in GENERAL_FIELDS if name in fields]
        elements = [f"<{name}>{fields[name]}</{name}>" for name in names]
        last = max(self.characters.values(), key=self._end, default=None)
        at, lead, tail = self._place_of_new(last)
        if last is not None and "\n" not in self.text[last.start : self._end(last)]:
            block = "".join(("<general_tags>", *elements, "</general_tags>"))
        else:
            indent = "" if last is None else self._indent(last)
            inner = "".join(f"\n{indent}{_INDENT}{element}" for element in elements)
            block = f"<general_tags>{inner}\n{indent}</general_tags>"
        return at, f"{lead}{block}{tail}"

    def _caption(self, value: str) -> list[Insertion]:
        if self.captions:
            return self._fill(self.captions[0], value)
        neighbours = self.general or list(self.characters.values())
        last = max(neighbours, key=self._end, default=None)
        at, lead, _ = self._place_of_new(last, before_caption=False)
        return [(at, f"{lead}<caption>{value}</caption>")]

    def _place_of_new(self, last: Node | None, before_caption: bool = True) -> tuple[int, str, str]:
        """Give where a new part of the prompt goes, and the blanks before and after it."""
        if last is not None:
            return self._end(last), self._lead(last) or "\n", ""
        if before_caption and self.captions:
            return self.captions[0].start, "", self._lead(self.captions[0]) or "\n"
        return len(self.text), "\n", ""

    def _lead(self, node: Node) -> str:
        """Give the blanks before an element: a line end and its indent, or what parts it."""
        before = self.text[: node.start]
        blank = before[len(before.rstrip()) :]
        if not before.strip():
            return f"\n{blank.rpartition(chr(10))[2]}"
        _, line_end, indent = blank.rpartition("\n")
        return f"\n{indent}" if line_end else blank

    def _indent(self, node: Node) -> str:
        line = self.text[self.text.rfind("\n", 0, node.start) + 1 : node.start]
        return line[: len(line) - len(line.lstrip())]

    def _end(self, node: Node) -> int:
        """Give the offset behind an element."""
        return node.end if node.end_tag is None else self.text.index(">", node.end_tag) + 1


def _find(node: Node, role: Role) -> Iterator[Node]:
    """Find general tags or captions as they are read: wherever they stand outside of a field."""
    for child in node.children:
        if isinstance(child, Piece):
            continue
        if child.meaning.role == role:
            yield child
        if child.meaning.role in ("root", "character", "general") or child.holds_structure:
            yield from _find(child, role)


def _fields_of(node: Node) -> Iterator[Node]:
    """Find the fields of a character or of general tags, those in a root inside of it too."""
    wanted = _FIELD_ROLES[node.meaning.role]

    def walk(parent: Node) -> Iterator[Node]:
        for child in parent.children:
            if isinstance(child, Piece) or child.meaning.is_structural:
                continue
            if child.meaning.role == wanted:
                yield child
            elif child.meaning.role == "root" or child.holds_structure:
                yield from walk(child)

    return walk(node)


def _without(changed: Prompt, values: Values, before: Prompt) -> Prompt:
    """Take the values out again; one that did not arrive as it was meant stays and shows."""
    for slot, value in values:
        found, old = value_of(changed, slot), value_of(before, slot)
        if found is not None and found.content and found.text == value:
            changed = _with(changed, slot, old)
    if before.general_tags is None and changed.general_tags == GeneralTags():
        changed = replace(changed, general_tags=None)
    return changed


def _with(prompt: Prompt, slot: Slot, element: Element | None) -> Prompt:
    if slot.element == CAPTION:
        return replace(prompt, caption=element)
    changes: dict[str, Any] = {slot.element: element}
    if slot.character is not None:
        characters = list(prompt.characters)
        index = slot.character - 1
        characters[index] = replace(characters[index], **changes)
        return replace(prompt, characters=tuple(characters))
    general = prompt.general_tags or GeneralTags()
    return replace(prompt, general_tags=replace(general, **changes))
