"""Keeps what servers have set in step with Discord: servers, channels and roles come and go.

What is missed while the bot or Redis is away is made up for at the next start, but for channels and
roles: what is set for one that is no more does no harm, as ids are never used twice.
"""

import asyncio
from collections.abc import Awaitable

import discord
import structlog
from discord.ext import commands

from bot.admin.announcements import announce
from bot.admin.entries import Deed
from bot.client import NewbieBot
from jobs.errors import QueueUnavailable, UnreadableSettings
from jobs.guild import EVERY_GUILD, NO_GUILD
from jobs.guild_edits import Edit, remove_moderators, set_audit_channel
from jobs.guild_settings import Change
from jobs.settings_table import Scope

log = structlog.get_logger("bot")

SECONDS_BETWEEN_TRIES = 10.0


class Housekeeping(commands.Cog):
    """Listens to what happens to servers."""

    def __init__(self, bot: NewbieBot) -> None:
        self.bot = bot
        self._settling: asyncio.Task[None] | None = None

    async def cog_unload(self) -> None:
        """Stop trying."""
        if self._settling is not None:
            self._settling.cancel()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Make up for what was missed; each new session may have missed something."""
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle())

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Keep what a server has set: the bot is in it, perhaps again."""
        await self._try("join", guild.id, self.bot.guild_settings.join(str(guild.id)))

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Let a server's settings end in a month."""
        await self._try("leave", guild.id, self.bot.guild_settings.leave(str(guild.id)))

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """Forget what is set for a role, and that it moderates."""
        guild, gone = str(role.guild.id), str(role.id)
        await self._try("role", guild, self._forget(guild, Scope.ROLE, gone))
        await self._try("role", guild, self._change(guild, remove_moderators([gone])))

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Forget what is set for a channel, and that changes are told there."""
        guild, gone = str(channel.guild.id), str(channel.id)
        await self._try("channel", guild, self._forget_audit_channel(guild, gone))
        await self._try("channel", guild, self._forget(guild, Scope.CHANNEL, gone))

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, thread: discord.RawThreadDeleteEvent) -> None:
        """Forget what is set for a thread."""
        guild = str(thread.guild_id)
        await self._try("thread", guild, self._forget(guild, Scope.CHANNEL, str(thread.thread_id)))

    async def _settle(self) -> None:
        """Look at all servers until Redis answers."""
        while True:
            present = {str(guild.id) for guild in self.bot.guilds} | {EVERY_GUILD, NO_GUILD}
            try:
                await self.bot.guild_settings.settle(present)
            except QueueUnavailable:
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
            except Exception:  # the edge of this task
                log.exception("servers_not_settled")
                return
            else:
                return

    async def _forget(self, guild: str, scope: Scope, target: str) -> None:
        changes = await self.bot.guild_settings.forget(guild, scope, target, by=self._me)
        await self._announce(guild, changes)

    async def _change(self, guild: str, edit: Edit) -> None:
        change = await self.bot.guild_settings.change(guild, edit, by=self._me)
        await self._announce(guild, [change])

    async def _forget_audit_channel(self, guild: str, channel: str) -> None:
        settings = await self.bot.guild_settings.get(guild)
        if settings.audit_channel == channel:
            await self._change(guild, set_audit_channel(None))

    async def _announce(self, guild: str, changes: list[Change]) -> None:
        for change in changes:
            if change.is_made:
                deed = Deed(change.field, change.old, change.new)
                await announce(self.bot, guild, self._me, deed)

    async def _try(self, event: str, guild: object, work: Awaitable[None]) -> None:
        """Do what an event asks for; nobody waits for it, so what goes wrong is only logged."""
        try:
            await work
        except (QueueUnavailable, UnreadableSettings) as error:
            log.warning("event_missed", what=event, guild_id=str(guild), error=type(error).__name__)

    @property
    def _me(self) -> str:
        return "" if self.bot.user is None else str(self.bot.user.id)


async def setup(bot: NewbieBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Housekeeping(bot))
