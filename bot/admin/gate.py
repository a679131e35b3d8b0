"""The gate before every moderators' control: who may pass, and what whoever may not is told.

It fails closed: while nobody knows what a server has set, nobody passes. It stands before commands,
before what autocomplete offers, and, as no command tree does that, before each button.
"""

import discord
import structlog

from bot.answers import tell
from bot.client import NewbieBot
from bot.errors import Refused
from bot.moderators import may_moderate
from bot.refusals import Refusal, code_of, sentence
from bot.requester import guild_of
from jobs.errors import QueueUnavailable, UnreadableSettings

log = structlog.get_logger("bot")

Interaction = discord.Interaction[NewbieBot]


async def admit(interaction: Interaction) -> bool:
    """Tell whether the sender moderates here; one who does not is told, privately.

    Raises:
        discord.DiscordException: Discord does not say who owns the bot, or it refused the answer,
            for example because it was too late.
    """
    refusal = await _refusal(interaction)
    if refusal is None:
        return True
    log.info(
        "not_admitted",
        code=code_of(refusal),
        user_id=str(interaction.user.id),
        guild_id=str(interaction.guild_id) if interaction.guild_id else None,
    )
    if interaction.type is discord.InteractionType.autocomplete:
        await interaction.response.autocomplete([])
    else:
        await tell(interaction, sentence(refusal, interaction.locale.value))
    return False


async def _refusal(interaction: Interaction) -> Refusal | None:
    bot = interaction.client
    try:
        settings = await bot.guild_settings.get(guild_of(interaction))
        is_owner = await bot.is_owner(interaction.user)
    except (QueueUnavailable, UnreadableSettings) as error:
        return error
    if may_moderate(interaction, settings, is_owner=is_owner):
        return None
    return Refused("not_moderator")
