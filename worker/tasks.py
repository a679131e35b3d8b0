"""The functions that RQ runs, one call in one forked process each.

`render` takes the job that is first in line, draws it and posts its picture; `report` posts what an
earlier process left unsaid. Neither raises what members should hear: an outcome goes into the job's
record first, then into its message. What they could not finish (killed, no Redis, no Discord) is
found by `jobs.recovery`.
"""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from rq import get_current_job
from rq.timeouts import JobTimeoutException

from jobs.capability import ANYTHING, Capability
from jobs.errors import JobsError, NothingPromised
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from jobs.results import Parts
from jobs.settings import DiscordSettings, QueueSettings
from worker import client, presentation
from worker.cancelling import unless_cancelled
from worker.delivery import Delivery
from worker.description_file import DESCRIPTION_FILE, read_description
from worker.errors import (
    Cancelled,
    DiscordUnreachable,
    HandedBack,
    WorkerError,
)
from worker.handing_back import HandBack
from worker.house_rules import check_additions, check_prompt, read_house_rules
from worker.kept import from_parts, to_parts
from worker.news import News
from worker.presentation import Content
from worker.set_aside import post_or_set_aside
from worker.settings import WorkerSettings

log = structlog.get_logger("worker")

# The bot's last edit of a position may still be under way when the job begins.
WRITER_WAIT_SECONDS = 12.0
# Redis may be away for a moment just when a picture was posted; forgetting that is costly.
REMEMBER_TRIES = 20
REMEMBER_PAUSE_SECONDS = 1.5
# After a ticket that found no job which this worker can draw.
REST_SECONDS = 1.0


@dataclass(frozen=True)
class Bench:
    """What the tasks of one worker process work with."""

    queue: RenderQueue
    lifecycle: Lifecycle
    queue_settings: QueueSettings
    discord: DiscordSettings
    worker: WorkerSettings
    version: str
    hand_back: HandBack = field(default_factory=HandBack)


# RQ hands a task nothing but its arguments. The worker process builds its bench once, before
# it takes the first job, and each forked task finds it here.
_benches: list[Bench] = []


def install(bench: Bench) -> None:
    """Lay out the bench for the tasks of this process."""
    _benches[:] = [bench]


def render(*_place: object) -> None:
    """Draw the first job in line that this worker can draw, and post its picture.

    What the ticket was made for does not matter; tickets of earlier versions still say it.
    """
    bench = _benches[0]
    if bench.hand_back.is_wanted:
        return  # no further job: the ticket is made anew for another worker
    job = bench.lifecycle.claim(_ticket(), _capability(bench))
    if job is None:
        _pass_on(bench)
        return
    with bench.lifecycle.lease(job.id, job.attempt), _unless_refused(bench, job):
        try:
            code = _try_to_draw(bench, job)
        except HandedBack:
            bench.lifecycle.hand_back(job)
            return
        if code is OutcomeCode.RENDERER_LOST and job.lost_attempts == 0:
            # It is started again, and may well draw the same request: once more, then say so.
            bench.lifecycle.abandon(job, code)
        elif code is not None and bench.lifecycle.fail(job.id, job.attempt, code):
            _tell(bench, job, Outcome(code=code))


def report(job_id: str, attempt: int) -> None:
    """Post what became of a job: the message that was kept, or why there is no picture."""
    bench = _benches[0]
    if not bench.lifecycle.reserve(job_id, attempt):
        log.info("already_reported", job_id=job_id, attempt=attempt)
        return
    with bench.lifecycle.lease(job_id, attempt):
        job = bench.queue.get(job_id)
        if job.attempt != attempt or job.outcome is None:
            return
        with _unless_refused(bench, job):
            if job.state is JobState.FAILING:
                _tell(bench, job, job.outcome)
            elif job.state is JobState.RENDERED and not bench.lifecycle.end_delivered(job):
                _post_kept(bench, job, job.outcome)


@contextmanager
def _unless_refused(bench: Bench, job: Job) -> Iterator[None]:
    """Drop a job of which it turns out that its member was told that it is not accepted."""
    try:
        yield
    except NothingPromised:
        if bench.queue.withdraw(job.id, begun_as=job.attempt):
            log.warning("withdrawn", job_id=job.id)
        bench.queue.promises.settle(job.id)


def _ticket() -> str:
    """Name RQ's job in this process; without RQ, in tests, a new name."""
    running = get_current_job()
    return running.id if running is not None else secrets.token_hex(8)


def _pass_on(bench: Bench) -> None:
    """Leave the ticket to a worker that can draw what waits, or may; this one rests a moment.

    Without the rest it would draw the same ticket again and again.
    """
    if not len(bench.queue.line):
        log.info("line_empty")
        return
    # Said every second while something waits for another worker.
    log.debug("no_job_for_us")
    bench.queue.tickets.pass_on()
    time.sleep(REST_SECONDS)


def _capability(bench: Bench) -> Capability:
    """Tell what this worker's renderer can draw, as it says itself."""
    said = read_description(bench.worker.socket.with_name(DESCRIPTION_FILE))
    return ANYTHING if said is None else said.capability


def _try_to_draw(bench: Bench, job: Job) -> OutcomeCode | None:
    """Draw, post and close the job; gives the code of a failure that its owner must hear of.

    Raises:
        HandedBack: the worker stops, and the job is not drawn yet.
    """
    try:
        asyncio.run(_draw_and_post(bench, job))
    except HandedBack:
        raise
    except (TimeoutError, JobTimeoutException):
        if bench.queue.get(job.id).state is not JobState.RENDERED:
            return OutcomeCode.TIMED_OUT
        _leave_for_later(bench, job, "posting took too long")
    except DiscordUnreachable as error:
        _leave_for_later(bench, job, str(error))
    except WorkerError as error:
        log.warning("job_failed", job_id=job.id, code=error.code.value, reason=str(error))
        return error.code
    except JobsError:
        raise  # without Redis nothing can be recorded: recovery finds the job again
    except Exception:  # the edge of the process: the owner must hear of it
        log.exception("job_failed", job_id=job.id, code=OutcomeCode.INTERNAL.value)
        return OutcomeCode.INTERNAL
    return None


