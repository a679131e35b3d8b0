"""Who passes the gate: every command, and what it suggests, as each kind of person.

The commands are taken from what is registered with Discord, so one that somebody adds is tried too.
"""

import os
import signal
from typing import Any

import discord
import pytest

from bot.admin.group import NewbieAdmin
from bot.client import Tree
from jobs.limits import Limit
from jobs.queue import RenderQueue
from jobs.settings_table import Scope
from playground.client import ActionRefused, PlaygroundClient
from supervisor.stack import Stack
from tests.bot.admin.conftest import (
    COMMAND,
    Json,
    Leaf,
    Person,
    Server,
    leaves,
    new_server,
    offered,
)

MANAGE_GUILD = 1 << 5
# Discord's limit for names, descriptions and values of a command; of languages the longest counts.
MOST_TEXT = 8_000
ONLY_MODERATORS = "Only moderators of this server"


def required(leaf: Leaf, server: Server) -> dict[str, Any]:
    """Give a value that fits each option that a command needs."""
    return {
        option["name"]: sample(option, server) for option in leaf.options if option.get("required")
    }


def sample(option: Json, server: Server) -> Any:
    if option.get("choices"):
        return option["choices"][0]["value"]
    by_name = {"name": "steps", "value": "20"}
    by_type = {
        3: "teapot",
        4: 1,
        5: True,
        6: server.member.id,
        7: server.channel,
        8: server.helper_role,
        10: 1.0,
    }
    return by_name.get(option["name"], by_type[option["type"]])


async def all_leaves(discord: PlaygroundClient) -> list[Leaf]:
    found = list(leaves(await offered(discord)))
    assert {leaf.path for leaf in found} >= {
        *("limits show", "limits set", "limits reset", "stats"),
        *("words add", "words remove", "words list", "words test"),
        *("channel allow", "channel deny", "channel reset", "channel list"),
        *("member block", "member unblock", "member info"),
        *("moderators add", "moderators remove", "moderators list"),
        *("audit show", "audit channel"),
    }
    return found


def stored(queue: RenderQueue) -> set[str]:
    """Name all servers for which anything is set."""
    begin, end = queue.guilds.keys("*").settings.split("*")
    found = (key.decode() for key in queue.redis.scan_iter(queue.guilds.keys("*").settings))
    return {key.removeprefix(begin).removesuffix(end) for key in found}


async def test_members_do_not_see_the_command(discord: PlaygroundClient, server: Server):
    command = await offered(discord)
    assert command["default_member_permissions"] == str(MANAGE_GUILD)
    assert command["contexts"] == [0]
    assert command["integration_types"] == [0]
    await discord.allow_command(COMMAND, [], guild_id=server.id)
    for person in (server.member, server.helper):
        assert COMMAND not in await person.commands()
        with pytest.raises(ActionRefused, match="permission"):
            await person.admin("limits show")
    assert COMMAND in await server.moderator.commands()
    assert "Limits" in await server.moderator.admin("limits show")


async def test_the_command_is_small_enough_for_discord(discord: PlaygroundClient):
    assert _length(await offered(discord)) <= MOST_TEXT


def _length(part: Json) -> int:
    total = sum(
        max(len(text) for text in (part.get(field) or "", *localized.values()))
        for field in ("name", "description")
        for localized in [part.get(f"{field}_localizations") or {}]
    )
    total += sum(_length(option) for option in part.get("options", []))
    choices = part.get("choices") or []
    return total + sum(_length(choice) + len(str(choice["value"])) for choice in choices)


async def test_every_part_is_named_in_three_languages(discord: PlaygroundClient):
    command = await offered(discord)

    def check(part: Json, path: str) -> None:
        for field in ("name", "description"):
            if path or field == "description":
                found = part.get(f"{field}_localizations") or {}
                assert set(found) == {"zh-CN", "zh-TW", "ja"}, (path, field)
        for option in part.get("options", []):
            check(option, f"{path} {option['name']}")

    check(command, "")


async def test_every_command_is_refused_to_a_member_who_sees_it(
    discord: PlaygroundClient, server: Server, queue: RenderQueue
):
    for leaf in await all_leaves(discord):
        for person in (server.member, server.helper):
            said = await person.admin(leaf.path, **required(leaf, server))
            assert ONLY_MODERATORS in said, leaf.path
    assert stored(queue) == set()


