"""Help with a prompt: asks a language model for values, and lets through what may be added.

- What a member wrote is never changed or removed. A value is added where its field is open, the
  value is in the field's vocabulary (a caption: plain sentences), the text read again says what it
  said before and the value, the picture's model still reads all of it, and whoever asks allows the
  whole prompt (`allows`). The rest is dropped.
- A try that brings nothing fails; after two the prompt goes on as written.
- Where time or tokens run out, what was added until then stays.
- The same prompt, mode, seed and model give the same result, unless time ran out.
- Loads no torch: the model is behind `writing.PromptWriter`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from newbie_pipeline.expansion.writing import (
    Allowance,
    AllowanceSpent,
    PromptWriter,
    Session,
    Wanted,
    WantedCaption,
    WantedTags,
)
from newbie_pipeline.prompt.assist import Addition, Assisted, AssistMode, AssistNote
from newbie_pipeline.prompt.caption_rules import (
    MOST_CAPTION_CHARACTERS,
    MOST_SENTENCES,
    passes_caption,
)
from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.insertion import with_values
from newbie_pipeline.prompt.model import Prompt
from newbie_pipeline.prompt.open_fields import CAPTION, Slot, open_slots, value_of
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.structuring import (
    COUNTS,
    PLACES,
    Structured,
    can_be_structured,
    structure_sentence,
    structure_tags,
    unknown_tags,
)
from newbie_pipeline.prompt.tag_list import is_sentence
from newbie_pipeline.prompt.tag_sorting import plain_tag
from newbie_pipeline.prompt.vocabulary import MOST_TAGS, passes, tag_choices, vocabulary

TRIES = 2
# Tags that no list knows and that the model is asked about; the rest go under <other>.
MOST_TAGS_ASKED = 24
_MOST_SEED = 2**63

TASKS = {
    AssistMode.COMPLETE: (
        "Write the fields that are missing, as XML with short tags that fit the description and "
        "each other."
    ),
    AssistMode.STRUCTURE: (
        "Write what the picture shows, as XML with short tags that fit the description and each "
        "other."
    ),
    AssistMode.INTERACTION: (
        "Write what the characters do with each other and where each of them is, as XML with short "
        "tags that fit their actions."
    ),
    AssistMode.CAPTION: "Write a caption of one to three plain English sentences.",
}
SORTING_TASK = (
    f"The description is a list of tags. Write for single tags which of these they are about: "
    f"{', '.join(PLACES)}. n is the name of a character."
)


def assist(
    text: str,
    mode: AssistMode,
    writer: PromptWriter | None,
    *,
    seed: int,
    allowance: Allowance,
    allows: Callable[[str], bool] = lambda _prompt: True,
) -> Assisted:
    """Have a prompt completed, structured, or given interactions or a caption.

    `allows` tells whether a prompt with an addition may be drawn; what it refuses is dropped.
    Without a `writer` the prompt comes back as written, with a note; so it does where `text` is no
    prompt that can be read. Raises RenderCancelled, and what `allows` raises.
    """
    if mode is AssistMode.OFF:
        return Assisted(text)
    if writer is None:
        return Assisted(text, note=AssistNote.UNAVAILABLE)
    try:
        prompt = parse(text)
    except PromptError:
        return Assisted(text, note=AssistNote.FAILED)
    request = _Request(prompt, mode, writer, allowance, allows)
    try:
        for number in range(TRIES):
            result = request.attempt((seed + number) % _MOST_SEED)
            if result is not None:
                return result
    except AllowanceSpent:
        return Assisted(prompt.source, note=AssistNote.TIMED_OUT)
    return Assisted(prompt.source, note=AssistNote.FAILED)


@dataclass
class _Try:
    """What one run over the open fields brought."""

    kept: list[tuple[Slot, str]] = field(default_factory=list)
    prompt: Prompt | None = None
    has_dropped: bool = False
    is_spent: bool = False


@dataclass(frozen=True)
class _Request:
    """One prompt and what is wanted of it."""

    prompt: Prompt
    mode: AssistMode
    writer: PromptWriter
    allowance: Allowance
    allows: Callable[[str], bool]

    def attempt(self, seed: int) -> Assisted | None:
        """Try once; None where nothing of what came may be used."""
        if not self.writer.fits(self.prompt.source):
            return self._as_written(AssistNote.NOTHING_TO_ADD)
        if self.mode is AssistMode.STRUCTURE:
            return self._structure(seed)
        slots = open_slots(self.prompt, self.mode)
        if not slots:
            return self._as_written(AssistNote.NOTHING_TO_ADD)
        with self._session(TASKS[self.mode], seed) as session:
            found = self._write_fields(self.prompt, slots, session)
        return self._result(Structured(self.prompt), found)

    def _session(self, task: str, seed: int) -> AbstractContextManager[Session]:
        return self.writer.session(task, self.prompt.source, seed, self.allowance)

    def _as_written(self, note: AssistNote) -> Assisted:
        return Assisted(self.prompt.source, note=note)

    def _structure(self, seed: int) -> Assisted | None:
        if not can_be_structured(self.prompt):
            return self._as_written(AssistNote.NOTHING_TO_ADD)
        if is_sentence(self.prompt.source):
            return self._structure_sentence(seed)
        places, is_spent = self._ask_places(seed)
        made = structure_tags(self.prompt, places)
        if made is None or not self.allows(made.prompt.source):
            return None
        if not self.writer.fits(made.prompt.source):
            return self._as_written(AssistNote.NOTHING_TO_ADD)
        note = AssistNote.TIMED_OUT if is_spent else None
        return Assisted(made.prompt.source, made.additions, note)

    def _ask_places(self, seed: int) -> tuple[dict[str, str], bool]:
        """Have the model say where tags belong that no list knows; True where it ran out."""
        tags = unknown_tags(self.prompt.source)[:MOST_TAGS_ASKED]
        places: dict[str, str] = {}
        if not tags:
            return places, False
        try:
            with self._session(SORTING_TASK, seed) as session:
                for tag in tags:
                    self.allowance.check()
                    place = session.write(f"{tag}: ", WantedTags(PLACES), "\n")
                    if place in PLACES:
                        places[tag] = place
        except AllowanceSpent:
            return places, True
        return places, False

    def _structure_sentence(self, seed: int) -> Assisted | None:
        with self._session(TASKS[AssistMode.STRUCTURE], seed) as session:
            self.allowance.check()
            count = session.write("<count>", WantedTags(tuple(COUNTS)), "</count>\n")
            made = None
            if isinstance(count, str) and count in COUNTS:
                made = structure_sentence(self.prompt, count)
            if made is None or not self.allows(made.prompt.source):
                return None
            if not self.writer.fits(made.prompt.source):
                return self._as_written(AssistNote.NOTHING_TO_ADD)
            slots = open_slots(made.prompt, AssistMode.COMPLETE)
            found = self._write_fields(made.prompt, slots, session)
        return self._result(made, found)

    def _write_fields(self, base: Prompt, slots: Sequence[Slot], session: Session) -> _Try:
        """Have the open fields written one after the other, and keep what may be added."""
        found = _Try()
        parent = ""
        for slot in slots:
            wanted = _wanted(found.prompt or base, slot)
            if not self._has_room(base, found, slot, wanted):
                continue
            lead = _begin_parent(parent, slot.parent)
            parent = slot.parent
            try:
                self.allowance.check()
                value = session.write(f"{lead}<{slot.element}>", wanted, f"</{slot.element}>\n")
            except AllowanceSpent:
                found.is_spent = True
                break
            changed = None
            if _passes(value, slot, base):
                changed = with_values(base, [*found.kept, (slot, value)])
            if changed is None or not self.allows(changed.source):
                found.has_dropped = True
            elif self.writer.fits(changed.source):
                found.kept.append((slot, value))
                found.prompt = changed
        return found

    def _has_room(self, base: Prompt, found: _Try, slot: Slot, wanted: Wanted) -> bool:
        """Tell whether the shortest value would still be read: if not, none is written."""
        least = min(wanted.options, key=len) if isinstance(wanted, WantedTags) else "A girl."
        changed = with_values(base, [*found.kept, (slot, least)])
        return changed is None or self.writer.fits(changed.source)

    def _result(self, made: Structured, found: _Try) -> Assisted | None:
        """Sum a try up; None where it brought nothing although there was something to write."""
        note = AssistNote.TIMED_OUT if found.is_spent else None
        prompt = found.prompt or made.prompt
        written = tuple(Addition(slot.place, value) for slot, value in found.kept)
        if not written and found.has_dropped and not found.is_spent:
            return None
        if not written and not made.additions and note is None:
            note = AssistNote.NOTHING_TO_ADD
        return Assisted(prompt.source, (*made.additions, *written), note)


def _wanted(prompt: Prompt, slot: Slot) -> Wanted:
    """Say what may stand in a field; where somebody stands already nobody else is put."""
    if slot.element == CAPTION:
        return WantedCaption(MOST_CAPTION_CHARACTERS, MOST_SENTENCES)
    options = tag_choices(slot.element, slot.character, len(prompt.characters))
    if slot.element == "position":
        taken = {
            plain_tag(tag)
            for number in range(1, len(prompt.characters) + 1)
            if number != slot.character
            and (found := value_of(prompt, Slot("position", number))) is not None
            for tag in found.tags
        }
        options = tuple(tag for tag in options if tag not in taken) or options
    groups = vocabulary()[slot.element].groups
    return WantedTags(options, MOST_TAGS[slot.element], groups)


def _passes(value: object, slot: Slot, prompt: Prompt) -> bool:
    """Tell whether what came back may be added to a field."""
    if not isinstance(value, str):
        return False
    if slot.element == CAPTION:
        return passes_caption(value)
    return passes(slot.element, value, slot.character, len(prompt.characters))


def _begin_parent(before: str, parent: str) -> str:
    """Close the element that was written in and open the next one, where it is another."""
    if before == parent:
        return ""
    return (f"</{before}>\n" if before else "") + (f"<{parent}>\n" if parent else "")
