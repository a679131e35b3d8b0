"""Workers that can draw different things take different jobs, through the real queue."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs import presence
from jobs.models import JobState
from jobs.registration import Registration
from tests.e2e.conftest import Member
from tests.e2e.own_workers import OwnWorkers, own_workers
from tests.e2e.test_survival import accepted, one_message

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

OPEN = "<character_1><n>miku</n><clothing></clothing></character_1>"


@pytest.fixture
def workers(member: Member, tmp_path: Path) -> Iterator[OwnWorkers]:
    with own_workers(member.stack, tmp_path) as started:
        yield started


def registered(member: Member) -> list[Registration]:
    return presence.registrations(member.queue.redis, member.queue.keys)


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def in_line(member: Member, **options: object) -> str:
    job_id = await member.newbie(**options)
    await accepted(member, job_id)
    return job_id


async def test_a_job_waits_for_the_worker_that_can_draw_it_while_others_pass(
    member: Member, workers: OwnWorkers
) -> None:
    await until(lambda: registered(member) == [])  # nobody knows yet: everything is accepted
    helped = await in_line(member, prompt=OPEN, assist="complete")
    large = await in_line(member, prompt="1girl", size="1024x1024")
    small = await in_line(member, prompt="1girl", size="640x1536")
    workers.start("small", NEWBIE_WORKER_ASSIST="false", NEWBIE_WORKER_MAX_MEGAPIXELS="0.95")
    [one] = registered(member)
    assert (one.capability.assist, one.capability.max_pixels) == (False, 996_147)
    assert (one.capability.model, one.device.name) == ("tiny", "CPU")
    await member.picture(small)
    await one_message(member, small)
    for job_id in (helped, large):
        assert member.queue.get(job_id).state is JobState.WAITING
        assert member.queue.get(job_id).started_at is None
    workers.start("large")
    for job_id in (helped, large):
        await member.picture(job_id)
        await one_message(member, job_id)
    assert len(registered(member)) == 2


async def test_a_job_that_no_living_worker_can_draw_is_refused(
    member: Member, workers: OwnWorkers
) -> None:
    workers.start("small", NEWBIE_WORKER_ASSIST="false", NEWBIE_WORKER_MAX_MEGAPIXELS="0.95")
    refused = await member.newbie(prompt="1girl", size="1024x1024")
    assert "640x1536, 1536x640" in await member.refusal(refused)
    refused = await member.newbie(prompt=OPEN, assist="complete")
    assert "without Gemma" in await member.refusal(refused)
    drawn = await member.newbie(prompt="1girl", size="640x1536")
    await member.picture(drawn)
    await one_message(member, drawn)  # its worker closes it a little later, and is killed then
