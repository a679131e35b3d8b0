"""Looks at the workers in the background, so that members are answered without asking Redis."""

import structlog
from discord.ext import commands, tasks

from bot.client import NewbieBot
from jobs.capability import Capability
from jobs.errors import QueueUnavailable

log = structlog.get_logger("bot")


class Workers(commands.Cog):
    """Notes every few seconds what the living workers can draw."""

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
        seen: list[Capability] = []
        try:
            seen = await self.bot.queue.capabilities()
        except QueueUnavailable:
            pass  # the look at the line says so in the log
        except Exception:  # the edge of this task: the next look may do better
            log.exception("look_failed")
        self.bot.workers.seen = seen


async def setup(bot: NewbieBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Workers(bot))
