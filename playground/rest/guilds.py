"""REST: guilds, their channels, members and roles; gateway addresses."""

from playground import payloads
from playground.errors import missing_access, unknown
from playground.model import Guild
from playground.rest.call import NO_CONTENT, Call, Reply
from playground.world import World


def get_gateway(world: World, call: Call) -> Reply:
    """GET /gateway."""
    return Reply({"url": gateway_url(call.base_url)})


def get_gateway_bot(world: World, call: Call) -> Reply:
    """GET /gateway/bot."""
    limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
    return Reply({"url": gateway_url(call.base_url), "shards": 1, "session_start_limit": limit})


def gateway_url(base_url: str) -> str:
    """Return the gateway's address for a client that reached us at `base_url`."""
    return f"{base_url.replace('http', 'ws', 1)}/gateway/"


def get_guild(world: World, call: Call) -> Reply:
    """GET /guilds/{guild_id}."""
    guild = payloads.guild(world, _require(world, call))
    if call.flag("with_counts"):
        count = len(world.members.all())
        guild |= {"approximate_member_count": count, "approximate_presence_count": count}
    return Reply(guild)


def list_channels(world: World, call: Call) -> Reply:
    """GET /guilds/{guild_id}/channels."""
    channels = world.guild_channels(_require(world, call).id)
    return Reply([payloads.channel(world, channel) for channel in channels])


def list_roles(world: World, call: Call) -> Reply:
    """GET /guilds/{guild_id}/roles."""
    return Reply(payloads.roles(world, _require(world, call).id))


def get_member(world: World, call: Call) -> Reply:
    """GET /guilds/{guild_id}/members/{user_id}."""
    guild = _require(world, call)
    user_id = call.params["user_id"]
    user = world.members.find(world.bot.id if user_id == "@me" else user_id)
    if user is None:
        raise unknown("Member")
    return Reply(payloads.member(world, user, guild.id))


def list_members(world: World, call: Call) -> Reply:
    """GET /guilds/{guild_id}/members: needs the privileged members intent."""
    guild = _require(world, call)
    if not world.application.privileged_intents:
        raise missing_access()
    limit = int(call.query.get("limit", "1")) if call.query.get("limit", "1").isdecimal() else 1
    after = int(call.query.get("after", "0")) if call.query.get("after", "0").isdecimal() else 0
    users = sorted(world.members.all(), key=lambda user: int(user.id))
    chosen = [user for user in users if int(user.id) > after][: min(limit, 1000)]
    return Reply([payloads.member(world, user, guild.id) for user in chosen])


def get_channel(world: World, call: Call) -> Reply:
    """GET /channels/{channel_id}."""
    return Reply(payloads.channel(world, world.bot_channel(call.params["channel_id"])))


def trigger_typing(world: World, call: Call) -> Reply:
    """POST /channels/{channel_id}/typing."""
    world.bot_channel(call.params["channel_id"])
    return NO_CONTENT


def _require(world: World, call: Call) -> Guild:
    return world.require_guild(call.params["guild_id"])
