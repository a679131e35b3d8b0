"""The bot's connection to Discord.

It asks for no privileged intent, keeps no message and no member in memory, and mentions nobody.
"""

import discord
import structlog
from discord import app_commands
from discord.ext import commands

from bot.answers import CONNECTION_ERRORS, Interaction, is_too_late, tell
from bot.assistance import WorkerBoard
from bot.async_guilds import AsyncGuilds
from bot.async_queue import AsyncQueue
from bot.errors import StartError
from bot.intake import Intake
from bot.positions import Board
from bot.settings import BotSettings
from bot.threads import Threads
from bot.translation import CatalogueTranslator
from jobs.queue import RenderQueue
from jobs.wording import say
from supervisor.notify import notify_ready

log = structlog.get_logger("bot")

EXTENSIONS = (*("bot.cogs.render", "bot.cogs.positions", "bot.cogs.promises", "bot.cogs.workers"),)
# Less than a supervisor waits between SIGTERM and SIGKILL.
DRAIN_SECONDS = 5.0


class MalformedInteraction(app_commands.AppCommandError):
    """The interaction does not fit the command that it names; no client of Discord's does that."""


class Tree(app_commands.CommandTree["NewbieBot"]):
    """The commands, and the net under them."""

    async def interaction_check(self, interaction: discord.Interaction["NewbieBot"], /) -> bool:
        """Read the options once where an error still falls into the net.

        The library reads them again, but a value that is not of its option's type would leave
        the interaction without an answer there.
        """
        try:
            _ = interaction.namespace
        except (ValueError, TypeError, KeyError) as error:
            raise MalformedInteraction("an option is not of its type") from error
        return True

    async def on_error(
        self, interaction: discord.Interaction["NewbieBot"], error: app_commands.AppCommandError
    ) -> None:
        """Log what nobody foresaw and tell the member that it was not their fault."""
        await answer_failure(interaction, getattr(error, "original", error))


async def answer_failure(interaction: Interaction, error: BaseException) -> None:
    """Log an error that nobody foresaw and end the member's wait."""
    ids = {"job_id": str(interaction.id), "user_id": str(interaction.user.id)}
    if is_too_late(error):
        log.warning("answer_too_late", **ids)
        return
    if isinstance(error, CONNECTION_ERRORS):
        log.error("command_failed", code="connection", error=type(error).__name__, **ids)
    else:
        log.error("command_failed", code="internal", exc_info=error, **ids)
    if interaction.type is discord.InteractionType.autocomplete:
        return  # nobody waits for a sentence: Discord takes choices alone
    is_unknown = isinstance(error, app_commands.CommandNotFound)
    key = "error.unknown_command" if is_unknown else "error.internal"
    try:
        await tell(interaction, say(key, interaction.locale.value, job_id=interaction.id))
    except Exception as second:  # the last net: nothing is left to try
        log.error("member_not_told", error=type(second).__name__, **ids)


class NewbieBot(commands.Bot):
    """A Discord client with our commands."""

    def __init__(self, settings: BotSettings, queue: RenderQueue) -> None:
        # This bot never speaks in voice channels: no warning about what that would need.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            # Commands are slash commands; without message intents no other can arrive.
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            # Servers arrive one by one after the login; we wait for none in particular.
            guild_ready_timeout=0.5,
        )
        self.settings = settings
        self.threads = Threads()
        self.queue = AsyncQueue(queue, self.threads)
        self.guild_settings = AsyncGuilds(queue.guilds, self.threads)
        self.board = Board()
        self.workers = WorkerBoard()
        self.intake = Intake(self.queue, self.board, self.workers, settings)

    async def setup_hook(self) -> None:
        """Load the commands and tell Discord about them."""
        await self.tree.set_translator(CatalogueTranslator())
        for extension in EXTENSIONS:
            await self.load_extension(extension)
        await self._offer_commands()

    async def _offer_commands(self) -> None:
        """Replace our commands by the current ones; equal ones change nothing on Discord's side.

        Raises:
            StartError: Discord does not take them.
        """
        guild_id = self.settings.guild_id
        guild = None if guild_id is None else discord.Object(guild_id)
        if guild is not None:
            self.tree.copy_global_to(guild=guild)
        try:
            synced = await self.tree.sync(guild=guild)
        except app_commands.CommandSyncFailure as error:
            raise StartError(f"Discord refuses our commands: {error}") from error
        except (discord.Forbidden, discord.NotFound) as error:
            raise StartError(
                "Discord does not let the bot offer its commands. Invite it with the scopes bot "
                "and applications.commands, and check NEWBIE_BOT_GUILD_ID."
            ) from error
        log.info("commands_synced", count=len(synced), guild_id=guild_id)

    async def on_ready(self) -> None:
        """Say that members can be served; comes again after each new session."""
        log.info("ready", guilds=len(self.guilds))
        notify_ready()

    async def close(self) -> None:
        """Finish the requests that are open, then leave Discord."""
        if not self.is_closed():
            await self.intake.drain(DRAIN_SECONDS)
        await super().close()
        self.threads.close()
