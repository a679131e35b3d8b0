"""Limits that hold while jobs are drawn, and a queue that moderators pause."""

import asyncio
from collections.abc import Iterator

import pytest

from jobs.guild import QueueState
from jobs.guild_edits import reset_value, set_value
from jobs.models import JobState
from playground.world import GUILD_ID
from tests.e2e.conftest import DEFAULT_USER, Member
from tests.e2e.test_survival import accepted, one_message

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def alone(member: Member) -> Iterator[Member]:
    """A member of whom one job is drawn at a time."""
    member.queue.guilds.change(GUILD_ID, set_value("running", 1), by=DEFAULT_USER)
    yield member
    member.queue.guilds.change(GUILD_ID, reset_value("running"), by=DEFAULT_USER)


async def test_a_member_waits_for_their_own_job_and_loses_none(alone: Member) -> None:
    job_ids = []
    for _ in range(4):
        job_ids.append(await alone.newbie(prompt="1girl", steps=6))
        await accepted(alone, job_ids[-1])
    watching = asyncio.create_task(most_at_once(alone, job_ids))
    for job_id in job_ids:
        await alone.picture(job_id)
        await one_message(alone, job_id)
    assert await watching == 1
    started = [alone.queue.get(job_id).started_at for job_id in job_ids]
    assert started == sorted(started)


async def most_at_once(member: Member, job_ids: list[str]) -> int:
    """Count how many of the jobs are drawn at the same moment, until all are over."""
    most = 0
    while True:
        states = [member.queue.get(job_id).state for job_id in job_ids]
        most = max(most, states.count(JobState.RUNNING))
        if all(state is JobState.ENDED for state in states):
            return most
        await asyncio.sleep(0.05)


async def test_what_waits_in_a_paused_server_is_drawn_when_it_goes_on(member: Member) -> None:
    member.stack.stop("worker")
    job_ids = [await member.newbie(prompt="1girl") for _ in range(2)]
    for job_id in job_ids:
        await accepted(member, job_id)
    member.queue.set_state(GUILD_ID, QueueState.PAUSED, by=DEFAULT_USER)
    try:
        member.stack.start("worker")
        # All tickets are used up before anything may begin.
        async with asyncio.timeout(60):
            while member.queue.rq.count:
                await asyncio.sleep(0.1)
        assert [member.queue.get(job_id).state for job_id in job_ids] == [JobState.WAITING] * 2
    finally:
        member.queue.set_state(GUILD_ID, QueueState.RUNNING, by=DEFAULT_USER)
    for job_id in job_ids:
        await member.picture(job_id)
        await one_message(member, job_id)
