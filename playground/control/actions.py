"""The control API's changes: what a member, a moderator or a test does."""

from typing import Any

from playground import message_payloads, permissions, posting
from playground.attachments import Upload
from playground.errors import ApiError, ControlError
from playground.gateway.hub import GatewayHub
from playground.guilds import GUILD_ID
from playground.interactions.acts import member_in_channel, visible_commands
from playground.model import Channel, ChannelType, Json, User
from playground.validation.form import Form, FormErrors
from playground.validation.messages import read_message
from playground.world import World

SHOWN_MESSAGES = 500


def state(world: World, user_id: str, channel_id: str | None, hub: GatewayHub) -> Json:
    """Return everything that a member's client shows of one channel."""
    wanted = channel_id or world.guild_channels()[0].id
    user, channel = member_in_channel(world, {"user_id": user_id, "channel_id": wanted})
    messages = list(world.messages.visible(channel.id, user.id))[-SHOWN_MESSAGES:]
    guild = world.require_guild(channel.guild_id or GUILD_ID)
    return {
        "application": {
            "id": world.application.id,
            "name": world.application.name,
            "online": hub.online,
            "sessions": hub.sessions_started,
        },
        "guild": {"id": guild.id, "name": guild.name},
        "channels": [_channel(c) for c in _visible_channels(world, user, guild.id)],
        "users": [_user(member) for member in world.members.all()],
        "commands": visible_commands(world, user, channel),
        "messages": [message_payloads.for_member(world, message) for message in messages],
        "now": world.clock.now(),
    }


def _visible_channels(world: World, user: User, guild_id: str) -> list[Channel]:
    shown = [c for c in world.guild_channels(guild_id) if world.may(user, c, "VIEW_CHANNEL")]
    return shown + [c for c in world.channels.values() if c.recipient_id == user.id]


def _channel(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "nsfw": channel.nsfw,
        "type": int(channel.type),
    }


def _user(user: User) -> Json:
    return {
        "id": user.id,
        "username": user.username,
        "display_name": user.display_name,
        "moderator": user.moderator,
        "avatar_color": user.avatar_color,
        "bot": user.bot,
    }


def add_user(world: World, fields: Json) -> Json:
    """Add a member to the guild."""
    username = str(fields.get("username", "")).strip()
    if not 2 <= len(username) <= 32:
        raise ControlError("bad_username", "A username has 2 to 32 characters.")
    given = fields.get("roles")
    user = world.members.add(
        world.snowflakes.next(),
        username,
        moderator=bool(fields.get("moderator")),
        roles=tuple(map(str, given)) if isinstance(given, list) else (),
    )
    return _user(user)


def post_message(world: World, fields: Json, uploads: tuple[Upload, ...]) -> Json:
    """Post as a member."""
    user, channel = member_in_channel(world, fields)
    if not world.may(user, channel, "SEND_MESSAGES"):
        words = "You do not have permission to send messages in this channel."
        raise ControlError("forbidden", words, 403)
    errors = FormErrors()
    given = {key: fields[key] for key in ("content", "attachments") if key in fields}
    body = read_message(Form(given, errors), uploads)
    try:
        errors.raise_if_any()
        message = posting.compose(world, channel, user, body)
    except ApiError as error:
        raise ControlError("bad_message", _words(error)) from error
    return message_payloads.message(world, world.post(message))


def _words(error: ApiError) -> str:
    """Return the first sentence of a form's mistakes, or the error's own."""
    node: Any = error.errors
    while isinstance(node, dict) and "_errors" not in node and node:
        node = next(iter(node.values()))
    return str(node["_errors"][0]["message"]) if node else error.message


def delete_message(world: World, message_id: str, channel_id: str) -> None:
    """Delete a message as a moderator does, or dismiss an ephemeral one."""
    message = world.messages.get(channel_id, message_id)
    if message is None:
        raise ControlError("unknown_message", "There is no such message.", 404)
    world.delete(message)


def set_permissions(world: World, fields: Json) -> Json:
    """Take permissions from the bot or a member in a channel; an empty list gives them back.

    The channel `dm` closes a member's direct messages to the bot while SEND_MESSAGES is denied.
    """
    target = fields.get("target")
    user = world.bot if target == "bot" else world.members.find(str(target))
    if user is None:
        raise ControlError("unknown_user", "There is no such member.", 404)
    names = fields.get("deny")
    if not isinstance(names, list) or not all(name in permissions.BITS for name in names):
        raise ControlError("bad_permission", "deny is a list of Discord's permission names.")
    if fields.get("channel_id") == "dm":
        world.members.set_accepts_dms(user.id, "SEND_MESSAGES" not in names)
        return {"channel_id": "dm", "target": user.id, "deny": names}
    channel = world.channels.get(str(fields.get("channel_id")))
    if channel is None or channel.type is not ChannelType.TEXT:
        raise ControlError("unknown_channel", "There is no such channel.", 404)
    world.deny(channel, user.id, names)
    return {"channel_id": channel.id, "target": user.id, "deny": names}
