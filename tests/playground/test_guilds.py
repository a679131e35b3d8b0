"""A second guild, channels, roles and command permissions, as a real discord.py bot sees them."""

import asyncio

import discord
import pytest

from playground.client import ActionRefused, PlaygroundClient
from playground.guilds import HELPER_ROLE_ID
from tests.playground.conftest import GUILD, MEMBER, OTHER_MEMBER, Bot, StartBot


class WatchingBot(Bot):
    """Keeps the interactions it gets and the events of guilds that it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self.interactions: list[discord.Interaction] = []

        @self.tree.command(description="x")
        @discord.app_commands.guild_only()
        @discord.app_commands.default_permissions(manage_guild=True)
        async def manage(
            interaction: discord.Interaction,
            role: discord.Role | None = None,
            channel: discord.TextChannel | None = None,
        ) -> None:
            self.interactions.append(interaction)
            await interaction.response.send_message("hi")

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self.heard.put_nowait(("join", guild.id))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.heard.put_nowait(("remove", guild.id))

    async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
        self.heard.put_nowait(("channel", channel.id))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self.heard.put_nowait(("no channel", channel.id))

    async def on_guild_role_create(self, role: discord.Role) -> None:
        self.heard.put_nowait(("role", role.id))

    async def on_guild_role_delete(self, role: discord.Role) -> None:
        self.heard.put_nowait(("no role", role.id))

    async def hears(self, what: str, about: str) -> bool:
        return await asyncio.wait_for(self.heard.get(), 10) == (what, int(about))


async def test_a_bot_hears_of_guilds_channels_and_roles(
    start_bot: StartBot, client: PlaygroundClient
) -> None:
    bot = WatchingBot()
    await start_bot(bot)
    guild = await client.add_guild("Elsewhere", MEMBER)
    assert await bot.hears("join", guild["id"])
    channel = await client.add_channel("sketches", nsfw=True, guild_id=guild["id"])
    assert await bot.hears("channel", channel)
    found = bot.get_channel(int(channel))
    assert isinstance(found, discord.TextChannel)
    assert (found.nsfw, found.guild.id) == (True, int(guild["id"]))
    role = await client.add_role("Regulars")
    assert await bot.hears("role", role)
    await client.delete_role(role)
    assert await bot.hears("no role", role)
    await client.delete_channel(channel)
    assert await bot.hears("no channel", channel)
    with pytest.raises(discord.NotFound):
        await bot.fetch_channel(int(channel))
    await client.leave_guild(guild["id"])
    assert await bot.hears("remove", guild["id"])
    assert [one.id for one in bot.guilds] == [int(GUILD)]
    await client.add_guild("Elsewhere", MEMBER, guild_id=guild["id"])
    assert await bot.hears("join", guild["id"])


async def test_an_interaction_belongs_to_its_channels_guild(
    start_bot: StartBot, client: PlaygroundClient
) -> None:
    bot = WatchingBot()
    await start_bot(bot)
    guild = await client.add_guild("Elsewhere", MEMBER)
    await client.command("manage", user_id=MEMBER, channel_id=guild["channel_id"])
    await client.wait_for_message(
        lambda message: message["content"] == "hi", MEMBER, channel_id=guild["channel_id"]
    )
    (interaction,) = bot.interactions
    assert interaction.guild_id == int(guild["id"])
    assert interaction.permissions.administrator
    state = await client.state(MEMBER, guild["channel_id"])
    assert state["guild"]["name"] == "Elsewhere"
    assert [channel["name"] for channel in state["channels"]] == ["general"]
    role, channel = HELPER_ROLE_ID, (await client.state())["channels"][0]["id"]
    for options in ({"role": role}, {"channel": channel}):
        with pytest.raises(ActionRefused, match="Nothing has the id"):
            await client.command("manage", options, user_id=MEMBER, channel_id=guild["channel_id"])
    role = await client.add_role("Crew", ["MANAGE_GUILD"], guild_id=guild["id"])
    crew = (await client.add_user("nova", roles=[role]))["id"]
    await client.command("manage", user_id=crew, channel_id=guild["channel_id"])
    with pytest.raises(ActionRefused, match="permission"):
        await client.command("manage", user_id=crew)
    await client.leave_guild(guild["id"])


async def test_owning_a_guild_gives_nothing_in_another(
    start_bot: StartBot, client: PlaygroundClient
) -> None:
    await start_bot(WatchingBot())
    guild = await client.add_guild("Elsewhere", MEMBER)
    with pytest.raises(ActionRefused, match="permission"):
        await client.command("manage", user_id=MEMBER)
    moderator = (await client.add_user("nova", moderator=True))["id"]
    await client.command("manage", user_id=moderator)
    with pytest.raises(ActionRefused, match="permission"):
        await client.command("manage", user_id=moderator, channel_id=guild["channel_id"])


@pytest.mark.parametrize("target", ["role", "member", "everyone"])
async def test_a_guild_lets_roles_and_members_use_a_command(
    start_bot: StartBot, client: PlaygroundClient, target: str
) -> None:
    bot = WatchingBot()
    await start_bot(bot)
    helper = (await client.add_user("nova", roles=[HELPER_ROLE_ID]))["id"]
    with pytest.raises(ActionRefused, match="permission"):
        await client.command("manage", user_id=helper)
    ids = {"role": HELPER_ROLE_ID, "member": helper, "everyone": GUILD}
    await client.allow_command("manage", [ids[target]])
    await client.command("manage", user_id=helper)
    await client.wait_for_message(lambda message: message["content"] == "hi")
    (interaction,) = bot.interactions
    assert isinstance(interaction.user, discord.Member)
    assert HELPER_ROLE_ID in [str(role.id) for role in interaction.user.roles]
    assert not interaction.permissions.manage_guild
    if target != "everyone":
        with pytest.raises(ActionRefused, match="permission"):
            await client.command("manage", user_id=OTHER_MEMBER)


async def test_a_guild_event_of_something_unknown_is_refused(client: PlaygroundClient) -> None:
    for change in (
        client.leave_guild("1"),
        client.leave_guild(GUILD),
        client.delete_channel("1"),
        client.delete_role("1"),
        client.add_guild("Elsewhere", "1"),
        client.add_guild("Elsewhere", MEMBER, guild_id=GUILD),
        client.add_role("x", guild_id=GUILD),
        client.add_role("Regulars", guild_id="1"),
        client.add_role("Regulars", ["FLY"]),
    ):
        with pytest.raises(ActionRefused):
            await change
