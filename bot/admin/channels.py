"""`/newbie-admin channel`: where one may draw."""

from discord import app_commands

from bot.admin.changes import change
from bot.admin.entries import mark
from bot.admin.gate import Interaction
from bot.admin.options import Reason, described
from bot.admin.pages import Page, PageButton, numbered, template
from bot.admin.targets import ChannelOption
from bot.requester import guild_of
from bot.translation import words
from jobs.guild import Access, GuildSettings
from jobs.guild_edits import set_access
from jobs.settings_table import SETTINGS, Scope
from jobs.wording import say

CHANNELS_A_PAGE = 20


class ChannelsButton(PageButton, template=template("channels")):
    """Turns the pages of the channels; a cursor is the page's number."""

    book = "channels"

    @classmethod
    async def read(cls, interaction: Interaction, cursor: str) -> Page:
        """Give a page of the channels for which something is set."""
        settings = await interaction.client.guild_settings.get(guild_of(interaction))
        locale, found = interaction.locale.value, _channels(settings)
        shown, turns = numbered(len(found), CHANNELS_A_PAGE, cursor)
        is_list = Access.ALLOW in settings.access.values()
        heading = say(f"admin.channel.list.{'closed' if is_list else 'open'}", locale)
        lines = [_line(settings, found[index], locale) for index in shown]
        return Page("\n".join([heading, *lines]), turns)


class Channels(app_commands.Group):
    """Allows and denies channels, and all that lies in them."""

    def __init__(self) -> None:
        super().__init__(
            name=words("admin.channel"), description=words("admin.channel.description")
        )

    @app_commands.command(
        name=words("admin.allow"), description=words("admin.channel.allow.description")
    )
    @described("channel", "reason")
    async def allow(
        self, interaction: Interaction, channel: ChannelOption, reason: Reason | None = None
    ) -> None:
        """Let members draw in a channel, a thread or a category."""
        note = say("admin.channel.allow.note", interaction.locale.value)
        edit = set_access(str(channel.id), Access.ALLOW)
        await change(interaction, edit, reason=reason, note=note)

    @app_commands.command(
        name=words("admin.deny"), description=words("admin.channel.deny.description")
    )
    @described("channel", "reason")
    async def deny(
        self, interaction: Interaction, channel: ChannelOption, reason: Reason | None = None
    ) -> None:
        """Let nobody draw in a channel, a thread or a category."""
        await change(interaction, set_access(str(channel.id), Access.DENY), reason=reason)

    @app_commands.command(
        name=words("admin.reset"), description=words("admin.channel.reset.description")
    )
    @described("channel", "reason")
    async def reset(
        self, interaction: Interaction, channel: ChannelOption, reason: Reason | None = None
    ) -> None:
        """Take the rule for a channel back."""
        await change(interaction, set_access(str(channel.id), None), reason=reason)

    @app_commands.command(
        name=words("admin.list"), description=words("admin.channel.list.description")
    )
    async def list(self, interaction: Interaction) -> None:
        """Show the channels for which something is set."""
        await ChannelsButton.open(interaction)


def _channels(settings: GuildSettings) -> list[str]:
    """List channels with a rule or with values of their own, allowed ones first."""
    order = {Access.ALLOW: 0, Access.DENY: 1, None: 2}
    found = {*settings.access, *settings.values.get(Scope.CHANNEL, {})}
    return sorted(found, key=lambda one: (order[settings.access.get(one)], int(one)))


def _line(settings: GuildSettings, channel: str, locale: str) -> str:
    access = settings.access.get(channel)
    parts = [say(f"admin.access.{'none' if access is None else access.value}", locale)]
    values = settings.values.get(Scope.CHANNEL, {}).get(channel, {})
    parts += [f"{name} **{SETTINGS[name].format(value)}**" for name, value in values.items()]
    return f"- {mark('channel', channel)}: {', '.join(parts)}"
