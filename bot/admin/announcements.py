"""Tells a server's audit channel what was changed; the change stands whatever becomes of that."""

import asyncio
import secrets

import aiohttp
import discord
import structlog

from bot.admin.entries import Deed, mark
from bot.admin.replies import shortened
from bot.answers import NETWORK_ERRORS
from bot.client import NewbieBot
from jobs.errors import QueueUnavailable, UnreadableSettings
from jobs.guild import EVERY_GUILD, NO_GUILD
from jobs.wording import FALLBACK, say

log = structlog.get_logger("bot")

AUDIT_CHANNEL = "audit_channel"
NEEDED = ("view_channel", "send_messages")
# discord.py tries for half a minute, and a moderator waits for the answer.
SECONDS = 8.0


async def announce(bot: NewbieBot, guild: str, by: str, deed: Deed) -> bool:
    """Post a change to the audit channel; False where there may be one and it was not reached.

    What the bot's owner changes for all servers is in their audit stream alone.
    """
    if guild in (EVERY_GUILD, NO_GUILD):
        return True
    try:
        channel = (await bot.guild_settings.get(guild)).audit_channel
    except (QueueUnavailable, UnreadableSettings) as error:
        log.warning("change_not_announced", guild_id=guild, error=type(error).__name__)
        return False
    channels = {channel} if channel else set()
    if deed.what == AUDIT_CHANNEL and isinstance(deed.old, str):
        # Nobody gets rid of the witnesses unseen.
        channels.add(deed.old)
    locale = _locale_of(bot, guild)
    text = say("admin.entry.by", locale, by=mark("member", by), deed=deed.say(locale))
    told = [await _post(bot, guild, each, text) for each in sorted(channels)]
    return all(told)


async def _post(bot: NewbieBot, guild: str, channel: str, text: str) -> bool:
    where = bot.get_partial_messageable(int(channel), guild_id=int(guild))
    # Discord posts it once, however often it is sent: an answer may get lost.
    nonce = secrets.token_hex(12)

    async def send() -> None:
        await where.send(
            shortened(text),
            allowed_mentions=discord.AllowedMentions.none(),
            suppress_embeds=True,
            silent=True,
            nonce=nonce,
        )

    try:
        async with asyncio.timeout(SECONDS):
            try:
                await send()
            except aiohttp.ClientError:
                await send()
    except NETWORK_ERRORS as error:
        log.warning("change_not_announced", guild_id=guild, error=type(error).__name__)
        return False
    return True


def missing_here(channel: discord.TextChannel) -> tuple[str, ...]:
    """Name the permissions that the bot lacks to tell changes in a channel, as discord.py does."""
    permissions = channel.permissions_for(channel.guild.me)
    return tuple(name for name in NEEDED if not getattr(permissions, name))


def _locale_of(bot: NewbieBot, guild: str) -> str:
    found = bot.get_guild(int(guild))
    return FALLBACK if found is None else found.preferred_locale.value
