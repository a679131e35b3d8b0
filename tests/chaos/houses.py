"""Plays one seed after the other in one house, and leaves a house in which something went wrong."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.driver import Run, play
from tests.chaos.house import House


class Houses:
    """Use as a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0
        self._house: House | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()

    def play(self, seed: int) -> Run:
        """Play one seed."""
        try:
            run = asyncio.run(play(self._enter(), seed))
        except BaseException:
            self.leave()
            raise
        if run.verdict.problems:
            self.leave()
        return run

    def leave(self) -> list[str]:
        """Close the house, if one is open, and describe the processes that are still there."""
        house, self._house = self._house, None
        if house is None:
            return []
        house.close()
        return house.survivors()

    def _enter(self) -> House:
        if self._house is None:
            self._count += 1
            self._house = House(self._directory / str(self._count))
            self._house.open()
        return self._house
