"""Members whose jobs wait are told that the queue is paused, and their places when it goes on."""

import pytest

from bot.cogs.positions import FRONT
from jobs.guild import EVERY_GUILD, QueueState
from jobs.queue import RenderQueue
from playground.client import DEFAULT_MODERATOR, PlaygroundClient
from playground.guilds import GUILD_ID
from tests.bot.conftest import Member, last_request
from tests.bot.test_cancel_button import job_id_of, message_now, press
from tests.bot.test_refreshing import edits, shows, wait_in_line
from tests.jobs.conftest import address, request

PAUSED, RUNNING, DRAINING = QueueState.PAUSED, QueueState.RUNNING, QueueState.DRAINING


@pytest.mark.parametrize("guild", [GUILD_ID, EVERY_GUILD])
async def test_a_pause_is_told_and_after_it_the_place_again(
    member: Member, queue: RenderQueue, guild: str
):
    first, second = await wait_in_line(member, 2)
    queue.set_state(guild, PAUSED, by=DEFAULT_MODERATOR)
    for message in (first, second):
        await shows(member, message, "The queue is paused at the moment.")
    assert (await message_now(member, first))["components"] == first["components"]
    queue.set_state(guild, RUNNING, by=DEFAULT_MODERATOR)
    await shows(member, first, "position 1.")
    await shows(member, second, "position 2.")


async def test_a_pause_that_outlasts_the_token_is_told_and_so_is_its_end(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    await discord.advance_clock(15 * 60 + 1)
    queue.set_state(GUILD_ID, PAUSED, by=DEFAULT_MODERATOR)
    await shows(member, message, "The queue is paused at the moment.")
    queue.set_state(GUILD_ID, RUNNING, by=DEFAULT_MODERATOR)
    await shows(member, message, "position 1.")


async def test_those_beyond_the_front_of_the_line_are_told_too_and_of_the_end(
    member: Member, queue: RenderQueue
):
    [message] = await wait_in_line(member, 1)
    # Those of another server came before.
    for number in range(FRONT + 10):
        elsewhere = address(number).model_copy(update={"guild_id": "4242"})
        queue.submit(request(), elsewhere)
        queue.front(elsewhere.interaction_id)
    queue.set_state(EVERY_GUILD, PAUSED, by=DEFAULT_MODERATOR)
    await shows(member, message, "The queue is paused at the moment.")
    queue.set_state(EVERY_GUILD, RUNNING, by=DEFAULT_MODERATOR)
    await shows(member, message, f"position {FRONT + 11}")


@pytest.mark.parametrize(("guild", "state"), [("4242", PAUSED), (GUILD_ID, DRAINING)])
async def test_where_all_goes_on_nothing_is_told(
    member: Member, discord: PlaygroundClient, queue: RenderQueue, guild: str, state: QueueState
):
    first, second = await wait_in_line(member, 2)
    since = await last_request(discord)
    queue.set_state(guild, state, by=DEFAULT_MODERATOR)
    queue.withdraw(job_id_of(first))
    # The first edit after it is the one of who moved up.
    await shows(member, second, "position 1.")
    [edit] = await edits(discord, since)
    assert "position 1." in edit["body"]["content"]


async def test_a_paused_job_can_be_cancelled(member: Member, queue: RenderQueue):
    [message] = await wait_in_line(member, 1)
    queue.set_state(GUILD_ID, PAUSED, by=DEFAULT_MODERATOR)
    await shows(member, message, "paused")
    await press(message, member)
    await shows(member, message, "This job was cancelled.")
    assert queue.line.held() == []
