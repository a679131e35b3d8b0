"""Makes the changes that moderators ask for: stored with its audit entry, announced, answered.

The server is always the one that the interaction comes from. Only the bot's owner can mean all
servers together.
"""

import structlog

from bot.admin.announcements import announce
from bot.admin.entries import Deed
from bot.admin.gate import Interaction
from bot.admin.replies import begin, reply
from bot.errors import Refused
from bot.requester import guild_of
from jobs.guild import EVERY_GUILD
from jobs.guild_edits import Edit
from jobs.guild_settings import Change
from jobs.wording import say

log = structlog.get_logger("bot")


async def place_of(interaction: Interaction, everywhere: bool | None) -> str:
    """Name the server whose settings are meant: this one, or all of them.

    Raises:
        Refused: all servers are meant, and the sender does not own the bot.
    """
    if not everywhere:
        return guild_of(interaction)
    if not await interaction.client.is_owner(interaction.user):
        raise Refused("owner_only")
    return EVERY_GUILD


async def change(
    interaction: Interaction,
    edit: Edit,
    *,
    reason: str | None = None,
    everywhere: bool | None = None,
    note: str | None = None,
) -> None:
    """Make a change and tell its maker what was and what is; `note` is a sentence to add.

    Raises:
        Refused: all servers are meant, and the sender does not own the bot.
        SettingChanged, TooManySettings, QueueUnavailable, UnreadableSettings: nothing was changed.
    """
    guild = await place_of(interaction, everywhere)
    await begin(interaction)
    done = await interaction.client.guild_settings.change(
        guild, edit, by=str(interaction.user.id), reason=reason or ""
    )
    await tell_change(interaction, guild, done, reason=reason, note=note)


async def tell_change(
    interaction: Interaction,
    guild: str,
    done: Change,
    *,
    reason: str | None = None,
    note: str | None = None,
) -> None:
    """Post a change that is made to the audit channel and tell its maker; `begin` came before."""
    locale = interaction.locale.value
    if not done.is_made:
        lines = [say("admin.unchanged", locale)]
    else:
        by, kind = str(interaction.user.id), done.field.partition(":")[0]
        deed = Deed(done.field, done.old, done.new, reason or "", guild == EVERY_GUILD)
        lines = [say("admin.done", locale, deed=deed.say(locale))]
        log.info("setting_changed", what=kind, guild_id=guild, user_id=by)
        if not await announce(interaction.client, guild, by, deed):
            lines.append(say("admin.not_announced", locale))
    if note is not None:
        lines.append(note)
    await reply(interaction, "\n".join(lines))
