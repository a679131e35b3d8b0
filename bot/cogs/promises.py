"""Looks every few seconds for promises that a bot has left which died."""

import structlog
from discord.ext import commands, tasks

from bot.client import NewbieBot
from bot.placeholder import Placeholder
from jobs.errors import QueueUnavailable

log = structlog.get_logger("bot")


class Promises(commands.Cog):
    """Settles them."""

    def __init__(self, bot: NewbieBot) -> None:
        self.bot = bot
        self.look.change_interval(seconds=bot.settings.position_interval)

    async def cog_load(self) -> None:
        """Begin to look."""
        self.look.start()

    async def cog_unload(self) -> None:
        """Stop looking."""
        self.look.cancel()

    @tasks.loop(seconds=5)
    async def look(self) -> None:
        """Look once; nothing that goes wrong ends the loop."""
        try:
            await self.bot.intake.promises.look(lambda promise: Placeholder(self.bot, promise))
        except QueueUnavailable:
            # The look at the line says so in the log.
            return
        except Exception:  # the edge of this task: the next look may do better
            log.exception("look_failed")

    @look.before_loop
    async def _wait_for_discord(self) -> None:
        await self.bot.wait_until_ready()


async def setup(bot: NewbieBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Promises(bot))
