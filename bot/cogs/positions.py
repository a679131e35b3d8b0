"""Keeps the messages of waiting jobs true: their place in line, or that they were cancelled.

All it needs is in Redis, so it goes on after a restart of the bot. What it has shown is kept in
memory only to spare edits: losing it costs one edit a message.
"""

import asyncio
import time

import discord
import structlog
from discord.ext import commands, tasks

from bot.answers import NETWORK_ERRORS, ORIGINAL, TOKEN_SECONDS, is_token_over
from bot.cancelled_message import tell_cancelled
from bot.client import NewbieBot
from bot.positions import Refresh, plan
from bot.waiting_message import Edit, show_place
from jobs.errors import QueueUnavailable
from jobs.models import DeliveryAddress

log = structlog.get_logger("bot")

FRONT = 50
SECONDS_BETWEEN_EDITS = 1.0
REMEMBERED_SECONDS = 60.0
# The message or its channel is gone, or closed to us: no later edit can be expected to succeed.
LOST_MESSAGE_CODES = frozenset({10003, 10008, 50001})


class Positions(commands.Cog):
    """Looks at the line every few seconds."""

    def __init__(self, bot: NewbieBot) -> None:
        self.bot = bot
        self._next_edit: dict[str, float] = {}
        self._left_to_workers: set[str] = set()
        self._is_out_of_reach = False
        self._turn = 0
        self.refresh.change_interval(seconds=bot.settings.position_interval)

    async def cog_load(self) -> None:
        """Begin to look."""
        self.refresh.start()

    async def cog_unload(self) -> None:
        """Stop looking."""
        self.refresh.cancel()

    @tasks.loop(seconds=5)
    async def refresh(self) -> None:
        """Look at the line once; nothing that goes wrong ends the loop."""
        try:
            await self._look()
        except QueueUnavailable:
            if not self._is_out_of_reach:
                log.warning("queue_unavailable")
            self._is_out_of_reach = True
        except Exception:  # the edge of this task: the next look may do better
            log.exception("look_failed")
        else:
            if self._is_out_of_reach:
                log.info("queue_available")
            self._is_out_of_reach = False

    @refresh.before_loop
    async def _wait_for_discord(self) -> None:
        await self.bot.wait_until_ready()

    async def _look(self) -> None:
        """Edit the messages that show a place which is no longer true.

        Most of a channel's budget is for the front, which moves; one edit is for the others.
        """
        await self._say_farewell()
        front, rest, waiting = await self.bot.queue.look(FRONT, self._turn)
        self._turn += 1
        board = self.bot.board
        board.forget(waiting, time.time() - REMEMBERED_SECONDS)
        budget = max(1, int(self.bot.settings.position_interval / SECONDS_BETWEEN_EDITS) - 1)
        turns = plan(front, board.shown, budget)
        for channel, refreshes in plan(rest, board.shown, 1).items():
            turns.setdefault(channel, []).extend(refreshes)
        await asyncio.gather(*(self._edit_in_turn(refreshes) for refreshes in turns.values()))
        self._next_edit = {
            channel: at for channel, at in self._next_edit.items() if at > time.monotonic()
        }

    async def _say_farewell(self) -> None:
        """Tell the owners of jobs that were cancelled while they waited."""
        jobs = {job.id: job for job in await self.bot.queue.cancelled()}
        self._left_to_workers &= jobs.keys()
        for job in (job for job in jobs.values() if job.id not in self._left_to_workers):
            try:
                await tell_cancelled(self.bot.queue, job, editor(self.bot, job.address))
            except NETWORK_ERRORS as error:
                # A worker has more ways to say it, and more patience.
                self._left_to_workers.add(job.id)
                log.warning("cancel_not_told", job_id=job.id, error=type(error).__name__)

    async def _edit_in_turn(self, refreshes: list[Refresh]) -> None:
        """Edit messages of one channel, a second apart; a failure ends this channel's turn."""
        for refresh in refreshes:
            channel = refresh.job.address.channel_id
            await asyncio.sleep(self._next_edit.get(channel, 0.0) - time.monotonic())
            went_well = await self._edit(refresh)
            self._next_edit[channel] = time.monotonic() + SECONDS_BETWEEN_EDITS
            if not went_well:
                return

    async def _edit(self, refresh: Refresh) -> bool:
        job = refresh.job
        try:
            shown = await show_place(
                self.bot.queue, job.id, job.address.locale, editor(self.bot, job.address)
            )
        except discord.HTTPException as error:
            if error.code in LOST_MESSAGE_CODES:
                self.bot.board.note(job.id, None, time.time())
            log.warning("place_not_refreshed", job_id=job.id, status=error.status, code=error.code)
        except (*NETWORK_ERRORS, QueueUnavailable) as error:
            log.warning("place_not_refreshed", job_id=job.id, error=type(error).__name__)
        else:
            if shown is not None:
                # The place that was planned, not the one just read: only then does the next
                # plan, which counts the same way, see no change where there is none.
                self.bot.board.note(job.id, refresh.place, time.time(), job.attempt)
            return True
        return False


def editor(bot: NewbieBot, address: DeliveryAddress) -> Edit:
    """Give a function that writes into an interaction's message with what Redis holds of it.

    When its token is over the bot is still the message's author, and writes as such.
    """
    webhook = discord.Webhook.partial(
        int(address.application_id), address.interaction_token.get_secret_value(), client=bot
    )

    async def edit(text: str, view: discord.ui.View | None) -> None:
        if time.time() < address.interaction_at + TOKEN_SECONDS:
            try:
                await webhook.edit_message(ORIGINAL, content=text, view=view)
                return
            except discord.HTTPException as error:
                if not is_token_over(error):
                    raise
        channel = bot.get_partial_messageable(int(address.channel_id))
        message = channel.get_partial_message(int(address.message_id))
        await message.edit(content=text, view=view)

    return edit


async def setup(bot: NewbieBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Positions(bot))
