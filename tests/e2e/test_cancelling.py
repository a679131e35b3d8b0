"""A member's job is cancelled: it stops within a step, and one message says so."""

import asyncio

import pytest

from jobs.models import JobState, OutcomeCode
from playground.client import DEFAULT_MODERATOR
from tests.e2e.conftest import DEFAULT_USER, Member, Message, picture_urls, shows_progress
from tests.e2e.test_survival import accepted, one_message, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


async def told(member: Member, job_id: str) -> None:
    """Wait until a job's one message says that it was cancelled."""
    message = await member.answer(job_id, lambda m: "cancelled" in m["content"], 60)
    assert not picture_urls(message)
    assert message["components"] == []
    await one_message(member, job_id)
    outcome = member.queue.get(job_id).outcome
    assert outcome
    assert outcome.code is OutcomeCode.CANCELLED
    assert outcome.message_id == message["id"]


async def press_cancel(member: Member, message: Message, user_id: str = DEFAULT_USER) -> None:
    """Press the one button of a message."""
    [row] = message["components"]
    [button] = row["components"]
    await member.client.press(message["id"], button["custom_id"], user_id=user_id)


async def drawing(member: Member, job_id: str) -> Message:
    """Wait until a job's message says how far it is."""
    return await member.answer(job_id, shows_progress, 120)


async def test_a_waiting_job_is_cancelled_and_the_others_are_drawn(member: Member) -> None:
    drawn = [await member.newbie(prompt="1girl", steps=20) for _ in range(2)]
    waiting = await member.newbie(prompt="1boy")
    await accepted(member, waiting)
    assert member.queue.cancel(waiting, DEFAULT_USER)
    await told(member, waiting)
    for job_id in drawn:
        await member.picture(job_id)
        await one_message(member, job_id)
    assert member.queue.get(waiting).started_at is None


async def test_a_job_that_waits_without_a_worker_is_told_by_the_next_one(member: Member) -> None:
    member.stack.stop("worker")
    job_id = await member.newbie(prompt="1girl")
    await accepted(member, job_id)
    assert member.queue.cancel(job_id, DEFAULT_USER)
    assert member.queue.get(job_id).state is JobState.FAILING
    member.stack.start("worker")
    await told(member, job_id)


async def test_a_running_job_is_cancelled_and_the_worker_goes_on(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await running(member, job_id)
    assert member.queue.cancel(job_id, DEFAULT_USER)
    step = member.queue.get(job_id).progress.step
    await told(member, job_id)
    # What was under way when it was cancelled, and what a quarter of a second adds to it.
    assert member.queue.get(job_id).progress.step < step + 60
    assert await member.picture(await member.newbie(prompt="1girl"))


async def test_a_job_that_is_drawn_can_not_be_cancelled_any_more(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl")
    await accepted(member, job_id)
    async with asyncio.timeout(120):
        while member.queue.get(job_id).state in {JobState.WAITING, JobState.RUNNING}:
            await asyncio.sleep(0.01)
    assert not member.queue.cancel(job_id, DEFAULT_USER)
    await member.picture(job_id)
    await one_message(member, job_id)


async def test_while_it_is_drawn_the_message_has_a_button_and_with_the_picture_none(
    member: Member,
) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    [row] = (await drawing(member, job_id))["components"]
    assert [button["label"] for button in row["components"]] == ["Cancel"]
    assert (await member.picture(job_id))["components"] == []


async def test_the_owner_stops_a_running_job_with_the_button(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    await press_cancel(member, await drawing(member, job_id))
    await told(member, job_id)
    assert await member.picture(await member.newbie(prompt="1girl"))


async def test_a_stranger_cannot_stop_it_and_a_moderator_can(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    message = await drawing(member, job_id)
    stranger = (await member.client.add_user("stranger"))["id"]
    await press_cancel(member, message, stranger)
    await member.client.wait_for_message(
        lambda m: m["content"].startswith("Only the member who asked"), stranger
    )
    assert not member.queue.get(job_id).cancelled_by
    await press_cancel(member, message, DEFAULT_MODERATOR)
    await told(member, job_id)
    said = await member.answer(job_id, lambda m: "cancelled" in m["content"])
    assert said["content"] == (
        f"<@{DEFAULT_USER}> This job was cancelled by the moderator <@{DEFAULT_MODERATOR}>."
    )
    assert DEFAULT_MODERATOR not in [user["id"] for user in said["mentions"]]


async def test_the_button_works_after_a_restart_of_the_bot_while_the_worker_draws(
    member: Member,
) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    message = await drawing(member, job_id)
    sessions = (await member.client.state(DEFAULT_MODERATOR))["application"]["sessions"]
    member.stack.restart("bot")
    await member.client.wait_for_bot(60, after_sessions=sessions)
    await press_cancel(member, message)
    await told(member, job_id)


async def test_a_moderator_who_cancels_without_a_token_is_named_in_the_reply_without_a_ping(
    member: Member,
) -> None:
    job_id = await member.newbie(prompt="1girl", steps=60, count=4)
    message = await drawing(member, job_id)
    await member.client.add_fault("PATCH", r"/messages/@original$", status=404, times=50)
    await press_cancel(member, message, DEFAULT_MODERATOR)
    said = await member.client.wait_for_message(
        lambda m: "cancelled by the moderator" in m["content"], timeout=60
    )
    assert [user["id"] for user in said["mentions"]] == [DEFAULT_USER]
    assert said["components"] == []
