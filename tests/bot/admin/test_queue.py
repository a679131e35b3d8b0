"""`/newbie-admin queue`: a server's jobs, and what pausing, draining and going on do to them."""

import pytest

from jobs.audit import Entry, page
from jobs.guild import EVERY_GUILD, QueueState
from jobs.guild_edits import MISSING
from jobs.lifecycle import Lifecycle
from jobs.models import Job
from jobs.queue import RenderQueue
from playground.client import PlaygroundClient
from tests.bot.admin.conftest import Person, Server, new_server
from tests.bot.conftest import Json, is_private
from tests.jobs.conftest import address, request


def submit(queue: RenderQueue, server: Server, number: int, member: str = "500") -> Job:
    """Put a job in line without its message."""
    where = address(number, guild_id=server.id, channel_id=server.channel, requester_id=member)
    return queue.submit(request(), where)


def begin(queue: RenderQueue, ticket: str = "t") -> Job | None:
    return Lifecycle(queue).claim(ticket)


async def draw(person: Person) -> Json:
    """Ask for a picture and give what the bot shows at first."""
    sent = await person.newbie(prompt="1girl", channel_id=person.channel)
    return await person.answer(sent, channel_id=person.channel)


async def shows(person: Person, message: Json, text: str) -> None:
    await person.discord.wait_for_message(
        lambda found: found["id"] == message["id"] and text in found["content"],
        person.id,
        channel_id=person.channel,
    )


def entries(queue: RenderQueue, guild: str) -> list[Entry]:
    return list(page(queue.redis, queue.guilds.keys(guild)).entries)


async def test_the_jobs_of_this_server_are_shown_in_their_order(
    discord: PlaygroundClient, server: Server, queue: RenderQueue
):
    other = await new_server(discord, "Next door")
    theirs = submit(queue, other, 9)
    jobs = [submit(queue, server, number) for number in range(3)]
    assert begin(queue)
    said = await server.moderator.admin("queue show")
    lines = said.splitlines()
    assert lines[:2] == ["**Queue of this server**: running", "Jobs: 3"]
    places = [f"**{place}.** `{job.id}` <@500>" for place, job in enumerate(jobs, 1)]
    assert [line[: len(place)] for line, place in zip(lines[2::2], places, strict=True)] == places
    assert theirs.id not in said
    assert "1girl" not in said
    await discord.leave_guild(other.id)


async def test_who_is_asked_for_and_which_state_is_shown_alone(server: Server, queue: RenderQueue):
    admin, mina, jun = server.moderator.admin, server.moderator.id, server.member.id
    first, second = submit(queue, server, 1, mina), submit(queue, server, 2, jun)
    third = submit(queue, server, 3, mina)
    begun = begin(queue)
    assert begun
    waiting = [job for job in (first, second, third) if job.id != begun.id]

    def shown(said: str) -> set[str]:
        return {job.id for job in (first, second, third) if job.id in said}

    said = await admin("queue show", member=mina)
    assert f"Jobs: 2 (<@{mina}>)" in said
    assert shown(said) == {first.id, third.id}
    said = await admin("queue show", state="waiting")
    assert "Jobs: 2 (in line)" in said
    assert shown(said) == {job.id for job in waiting}
    assert shown(await admin("queue show", state="running")) == {begun.id}
    assert "Jobs: 0 (being posted)" in await admin("queue show", state="posting")
    said = await admin("queue show", state="waiting", member=jun)
    assert shown(said) == {second.id} - {begun.id}


async def test_a_long_queue_is_turned_page_by_page_with_its_filters(
    server: Server, queue: RenderQueue
):
    mina = server.helper.id
    jobs = [submit(queue, server, number, mina) for number in range(7)]
    submit(queue, server, 8, server.member.id)
    first = await server.moderator.admin_message("queue show", member=mina, state="waiting")
    [button] = first["components"][0]["components"]
    await server.discord.press(
        first["id"],
        button["custom_id"],
        user_id=server.moderator.id,
        channel_id=server.channel,
    )
    await shows(server.moderator, first, f"**7.** `{jobs[6].id}`")
    state = await server.discord.state(server.moderator.id, server.channel)
    [now] = [each for each in state["messages"] if each["id"] == first["id"]]
    assert f"Jobs: 7 (in line, <@{mina}>)" in now["content"]
    assert f"**6.** `{jobs[5].id}`" in now["content"]
    assert jobs[0].id not in now["content"]


