"""The Cancel button: on every waiting message, for the job's owner and its server's moderators."""

import asyncio
import json
import os
import signal

import pytest
from redis import Redis

from jobs.audit import Entry, page
from jobs.guild_edits import MISSING, add_moderators
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from playground.client import DEFAULT_CHANNEL, DEFAULT_MODERATOR, PlaygroundClient
from playground.guilds import GUILD_ID, MODERATOR_ROLE_ID
from supervisor.stack import Stack
from tests.bot.conftest import EPHEMERAL, Json, Member, is_private, last_request, new_member
from tests.bot.test_refreshing import begin_next, edits, ended, shows, wait_in_line


def buttons(message: Json) -> list[Json]:
    """All components of a message, row after row."""
    return [one for row in message["components"] for one in row["components"]]


def job_id_of(message: Json) -> str:
    return str(message["interaction_metadata"]["id"])


async def press(message: Json, by: Member) -> str:
    """Press the one button of a message; give the press's id."""
    [button] = buttons(message)
    return await by.discord.press(message["id"], button["custom_id"], user_id=by.id)


async def told(by: Member, press_id: str) -> str:
    """Wait for what only the one who pressed gets to hear."""
    message = await by.answer(press_id, is_private)
    return str(message["content"])


async def message_now(member: Member, message: Json) -> Json:
    [found] = [one for one in await member.messages() if one["id"] == message["id"]]
    return found


async def new_moderator(discord: PlaygroundClient) -> Member:
    return Member(discord, (await discord.add_user("mo", moderator=True))["id"])


def audit_of(queue: RenderQueue) -> list[Entry]:
    return list(page(queue.redis, queue.guilds.keys(GUILD_ID)).entries)


async def test_a_waiting_message_has_a_cancel_button_also_after_it_was_refreshed(
    member: Member, queue: RenderQueue
):
    _, second = await wait_in_line(member, 2)
    [button] = buttons(second)
    assert (button["label"], button["custom_id"]) == (
        "Cancel",
        f"newbie:cancel:{job_id_of(second)}",
    )
    begin_next(queue)
    await shows(member, second, "position 1.")
    assert buttons(await message_now(member, second)) == [button]


async def test_the_owner_cancels_a_waiting_job(member: Member, queue: RenderQueue):
    first, second = await wait_in_line(member, 2)
    await press(first, member)
    await shows(member, first, "This job was cancelled.")
    assert (await ended(queue, job_id_of(first))).outcome == Outcome(
        code=OutcomeCode.CANCELLED, message_id=first["id"]
    )
    now = await message_now(member, first)
    assert now["content"] == f"<@{member.id}> This job was cancelled."
    assert buttons(now) == []
    await shows(member, second, "position 1.")
    assert queue.active_ids() == [job_id_of(second)]
    # What everybody can see need not be whispered.
    assert not any(is_private(one) for one in await member.messages())
    assert audit_of(queue) == []


