"""Tells members privately that results wait for them, whenever they have to do with the bot."""

import discord
import structlog

from bot.answers import NETWORK_ERRORS, Interaction
from bot.async_kept import AsyncKept
from jobs.errors import QueueUnavailable
from jobs.kept import Waiting
from jobs.wording import say

log = structlog.get_logger("bot")

LOOKED = "reminded"


class Reminders:
    """What waits for members, in words."""

    def __init__(self, kept: AsyncKept) -> None:
        self._kept = kept

    async def texts(self, interaction: Interaction) -> list[str]:
        """Say what waits for the sender, and what waited too long; looks once an interaction."""
        if LOOKED in interaction.extras:
            return []
        interaction.extras[LOOKED] = True
        member, locale = str(interaction.user.id), interaction.locale.value
        try:
            waiting = await self._kept.of_member(member)
            await self._kept.forget(member, waiting.gone)
        except QueueUnavailable:
            return []
        return [*waiting_text(waiting, locale), *gone_text(waiting, locale)]

    async def tell(self, interaction: Interaction) -> None:
        """Tell the sender of an interaction that was answered; nothing depends on it."""
        response = interaction.response
        if not response.is_done() or response.type is discord.InteractionResponseType.modal:
            return
        texts = await self.texts(interaction)
        if not texts:
            return
        try:
            await interaction.followup.send("\n".join(texts), ephemeral=True)
        except NETWORK_ERRORS as error:
            log.warning("not_reminded", user_id=interaction.user.id, error=type(error).__name__)


def waiting_text(waiting: Waiting, locale: str) -> list[str]:
    """Say that results wait, and until when."""
    if not waiting.jobs:
        return []
    # Discord shows this as date and time of whoever reads it.
    until = f"<t:{int(waiting.until)}:f>"
    return [
        say(_key("kept.waits", len(waiting.jobs)), locale, count=len(waiting.jobs), until=until)
    ]


def gone_text(waiting: Waiting, locale: str) -> list[str]:
    """Say that nobody came for results in time."""
    if not waiting.gone:
        return []
    return [say(_key("kept.gone", len(waiting.gone)), locale, count=len(waiting.gone))]


def _key(key: str, count: int) -> str:
    return f"{key}.one" if count == 1 else key