async def test_the_bots_owner_sees_all_servers_and_a_moderator_does_not(
    discord: PlaygroundClient, server: Server, queue: RenderQueue
):
    other = await new_server(discord, "Next door")
    here, there = submit(queue, server, 1), submit(queue, other, 2)
    said = await server.owner.admin("queue show", everywhere=True)
    assert "**Queue of all servers**: running" in said
    assert here.id in said
    assert there.id in said
    said = await server.owner.admin("queue show")
    assert there.id not in said
    said = await server.moderator.admin("queue show", everywhere=True)
    assert "Only the bot's owner" in said
    await discord.leave_guild(other.id)


async def test_a_pause_keeps_places_tells_members_and_accepts_nothing(
    server: Server, queue: RenderQueue
):
    message = await draw(server.member)
    said = await server.moderator.admin("queue pause", reason="a new card comes in")
    assert "queue: running → paused." in said
    assert "`a new card comes in`" in said
    assert "keep their place" in said
    await shows(server.member, message, "The queue is paused at the moment.")
    refused = await draw(server.member)
    assert is_private(refused)
    assert "paused the queue" in refused["content"]
    assert begin(queue) is None
    assert "**Queue of this server**: paused" in await server.moderator.admin("queue show")
    [entry] = entries(queue, server.id)
    assert (entry.by, entry.what) == (server.moderator.id, "queue")
    assert (entry.old, entry.new, entry.reason) == (MISSING, "paused", "a new card comes in")
    said = await server.moderator.admin("queue resume")
    assert "go on in their order" in said
    await shows(server.member, message, "position 1.")
    assert not is_private(await draw(server.member))
    begun = begin(queue)
    assert begun
    assert begun.id == message["interaction_metadata"]["id"]


async def test_a_drain_accepts_nothing_and_draws_what_waits(server: Server, queue: RenderQueue):
    message = await draw(server.member)
    assert "What is in line is drawn" in await server.moderator.admin("queue drain")
    refused = await draw(server.member)
    assert is_private(refused)
    assert "being emptied" in refused["content"]
    begun = begin(queue)
    assert begun
    assert begun.id == message["interaction_metadata"]["id"]
    await server.moderator.admin("queue resume")
    assert not is_private(await draw(server.member))


async def test_what_is_so_already_is_not_written_down_again(server: Server, queue: RenderQueue):
    assert "Nothing was changed" in await server.moderator.admin("queue resume")
    await server.moderator.admin("queue pause")
    said = await server.moderator.admin("queue pause", reason="again")
    assert said.startswith("Nothing was changed")
    assert "keep their place" not in said
    assert len(entries(queue, server.id)) == 1


async def test_only_the_bots_owner_pauses_all_servers(
    discord: PlaygroundClient, server: Server, queue: RenderQueue
):
    message = await draw(server.member)
    said = await server.moderator.admin("queue pause", everywhere=True)
    assert "Only the bot's owner" in said
    assert entries(queue, EVERY_GUILD) == []
    assert "On all servers" in await server.owner.admin("queue pause", everywhere=True)
    await shows(server.member, message, "The queue is paused at the moment.")
    assert begin(queue) is None
    said = await server.moderator.admin("queue show")
    assert "**Queue of this server**: running" in said
    assert "owner has set the queue of all servers to: paused" in said
    # What a server's moderators say does not open what the bot's owner has closed.
    await server.moderator.admin("queue resume")
    assert begin(queue) is None
    await server.owner.admin("queue resume", everywhere=True)
    await shows(server.member, message, "position 1.")
    assert begin(queue)


async def test_a_pause_of_one_server_is_none_of_another(
    discord: PlaygroundClient, server: Server, queue: RenderQueue
):
    other = await new_server(discord, "Next door")
    await server.moderator.admin("queue pause")
    message = await draw(other.member)
    assert "position 1" in message["content"]
    assert begin(queue)
    await discord.leave_guild(other.id)


@pytest.mark.parametrize("command", ["queue pause", "queue drain"])
async def test_a_change_is_told_in_the_audit_channel(
    server: Server, queue: RenderQueue, command: str
):
    await server.moderator.admin("audit channel", channel=server.other_channel)
    await server.moderator.admin(command, reason="tea time")
    [*_, told] = await server.told(server.other_channel)
    state = QueueState.PAUSED if command.endswith("pause") else QueueState.DRAINING
    assert told.startswith(f"<@{server.moderator.id}>: queue")
    assert told.endswith(f"{state.value}. Reason: `tea time`")
