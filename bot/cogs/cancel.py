"""The Cancel button of a job's message, whoever wrote it: this process, the worker, an earlier bot.

The press is acknowledged before anything is looked up. What came of it is said in the message
itself, which all can see: by this cog at once where the job waited, by the worker where it ran.
Everything else is told to the one who pressed.
"""

import re
from typing import Any, Self

import discord
import structlog
from discord import ui
from discord.ext import commands

from bot.admin.announcements import announce
from bot.admin.entries import Deed
from bot.answers import CONNECTION_ERRORS, NETWORK_ERRORS, acknowledge_press, tell
from bot.cancelled_message import tell_cancelled
from bot.cancelling import Attempt, Verdict, try_to_cancel
from bot.client import NewbieBot
from jobs.controls import CANCEL_PATTERN
from jobs.errors import QueueUnavailable
from jobs.guild import guild_of
from jobs.guild_edits import MISSING
from jobs.models import JobState
from jobs.moderation import CANCELLED
from jobs.wording import say

log = structlog.get_logger("bot")

Interaction = discord.Interaction[NewbieBot]


class CancelButton(ui.DynamicItem[ui.Button[ui.View]], template=CANCEL_PATTERN):
    """The button of one job; its custom id is all that it needs."""

    def __init__(self, button: ui.Button[ui.View], job_id: str) -> None:
        super().__init__(button)
        self.job_id = job_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button that was pressed."""
        if not isinstance(item, ui.Button):
            raise TypeError("another component has the custom id of a button")
        return cls(item, match["job_id"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Cancel the job and say so."""
        async with interaction.client.requests.answering(interaction):
            await _press(interaction, self.job_id)


async def _press(interaction: Interaction, job_id: str) -> None:
    try:
        await acknowledge_press(interaction)
    except CONNECTION_ERRORS as error:
        # Whether Discord heard it or not: who presses this wants the job to stop.
        log.warning("press_not_acknowledged", job_id=job_id, error=type(error).__name__)
    attempt = await try_to_cancel(interaction, job_id)
    log.info(
        "cancel",
        job_id=job_id,
        code=attempt.verdict.value,
        user_id=str(interaction.user.id),
        guild_id=str(interaction.guild_id) if interaction.guild_id else None,
    )
    await _answer(interaction, attempt)
    if attempt.is_moderation and attempt.job is not None:
        deed = Deed(f"job:{job_id}", MISSING, CANCELLED)
        guild = guild_of(attempt.job.address)
        await announce(interaction.client, guild, str(interaction.user.id), deed)


async def _answer(interaction: Interaction, attempt: Attempt) -> None:
    if attempt.verdict is Verdict.DONE and await _say_so(interaction, attempt):
        return
    if attempt.verdict is Verdict.UNKNOWN or _has_ended(attempt):
        await _take_button_away(interaction)
    await tell(interaction, say(f"cancel.{attempt.verdict.value}", interaction.locale.value))


async def _say_so(interaction: Interaction, attempt: Attempt) -> bool:
    """Say in the job's message that it was cancelled; the look at the line does it otherwise.

    The press opens that message for another 15 minutes, so this works when the interaction that
    the job began with is long over.
    """
    job, message = attempt.job, interaction.message
    if job is None or message is None or str(message.id) != job.address.message_id:
        return False
    try:
        return await tell_cancelled(
            interaction.client.queue,
            job,
            lambda text, view: interaction.edit_original_response(content=text, view=view),
        )
    except (*NETWORK_ERRORS, QueueUnavailable) as error:
        log.warning("cancel_not_told", job_id=job.id, error=type(error).__name__)
        return False


def _has_ended(attempt: Attempt) -> bool:
    return attempt.job is not None and attempt.job.state is JobState.ENDED


async def _take_button_away(interaction: Interaction) -> None:
    """Remove the button from a message that the job's end has left behind."""
    try:
        await interaction.edit_original_response(view=None)
    except NETWORK_ERRORS as error:
        log.info("button_stays", error=type(error).__name__)


class Cancel(commands.Cog):
    """Has presses of the button taken, also of those that an earlier process has shown."""

    def __init__(self, bot: NewbieBot) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Begin to listen."""
        self.bot.add_dynamic_items(CancelButton)

    async def cog_unload(self) -> None:
        """Stop listening."""
        self.bot.remove_dynamic_items(CancelButton)


async def setup(bot: NewbieBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Cancel(bot))