async def test_a_stranger_cannot_cancel_and_is_told_privately(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    stranger = await new_member(discord, "stranger")
    answer = await told(stranger, await press(message, stranger))
    assert answer.startswith("Only the member who asked for this picture and the moderators")
    assert queue.get(job_id_of(message)).state is JobState.WAITING
    assert await message_now(member, message) == message
    await press(message, member)
    await shows(member, message, "This job was cancelled.")


async def test_a_moderator_cancels_is_named_without_a_ping_and_stands_in_the_audit(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    moderator = await new_moderator(discord)
    await press(message, moderator)
    await shows(member, message, "cancelled by the moderator")
    now = await message_now(member, message)
    assert now["content"] == (
        f"<@{member.id}> This job was cancelled by the moderator <@{moderator.id}>."
    )
    assert now["mentions"] == []
    job = await ended(queue, job_id_of(message))
    assert job.cancelled_by == moderator.id
    [entry] = audit_of(queue)
    assert (entry.by, entry.what) == (moderator.id, f"job:{job.id}")
    assert (entry.old, entry.new) == (MISSING, "cancelled")


async def test_who_has_a_role_that_moderates_can_cancel_and_without_it_not(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    keeper = await new_moderator(discord)
    # What is left to them is the role, which the server has named or not.
    await discord.set_permissions(["MANAGE_GUILD"], target=keeper.id, channel_id=DEFAULT_CHANNEL)
    assert "Only the member" in await told(keeper, await press(message, keeper))
    assert queue.get(job_id_of(message)).state is JobState.WAITING
    queue.guilds.change(GUILD_ID, add_moderators([MODERATOR_ROLE_ID]), by=DEFAULT_MODERATOR)
    async with asyncio.timeout(10):  # the bot may know the settings from before for a moment
        while queue.get(job_id_of(message)).state is JobState.WAITING:
            await told_or_done(keeper, message)
    await shows(member, message, "cancelled by the moderator")


async def told_or_done(by: Member, message: Json) -> None:
    await press(message, by)
    await asyncio.sleep(0.5)


def move_to_another_server(redis: Redis, queue: RenderQueue, job_id: str) -> None:
    address = json.loads(redis.hget(queue.keys.job(job_id), "address"))
    redis.hset(queue.keys.job(job_id), "address", json.dumps({**address, "guild_id": "4242"}))


async def test_a_moderator_of_one_server_cannot_cancel_a_job_of_another_but_the_bots_owner_can(
    member: Member, discord: PlaygroundClient, queue: RenderQueue, redis: Redis
):
    [message] = await wait_in_line(member, 1)
    move_to_another_server(redis, queue, job_id_of(message))
    moderator = await new_moderator(discord)
    assert "Only the member" in await told(moderator, await press(message, moderator))
    assert queue.get(job_id_of(message)).state is JobState.WAITING
    await press(message, Member(discord, DEFAULT_MODERATOR))
    await shows(member, message, "cancelled by the moderator")
    assert audit_of(queue) == []
    [entry] = page(redis, queue.guilds.keys("4242")).entries
    assert entry.by == DEFAULT_MODERATOR


async def test_after_a_restart_of_the_bot_the_button_still_works(
    member: Member, discord: PlaygroundClient, queue: RenderQueue, running: Stack
):
    [message] = await wait_in_line(member, 1)
    sessions = (await discord.state(DEFAULT_MODERATOR))["application"]["sessions"]
    running.restart("bot")
    await discord.wait_for_bot(after_sessions=sessions)
    await press(message, member)
    await shows(member, message, "This job was cancelled.")


async def test_the_press_opens_a_message_whose_own_token_is_over(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    await discord.advance_clock(15 * 60 + 1)
    await press(message, member)
    await shows(member, message, "This job was cancelled.")
    assert (await ended(queue, job_id_of(message))).outcome == Outcome(
        code=OutcomeCode.CANCELLED, message_id=message["id"]
    )


async def test_a_running_job_is_marked_and_its_message_left_to_the_worker(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    begin_next(queue)
    since = await last_request(discord)
    assert "stops at the next step" in await told(member, await press(message, member))
    job = queue.get(job_id_of(message))
    assert (job.state, job.cancelled_by) == (JobState.RUNNING, member.id)
    assert await edits(discord, since) == []
    assert "already" in await told(member, await press(message, member))


async def test_who_cancels_second_does_not_take_the_place_of_the_first(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    begin_next(queue)
    await told(member, await press(message, member))
    moderator = await new_moderator(discord)
    assert "already" in await told(moderator, await press(message, moderator))
    assert queue.get(job_id_of(message)).cancelled_by == member.id
    assert audit_of(queue) == []


def draw(queue: RenderQueue, job: Job) -> Lifecycle:
    lifecycle = Lifecycle(queue)
    assert lifecycle.keep(job.id, job.attempt, Outcome(code=OutcomeCode.DONE), None)
    return lifecycle


async def test_a_drawn_picture_cannot_be_cancelled_and_its_message_stays_as_it_is(
    member: Member, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    job = queue.get(begin_next(queue))
    draw(queue, job)
    assert "already drawn" in await told(member, await press(message, member))
    assert queue.get(job.id).state is JobState.RENDERED
    assert queue.get(job.id).cancelled_by is None
    assert await message_now(member, message) == message


async def test_a_button_that_was_left_behind_goes_with_the_first_press(
    member: Member, queue: RenderQueue, redis: Redis
):
    drawn, lost = await wait_in_line(member, 2)
    job = queue.get(begin_next(queue))
    draw(queue, job).end(job.id, 0, Outcome(code=OutcomeCode.DONE, message_id="4711"))
    assert "already drawn" in await told(member, await press(drawn, member))
    queue.withdraw(job_id_of(lost))
    assert "no such job" in await told(member, await press(lost, member))
    for message in (drawn, lost):
        now = await message_now(member, message)
        assert buttons(now) == []
        assert now["flags"] & EPHEMERAL == 0


async def test_what_has_failed_is_not_called_drawn(member: Member, queue: RenderQueue):
    [message] = await wait_in_line(member, 1)
    job_id = begin_next(queue)
    assert Lifecycle(queue).fail(job_id, 0, OutcomeCode.OUT_OF_MEMORY)
    assert "ended without a picture" in await told(member, await press(message, member))


async def test_a_silent_redis_is_told_and_the_message_stays(
    member: Member, queue: RenderQueue, running: Stack
):
    [message] = await wait_in_line(member, 1)
    pid = running.pid("redis")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = await told(member, await press(message, member))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert answer.startswith("The queue cannot be reached")
    assert any(one["id"] == message["id"] for one in await member.messages())


async def test_while_another_writes_the_message_it_is_whispered_and_said_there_afterwards(
    member: Member, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    with queue.writer(job_id_of(message), wait=5) as held:
        assert held
        assert await told(member, await press(message, member)) == "The job is cancelled."
        assert await message_now(member, message) == message
    await shows(member, message, "This job was cancelled.")


@pytest.mark.parametrize("lost", [1, 2])
async def test_an_acknowledgement_that_got_lost_does_not_stop_it(
    member: Member, discord: PlaygroundClient, queue: RenderQueue, lost: int
):
    [message] = await wait_in_line(member, 1)
    await discord.add_fault("POST", r".*/callback", after_accept=True, times=lost)
    await press(message, member)
    await shows(member, message, "This job was cancelled.")
