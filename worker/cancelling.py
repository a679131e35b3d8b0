"""Stops a render as soon as its job is cancelled.

The mark lies in Redis and is looked for several times a second. Stopping the coroutine closes the
renderer's socket, and the renderer drops the render at its next step.
"""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import structlog

from jobs.errors import JobsError
from jobs.lifecycle import Lifecycle
from worker.errors import Cancelled

log = structlog.get_logger("worker")

POLL_SECONDS = 0.2

Result = TypeVar("Result")


async def unless_cancelled(
    lifecycle: Lifecycle, job_id: str, render: Coroutine[None, None, Result]
) -> Result:
    """Await a render of a job.

    Raises:
        Cancelled: the job was cancelled first.
    """
    drawing = asyncio.ensure_future(render)
    watching = asyncio.create_task(_wait_for_mark(lifecycle, job_id))
    try:
        await asyncio.wait({drawing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if drawing.done():
            return drawing.result()
        raise Cancelled("somebody cancelled the job")
    finally:
        for task in (drawing, watching):
            task.cancel()
        await asyncio.gather(drawing, watching, return_exceptions=True)


async def _wait_for_mark(lifecycle: Lifecycle, job_id: str) -> None:
    is_out_of_reach = False
    while True:
        try:
            if await asyncio.to_thread(lifecycle.is_cancelled, job_id):
                return
            is_out_of_reach = False
        except JobsError as error:
            # The render goes on: its end decides in a transaction who was first.
            if not is_out_of_reach:
                log.warning("cancel_not_looked_for", job_id=job_id, reason=str(error))
            is_out_of_reach = True
        await asyncio.sleep(POLL_SECONDS)
