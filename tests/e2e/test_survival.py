"""Parts die and come back; every accepted job ends in exactly one visible message."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from rq.command import send_stop_job_command

from jobs.models import JobState, OutcomeCode
from tests.e2e.conftest import Member, belongs_to, picture_urls, shows_progress
from tests.jobs.test_keys import lifetime_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


async def one_message(member: Member, job_id: str) -> None:
    """Look that a job has exactly one message, and that it has ended."""
    messages = [m for m in await member.messages() if belongs_to(m, job_id)]
    assert len(messages) == 1
    async with asyncio.timeout(20):
        while member.queue.get(job_id).state is not JobState.ENDED:
            await asyncio.sleep(0.1)


async def accepted(member: Member, job_id: str) -> None:
    """Wait until the bot has put a job in line."""
    async with asyncio.timeout(30):
        while job_id not in member.queue.active_ids():
            await asyncio.sleep(0.02)


async def running(member: Member, job_id: str) -> None:
    """Wait until a job draws."""
    await accepted(member, job_id)
    async with asyncio.timeout(120):
        while not (
            (job := member.queue.get(job_id)).state is JobState.RUNNING and job.progress.step > 0
        ):
            await asyncio.sleep(0.05)


def children(parent: int | None, word: str = "") -> list[int]:
    """Find a process's children whose command line holds a word."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        # A process may end while we look.
        with suppress(OSError):
            is_child = f"PPid:\t{parent}\n" in (directory / "status").read_text()
            if is_child and word in (directory / "cmdline").read_text():
                found.append(int(directory.name))
    return found


def renderer_pid(member: Member) -> int:
    """Find the renderer among the worker's processes."""
    [pid] = children(member.stack.pid("worker"), "worker.renderer")
    return pid


async def test_a_job_that_waited_for_a_worker_is_drawn_when_one_starts(member: Member) -> None:
    member.stack.stop("worker")
    first = await member.newbie(prompt="1girl")
    await accepted(member, first)
    second = await member.newbie(prompt="1boy")
    await member.answer(second, lambda m: "position 2" in m["content"])
    waiting = await member.answer(first, lambda m: "position 1" in m["content"])
    assert "No worker is running" in waiting["content"]
    member.stack.start("worker")
    for job_id in (first, second):
        await member.picture(job_id)
        await one_message(member, job_id)


