"""The interactions that are being answered: none of them fails unseen, or is cut off by our end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bot.answers import Interaction
from bot.failures import answer_failure


class OpenRequests:
    """Tasks that answer members, each from its first step to its end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def note_current(self) -> None:
        """Note that the current task answers an interaction."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @contextlib.asynccontextmanager
    async def answering(self, interaction: Interaction) -> AsyncIterator[None]:
        """Be to a button or a form what the command tree is to commands: note it, tell errors."""
        self.note_current()
        try:
            yield
        except Exception as error:  # the last net: whatever it is, the member is told
            await answer_failure(interaction, error)

    async def finish(self, seconds: float) -> None:
        """Give those that are open, and those that have just arrived, a little time to finish."""
        # What arrived a moment ago is a task that has not come to note itself yet.
        await asyncio.sleep(0)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
