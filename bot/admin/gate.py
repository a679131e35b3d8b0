"""The gate before every moderators' control: who may pass, and what whoever may not is told.

It fails closed: while nobody knows what a server has set, nobody passes. It stands before commands,
before what autocomplete offers, and, as no command tree does that, before each button.
"""

import discord
import structlog
from discord import app_commands

from bot.answers import NETWORK_ERRORS, tell
from bot.client import NewbieBot
from bot.moderators import may_moderate
from bot.requester import guild_of
from jobs.errors import QueueUnavailable, UnreadableSettings
from jobs.wording import say

log = structlog.get_logger("bot")

Interaction = discord.Interaction[NewbieBot]


async def admit(interaction: Interaction) -> bool:
    """Tell whether the sender moderates here; one who does not is told, privately.

    Raises:
        CheckFailure: Discord does not say who owns the bot.
        discord.HTTPException: Discord refused the answer, for example because it was too late.
    """
    refusal = await _refusal(interaction)
    if refusal is None:
        return True
    log.info(
        "not_admitted",
        code=refusal,
        user_id=str(interaction.user.id),
        guild_id=str(interaction.guild_id) if interaction.guild_id else None,
    )
    if interaction.type is discord.InteractionType.autocomplete:
        await interaction.response.autocomplete([])
    else:
        await tell(interaction, say(f"error.{refusal}", interaction.locale.value))
    return False


async def _refusal(interaction: Interaction) -> str | None:
    """Give the code of the sentence that refuses; None where there is no reason to."""
    bot = interaction.client
    try:
        settings = await bot.guild_settings.get(guild_of(interaction))
        is_owner = await bot.is_owner(interaction.user)
    except QueueUnavailable:
        return "queue_unavailable"
    except UnreadableSettings:
        return "settings_unreadable"
    except NETWORK_ERRORS as error:
        raise app_commands.CheckFailure("nobody knows who owns the bot") from error
    return None if may_moderate(interaction, settings, is_owner=is_owner) else "not_moderator"
