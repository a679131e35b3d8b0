"""The control API's changes of guilds: what those who run them do in Discord's settings."""

from playground import payloads, permissions
from playground.errors import ControlError
from playground.events import GuildEvent
from playground.guilds import GUILD_ID
from playground.model import Channel, Guild, Json, Role
from playground.snowflakes import is_snowflake
from playground.world import World


def add_guild(world: World, fields: Json) -> Json:
    """Found a guild with one channel and invite the bot; `owner_id` names its owner.

    `guild_id` is that of a guild which the bot has left, where it is invited to that one again.
    """
    owner = world.members.find(str(fields.get("owner_id")))
    if owner is None:
        raise ControlError("unknown_user", "There is no such member.", 404)
    guild_id = str(fields.get("guild_id") or world.snowflakes.next())
    if world.guilds.find(guild_id) is not None or not is_snowflake(guild_id):
        raise ControlError("bad_guild", "guild_id is that of a guild that the bot has left.")
    guild = Guild(guild_id, _name(fields), owner.id)
    world.guilds.add(guild, world.snowflakes.next())
    channel = Channel(world.snowflakes.next(), "general", guild_id=guild.id)
    world.channels[channel.id] = channel
    shown = payloads.gateway_guild(world, guild)
    # Only of a guild that the bot was in before does Discord say whether it can be reached.
    del shown["unavailable"]
    world.bus.publish(GuildEvent("GUILD_CREATE", shown))
    return {"id": guild.id, "name": guild.name, "channel_id": channel.id}


def leave_guild(world: World, guild_id: str) -> None:
    """Remove the bot from a guild; nothing of it is left here, as it is all that we know it by."""
    if guild_id == GUILD_ID:
        raise ControlError("home", "The bot stays in the guild that is always there.")
    if world.guilds.remove(guild_id) is None:
        raise ControlError("unknown_guild", "There is no such guild.", 404)
    world.channels = {
        key: channel for key, channel in world.channels.items() if channel.guild_id != guild_id
    }
    world.bus.publish(GuildEvent("GUILD_DELETE", {"id": guild_id}))


def add_channel(world: World, fields: Json) -> Json:
    """Add a text channel to a guild."""
    guild = _guild(world, fields)
    position = len(world.guild_channels(guild.id))
    channel = Channel(
        world.snowflakes.next(),
        _name(fields),
        nsfw=bool(fields.get("nsfw")),
        position=position,
        guild_id=guild.id,
    )
    world.channels[channel.id] = channel
    world.bus.publish(GuildEvent("CHANNEL_CREATE", payloads.channel(world, channel)))
    return {"id": channel.id, "name": channel.name}


def delete_channel(world: World, channel_id: str) -> None:
    """Delete a guild's channel with all that is in it."""
    channel = world.channels.get(channel_id)
    if channel is None or channel.guild_id is None:
        raise ControlError("unknown_channel", "There is no such channel.", 404)
    shown = payloads.channel(world, channel)
    del world.channels[channel_id]
    world.messages.drop_channel(channel_id)
    world.bus.publish(GuildEvent("CHANNEL_DELETE", shown))


def add_role(world: World, fields: Json) -> Json:
    """Add a role to a guild; `permissions` names what it may do beyond what everyone may."""
    guild = _guild(world, fields)
    names = fields.get("permissions") or []
    if not isinstance(names, list) or not all(name in permissions.BITS for name in names):
        raise ControlError("bad_permission", "permissions is a list of Discord's permission names.")
    value = permissions.EVERYONE | permissions.bits(names)
    role = Role(world.snowflakes.next(), guild.id, _name(fields), value, 1)
    world.guilds.add_role(role)
    shown = {"guild_id": guild.id, "role": payloads.role(role)}
    world.bus.publish(GuildEvent("GUILD_ROLE_CREATE", shown))
    return {"id": role.id, "name": role.name}


def delete_role(world: World, role_id: str) -> None:
    """Delete a role; who had it has it no more."""
    role = world.guilds.remove_role(role_id)
    if role is None:
        raise ControlError("unknown_role", "There is no such role.", 404)
    shown = {"guild_id": role.guild_id, "role_id": role_id}
    world.bus.publish(GuildEvent("GUILD_ROLE_DELETE", shown))


def allow_command(world: World, fields: Json) -> Json:
    """Say which roles and members may use a command; `targets` are their ids."""
    guild = _guild(world, fields)
    targets = fields.get("targets")
    if not isinstance(targets, list):
        raise ControlError("bad_targets", "targets is a list of ids of roles and members.")
    world.commands.allow(guild.id, str(fields.get("name")), set(map(str, targets)))
    return {}


def _guild(world: World, fields: Json) -> Guild:
    guild = world.guilds.find(str(fields.get("guild_id") or GUILD_ID))
    if guild is None:
        raise ControlError("unknown_guild", "There is no such guild.", 404)
    return guild


def _name(fields: Json) -> str:
    name = str(fields.get("name", "")).strip()
    if not 2 <= len(name) <= 100:
        raise ControlError("bad_name", "A name has 2 to 100 characters.")
    return name
