"""Which fields of a prompt a language model is asked to write, by what it is asked for.

- A field is open where its element is there and empty, or missing and worth filling. A name is
  never written, nor artists, count or resolution: those are the member's to say.
- COMPLETE opens of each character gender, appearance, clothing, expression, action and position,
  with two or more also interaction; of the general tags background, perspective, atmosphere and
  lighting. The rest of the general tags only where the member left an empty element for it:
  environment says much the same as background, style and quality are a matter of taste.
- INTERACTION opens interaction and position of each character, where there are two or more.
- CAPTION opens the caption. A sentence is its own caption, so there it opens nothing.
- STRUCTURE opens nothing: it works on prompts without elements (see `structuring`).
"""

from dataclasses import dataclass

from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.prompt.model import Element, Prompt
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS
from newbie_pipeline.prompt.tag_list import is_sentence
from newbie_pipeline.prompt.vocabulary import MOST_TAGS

CAPTION = "caption"
_ALONE = ("gender", "appearance", "clothing", "expression", "action", "position")
_TOGETHER = ("interaction", "position")
_GENERAL = ("background", "perspective", "atmosphere", "lighting")


@dataclass(frozen=True)
class Slot:
    """Name one field: a character's by its number, a general one, or the caption."""

    element: str
    character: int | None = None

    @property
    def place(self) -> str:
        """Its place as people read it: `character_1/clothing`, `general_tags/style`, `caption`."""
        if self.element == CAPTION:
            return CAPTION
        return f"{self.parent}/{self.element}"

    @property
    def parent(self) -> str:
        """The name of the element around it; empty for the caption."""
        if self.element == CAPTION:
            return ""
        return "general_tags" if self.character is None else f"character_{self.character}"


def open_slots(prompt: Prompt, mode: AssistMode) -> tuple[Slot, ...]:
    """List the open fields in canonical order."""
    if mode is AssistMode.CAPTION:
        speaks = not prompt.is_xml and is_sentence(prompt.source)
        return () if speaks or not _is_empty(prompt.caption) else (Slot(CAPTION),)
    if not prompt.is_xml or mode not in (AssistMode.COMPLETE, AssistMode.INTERACTION):
        return ()
    slots = _character_slots(prompt, mode)
    if mode is AssistMode.COMPLETE:
        slots += _general_slots(prompt)
    return tuple(slots)


def value_of(prompt: Prompt, slot: Slot) -> Element | None:
    """Give the element of a slot, or None where it is missing."""
    if slot.element == CAPTION:
        return prompt.caption
    if slot.character is None:
        part = prompt.general_tags
        return None if part is None else getattr(part, slot.element)
    if slot.character > len(prompt.characters):
        return None
    found: Element | None = getattr(prompt.characters[slot.character - 1], slot.element)
    return found


def _character_slots(prompt: Prompt, mode: AssistMode) -> list[Slot]:
    wanted = set(_ALONE if mode is AssistMode.COMPLETE else ())
    if len(prompt.characters) > 1:
        wanted |= set(_TOGETHER)
    slots = [
        Slot(name, number)
        for number in range(1, len(prompt.characters) + 1)
        for name in CHARACTER_FIELDS
        if name in wanted
    ]
    return [slot for slot in slots if _is_empty(value_of(prompt, slot))]


def _general_slots(prompt: Prompt) -> list[Slot]:
    slots = []
    for name in GENERAL_FIELDS:
        found = value_of(prompt, Slot(name))
        if (found is None and name in _GENERAL) or (
            found is not None and not found.content and name in MOST_TAGS
        ):
            slots.append(Slot(name))
    return slots


def _is_empty(element: Element | None) -> bool:
    return element is None or not element.content
