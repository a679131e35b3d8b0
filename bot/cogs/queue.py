"""`/queue`: a member's own jobs for their eyes alone, with buttons to cancel, refresh, turn pages.

Whoever presses a button sees their own list, and cancels what they may (`bot.cancelling`): that
nobody else sees these buttons is not relied on.
"""

import re
from typing import Any, Self

import discord
import structlog
from discord import app_commands, ui
from discord.ext import commands

from bot.answers import acknowledge_press, acknowledge_privately, tell
from bot.cancelling import Verdict, try_to_cancel
from bot.client import NewbieBot
from bot.own_jobs import CANCEL_PATTERN, PAGE_PATTERN, ROWS, list_text, list_view
from bot.translation import words
from jobs.errors import QueueUnavailable
from jobs.wording import say

log = structlog.get_logger("bot")

Interaction = discord.Interaction[NewbieBot]


async def show(interaction: Interaction, page: int, note: str | None = None) -> None:
    """Write a page of the sender's list into the message that answers them."""
    queue, locale = interaction.client.queue, interaction.locale.value
    try:
        jobs = await queue.jobs_of(str(interaction.user.id), page, ROWS)
        text = list_text(jobs, await queue.status(), locale)
    except QueueUnavailable:
        await tell(interaction, say("own.unavailable", locale))
        return
    if note is not None:
        text = f"{note}\n{text}"
    await interaction.edit_original_response(content=text, view=list_view(jobs, locale))


class _ListButton(ui.DynamicItem[ui.Button[ui.View]], template=PAGE_PATTERN):
    """A button under the list."""

    def __init__(self, button: ui.Button[ui.View], match: re.Match[str]) -> None:
        super().__init__(button)
        self.page, self.data = int(match["page"]), match.groupdict()

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button that was pressed."""
        if not isinstance(item, ui.Button):
            raise TypeError("another component has the custom id of a button")
        return cls(item, match)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what the button is for, then show the list as it is now."""
        async with interaction.client.requests.answering(interaction):
            await acknowledge_press(interaction)
            await show(interaction, self.page, await self.act(interaction))

    async def act(self, interaction: Interaction) -> str | None:
        """Do it, and give a sentence about it."""
        return None


class TurnButton(_ListButton, template=PAGE_PATTERN):
    """Shows a page of the list, or the same one anew."""


class CancelInList(_ListButton, template=CANCEL_PATTERN):
    """Cancels one job of the list."""

    async def act(self, interaction: Interaction) -> str | None:
        """Cancel the job; its message says so by itself."""
        job_id = self.data["job_id"]
        attempt = await try_to_cancel(interaction, job_id)
        code = attempt.verdict.value
        log.info("cancel", job_id=job_id, code=code, user_id=str(interaction.user.id))
        if attempt.verdict is Verdict.STOPPING:
            return None  # the list says it
        return say(f"cancel.{code}", interaction.locale.value)


class Queue(commands.Cog):
    """Shows members what they have in line."""

    def __init__(self, bot: NewbieBot) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Begin to listen for the buttons."""
        self.bot.add_dynamic_items(TurnButton, CancelInList)

    async def cog_unload(self) -> None:
        """Stop listening."""
        self.bot.remove_dynamic_items(TurnButton, CancelInList)

    @app_commands.command(name="queue", description=words("bot.command.queue"))
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    async def queue(self, interaction: Interaction) -> None:
        """Show the sender's own jobs."""
        await acknowledge_privately(interaction)
        await show(interaction, 0)


async def setup(bot: NewbieBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Queue(bot))
