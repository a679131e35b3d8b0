"""The tasks that RQ runs, with a real renderer, a real Redis and the playground."""

import asyncio

import pytest

from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, OutcomeCode
from jobs.settings import QueueSettings
from supervisor.stack import Stack
from tests.conftest import RendererProcess
from tests.e2e.conftest import Member
from tests.e2e.test_delivery import settings
from tests.e2e.test_survival import accepted
from worker import delivery, tasks
from worker.settings import WorkerSettings

pytestmark = pytest.mark.slow


@pytest.fixture
def stack(whole_stack: Stack) -> Stack:
    """The product without a worker: these tests run its tasks themselves."""
    whole_stack.stop("worker")
    whole_stack.start("redis", "playground", "bot")
    return whole_stack


@pytest.fixture
def bench(
    member: Member, renderer: RendererProcess, monkeypatch: pytest.MonkeyPatch
) -> tasks.Bench:
    import discord

    monkeypatch.setattr(discord.http.Route, "BASE", member.stack.api_url)
    monkeypatch.setattr(delivery, "PAUSES", (0.1,))
    return tasks.Bench(
        queue=member.queue,
        lifecycle=Lifecycle(member.queue),
        queue_settings=member.queue.settings,
        discord=settings(member),
        worker=WorkerSettings(model=".", runtime_dir=renderer.socket.parent),
        version="0",
    )


async def waiting(member: Member, **options: object) -> Job:
    """Have a job in line, and take RQ's part of it away."""
    job_id = await member.newbie(**{"prompt": "1girl", **options})
    await accepted(member, job_id)
    await member.answer(job_id, lambda m: "In line" in m["content"])
    member.queue.rq.empty()
    return member.queue.get(job_id)


async def run(bench: tasks.Bench, job: Job, attempt: int = 0) -> Job:
    tasks.install(bench)
    await asyncio.to_thread(tasks.render, job.id, attempt)
    return bench.queue.get(job.id)


async def test_a_job_that_takes_too_long_is_ended_and_its_owner_told(
    member: Member, bench: tasks.Bench, renderer: RendererProcess
) -> None:
    job = await waiting(member, steps=60, count=4)
    # Shorter than any setting allows, so that the test need not wait.
    short = QueueSettings.model_construct(**{**dict(bench.queue_settings), "job_timeout": 1})
    ended = await run(tasks.Bench(**{**vars(bench), "queue_settings": short}), job)
    assert ended.state is JobState.ENDED
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.TIMED_OUT
    await member.answer(job.id, lambda m: "longer than" in m["content"])
    pid = renderer.pid()
    assert (await run(bench, await waiting(member))).outcome.code is OutcomeCode.DONE
    assert renderer.pid() == pid


async def test_while_discord_is_away_a_finished_picture_goes_back_in_line(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    await member.client.add_fault("PATCH", "/messages/", 503, times=40)
    back = await run(bench, job)
    assert (back.state, back.attempt) == (JobState.WAITING, 1)
    await member.client.clear_faults()
    member.queue.rq.empty()
    ended = await run(bench, job, attempt=1)
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.DONE
    await member.picture(job.id)


async def test_an_attempt_that_was_overtaken_posts_nothing(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member, steps=30)
    task = asyncio.create_task(run(bench, job))
    while bench.queue.get(job.id).progress.step == 0:
        await asyncio.sleep(0.05)
    bench.lifecycle.abandon(bench.queue.get(job.id))
    now = await task
    assert (now.state, now.attempt, now.delivered) == (JobState.WAITING, 1, None)
    member.queue.rq.empty()
    await run(bench, job, attempt=1)
    await member.picture(job.id)


async def test_a_picture_that_is_posted_is_not_drawn_again(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    bench.queue.redis.hset(bench.queue.keys.job(job.id), "delivered", "4711")
    ended = await run(bench, job)
    assert ended.outcome
    assert (ended.outcome.code, ended.outcome.message_id) == (OutcomeCode.DONE, "4711")
