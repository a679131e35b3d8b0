"""The functions that RQ runs, one call in one forked process each.

`render` draws a job and posts its picture; `report` posts why there is none. Both take ids only
and never raise what members should hear: an outcome goes into the job's record first, then into
its message. What they could not finish (killed, no Redis) is found by `jobs.lifecycle.recover`.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

import structlog
from rq.timeouts import JobTimeoutException

from jobs.errors import JobsError
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.settings import DiscordSettings, QueueSettings
from worker import client, presentation
from worker.delivery import Delivery
from worker.errors import Undeliverable, WorkerError
from worker.settings import WorkerSettings

log = structlog.get_logger("worker")

# The bot's last edit of a position may still be under way when the job begins.
WRITER_WAIT_SECONDS = 12.0


@dataclass(frozen=True)
class Bench:
    """What the tasks of one worker process work with."""

    queue: RenderQueue
    lifecycle: Lifecycle
    queue_settings: QueueSettings
    discord: DiscordSettings
    worker: WorkerSettings
    version: str


# RQ hands a task nothing but its arguments. The worker process builds its bench once, before
# it takes the first job, and each forked task finds it here.
_benches: list[Bench] = []


def install(bench: Bench) -> None:
    """Lay out the bench for the tasks of this process."""
    _benches[:] = [bench]


def render(job_id: str, attempt: int) -> None:
    """Draw one job and post its picture."""
    bench = _benches[0]
    job = bench.lifecycle.claim(job_id, attempt)
    if job is None:
        log.info("job_not_claimed", job_id=job_id, attempt=attempt)
        return
    with bench.lifecycle.lease(job_id, attempt):
        if job.delivered is not None:
            _end(bench, job, Outcome(code=OutcomeCode.DONE, message_id=job.delivered))
            return
        code = _try_to_draw(bench, job)
        if code is not OutcomeCode.DONE and bench.lifecycle.fail(job_id, attempt, code):
            _tell(bench, job, Outcome(code=code))


def report(job_id: str, attempt: int) -> None:
    """Post why a job has no picture."""
    bench = _benches[0]
    job = bench.queue.get(job_id)
    if job.state is JobState.FAILING and job.outcome is not None:
        with bench.lifecycle.lease(job_id, attempt):
            _tell(bench, job, job.outcome)


def _try_to_draw(bench: Bench, job: Job) -> OutcomeCode:
    """Draw, post and close the job; the code says how that went."""
    try:
        asyncio.run(_draw_and_post(bench, job))
    except (TimeoutError, JobTimeoutException):
        return OutcomeCode.TIMED_OUT
    except WorkerError as error:
        log.warning("job_failed", job_id=job.id, code=error.code.value, reason=str(error))
        return error.code
    except JobsError:
        raise  # without Redis nothing can be recorded: the sweep finds the job again
    except Exception:  # the edge of the process: the owner must hear of it
        log.exception("job_failed", job_id=job.id, code=OutcomeCode.INTERNAL.value)
        return OutcomeCode.INTERNAL
    return OutcomeCode.DONE


async def _draw_and_post(bench: Bench, job: Job) -> None:
    async with Delivery(bench.discord, job.address, job.id) as delivery:
        news = _News(bench, job, delivery)
        # From here on the message is ours: an edit of the bot that was under way is over.
        with bench.queue.writer(job.id, wait=WRITER_WAIT_SECONDS):
            pass
        showing = asyncio.create_task(news.show_until_done())
        try:
            async with asyncio.timeout(bench.queue_settings.job_timeout):
                rendered = await client.render(
                    bench.worker.socket, job.request, news.step, wait=bench.worker.renderer_wait
                )
        finally:
            # Never cancelled: an edit on its way would arrive after the picture.
            news.done.set()
            with suppress(asyncio.CancelledError):
                await showing
        content = await asyncio.to_thread(presentation.pictures, job, rendered, bench.version)
        message_id = await delivery.post(content)
    bench.lifecycle.delivered(job.id, message_id)
    seconds = round(rendered.seconds, 3)
    _end(bench, job, Outcome(code=OutcomeCode.DONE, message_id=message_id, seconds=seconds))


class _News:
    """Passes a render's steps on: to Redis as they come, to the message now and then."""

    def __init__(self, bench: Bench, job: Job, delivery: Delivery) -> None:
        self._bench, self._job, self._delivery = bench, job, delivery
        self._latest: tuple[int, int] | None = None
        self.done = asyncio.Event()

    def step(self, step: int, total: int) -> None:
        """Take note of a step."""
        self._latest = (step, total)
        self._bench.lifecycle.progress(self._job.id, step, total)

    async def show_until_done(self) -> None:
        """Edit the message every few seconds; a quick picture comes without any such edit."""
        shown = None
        while not await self._done_within(self._bench.worker.progress_interval):
            if self._latest is not None and self._latest != shown:
                shown = self._latest
                await self._delivery.show(presentation.progress(self._job, *shown))

    async def _done_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.done.wait(), seconds)
        return self.done.is_set()


def _tell(bench: Bench, job: Job, outcome: Outcome) -> None:
    """Post a failure's message and close the job."""
    asyncio.run(_post_failure(bench, job, outcome))


async def _post_failure(bench: Bench, job: Job, outcome: Outcome) -> None:
    with bench.queue.writer(job.id, wait=WRITER_WAIT_SECONDS):
        pass
    content = presentation.failure(job, outcome, bench.queue_settings)
    async with Delivery(bench.discord, job.address, job.id) as delivery:
        try:
            message_id = await delivery.post(content)
        except Undeliverable as error:
            log.error("job_undeliverable", job_id=job.id, reason=str(error))
            message_id = None
    _end(bench, job, outcome.model_copy(update={"message_id": message_id}))


def _end(bench: Bench, job: Job, outcome: Outcome) -> None:
    if bench.lifecycle.end(job.id, outcome):
        log.info(
            "job_ended",
            job_id=job.id,
            user_id=job.address.requester_id,
            guild_id=job.address.guild_id,
            code=outcome.code.value,
            attempt=job.attempt,
            duration=round(time.time() - job.submitted_at, 3),
            render_duration=outcome.seconds,
        )
