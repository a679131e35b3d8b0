"""Random numbers of drawings and captions: the same on every machine, for a purpose and a seed."""

import random
from collections.abc import Sequence
from typing import TypeVar

Value = TypeVar("Value")


class Stream(random.Random):
    """Draw random numbers for one purpose, so that what one takes does not move another's."""

    def __init__(self, purpose: str, seed: int) -> None:
        super().__init__(f"{purpose}/{seed}")

    def pick(self, values: Sequence[Value]) -> Value:
        """Give one of some values; several times as quick as `choice`."""
        return values[int(self.random() * len(values))]

    def happens(self, chance: float) -> bool:
        """Tell whether something happens that does so with this chance."""
        return self.random() < chance
