"""Stops a render as soon as its job is cancelled, or is to be handed back.

The mark of a cancelled job lies in Redis; both are looked for several times a second. Stopping the
coroutine closes the renderer's socket, and the renderer drops the render at its next step.
"""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import structlog

from jobs.errors import JobsError
from jobs.lifecycle import Lifecycle
from worker.errors import Cancelled, HandedBack, WorkerError
from worker.handing_back import HandBack

log = structlog.get_logger("worker")

POLL_SECONDS = 0.2

Result = TypeVar("Result")


async def unless_cancelled(
    lifecycle: Lifecycle,
    job_id: str,
    render: Coroutine[None, None, Result],
    hand_back: HandBack,
) -> Result:
    """Await a render of a job.

    Raises:
        Cancelled: the job was cancelled first.
        HandedBack: it is to be handed back, and was not drawn yet.
    """
    drawing = asyncio.ensure_future(render)
    watching = asyncio.create_task(_wait_for_reason(lifecycle, job_id, hand_back))
    try:
        await asyncio.wait({drawing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if drawing.done():
            return drawing.result()
        raise watching.result()
    finally:
        for task in (drawing, watching):
            task.cancel()
        await asyncio.gather(drawing, watching, return_exceptions=True)


async def _wait_for_reason(lifecycle: Lifecycle, job_id: str, hand_back: HandBack) -> WorkerError:
    """Wait until the render is not to go on, and say why."""
    is_out_of_reach = False
    while not hand_back.is_wanted:
        try:
            if await asyncio.to_thread(lifecycle.is_cancelled, job_id):
                return Cancelled("somebody cancelled the job")
            is_out_of_reach = False
        except JobsError as error:
            # The render goes on: its end decides in a transaction who was first.
            if not is_out_of_reach:
                log.warning("cancel_not_looked_for", job_id=job_id, reason=str(error))
            is_out_of_reach = True
        await asyncio.sleep(POLL_SECONDS)
    return HandedBack("the worker stops")
