"""A server of its own for each test, its people, and what they say to `/newbie-admin`."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from jobs.guild import GuildSettings
from jobs.queue import RenderQueue
from playground.client import DEFAULT_MODERATOR, DEFAULT_USER, PlaygroundClient
from tests.bot.conftest import Json, Member, is_private

COMMAND = "newbie-admin"
# The option types of Discord that have options of their own.
NESTED = (1, 2)


class Person(Member):
    """Somebody who uses `/newbie-admin` in one server, whether they may or not."""

    def __init__(self, discord: PlaygroundClient, user_id: str, channel: str) -> None:
        super().__init__(discord, user_id)
        self.channel = channel

    async def admin(self, command: str, **options: Any) -> str:
        """Use a command such as `limits set` and give what is answered, privately."""
        return str((await self.admin_message(command, **options))["content"])

    async def admin_message(self, command: str, **options: Any) -> Json:
        """Use a command and give the whole answer."""
        sent = await self.discord.command(
            COMMAND, _nested(command, options), user_id=self.id, channel_id=self.channel
        )
        return await self.private_answer(sent)

    async def private_answer(self, interaction_id: str) -> Json:
        answer = await self.answer(interaction_id, channel_id=self.channel)
        assert is_private(answer)
        assert answer["mentions"] == answer["mention_roles"] == []
        assert not answer["mention_everyone"]
        return answer

    async def suggested(self, command: str, focused: str, **options: Any) -> list[str]:
        """Give what is offered for an option that is being typed in."""
        choices = await self.discord.autocomplete(
            COMMAND,
            _nested(command, options),
            focused,
            user_id=self.id,
            channel_id=self.channel,
        )
        return [choice["value"] for choice in choices]

    async def commands(self) -> list[str]:
        """Give the names of the commands that Discord shows them."""
        state = await self.discord.state(self.id, self.channel)
        return [command["name"] for command in state["commands"]]


def _nested(command: str, options: Json) -> Json:
    for name in reversed(command.split()):
        options = {name: options}
    return options


@dataclass(frozen=True)
class Server:
    """A server that shows the command to everybody, as its settings allow.

    The moderator may manage the server; the helper has a role without any permission, and the
    member has none. The owner is the bot's, and nobody in particular here.
    """

    discord: PlaygroundClient
    id: str
    channel: str
    other_channel: str
    adult_channel: str
    helper_role: str
    moderator: Person
    helper: Person
    member: Person
    owner: Person

    def settings(self, queue: RenderQueue) -> GuildSettings:
        """Read what is stored for the server."""
        return queue.guilds.get(self.id)

    async def told(self, channel: str) -> list[str]:
        """Give what the bot has posted in a channel for all to see."""
        messages = (await self.discord.state(self.moderator.id, channel))["messages"]
        return [str(each["content"]) for each in messages if not is_private(each)]


async def new_server(discord: PlaygroundClient, name: str = "Elsewhere") -> Server:
    guild = await discord.add_guild(name, DEFAULT_USER)
    id_, channel = guild["id"], guild["channel_id"]
    staff = await discord.add_role("Staff", ["MANAGE_GUILD"], guild_id=id_)
    helpers = await discord.add_role("Helpers", guild_id=id_)

    async def person(username: str, *roles: str) -> Person:
        user = await discord.add_user(username, roles=roles)
        return Person(discord, user["id"], channel)

    server = Server(
        discord,
        id_,
        channel,
        other_channel=await discord.add_channel("sketches", guild_id=id_),
        adult_channel=await discord.add_channel("night", nsfw=True, guild_id=id_),
        helper_role=helpers,
        moderator=await person("mona", staff),
        helper=await person("hana", helpers),
        member=await person("pia"),
        owner=Person(discord, DEFAULT_MODERATOR, channel),
    )
    await discord.allow_command(COMMAND, [id_], guild_id=id_)
    return server


@pytest.fixture
async def server(discord: PlaygroundClient) -> AsyncIterator[Server]:
    """A server where nothing is set yet; no other test's settings can be seen in it."""
    server = await new_server(discord)
    yield server
    await discord.leave_guild(server.id)


@dataclass(frozen=True)
class Leaf:
    """A command below `/newbie-admin`: how it is called, and its options as Discord has them."""

    path: str
    options: list[Json]


async def offered(discord: PlaygroundClient) -> Json:
    """Give the command as it is registered."""
    commands = (await discord.state(DEFAULT_MODERATOR))["commands"]
    return next(dict(command) for command in commands if command["name"] == COMMAND)


def leaves(command: Json, path: str = "") -> Iterator[Leaf]:
    """List all commands that lie in a command, whoever has added them."""
    nested = [option for option in command.get("options", []) if option["type"] in NESTED]
    for option in nested:
        yield from leaves(option, f"{path} {option['name']}")
    if not nested:
        yield Leaf(path.strip(), command.get("options", []))