async def test_a_worker_killed_in_mid_render_loses_nothing(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    member.stack.kill("worker")
    member.stack.start("worker")
    await member.picture(job_id)
    await one_message(member, job_id)
    assert member.queue.get(job_id).attempt == 1


def kill_renderer(member: Member) -> int:
    """Kill the renderer, whichever process it is by now; gives its id."""
    pid = renderer_pid(member)
    os.kill(pid, signal.SIGKILL)
    return pid


async def test_a_job_whose_renderer_dies_is_drawn_by_the_next_one(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    pid = kill_renderer(member)
    await member.picture(job_id)
    await one_message(member, job_id)
    assert member.queue.get(job_id).attempt == 1
    assert renderer_pid(member) != pid


async def test_a_job_that_costs_two_renderers_is_given_up(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    first = kill_renderer(member)
    async with asyncio.timeout(60):
        while member.queue.get(job_id).attempt == 0:
            await asyncio.sleep(0.05)
    await running(member, job_id)
    second = kill_renderer(member)
    assert first != second
    message = await member.answer(job_id, lambda m: "broke down" in m["content"], 60)
    assert not picture_urls(message)
    await one_message(member, job_id)
    outcome = member.queue.get(job_id).outcome
    assert outcome
    assert outcome.code is OutcomeCode.RENDERER_LOST
    assert await member.picture(await member.newbie(prompt="1girl"))


async def test_rqs_own_stop_command_ends_the_render_and_the_renderer_lives(
    member: Member,
) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    pid = renderer_pid(member)
    ticket = member.queue.get(job_id).ticket
    assert ticket
    send_stop_job_command(member.queue.redis, ticket, serializer=None)
    await member.answer(job_id, lambda m: "stopped" in m["content"], 60)
    await one_message(member, job_id)
    assert await member.picture(await member.newbie(prompt="1girl"))
    assert renderer_pid(member) == pid


async def test_a_forked_job_that_is_killed_is_drawn_again(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    slots = children(member.stack.pid("worker"), "worker.slot")
    [forked] = [process for slot in slots for process in children(slot)]
    os.kill(forked, signal.SIGKILL)
    await member.picture(job_id)
    await one_message(member, job_id)
    assert member.queue.get(job_id).attempt == 1


async def test_the_bot_may_restart_while_a_job_waits(member: Member) -> None:
    member.stack.stop("worker")
    first = await member.newbie(prompt="1girl")
    await accepted(member, first)
    second = await member.newbie(prompt="1boy")
    await member.answer(second, lambda m: "position 2" in m["content"])
    member.stack.kill("bot")
    member.stack.start("bot")
    await member.client.wait_for_bot(60)
    member.stack.start("worker")
    for job_id in (first, second):
        await member.picture(job_id)
        await one_message(member, job_id)


async def test_a_running_job_tells_how_far_it_is(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    message = await member.answer(job_id, shows_progress, 120)
    assert "of 240" in message["content"]
    await member.picture(job_id)


async def test_redis_may_die_while_jobs_wait(member: Member) -> None:
    member.stack.stop("worker")
    job_id = await member.newbie(prompt="1girl")
    await member.answer(job_id, lambda m: "position 1" in m["content"])
    # The append-only file is written every second.
    await asyncio.sleep(1.5)
    member.stack.kill("redis")
    member.stack.start("redis")
    member.stack.start("worker")
    await member.picture(job_id)
    await one_message(member, job_id)


async def rendered(member: Member, job_id: str) -> None:
    """Wait until a job's picture is drawn, which Discord does not take."""
    await accepted(member, job_id)
    async with asyncio.timeout(120):
        while member.queue.get(job_id).state is not JobState.RENDERED:
            await asyncio.sleep(0.05)


async def test_a_finished_picture_outlives_worker_renderer_and_redis(member: Member) -> None:
    await member.client.add_fault("PATCH", "/messages/", 503, times=1000)
    job_id = await member.newbie(prompt="1girl")
    await rendered(member, job_id)
    # The append-only file is written every second.
    await asyncio.sleep(1.5)
    for part in ("worker", "redis"):
        member.stack.kill(part)
    member.stack.start("redis")
    await member.client.clear_faults()
    kept = member.queue.get(job_id)
    assert (kept.state, kept.attempt) == (JobState.RENDERED, 0)
    member.stack.start("worker")
    await member.picture(job_id)
    await one_message(member, job_id)
    ended = member.queue.get(job_id)
    assert ended.attempt == 0, "it was not drawn again"
    assert ended.started_at == kept.started_at


def without_lifetime(redis: Redis) -> set[str]:
    """Name the keys that stay until somebody removes them."""
    return {key.decode() for key in redis.keys("*") if redis.ttl(key) == -1}


async def test_when_no_job_is_left_every_key_has_a_lifetime(member: Member) -> None:
    # What RQ keeps of workers that earlier tests killed, it removes in its own time; what earlier
    # tests set for the server stays until somebody resets it.
    before = without_lifetime(member.queue.redis)
    for job_id in [await member.newbie(prompt="1girl") for _ in range(2)]:
        await member.picture(job_id)
        await one_message(member, job_id)
    redis, keys = member.queue.redis, member.queue.keys
    # Workers leave these sets of their own accord, and RQ empties its list of failures.
    stay = {keys.workers, "rq:queues", "rq:workers", "rq:workers:newbie", "rq:failed:newbie"}
    async with asyncio.timeout(60):  # RQ closes its side a little after ours
        while without_lifetime(redis) - before - stay:
            await asyncio.sleep(0.1)
    for key in redis.keys("newbie:*"):
        assert lifetime_of(key.decode()), key


async def test_redis_may_die_while_a_picture_is_drawn(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    member.stack.kill("redis")
    # Longer than workers and slots wait for an answer.
    await asyncio.sleep(5)
    member.stack.start("redis")
    await member.picture(job_id)
    await one_message(member, job_id)
    assert await member.picture(await member.newbie(prompt="1girl"))
