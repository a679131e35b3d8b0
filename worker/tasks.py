"""The functions that RQ runs, one call in one forked process each.

`render` draws a job and posts its picture; `report` posts why there is none. Both take ids only
and never raise what members should hear: an outcome goes into the job's record first, then into
its message. What they could not finish (killed, no Redis, no Discord) is found by
`jobs.recovery`.
"""

import asyncio
import time
from dataclasses import dataclass

import structlog
from rq.timeouts import JobTimeoutException

from jobs import rating
from jobs.errors import JobsError
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.settings import DiscordSettings, QueueSettings
from worker import client, presentation
from worker.delivery import Delivery
from worker.errors import DiscordUnreachable, ForbiddenPicture, Undeliverable, WorkerError
from worker.news import News
from worker.settings import WorkerSettings

log = structlog.get_logger("worker")

# The bot's last edit of a position may still be under way when the job begins.
WRITER_WAIT_SECONDS = 12.0
# Redis may be away for a moment just when a picture was posted; forgetting that is costly.
REMEMBER_TRIES = 20
REMEMBER_PAUSE_SECONDS = 1.5


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
        if bench.lifecycle.end_delivered(job):
            return
        try:
            code = _try_to_draw(bench, job)
        except DiscordUnreachable:
            bench.lifecycle.abandon(job, OutcomeCode.UNDELIVERABLE)
            return
        if code is OutcomeCode.RENDERER_LOST and attempt == 0:
            # It is started again, and may well draw the same request: once more, then say so.
            bench.lifecycle.abandon(job, code)
            return
        if code is not OutcomeCode.DONE and bench.lifecycle.fail(job_id, attempt, code):
            _tell(bench, job, Outcome(code=code))


def report(job_id: str, attempt: int) -> None:
    """Post why a job has no picture."""
    bench = _benches[0]
    job = bench.queue.get(job_id)
    if job.state is JobState.FAILING and job.attempt == attempt and job.outcome is not None:
        with bench.lifecycle.lease(job_id, attempt):
            _tell(bench, job, job.outcome)


def _try_to_draw(bench: Bench, job: Job) -> OutcomeCode:
    """Draw, post and close the job; the code says how that went."""
    try:
        asyncio.run(_draw_and_post(bench, job))
    except (TimeoutError, JobTimeoutException):
        return OutcomeCode.TIMED_OUT
    except DiscordUnreachable:
        raise
    except WorkerError as error:
        log.warning("job_failed", job_id=job.id, code=error.code.value, reason=str(error))
        return error.code
    except JobsError:
        raise  # without Redis nothing can be recorded: recovery finds the job again
    except Exception:  # the edge of the process: the owner must hear of it
        log.exception("job_failed", job_id=job.id, code=OutcomeCode.INTERNAL.value)
        return OutcomeCode.INTERNAL
    return OutcomeCode.DONE


async def _draw_and_post(bench: Bench, job: Job) -> None:
    async with Delivery(bench.discord, job.address, job.id) as delivery:
        await asyncio.to_thread(_take_over_message, bench, job)
        news = News(bench.lifecycle, job, delivery, bench.worker.progress_interval)
        async with news.spread():
            async with asyncio.timeout(bench.queue_settings.job_timeout):
                rendered = await client.render(
                    bench.worker.socket,
                    job.request,
                    news.step,
                    wait=bench.worker.renderer_wait,
                    on_begin=news.begin,
                )
        await asyncio.to_thread(_check_additions, job, rendered)
        content = await asyncio.to_thread(presentation.pictures, job, rendered, bench.version)
        if not await asyncio.to_thread(bench.lifecycle.is_current, job.id, job.attempt):
            log.warning("attempt_overtaken", job_id=job.id, attempt=job.attempt)
            return
        message_id = await delivery.post(content)
    seconds = round(rendered.seconds, 3)
    outcome = Outcome(code=OutcomeCode.DONE, message_id=message_id, seconds=seconds)
    await asyncio.to_thread(_close_delivered, bench, job, outcome)


def _check_additions(job: Job, rendered: client.Rendered) -> None:
    """Look at the prompt once more where a language model has added to it.

    Raises:
        ForbiddenPicture: it is one that is never drawn, whatever the settings are.
    """
    if rendered.assisted is None or not rendered.assisted.additions:
        return
    if rating.look(rendered.assisted.prompt, job.request.negative_prompt).is_forbidden:
        raise ForbiddenPicture("additions made the prompt one that is never drawn")


def _take_over_message(bench: Bench, job: Job) -> None:
    """Wait until an edit of the bot that is under way is over; from here the message is ours."""
    with bench.queue.writer(job.id, wait=WRITER_WAIT_SECONDS):
        return


def _close_delivered(bench: Bench, job: Job, outcome: Outcome) -> None:
    """Record that the picture is posted, then close the job."""
    for tries_left in reversed(range(REMEMBER_TRIES)):
        try:
            bench.lifecycle.delivered(job.id, job.attempt, str(outcome.message_id))
            _end(bench, job, outcome)
            return
        except JobsError:
            if not tries_left:
                raise
            log.warning("redis_unavailable", job_id=job.id)
            time.sleep(REMEMBER_PAUSE_SECONDS)


def _tell(bench: Bench, job: Job, outcome: Outcome) -> None:
    """Post a failure's message and close the job; while Discord is away, leave it for later."""
    _take_over_message(bench, job)
    try:
        message_id = asyncio.run(_post_failure(bench, job, outcome))
    except DiscordUnreachable as error:
        log.warning("failure_not_told", job_id=job.id, reason=str(error))
        bench.lifecycle.postpone_report(job)
        return
    except Undeliverable as error:
        log.error("job_undeliverable", job_id=job.id, reason=str(error))
        message_id = None
    _end(bench, job, outcome.model_copy(update={"message_id": message_id}))


async def _post_failure(bench: Bench, job: Job, outcome: Outcome) -> str:
    content = presentation.failure(job, outcome, bench.queue_settings)
    async with Delivery(bench.discord, job.address, job.id) as delivery:
        return await delivery.post(content)


def _end(bench: Bench, job: Job, outcome: Outcome) -> None:
    if bench.lifecycle.end(job.id, job.attempt, outcome):
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
