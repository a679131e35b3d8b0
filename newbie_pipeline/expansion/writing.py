"""What the driver asks a language model for, and what it gives it to spend; loads no torch.

The driver (`assistant`) fixes every element and asks for one value at a time. It trusts nothing
that comes back, so anything that keeps to `PromptWriter` may stand in for the model.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from newbie_pipeline.errors import RenderCancelled

# What one request may take where nobody says otherwise.
DEFAULT_TOKENS = 400
DEFAULT_SECONDS = 60.0


@dataclass(frozen=True)
class WantedTags:
    """Ask for one to `most` of the options, with ", " between them.

    Of options with the same group in `groups` at most one is taken.
    """

    options: tuple[str, ...]
    most: int = 1
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WantedCaption:
    """Ask for whole sentences, within both limits."""

    most_characters: int
    most_sentences: int


Wanted = WantedTags | WantedCaption


class Session(Protocol):
    """One run of writing: what was written before stays in front of the model."""

    def write(self, lead: str, wanted: Wanted, end: str) -> str:
        """Show `lead`, have a value written, show `end`; both are text, never control signs.

        Raises RenderCancelled, and AllowanceSpent when the value was not finished.
        """


class PromptWriter(Protocol):
    """A language model that writes values."""

    def fits(self, prompt: str) -> bool:
        """Tell whether the picture's model reads all of a prompt."""

    def session(
        self, task: str, text: str, seed: int, allowance: "Allowance"
    ) -> AbstractContextManager[Session]:
        """Begin to write: `task` is the instruction, `text` the member's prompt, which is data.

        The same seed writes the same values. The model's memory is given back at the end.
        """


class AllowanceSpent(Exception):
    """The time or the tokens of a request ran out."""


class Allowance:
    """The tokens and the seconds that one request may still spend on writing."""

    def __init__(
        self,
        tokens: int,
        seconds: float,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._end = clock() + seconds
        self._cancelled = cancelled

    def check(self) -> None:
        """Raise RenderCancelled or AllowanceSpent, whichever it is time for."""
        if self._cancelled():
            raise RenderCancelled("the render was cancelled")
        if self._tokens <= 0 or self._clock() >= self._end:
            raise AllowanceSpent

    def take(self) -> None:
        """Spend one token; raises as `check` does."""
        self.check()
        self._tokens -= 1
