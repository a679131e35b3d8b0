"""The JSON of an interaction as the bot receives it."""

from playground import message_payloads, payloads
from playground.attachments import UPLOAD_LIMIT
from playground.model import Interaction, Json
from playground.world import World


def interaction(world: World, record: Interaction) -> Json:
    """Return the data of an INTERACTION_CREATE event."""
    user = world.require_user(record.user_id)
    channel = world.channels[record.channel_id]
    guild_id = channel.guild_id
    shown_channel = payloads.channel(world, channel)
    shown_channel["permissions"] = str(world.permissions_in(user, channel))
    payload: Json = {
        "id": record.id,
        "application_id": world.application.id,
        "type": int(record.type),
        "token": record.token,
        "version": 1,
        "data": record.data,
        "channel_id": channel.id,
        "channel": shown_channel,
        "app_permissions": str(world.permissions_in(world.bot, channel)),
        "locale": "en-US",
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": {"0": guild_id or "0"},
        "context": 0 if guild_id else 1,
        "attachment_size_limit": UPLOAD_LIMIT,
    }
    if guild_id is not None:
        payload["guild_id"] = guild_id
        payload["guild"] = {"id": guild_id, "locale": "en-US", "features": []}
        payload["guild_locale"] = "en-US"
        payload["member"] = payloads.interaction_member(world, user, channel)
    else:
        payload["user"] = payloads.user(user)
    if record.message_id is not None:
        message = world.messages.get(channel.id, record.message_id)
        if message is not None:
            payload["message"] = message_payloads.message(world, message)
    return payload
