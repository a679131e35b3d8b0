"""News of a render: each step to Redis soon after it, and to the message now and then.

That a prompt is being completed is shown at once, since it takes a while and no step comes.

Nothing here can harm the render: news that cannot be spread are dropped, with a line in the log.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from jobs.errors import JobsError
from jobs.lifecycle import Lifecycle
from jobs.models import Job
from newbie_pipeline.prompt.assist import AssistMode
from worker import presentation
from worker.delivery import Delivery

log = structlog.get_logger("worker")

REDIS_SECONDS = 0.25
# Step and total while the language model writes.
WRITING = (0, 0)


class News:
    """Spreads how far one job is."""

    def __init__(
        self, lifecycle: Lifecycle, job: Job, delivery: Delivery, message_interval: float
    ) -> None:
        self._lifecycle, self._job, self._delivery = lifecycle, job, delivery
        self._message_interval = message_interval
        self._latest: tuple[int, int] | None = None
        self._done = asyncio.Event()

    def begin(self) -> None:
        """Take note that the render begins: where help was asked for, the prompt comes first."""
        if self._job.request.assist is not AssistMode.OFF:
            self._latest = WRITING

    def step(self, step: int, total: int) -> None:
        """Take note of a step."""
        self._latest = (step, total)

    @asynccontextmanager
    async def spread(self) -> AsyncIterator[None]:
        """Spread the news while the block runs."""
        spreading = asyncio.create_task(self._spread())
        try:
            yield
        finally:
            # Never cancelled: an edit on its way would arrive after the picture.
            self._done.set()
            await spreading

    async def _spread(self) -> None:
        noted = shown = None
        # A quick picture comes without any edit before it.
        next_edit = time.monotonic() + self._message_interval
        while not await self._done_soon():
            latest = self._latest
            try:
                if latest is not None and latest != noted:
                    noted = latest
                    await asyncio.to_thread(
                        self._lifecycle.progress, self._job.id, self._job.attempt, *latest
                    )
                is_time = latest == WRITING or time.monotonic() >= next_edit
                if latest is not None and latest != shown and is_time:
                    shown = latest
                    await self._delivery.show(presentation.progress(self._job, *latest))
                    next_edit = time.monotonic() + self._message_interval
            except JobsError as error:
                log.warning("progress_not_noted", job_id=self._job.id, reason=type(error).__name__)
            except Exception:  # the edge of this task: the picture matters more than the news
                log.exception("progress_not_shown", job_id=self._job.id)

    async def _done_soon(self) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), REDIS_SECONDS)
        return self._done.is_set()