@pytest.mark.parametrize("kind", ["moderator", "helper", "owner"])
async def test_every_command_answers_a_moderator_privately(
    discord: PlaygroundClient, server: Server, queue: RenderQueue, kind: str
):
    person: Person = getattr(server, kind)
    if kind == "helper":
        await server.moderator.admin("moderators add", role=server.helper_role)
    commands = await all_leaves(discord)
    # The last thing is to take the role's rights away again.
    commands.sort(key=lambda leaf: leaf.path == "moderators remove")
    for leaf in commands:
        said = await person.admin(leaf.path, **required(leaf, server))
        assert ONLY_MODERATORS not in said, leaf.path
        assert "on our side" not in said, leaf.path
    assert stored(queue) == {server.id}
    if kind == "helper":
        assert ONLY_MODERATORS in await person.admin("limits show")


async def test_what_is_suggested_is_for_moderators_only(discord: PlaygroundClient, server: Server):
    tried = 0
    for leaf in await all_leaves(discord):
        for option in leaf.options:
            if not option.get("autocomplete"):
                continue
            given = {"name": "steps"} if option["name"] == "value" else {}
            given |= {option["name"]: ""}
            assert await server.member.suggested(leaf.path, option["name"], **given) == []
            if leaf.path.split()[0] in ("limits", "member"):
                assert await server.moderator.suggested(leaf.path, option["name"], **given)
                tried += 1
    assert tried >= 4


async def test_a_moderator_of_one_server_is_none_in_another(
    discord: PlaygroundClient, server: Server, queue: RenderQueue
):
    other = await new_server(discord, "Next door")
    stranger = Person(discord, server.moderator.id, other.channel)
    for leaf in await all_leaves(discord):
        said = await stranger.admin(leaf.path, **required(leaf, other))
        assert ONLY_MODERATORS in said, leaf.path
    assert stored(queue) == set()
    await discord.leave_guild(other.id)


async def test_a_change_is_one_of_the_server_that_it_was_made_in(
    discord: PlaygroundClient, server: Server, queue: RenderQueue
):
    other = await new_server(discord, "Next door")
    await server.moderator.admin("limits set", name="steps", value="20")
    # A moderator's role of the one server means nothing in the other.
    await server.moderator.admin("moderators add", role=server.helper_role)
    assert ONLY_MODERATORS in await Person(discord, server.helper.id, other.channel).admin(
        "limits show"
    )
    assert stored(queue) == {server.id}
    await other.moderator.admin("limits set", name="steps", value="30")
    assert "**20** (this server)" in await server.moderator.admin("limits show")
    assert "**30** (this server)" in await other.moderator.admin("limits show")
    assert "steps" in await other.moderator.admin("audit show")
    assert "**20**" not in await other.moderator.admin("audit show")
    await discord.leave_guild(other.id)


async def test_nothing_is_changed_while_redis_is_away(server: Server, running: Stack):
    await server.moderator.admin("limits set", name="steps", value="20")
    running.kill("redis")
    try:
        await check_refused(server)
    finally:
        running.start("redis")
    assert "**30**" not in await server.moderator.admin("limits show")
    assert "Done" in await server.moderator.admin("limits set", name="steps", value="40")


async def test_a_redis_that_says_nothing_is_told_before_discord_gives_up(
    server: Server, running: Stack, queue: RenderQueue
):
    await server.moderator.admin("limits set", name="steps", value="20")
    pid = running.pid("redis")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await check_refused(server)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert server.settings(queue).limits(Scope.GUILD) == {Limit.STEPS: 20}
    assert "Done" in await server.moderator.admin("limits set", name="steps", value="40")


async def check_refused(server: Server) -> None:
    """Try what reads and what changes."""
    for command, options in (
        ("limits set", {"name": "steps", "value": "30"}),
        ("limits show", {}),
        ("audit show", {}),
        ("member info", {"member": server.member.id}),
        ("member block", {"member": server.member.id}),
    ):
        assert "cannot be reached" in await server.moderator.admin(command, **options), command
    assert "cannot be reached" in await server.member.admin("audit show")


@pytest.mark.parametrize("guild_id", [None, "7"])
def test_the_gate_stands_before_the_commands_of_one_server_too(guild_id: str | None):
    tree = Tree(discord.Client(intents=discord.Intents.none()))
    group = NewbieAdmin()
    tree.add_command(group)
    data = {"name": group.name}
    if guild_id is not None:
        # As NEWBIE_BOT_GUILD_ID has it.
        tree.copy_global_to(guild=discord.Object(int(guild_id)))
        tree.remove_command(group.name)
        data["guild_id"] = guild_id
    assert tree.root_of(data) is group
    assert tree.root_of({"name": "newbie"}) is None


async def test_settings_that_nobody_can_read_let_nobody_pass(server: Server, queue: RenderQueue):
    key = queue.guilds.keys(server.id).settings
    queue.redis.hset(key, "queue", '"on holiday"')
    for person in (server.moderator, server.owner, server.member):
        assert "another version" in await person.admin("limits show")
    queue.redis.delete(key)
    assert "Limits" in await server.moderator.admin("limits show")
