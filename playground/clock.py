"""The clock of tokens and deadlines.

It runs like the wall clock and can be moved forward, never back. Ids and message
times use the wall clock alone: a bot that reads the age of an interaction from its
id must get the true age.
"""

import time
from collections.abc import Callable


class Clock:
    """A wall clock with an offset that a test can raise."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._on_move: list[Callable[[], None]] = []

    def now(self) -> float:
        """Return the moved time in seconds since 1970."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> float:
        """Move the clock forward by `seconds`, tell those who wait, and return the new time.

        Raises ValueError for a negative step.
        """
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        self._offset += seconds
        for callback in list(self._on_move):
            callback()
        return self.now()

    def on_move(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each move."""
        self._on_move.append(callback)
