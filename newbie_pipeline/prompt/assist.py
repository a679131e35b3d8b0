"""What a language model may be asked to do with a prompt, and what came of it; loads no torch.

Nothing that a member wrote is ever changed or removed: an `Assisted` prompt is theirs with
additions, or theirs as it was, with a note that says why.
"""

from dataclasses import dataclass
from enum import StrEnum


class AssistMode(StrEnum):
    """What the language model is asked for.

    COMPLETE fills open fields of characters and of the general tags, STRUCTURE turns tags or a
    sentence into XML, INTERACTION proposes what characters do with each other and where they
    stand, CAPTION writes the caption.
    """

    OFF = "off"
    COMPLETE = "complete"
    STRUCTURE = "structure"
    INTERACTION = "interaction"
    CAPTION = "caption"


class AssistNote(StrEnum):
    """Why a prompt went on with nothing added, or with less than could be."""

    # The worker holds no language model: Gemma is left out, or not loaded whole.
    UNAVAILABLE = "unavailable"
    # No field was open, or none got a value that may be added.
    NOTHING_TO_ADD = "nothing_to_add"
    # What came out failed its checks twice.
    FAILED = "failed"
    # Time or tokens ran out; what was finished until then is added.
    TIMED_OUT = "timed_out"


@dataclass(frozen=True)
class Addition:
    """One field that the language model wrote; `place` is such as `character_1/clothing`."""

    place: str
    text: str


@dataclass(frozen=True)
class Assisted:
    """A prompt after the language model: what is drawn, and what of it was added.

    `prompt` is the text that the model is shown. With a `note` and no additions it is the text as
    written.
    """

    prompt: str
    additions: tuple[Addition, ...] = ()
    note: AssistNote | None = None
