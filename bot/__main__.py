"""Starts the bot: `python -m bot`. Ends with 0 on SIGTERM and SIGINT.

Exit codes: 2 when a setting is wrong, 1 when Discord refuses the token or cannot be reached at
the start. Once connected, the bot reconnects by itself for as long as it takes.
"""

import asyncio
import signal
import sys

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.client import NewbieBot
from bot.errors import StartError
from bot.settings import BotSettings
from jobs.connection import connect
from jobs.errors import SettingsError
from jobs.logs import configure
from jobs.queue import RenderQueue
from jobs.settings import DiscordSettings, LogSettings, QueueSettings, RedisSettings, read

log = structlog.get_logger("bot")


def main() -> int:
    """Read the settings, run the bot, and give the exit code."""
    try:
        configure(read(LogSettings), "bot")
        discord_settings = read(DiscordSettings)
        settings = read(BotSettings)
        queue = RenderQueue(connect(read(RedisSettings)), read(QueueSettings))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    Route.BASE = discord_settings.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(discord_settings.gateway_url)
    try:
        asyncio.run(run(settings, discord_settings, queue))
    except StartError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    log.info("stopped")
    return 0


async def run(settings: BotSettings, access: DiscordSettings, queue: RenderQueue) -> None:
    """Run the bot until a signal asks it to end.

    Raises:
        StartError: Discord refuses the token, or cannot be reached at the start.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with NewbieBot(settings, queue) as bot:
        work = asyncio.create_task(stay_connected(bot, access))
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if work.done():
            await work
            return
        log.info("stopping")
        await bot.finish_requests()
        # Whoever asks from here on is not heard: a request that is read can still be answered.
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await bot.close()


async def stay_connected(bot: NewbieBot, access: DiscordSettings) -> None:
    """Log in and serve members; what Discord refuses becomes a sentence.

    Raises:
        StartError: the token is refused, or Discord cannot be reached.
    """
    try:
        await bot.start(access.token.get_secret_value())
    except discord.LoginFailure as error:
        raise StartError(
            "Discord refuses the token in DISCORD_TOKEN. Copy it again from the Bot page of your "
            "application at https://discord.com/developers/applications."
        ) from error
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise StartError(
            f"Discord could not be reached at {access.api_url} ({type(error).__name__})."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
