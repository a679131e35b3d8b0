"""From the tree of elements to characters, general tags, caption and text.

- An element around the whole prompt is looked through, as are unknown ones that hold characters,
  general tags or a caption. Those three count wherever they stand outside of a field.
- What is unknown or stands in a wrong place is kept among the extras, and told. What stands inside
  of a field is part of its text.
- What is said twice counts twice: tags are joined with a comma, captions and texts with a line end.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.model import Character, Element, GeneralTags, Prompt, Text
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS, Role, nearest
from newbie_pipeline.prompt.source import Source, blank_stripped
from newbie_pipeline.prompt.tree import Node, Piece, Tree

_SEPARATORS = (",", "，", "、", ";", "；", "\n")
_TAGS = {**CHARACTER_FIELDS, **GENERAL_FIELDS, "caption": "caption"}
# Looking up the nearest name is slow, and nobody makes up so many names in earnest.
_NAMES_LOOKED_UP = 32
_FIELDS: dict[Role, Role] = {"character": "character_field", "general": "general_field"}


@dataclass
class _Part:
    """What is read so far of one character, of the general tags, or of the prompt itself."""

    role: Role = ""
    name: str = ""
    start: int = 0
    fields: dict[str, Element] = field(default_factory=dict)
    extras: list[Element] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    @property
    def text(self) -> Text | None:
        """All its texts as one."""
        if not self.texts:
            return None
        return replace(self.texts[0], text="\n".join(each.text for each in self.texts))


def read_tree(
    source: Source, tree: Tree, numbers: list[int], rename: Callable[[str], str]
) -> Prompt:
    """Give the prompt that the tree holds, without source and warnings; those go to `source`.

    `numbers` are the characters', `rename` is applied to every text (see `numbering`).
    """
    reader = _Reader(source, rename)
    reader.read(reader.top, tree.root.children)
    numbered = sorted(zip(numbers, reader.characters, strict=True), key=lambda row: row[0])
    general = reader.general
    return Prompt(
        characters=tuple(Character(**reader.values_of(part)) for _, part in numbered),
        general_tags=None if general is None else GeneralTags(**reader.values_of(general)),
        caption=reader.top.fields.get("caption"),
        text=reader.top.text,
        extras=tuple(reader.top.extras),
    )


class _Reader:
    """Walks over the tree; characters are collected in the order of the file."""

    def __init__(self, source: Source, rename: Callable[[str], str]) -> None:
        self.source = source
        self.rename = rename
        self.top = _Part()
        self.characters: list[_Part] = []
        self.general: _Part | None = None
        self.near: dict[str, str | None] = {}

    def read(self, part: _Part, children: Iterable[Node | Piece]) -> None:
        """Take in what stands inside of a part."""
        for child in children:
            if isinstance(child, Piece):
                if not child.is_blank:
                    part.texts += self._text(child)
                continue
            role = child.meaning.role
            if child.meaning.is_structural:
                self._read_structure(part, child)
            elif role == "root":
                self.read(part, child.children)
            elif role and role == _FIELDS.get(part.role):
                self._put(part, child.meaning.field, child)
            else:
                self._read_extra(part, child)

    def values_of(self, part: _Part) -> dict[str, Any]:
        """Give the arguments of the part's class."""
        line, column = self.source.place(part.start)
        values = {"extras": tuple(part.extras), "text": part.text, "line": line, "column": column}
        return {**part.fields, **values}

    def _read_structure(self, part: _Part, node: Node) -> None:
        if part.role:
            values = {"tag": quote(f"<{node.name}>"), "parent": quote(f"<{part.name}>")}
            self.source.warn(Code.NESTED, node.start, **values)
        if node.meaning.role == "caption":
            self._put(self.top, "caption", node)
        elif node.meaning.role == "character":
            character = _Part("character", node.name, node.start)
            self.characters.append(character)
            self.read(character, node.children)
        else:
            if self.general is None:
                self.general = _Part("general", node.name, node.start)
            self.read(self.general, node.children)

    def _read_extra(self, part: _Part, node: Node) -> None:
        tag, role = quote(f"<{node.name}>"), node.meaning.role
        if role:
            parent = "<character_1>" if role == "character_field" else "<general_tags>"
            self.source.warn(Code.MISPLACED, node.start, tag=tag, parent=parent)
        elif near := self._nearest(node.name):
            values = {"tag": tag, "nearest": f"<{near}>"}
            self.source.warn(Code.MISSPELT_ELEMENT, node.start, **values)
        else:
            self.source.warn(Code.UNKNOWN_ELEMENT, node.start, tag=tag)
        if node.holds_structure:
            self.read(part, node.children)
        else:
            part.extras.append(self._element(node.name, node))

    def _nearest(self, name: str) -> str | None:
        if name not in self.near and len(self.near) < _NAMES_LOOKED_UP:
            self.near[name] = nearest(name)
        return self.near.get(name)

    def _put(self, part: _Part, name: str, node: Node) -> None:
        element = self._element(_TAGS[name], node)
        if (before := part.fields.get(name)) is not None:
            self.source.warn(Code.REPEATED_FIELD, node.start, tag=quote(f"<{node.name}>"))
            element = _joined(before, element, "\n" if name == "caption" else ", ")
        part.fields[name] = element

    def _element(self, name: str, node: Node) -> Element:
        content: list[Text | Element] = []
        for child in node.children:
            if isinstance(child, Node):
                if child.meaning.role not in ("", "root"):
                    values = {"tag": quote(f"<{child.name}>"), "parent": quote(f"<{node.name}>")}
                    self.source.warn(Code.INSIDE_FIELD, child.start, **values)
                content.append(self._element(child.name, child))
            elif not child.is_blank:
                content += self._text(child)
        first = content[0] if content else None
        if isinstance(first, Text):
            return Element(name, tuple(content), first.line, first.column)
        return Element(name, tuple(content), *self.source.place(node.start))

    def _text(self, piece: Piece) -> list[Text]:
        text = piece.text
        stripped = blank_stripped(text)
        # References and sections make the text differ from its source only after its first sign.
        start = piece.start + len(text) - len(text.lstrip())
        if len(piece.parts) > 1:
            start = piece.start
            while self.source.text[start : start + 1].isspace():
                start += 1
        return [Text(self.rename(stripped), *self.source.place(start))]


def _joined(first: Element, second: Element, separator: str) -> Element:
    if not first.content or not second.content:
        return first if first.content else second
    *head, last = first.content
    following, *tail = second.content
    if not isinstance(last, Text) or not isinstance(following, Text):
        return replace(first, content=(*first.content, *second.content))
    if last.text.endswith(_SEPARATORS) and separator == ", ":
        separator = " "
    joined = replace(last, text=f"{last.text}{separator}{following.text}")
    return replace(first, content=(*head, joined, *tail))
