"""The bot's connection to Discord.

It asks for no privileged intent, keeps no message and no member in memory, and mentions nobody.
"""

from typing import Any, cast

import discord
import structlog
from discord import app_commands
from discord.ext import commands
from discord.utils import maybe_coroutine

from bot.abilities import WorkerBoard
from bot.async_guilds import AsyncGuilds
from bot.async_kept import AsyncKept
from bot.async_queue import AsyncQueue
from bot.errors import StartError
from bot.failures import answer_failure
from bot.intake import Intake
from bot.open_requests import OpenRequests
from bot.positions import Board
from bot.reminders import Reminders
from bot.settings import BotSettings
from bot.threads import Threads
from bot.translation import CatalogueTranslator
from jobs.queue import RenderQueue
from supervisor.notify import notify_ready

log = structlog.get_logger("bot")

EXTENSIONS = (
    "bot.cogs.render",
    "bot.cogs.positions",
    "bot.cogs.promises",
    "bot.cogs.workers",
    "bot.cogs.cancel",
    "bot.cogs.queue",
    "bot.cogs.fetch",
    "bot.cogs.admin",
    "bot.cogs.housekeeping",
)
# Together less than a supervisor waits between SIGTERM and SIGKILL.
DRAIN_SECONDS = 5.0
LAST_ANSWERS_SECONDS = 2.0


class MalformedInteraction(app_commands.AppCommandError):
    """The interaction does not fit the command that it names; no client of Discord's does that."""


class CheckFailed(app_commands.AppCommandError):
    """A group's check came to no answer; `original` says why. Nothing was run."""

    def __init__(self, original: Exception) -> None:
        super().__init__(type(original).__name__)
        self.original = original


class Tree(app_commands.CommandTree["NewbieBot"]):
    """The commands, and the net under them."""

    async def interaction_check(self, interaction: discord.Interaction["NewbieBot"], /) -> bool:
        """Read the options once where an error still falls into the net; ask the group's check.

        The library reads them again, but a value that is not of its option's type would leave
        the interaction without an answer there. And it asks the nearest group's check alone, and
        none before it suggests something: here the outermost group's is asked, for all in it.
        """
        interaction.client.requests.note_current()
        try:
            _ = interaction.namespace
        except (ValueError, TypeError, KeyError) as error:
            raise MalformedInteraction("an option is not of its type") from error
        root = self.root_of(cast(dict[str, Any], interaction.data or {}))
        try:
            return root is None or await maybe_coroutine(root.interaction_check, interaction)
        except Exception as error:  # as above: what is not the library's own falls past the net
            raise CheckFailed(error) from error

    def root_of(self, data: dict[str, Any]) -> app_commands.Group | None:
        """Find the group that the named command lies in, as the library does."""
        guild_id, found = data.get("guild_id"), None
        if guild_id is not None:
            found = self.get_command(str(data["name"]), guild=discord.Object(int(guild_id)))
        found = found or self.get_command(str(data["name"]))
        return found if isinstance(found, app_commands.Group) else None

    async def on_error(
        self, interaction: discord.Interaction["NewbieBot"], error: app_commands.AppCommandError
    ) -> None:
        """Say what is wrong; log what nobody foresaw."""
        await answer_failure(interaction, getattr(error, "original", error))


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
        self.requests = OpenRequests()
        self.threads = Threads()
        self.queue = AsyncQueue(queue, self.threads)
        self.guild_settings = AsyncGuilds(queue.guilds, self.threads)
        self.board = Board()
        self.workers = WorkerBoard()
        self.kept = AsyncKept(queue, self.threads)
        self.reminders = Reminders(self.kept)
        self.intake = Intake(
            queue=self.queue,
            guild_settings=self.guild_settings,
            board=self.board,
            workers=self.workers,
            reminders=self.reminders,
            settings=settings,
        )

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

    async def finish_requests(self) -> None:
        """Accept nothing from now on, and finish what is open; who asks now is told so."""
        self.intake.close()
        await self.requests.finish(DRAIN_SECONDS)

    async def close(self) -> None:
        """Finish what arrived last, then leave Discord; no new request may arrive any more."""
        if not self.is_closed():
            await self.requests.finish(LAST_ANSWERS_SECONDS)
            await self.intake.withdrawals.close()
        await super().close()
        self.threads.close()
