"""Discord's JSON for users, members, roles, guilds and channels."""

from playground.model import Channel, Guild, Json, Role, User
from playground.world import World


def user(record: User) -> Json:
    """Return a user object."""
    payload: Json = {
        "id": record.id,
        "username": record.username,
        "avatar": None,
        "discriminator": "0000" if record.bot else "0",
        "public_flags": 0,
        "flags": 0,
        "banner": None,
        "accent_color": None,
        "global_name": None if record.bot else record.display_name,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
    }
    if record.bot:
        payload["bot"] = True
    return payload


def partial_member(world: World, record: User, guild_id: str) -> Json:
    """Return a guild's member object without its user, as message events carry it."""
    return {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": record.joined_at,
        "nick": None,
        "pending": False,
        "premium_since": None,
        "roles": [held.id for held in world.guilds.roles_of(record, guild_id)],
        "mute": False,
        "deaf": False,
    }


def member(world: World, record: User, guild_id: str) -> Json:
    """Return a full member object of a guild."""
    return {**partial_member(world, record, guild_id), "user": user(record)}


def interaction_member(world: World, record: User, channel: Channel) -> Json:
    """Return a member object with the permissions that the member has in a guild's channel."""
    shown = member(world, record, channel.guild_id or "")
    return {**shown, "permissions": str(world.permissions_in(record, channel))}


def role(record: Role) -> Json:
    """Return a role object."""
    color = record.color
    payload: Json = {
        "id": record.id,
        "name": record.name,
        "description": None,
        "permissions": str(record.permissions),
        "position": record.position,
        "color": color,
        "colors": {"primary_color": color, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": bool(record.bot_id),
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if record.bot_id:
        payload["tags"] = {"bot_id": record.bot_id}
    return payload


def roles(world: World, guild_id: str) -> list[Json]:
    """Return a guild's roles."""
    return [role(record) for record in world.guilds.roles(guild_id)]


def guild(world: World, record: Guild) -> Json:
    """Return the guild object as GET /guilds/{id} answers it."""
    return {
        "id": record.id,
        "name": record.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": [],
        "banner": None,
        "owner_id": record.owner_id,
        "application_id": None,
        "region": "us-east",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "roles": roles(world, record.id),
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": None,
    }


def gateway_guild(world: World, record: Guild) -> Json:
    """Return a guild as GUILD_CREATE carries it to a bot without the members intent."""
    return {
        **guild(world, record),
        "joined_at": world.bot.joined_at,
        "large": False,
        "unavailable": False,
        "member_count": len(world.members.all()),
        "voice_states": [],
        "members": [member(world, world.bot, record.id)],
        "channels": [
            {k: v for k, v in channel(world, c).items() if k != "guild_id"}
            for c in world.guild_channels(record.id)
        ],
        "threads": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def channel(world: World, record: Channel) -> Json:
    """Return a channel object of either kind."""
    last = world.messages.last_public(record.id)
    last_message_id = last.id if last is not None else None
    if record.guild_id is None:
        recipient = world.require_user(record.recipient_id or "")
        return {
            "id": record.id,
            "type": int(record.type),
            "last_message_id": last_message_id,
            "flags": 0,
            "recipients": [user(recipient)],
        }
    return {
        "id": record.id,
        "type": int(record.type),
        "last_message_id": last_message_id,
        "flags": 0,
        "guild_id": record.guild_id,
        "name": record.name,
        "parent_id": None,
        "rate_limit_per_user": 0,
        "topic": None,
        "position": record.position,
        "permission_overwrites": [
            {"id": target, "type": 1, "allow": "0", "deny": str(denied)}
            for target, denied in record.denied.items()
        ],
        "nsfw": record.nsfw,
    }


def application(world: World) -> Json:
    """Return the application object as its own bot sees it."""
    app = world.application
    return {
        "id": app.id,
        "name": app.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(world.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "integration_types_config": {"0": {}},
        "verify_key": "0" * 64,
        "flags": application_flags(world),
        "flags_new": str(application_flags(world)),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(world.require_user(app.owner_id)),
        "approximate_guild_count": len(world.guilds.all()),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "event_webhooks_url": None,
        "event_webhooks_status": 1,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
    }


def application_flags(world: World) -> int:
    """Return the flags that tell which privileged intents the application has."""
    limited_presence, limited_members, limited_content = 1 << 13, 1 << 15, 1 << 19
    registered_commands = 1 << 23
    flags = registered_commands if world.commands.registered else 0
    if world.application.privileged_intents:
        flags |= limited_presence | limited_members | limited_content
    return flags
