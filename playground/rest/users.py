"""REST: the bot's own user and application, other users, direct message channels."""

from playground import payloads
from playground.errors import ApiError
from playground.model import Guild, Json
from playground.rest.call import Call, Reply
from playground.validation.form import Form, FormErrors
from playground.world import World


def get_me(world: World, call: Call) -> Reply:
    """GET /users/@me."""
    me = payloads.user(world.bot)
    return Reply(
        {
            **me,
            "mfa_enabled": True,
            "locale": "en-US",
            "premium_type": 0,
            "email": None,
            "verified": True,
        }
    )


def get_user(world: World, call: Call) -> Reply:
    """GET /users/{user_id}."""
    return Reply(payloads.user(world.require_user(call.params["user_id"])))


def get_application(world: World, call: Call) -> Reply:
    """GET /applications/@me and GET /oauth2/applications/@me."""
    return Reply(payloads.application(world))


def list_guilds(world: World, call: Call) -> Reply:
    """GET /users/@me/guilds."""
    return Reply([_partial_guild(world, guild) for guild in world.guilds.all()])


def _partial_guild(world: World, guild: Guild) -> Json:
    return {
        "id": guild.id,
        "name": guild.name,
        "icon": None,
        "banner": None,
        "owner": False,
        "permissions": str(world.guilds.permissions_of(world.bot, guild.id)),
        "features": [],
    }


def create_dm(world: World, call: Call) -> Reply:
    """POST /users/@me/channels: open the direct message channel with a user."""
    errors = FormErrors()
    recipient_id = Form(call.body, errors).snowflake("recipient_id", required=True)
    errors.raise_if_any()
    user = world.members.find(recipient_id or "")
    if user is None:
        errors.add(("recipient_id",), "USER_NOT_FOUND", "User not found")
        errors.raise_if_any()
    if user is None or user.bot:
        raise ApiError(400, 50007, "Cannot send messages to this user")
    return Reply(payloads.channel(world, world.dm_with(user)))
