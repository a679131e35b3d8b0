"""The tasks that RQ runs, with a real renderer, a real Redis and the playground."""

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager

import discord
import pytest

from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, OutcomeCode
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings
from supervisor.stack import Stack
from tests.conftest import RendererProcess
from tests.e2e.conftest import DEFAULT_USER, Member, picture_urls
from tests.e2e.test_delivery import settings
from tests.e2e.test_survival import accepted
from worker import client, delivery, tasks
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


@contextmanager
def discord_away() -> Iterator[None]:
    """Have nobody answer where Discord should be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discord.http.Route, "BASE", "http://127.0.0.1:9/api/v10")
        yield


async def waiting(member: Member, **options: object) -> Job:
    """Have a job in line, and take RQ's part of it away."""
    job_id = await member.newbie(**{"prompt": "1girl", **options})
    await accepted(member, job_id)
    await member.answer(job_id, lambda m: "In line" in m["content"])
    member.queue.rq.empty()
    return member.queue.get(job_id)


async def run(bench: tasks.Bench, job: Job) -> Job:
    """Draw what is first in line."""
    tasks.install(bench)
    await asyncio.to_thread(tasks.render)
    return bench.queue.get(job.id)


async def report(bench: tasks.Bench, job: Job) -> Job:
    """Post what an earlier process has left."""
    tasks.install(bench)
    await asyncio.to_thread(tasks.report, job.id, job.attempt)
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


async def test_while_discord_is_away_a_finished_picture_is_kept_and_posted_later(
    member: Member, bench: tasks.Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    assert (kept.state, kept.attempt, kept.reports) == (JobState.RENDERED, 0, 1)
    assert kept.report_after > time.time()
    # Nothing is drawn for it again: there is no renderer any more.
    monkeypatch.setattr(client, "render", None)
    ended = await report(bench, kept)
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.DONE
    [(picture, recipe)] = await member.download(await member.picture(job.id))
    assert picture.size == (1024, 1024)
    assert recipe.prompt == "1girl"
    assert bench.lifecycle.results.get(job.id) is None


async def test_without_room_for_it_a_picture_that_cannot_be_posted_is_drawn_again(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    small = RenderQueue(bench.queue.redis, QueueSettings(results_mib=0))
    narrow = dataclasses.replace(bench, queue=small, lifecycle=Lifecycle(small))
    with discord_away():
        back = await run(narrow, job)
    assert (back.state, back.attempt) == (JobState.WAITING, 1)
    ended = await run(narrow, job)
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.DONE
    await member.picture(job.id)


async def test_a_kept_picture_whose_bytes_are_gone_is_drawn_again(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    bench.queue.redis.delete(bench.queue.keys.result(job.id))
    back = await report(bench, kept)
    assert (back.state, back.attempt) == (JobState.WAITING, 1)
    assert (await run(bench, job)).state is JobState.ENDED
    await member.picture(job.id)


async def test_two_reports_of_one_job_post_once(member: Member, bench: tasks.Bench) -> None:
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    before = (await member.client.requests())[-1]["n"]
    await asyncio.gather(report(bench, kept), report(bench, kept))
    edits = [row for row in await member.client.requests(before) if row["method"] == "PATCH"]
    assert len(edits) == 1
    assert bench.queue.get(job.id).state is JobState.ENDED


async def test_a_cancelled_job_stops_within_a_step_and_says_so(
    member: Member, bench: tasks.Bench, renderer: RendererProcess
) -> None:
    job = await waiting(member, steps=60, count=4)
    task = asyncio.create_task(run(bench, job))
    while bench.queue.get(job.id).progress.step == 0:
        await asyncio.sleep(0.05)
    assert bench.queue.cancel(job.id, DEFAULT_USER)
    async with asyncio.timeout(10):
        ended = await task
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.CANCELLED
    assert ended.progress.step < 200
    message = await member.answer(job.id, lambda m: "cancelled" in m["content"])
    assert not picture_urls(message)
    pid = renderer.pid()
    assert (await run(bench, await waiting(member))).outcome.code is OutcomeCode.DONE
    assert renderer.pid() == pid


async def test_an_attempt_that_was_overtaken_posts_nothing(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member, steps=15)
    task = asyncio.create_task(run(bench, job))
    while bench.queue.get(job.id).progress.step == 0:
        await asyncio.sleep(0.05)
    bench.lifecycle.abandon(bench.queue.get(job.id))
    now = await task
    assert (now.state, now.attempt, now.delivered) == (JobState.WAITING, 1, None)
    member.queue.rq.empty()
    await run(bench, job)
    await member.picture(job.id)


async def test_a_picture_that_is_posted_is_not_posted_again(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    bench.queue.redis.hset(bench.queue.keys.job(job.id), "delivered", "4711")
    ended = await report(bench, kept)
    assert ended.outcome
    assert (ended.outcome.code, ended.outcome.message_id) == (OutcomeCode.DONE, "4711")
    assert "In line" in (await member.answer(job.id, lambda m: m["content"]))["content"]
