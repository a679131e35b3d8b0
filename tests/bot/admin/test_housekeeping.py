"""What is set for servers, channels and roles that are no more."""

import asyncio
from collections.abc import Callable

from redis import Redis

from jobs.guild_settings import FORGET_AFTER_SECONDS
from jobs.limits import Limit
from jobs.queue import RenderQueue
from jobs.settings_table import Scope
from playground.client import DEFAULT_USER, PlaygroundClient
from supervisor.stack import Stack
from tests.bot.admin.conftest import Server, new_server

NEVER = -1


async def until(condition: Callable[[], object]) -> None:
    """Wait for what the bot does on its own after an event."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.05)


def ends(redis: Redis, queue: RenderQueue, guild: str) -> list[int]:
    """Seconds until what is stored for a server ends."""
    keys = queue.guilds.keys(guild)
    return [int(redis.ttl(key)) for key in (keys.settings, keys.audit)]


async def test_what_is_set_for_a_role_goes_with_it(server: Server, queue: RenderQueue):
    admin, discord = server.moderator.admin, server.discord
    role = await discord.add_role("Regulars", guild_id=server.id)
    for each in (role, server.helper_role):
        await admin("limits set", name="steps", value="20", role=each)
        await admin("moderators add", role=each)
    await admin("audit channel", channel=server.other_channel)
    await discord.delete_role(role)
    await until(lambda: server.settings(queue).moderators == {server.helper_role})
    settings = server.settings(queue)
    assert settings.limits(Scope.ROLE, role) == {}
    assert settings.limits(Scope.ROLE, server.helper_role) == {Limit.STEPS: 20}
    bot = (await discord.state(server.moderator.id, server.channel))["application"]["id"]
    said = await admin("audit show")
    assert f"<@{bot}>: **steps** of <@&{role}>: **20** → not set." in said
    assert f"<@{bot}>: moderator roles: <@&{role}> removed." in said
    told = await server.told(server.other_channel)
    assert [line for line in told if line.startswith(f"<@{bot}>")] == told[1:]
    assert len(told) == 3


async def test_what_is_set_for_a_channel_goes_with_it(server: Server, queue: RenderQueue):
    admin, gone = server.moderator.admin, server.other_channel
    for channel in (gone, server.channel):
        await admin("channel allow", channel=channel)
        await admin("limits set", name="spoilers", value="yes", channel=channel)
    await admin("audit channel", channel=gone)
    await server.discord.delete_channel(gone)
    await until(lambda: gone not in server.settings(queue).access)
    settings = server.settings(queue)
    assert settings.audit_channel is None
    assert settings.values[Scope.CHANNEL] == {server.channel: {"spoilers": True}}
    assert list(settings.access) == [server.channel]
    said = await admin("audit show")
    assert f"audit channel: <#{gone}> → not set." in said
    assert f"drawing in <#{gone}>: allowed → no rule." in said


async def test_an_audit_channel_stays_when_another_channel_goes(server: Server, queue: RenderQueue):
    admin = server.moderator.admin
    await admin("audit channel", channel=server.channel)
    await admin("channel deny", channel=server.other_channel)
    await server.discord.delete_channel(server.other_channel)
    await until(lambda: server.settings(queue).access == {})
    assert server.settings(queue).audit_channel == server.channel


async def test_settings_end_a_month_after_the_bot_has_left(
    discord: PlaygroundClient, queue: RenderQueue, redis: Redis
):
    server = await new_server(discord)
    await server.moderator.admin("limits set", name="steps", value="20")
    assert ends(redis, queue, server.id) == [NEVER, NEVER]
    await discord.leave_guild(server.id)
    await until(lambda: NEVER not in ends(redis, queue, server.id))
    assert all(
        FORGET_AFTER_SECONDS - 60 < left <= FORGET_AFTER_SECONDS
        for left in ends(redis, queue, server.id)
    )
    await discord.add_guild("Elsewhere", DEFAULT_USER, guild_id=server.id)
    await until(lambda: ends(redis, queue, server.id) == [NEVER, NEVER])
    await discord.leave_guild(server.id)


async def test_what_was_missed_is_made_up_for_at_the_next_start(
    discord: PlaygroundClient, running: Stack, queue: RenderQueue, redis: Redis
):
    left, stays = await new_server(discord), await new_server(discord, "Next door")
    for server in (left, stays):
        await server.moderator.admin("limits set", name="steps", value="20")
    await left.owner.admin("limits set", name="steps", value="50", everywhere=True)
    redis.expire(queue.guilds.keys(stays.id).settings, 1_000)
    running.stop("bot")
    await discord.leave_guild(left.id)
    running.start("bot")
    await until(lambda: NEVER not in ends(redis, queue, left.id))
    await until(lambda: ends(redis, queue, stays.id) == [NEVER, NEVER])
    assert ends(redis, queue, "all") == [NEVER, NEVER]
    await discord.leave_guild(stays.id)
