"""Redis and Discord: can they be reached, and will they do what the bot asks of them.

Addresses and tokens are secrets: nothing of them is ever shown.
"""

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from newbie_cli.doctor.findings import Finding, failure, ok, skipped, warning

if TYPE_CHECKING:
    from redis import Redis

    from jobs.settings import DiscordSettings

OLDEST_REDIS = (6, 2)
# What posting a picture and reading a prompt file need, by discord.py's names.
NEEDED_IN_A_CHANNEL = (
    "view_channel",
    "send_messages",
    "embed_links",
    "attach_files",
    "read_message_history",
)
DISCORD_SECONDS = 30.0
CHANNELS_SHOWN = 5


def check_redis() -> list[Finding]:
    """Look whether Redis answers, is new enough, and keeps its data over a restart."""
    from redis.exceptions import AuthenticationError, RedisError

    from jobs.connection import connect
    from jobs.errors import SettingsError
    from jobs.settings import RedisSettings, read

    try:
        settings = read(RedisSettings)
    except SettingsError as error:
        if "REDIS_URL" in str(error) and "required" in str(error):
            return [skipped("Redis", "REDIS_URL is not set: `newbie run` starts its own server")]
        return [failure("Redis", str(error), "Correct it in the environment or in .env.")]
    client = connect(settings)
    try:
        client.ping()
        found = str(client.info("server")["redis_version"])
        if tuple(int(part) for part in found.split(".")[:2]) < OLDEST_REDIS:
            return [failure("Redis", f"{found} is too old", "Install Redis 6.2 or newer.")]
        return [ok("Redis", f"{found} answers"), _persistence(client), _eviction(client)]
    except AuthenticationError:
        fix = "Put the password into REDIS_PASSWORD or into REDIS_URL."
        return [failure("Redis", "refuses the password", fix)]
    except RedisError as error:
        fix = "Start it, or correct REDIS_URL."
        return [failure("Redis", f"cannot be reached ({type(error).__name__})", fix)]
    finally:
        client.close()


def _persistence(client: "Redis") -> Finding:
    name = "Redis on disk"
    persistence = client.info("persistence")
    if persistence.get("aof_enabled"):
        if persistence.get("aof_last_write_status") == "ok":
            return ok(name, "append-only file is on")
        return failure(
            name, "the last write to the append-only file failed", "Look at the server's disk."
        )
    return warning(
        name,
        "the append-only file is off: a restart of Redis loses waiting jobs",
        "Set `appendonly yes` in redis.conf.",
    )


def _eviction(client: "Redis") -> Finding:
    name = "Redis memory"
    policy = str(client.info("memory").get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return ok(name, "full memory refuses writes and throws nothing away")
    fix = "Set `maxmemory-policy noeviction` in redis.conf."
    return warning(name, f"policy {policy} may throw jobs away", fix)


def check_discord() -> list[Finding]:
    """Look whether Discord takes the token, and what the bot may do in each of its servers."""
    if find_spec("discord") is None:
        return [skipped("Discord", "discord.py is not installed: neither bot nor worker runs here")]
    from jobs.errors import SettingsError
    from jobs.settings import DiscordSettings, read

    try:
        settings = read(DiscordSettings)
    except SettingsError as error:
        if "DISCORD_TOKEN" in str(error) and "required" in str(error):
            return [
                skipped("Discord", "DISCORD_TOKEN is not set: `newbie run` uses the playground")
            ]
        return [failure("Discord", str(error), "Correct it in the environment or in .env.")]
    try:
        return asyncio.run(asyncio.wait_for(_ask_discord(settings), DISCORD_SECONDS))
    except TimeoutError:
        return [failure("Discord", "does not answer in time", "Look at the network, try again.")]


async def _ask_discord(settings: "DiscordSettings") -> list[Finding]:
    import aiohttp
    import discord
    from discord.http import Route

    Route.BASE = settings.api_url
    client = discord.Client(intents=discord.Intents.none())
    try:
        await client.login(settings.token.get_secret_value())
        info = await client.application_info()
        name = client.user.name if client.user else info.name
        findings = [ok("Discord", f"takes the token; the bot is called {name}"), _intents(info)]
        async for guild in client.fetch_guilds(limit=None):
            findings.append(await _check_guild(client, guild.id, guild.name))
        if len(findings) == 2:
            fix = "Open the link that `newbie run` prints, and choose a server."
            findings.append(warning("servers", "the bot is in no server yet", fix))
        return findings
    except discord.LoginFailure:
        fix = "Copy it again from the Bot page of https://discord.com/developers/applications."
        return [failure("Discord", "refuses the token in DISCORD_TOKEN", fix)]
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        fix = "Look at the network and at NEWBIE_DISCORD_API_URL."
        return [failure("Discord", f"cannot be reached ({type(error).__name__})", fix)]
    finally:
        await client.close()


def _intents(info: Any) -> Finding:
    """The bot asks for none of the privileged intents; having one granted is more than it needs."""
    flags = info.flags
    granted = [
        name
        for name, is_on in (
            ("presence", flags.gateway_presence or flags.gateway_presence_limited),
            ("server members", flags.gateway_guild_members or flags.gateway_guild_members_limited),
            (
                "message content",
                flags.gateway_message_content or flags.gateway_message_content_limited,
            ),
        )
        if is_on
    ]
    if not granted:
        return ok("intents", "no privileged one, and none is needed")
    return ok("intents", f"granted but not needed: {', '.join(granted)}")


async def _check_guild(client: Any, guild_id: int, guild_name: str) -> Finding:
    """Compare the bot's permissions in a server's text channels with what it needs."""
    name = f"in {guild_name}"[:60]
    guild = await client.fetch_guild(guild_id)
    channels = await guild.fetch_channels()
    me = await guild.fetch_member(client.user.id)
    texts = [channel for channel in channels if channel.type.name in ("text", "news")]
    lacking = {}
    for channel in texts:
        permissions = channel.permissions_for(me)
        missing = [one for one in NEEDED_IN_A_CHANNEL if not getattr(permissions, one)]
        if missing:
            lacking[f"#{channel.name}"] = missing
    usable = len(texts) - len(lacking)
    if not lacking:
        return ok(name, f"can draw in all {len(texts)} text channels")
    shown = [
        f"{channel} lacks {', '.join(m.replace('_', ' ') for m in missing)}"
        for channel, missing in list(lacking.items())[:CHANNELS_SHOWN]
    ]
    more = f", and {len(lacking) - CHANNELS_SHOWN} more" if len(lacking) > CHANNELS_SHOWN else ""
    detail = f"can draw in {usable} of {len(texts)} text channels: {'; '.join(shown)}{more}"
    fix = "Give the bot's role these permissions in the channels where members should draw."
    return (warning if usable else failure)(name, detail, fix)
