"""`/newbie-admin member`: blocks, and what one member has in hand and used."""

import time

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.admin.changes import change
from bot.admin.gate import Interaction
from bot.admin.limit_words import limit_lines
from bot.admin.member_words import block_lines, state_lines
from bot.admin.options import Reason, described
from bot.admin.replies import reply
from bot.requester import guild_of, requester_of
from bot.translation import words
from jobs.admission import Requester, limits_for
from jobs.guild import Block
from jobs.guild_edits import block, unblock
from jobs.limits import DAY
from jobs.settings_table import Kind, Setting
from jobs.wording import say

# Read and offered like a setting; longer blocks are for good.
DURATION = Setting(
    "duration",
    Kind.SECONDS,
    (600, 3_600, 21_600, 86_400, 3 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400),
    60,
    365 * DAY,
)
Duration = Range[str, 1, 50]


class Members(app_commands.Group):
    """Blocks members and tells about them."""

    def __init__(self) -> None:
        super().__init__(name=words("admin.member"), description=words("admin.member.description"))

    @app_commands.command(
        name=words("admin.block"), description=words("admin.member.block.description")
    )
    @described("member", "duration", "reason", "everywhere")
    async def block(
        self,
        interaction: Interaction,
        member: discord.User,
        duration: Duration | None = None,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Keep somebody from drawing, for a while or for good."""
        now = time.time()
        seconds = None if duration is None else DURATION.parse(duration)
        details = Block(
            by=str(interaction.user.id),
            at=now,
            until=None if seconds is None else now + seconds,
            reason=reason or "",
        )
        edit = block(str(member.id), details)
        note = say("admin.member.block.note", interaction.locale.value)
        await change(interaction, edit, reason=reason, everywhere=everywhere, note=note)

    @app_commands.command(
        name=words("admin.unblock"), description=words("admin.member.unblock.description")
    )
    @described("member", "reason", "everywhere")
    async def unblock(
        self,
        interaction: Interaction,
        member: discord.User,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Let somebody draw again."""
        note = None if everywhere else await _block_note(interaction, str(member.id))
        edit = unblock(str(member.id))
        await change(interaction, edit, reason=reason, everywhere=everywhere, note=note)

    @app_commands.command(
        name=words("admin.info"), description=words("admin.member.info.description")
    )
    @described("member")
    async def info(self, interaction: Interaction, member: discord.User) -> None:
        """Show what applies to somebody in this channel, what they have in hand and used."""
        bot, guild, locale = interaction.client, guild_of(interaction), interaction.locale.value
        settings = await bot.guild_settings.get(guild)
        everywhere = await bot.guild_settings.everywhere()
        now, who = time.time(), _requester(interaction, member)
        state = await bot.queue.member_state(guild, who.member)
        limits = limits_for(settings, everywhere, who)
        lines = [
            *block_lines(settings, everywhere, who.member, now, locale),
            *state_lines(state, limits, now, locale),
            say("admin.member.info.limits", locale),
            *limit_lines(settings, everywhere, who, locale),
        ]
        await reply(interaction, "\n".join(lines))

    @block.autocomplete("duration")
    async def suggest_duration(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer times."""
        return [Choice(name=text, value=text) for text in DURATION.choices(str(typed))]


async def _block_note(interaction: Interaction, member: str) -> str | None:
    """Say that the bot's owner has blocked somebody, whatever a server does."""
    settings = await interaction.client.guild_settings.everywhere()
    if settings.block_of(member, time.time()) is None:
        return None
    return say("admin.member.unblock.note", interaction.locale.value)


def _requester(interaction: Interaction, member: discord.User) -> Requester:
    """Give the member as if they asked in this channel; who left the server has no roles."""
    here = requester_of(interaction)
    roles: list[discord.Role] = member.roles if isinstance(member, discord.Member) else []
    return Requester(
        member=str(member.id),
        roles=tuple(str(one.id) for one in roles),
        channels=here.channels,
        is_age_restricted=here.is_age_restricted,
    )
