"""Lay a prompt out as XML: in its canonical form, and in the many forms that people write."""

from typing import Any

from newbie_pipeline.demo.seeds import Stream
from newbie_pipeline.demo.writer.fields import Fields, Sheet
from newbie_pipeline.prompt.model import Character, Element, GeneralTags, Prompt, Text
from newbie_pipeline.prompt.render import render
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS, ROOTS

_INDENTS = ("", "", "  ", "  ", "    ", "\t")


def canonical(sheet: Sheet, caption: str) -> str:
    """Write a prompt as the prompt language's own renderer does."""
    characters = tuple(Character(**_elements(fields, CHARACTER_FIELDS)) for fields in sheet.figures)
    general = GeneralTags(**_elements(sheet.general, GENERAL_FIELDS)) if sheet.general else None
    element = Element("caption", (Text(caption),)) if caption else None
    return render(Prompt(characters, general, element))


def free_form(stream: Stream, sheet: Sheet, caption: str, *, keeps_fields: bool) -> str:
    """Write a prompt with the layout of one of many writers.

    Fields keep their usual order with `keeps_fields`; else they stand in any, the position before
    or after all that it places. Whole characters change places only where both sides are named.
    """
    layout = _Layout(stream, keeps_fields)
    blocks = [layout.block(f"character_{k}", fields) for k, fields in enumerate(sheet.figures, 1)]
    if not keeps_fields and all("position" in fields for fields in sheet.figures):
        stream.shuffle(blocks)
    general = [layout.block("general_tags", sheet.general)] if sheet.general else []
    closing = [f"<caption>{caption}</caption>"] if caption else []
    parts = [*blocks, *general, *closing]
    if not keeps_fields and stream.happens(0.3):
        parts = [*closing, *general, *blocks]
    text = layout.between.join(parts)
    if stream.happens(0.08):
        root = stream.pick(ROOTS)
        return f"<{root}>\n{text}\n</{root}>"
    return text


class _Layout:
    """Hold what one writer does in all of a prompt."""

    def __init__(self, stream: Stream, keeps_fields: bool) -> None:
        self._stream, self._keeps_fields = stream, keeps_fields
        self._indent = stream.pick(_INDENTS)
        self._has_lines = stream.happens(0.85)
        self._comma = ", " if stream.happens(0.9) else ","
        self.between = stream.pick(("\n", "\n\n") if self._has_lines else ("", " ", "\n"))

    def block(self, name: str, fields: Fields) -> str:
        """Write a character or the general tags; now and then with an empty field."""
        names = GENERAL_FIELDS if name == "general_tags" else CHARACTER_FIELDS
        order = [key for key in names if key in fields or self._stream.happens(0.05)]
        if not self._keeps_fields:
            self._stream.shuffle(order)
        lines = [
            f"<{names[key]}>{self._comma.join(fields.get(key, []))}</{names[key]}>" for key in order
        ]
        if self._has_lines:
            return "\n".join([f"<{name}>", *(self._indent + line for line in lines), f"</{name}>"])
        return "".join([f"<{name}>", *lines, f"</{name}>"])


def _elements(fields: Fields, names: dict[str, str]) -> dict[str, Any]:
    return {
        name: Element(tag, (Text(", ".join(fields[name])),))
        for name, tag in names.items()
        if name in fields
    }