async def _draw_and_post(bench: Bench, job: Job) -> None:
    async with _delivery(bench, job) as delivery:
        await asyncio.to_thread(_take_over_message, bench, job)
        rules = await asyncio.to_thread(read_house_rules, bench.queue.guilds, job.address)
        await asyncio.to_thread(check_prompt, rules.prompt, job.request)
        news = News(bench.lifecycle, job, delivery, bench.worker.progress_interval)
        async with news.spread():
            async with asyncio.timeout(bench.queue_settings.job_timeout):
                drawing = client.render(
                    bench.worker.socket,
                    job.request,
                    news.step,
                    wait=bench.worker.renderer_wait,
                    on_begin=news.begin,
                    rules=rules.prompt,
                )
                rendered = await unless_cancelled(bench.lifecycle, job.id, drawing, bench.hand_back)
        await asyncio.to_thread(check_additions, rules.prompt, job.request, rendered.assisted)
        content = await asyncio.to_thread(
            presentation.pictures, job, rendered, bench.version, as_spoilers=rules.posts_spoilers
        )
        outcome = Outcome(code=OutcomeCode.DONE, seconds=round(rendered.seconds, 3))
        if not await asyncio.to_thread(_keep, bench, job, outcome, content):
            log.warning("attempt_overtaken", job_id=job.id, attempt=job.attempt)
            return
        message_id = await post_or_set_aside(bench.lifecycle, delivery, job, outcome, content)
    if message_id is not None:
        posted = outcome.model_copy(update={"message_id": message_id})
        await asyncio.to_thread(_close_delivered, bench, job, posted)


def _keep(bench: Bench, job: Job, outcome: Outcome, content: Content) -> bool:
    """Win the right to post the picture; False for an attempt that has nothing to say any more.

    Raises:
        Cancelled: somebody cancelled the job just before.
    """
    parts: Parts | None = to_parts(content)
    for tries_left in reversed(range(REMEMBER_TRIES)):
        try:
            if bench.lifecycle.keep(job.id, job.attempt, outcome, parts):
                return True
            now = bench.queue.get(job.id)
            if now.state is JobState.RUNNING and now.attempt == job.attempt:
                raise Cancelled("somebody cancelled the job")
            return False
        except JobsError:
            if not tries_left:
                raise
            # Redis may be away, or have no room for the picture: then it is only recorded.
            parts = None if parts else to_parts(content)
            log.warning("redis_unavailable", job_id=job.id)
            time.sleep(REMEMBER_PAUSE_SECONDS)
    return False


def _leave_for_later(bench: Bench, job: Job, reason: str) -> None:
    """Keep the picture until Discord takes it, or draw it again where it could not be kept."""
    if bench.lifecycle.results.get(job.id) is None:
        bench.lifecycle.abandon(job, OutcomeCode.UNDELIVERABLE)
        return
    log.warning("picture_not_posted", job_id=job.id, reason=reason)
    bench.lifecycle.postpone_report(job)


def _post_kept(bench: Bench, job: Job, outcome: Outcome) -> None:
    """Post the message that an earlier process has left, and close the job."""
    parts = bench.lifecycle.results.get(job.id)
    if parts is None:
        log.warning("result_gone", job_id=job.id)
        bench.lifecycle.abandon(job, OutcomeCode.UNDELIVERABLE)
        return
    try:
        message_id = asyncio.run(_post(bench, job, outcome, from_parts(parts)))
    except DiscordUnreachable as error:
        # The try was counted when it was ordered.
        log.warning("picture_not_posted", job_id=job.id, reason=str(error))
    except (ValueError, KeyError) as error:
        log.warning("job_failed", job_id=job.id, reason=type(error).__name__)
        if bench.lifecycle.fail(job.id, job.attempt, OutcomeCode.UNDELIVERABLE):
            _tell(bench, job, Outcome(code=OutcomeCode.UNDELIVERABLE))
    else:
        if message_id is not None:
            posted = outcome.model_copy(update={"message_id": message_id})
            _close_delivered(bench, job, posted)


async def _post(bench: Bench, job: Job, outcome: Outcome, content: Content) -> str | None:
    async with _delivery(bench, job) as delivery:
        return await post_or_set_aside(bench.lifecycle, delivery, job, outcome, content)


def _delivery(bench: Bench, job: Job) -> Delivery:
    # An attempt or a report before this one may have posted already.
    is_repeat = job.attempt > 0 or job.reports > 0
    promises = bench.queue.promises
    return Delivery(
        bench.discord,
        job.address,
        job.id,
        is_repeat=is_repeat,
        is_in_doubt=lambda: promises.is_open(job.id),
    )


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
    if outcome.code is OutcomeCode.CANCELLED:
        job = bench.queue.get(job.id)  # it says by whom
    content = presentation.failure(job, outcome, bench.queue_settings)
    try:
        message_id = asyncio.run(_post(bench, job, outcome, content))
    except DiscordUnreachable as error:
        log.warning("failure_not_told", job_id=job.id, reason=str(error))
        bench.lifecycle.postpone_report(job)
        return
    if message_id is not None:
        _end(bench, job, outcome.model_copy(update={"message_id": message_id}))


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
