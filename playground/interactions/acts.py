"""What a member does with the application: each act becomes an interaction.

Checks what Discord's client and server check before a bot hears of it: the member may
use commands here, the command exists and is theirs to use, the button is there.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from playground import commands as command_kinds
from playground import message_payloads, permissions
from playground.attachments import Upload
from playground.errors import ControlError
from playground.events import InteractionCreated
from playground.interactions.modal_values import ModalReader
from playground.interactions.options import OptionReader, resolve_user
from playground.model import (
    Attachment,
    Channel,
    Interaction,
    InteractionType,
    Json,
    Message,
    User,
)
from playground.validation.components import BUTTON, STRING_SELECT
from playground.world import World


@dataclass(frozen=True)
class Act:
    """A member's act, not yet understood: who, where, and the request's fields."""

    user: User
    channel: Channel
    fields: Json
    files: tuple[Attachment, ...]

    @property
    def unchecked(self) -> bool:
        """Tell whether the client's own checks are to be skipped."""
        return bool(self.fields.get("unchecked"))


def perform(world: World, fields: Json, uploads: tuple[Upload, ...]) -> Interaction:
    """Turn a request into an interaction and tell the bot; raise ControlError if refused."""
    user, channel = member_in_channel(world, fields)
    kind = fields.get("kind")
    handler = _KINDS.get(kind) if isinstance(kind, str) else None
    if handler is None:
        raise ControlError("unknown_kind", f"There is no act of the kind {kind!r}.")
    files = tuple(
        world.attachments.claim(upload.attachment, channel.id, ephemeral=True) for upload in uploads
    )
    try:
        interaction = handler(world, Act(user, channel, fields, files))
    except ControlError:
        world.attachments.forget(files)
        raise
    world.keep(interaction)
    world.bus.publish(InteractionCreated(interaction))
    return interaction


def member_in_channel(world: World, fields: Json) -> tuple[User, Channel]:
    """Return the member and the channel that a request names, if the one sees the other."""
    user = world.members.find(str(fields.get("user_id")))
    if user is None or user.bot:
        raise ControlError("unknown_user", "There is no such member.", 404)
    channel = world.channels.get(str(fields.get("channel_id")))
    if channel is None or not world.may(user, channel, "VIEW_CHANNEL"):
        raise ControlError("unknown_channel", "There is no such channel.", 404)
    return user, channel


def visible_commands(world: World, user: User, channel: Channel) -> list[Json]:
    """Return the commands that a member is offered in a channel."""
    commands = world.commands.effective(channel.guild_id)
    return [c for c in commands if _may_use(world, c, user, channel)]


def _may_use(world: World, command: Json, user: User, channel: Channel) -> bool:
    contexts = command.get("contexts")
    if channel.guild_id is None:
        return 1 in contexts if contexts is not None else bool(command["dm_permission"])
    if contexts is not None and 0 not in contexts:
        return False
    if command.get("nsfw") and not channel.nsfw:
        return False
    held = world.permissions_in(user, channel)
    if not permissions.has(held, "USE_APPLICATION_COMMANDS"):
        return False
    return _has_needed(command, held) or _is_allowed(world, command, user, channel.guild_id)


def _has_needed(command: Json, held: int) -> bool:
    """Tell whether a member holds what the application asks for."""
    needed = command.get("default_member_permissions")
    if needed is None or held & permissions.BITS["ADMINISTRATOR"]:
        return True
    return bool(needed != "0" and held & int(needed) == int(needed))


def _is_allowed(world: World, command: Json, user: User, guild_id: str) -> bool:
    """Tell whether a guild lets a member use a command that asks for more than they hold."""
    ids = {user.id, guild_id, *(role.id for role in world.guilds.roles_of(user, guild_id))}
    return world.commands.is_allowed(guild_id, command["name"], ids)


def _find_command(world: World, act: Act, kind: int) -> Json:
    name = act.fields.get("name")
    for command in world.commands.effective(act.channel.guild_id):
        if command["name"] == name and command["type"] == kind:
            if not _may_use(world, command, act.user, act.channel):
                words = "You do not have permission to use this command here."
                raise ControlError("forbidden", words, 403)
            return command
    raise ControlError("unknown_command", f"There is no command named {name}.", 404)


def _new(world: World, act: Act, kind: InteractionType, data: Json, **more: Any) -> Interaction:
    return Interaction(
        id=world.snowflakes.next(),
        token=secrets.token_urlsafe(96),
        type=kind,
        user_id=act.user.id,
        channel_id=act.channel.id,
        data=data,
        created_at=world.clock.now(),
        files=act.files,
        **more,
    )


def _command_data(command: Json, **more: Any) -> Json:
    data = {"id": command["id"], "name": command["name"], "type": command["type"], **more}
    if command.get("guild_id"):
        data["guild_id"] = command["guild_id"]
    return {key: value for key, value in data.items() if value not in ({}, None)}


def _use_command(world: World, act: Act) -> Interaction:
    command = _find_command(world, act, command_kinds.CHAT_INPUT)
    reader = OptionReader(world, act.channel, act.files, unchecked=act.unchecked)
    options = reader.read(command.get("options", []), act.fields.get("options"))
    data = _command_data(command, options=options, resolved=reader.resolved)
    return _new(world, act, InteractionType.COMMAND, data, name=command["name"])


def _autocomplete(world: World, act: Act) -> Interaction:
    command = _find_command(world, act, command_kinds.CHAT_INPUT)
    reader = OptionReader(world, act.channel, act.files, partial=True)
    options = reader.read(command.get("options", []), act.fields.get("options"))
    if len(reader.focused) != 1:
        raise ControlError("focus", "Suggestions are for the one option that is being typed in.")
    data = _command_data(command, options=options, resolved=reader.resolved)
    return _new(world, act, InteractionType.AUTOCOMPLETE, data, name=command["name"])


def _use_message_command(world: World, act: Act) -> Interaction:
    command = _find_command(world, act, command_kinds.MESSAGE)
    target = visible_message(world, act.user, act.channel, act.fields.get("target_message_id"))
    shown = message_payloads.message(world, target)
    data = _command_data(command, target_id=target.id, resolved={"messages": {target.id: shown}})
    return _new(world, act, InteractionType.COMMAND, data, name=command["name"])


def _use_user_command(world: World, act: Act) -> Interaction:
    command = _find_command(world, act, command_kinds.USER)
    target = world.members.find(str(act.fields.get("target_user_id")))
    if target is None:
        raise ControlError("unknown_user", "There is no such member.", 404)
    resolved: Json = {}
    resolve_user(world, target, act.channel, resolved)
    data = _command_data(command, target_id=target.id, resolved=resolved)
    return _new(world, act, InteractionType.COMMAND, data, name=command["name"])


def visible_message(world: World, user: User, channel: Channel, message_id: Any) -> Message:
    """Return a message that a member sees; raise ControlError otherwise."""
    message = world.messages.get(channel.id, str(message_id))
    if message is None or message.visible_to not in (None, user.id):
        raise ControlError("unknown_message", "There is no such message.", 404)
    return message


def _press(world: World, act: Act) -> Interaction:
    message = visible_message(world, act.user, act.channel, act.fields.get("message_id"))
    wanted = act.fields.get("custom_id")
    component = next(
        (
            c
            for row in message.components
            for c in row["components"]
            if c.get("custom_id") == wanted
        ),
        None,
    )
    if component is None:
        raise ControlError("unknown_component", "There is no such component.", 404)
    if component.get("disabled") and not act.unchecked:
        raise ControlError("disabled", "This component is disabled.")
    data: Json = {"custom_id": wanted, "component_type": component["type"], "id": component["id"]}
    if component["type"] != BUTTON:
        data |= _selected(world, act, component)
    return _new(world, act, InteractionType.COMPONENT, data, message_id=message.id)


def _selected(world: World, act: Act, component: Json) -> Json:
    given = act.fields.get("values")
    values = [str(value) for value in given] if isinstance(given, list) else []
    if not act.unchecked:
        if not component["min_values"] <= len(values) <= component["max_values"]:
            raise ControlError("out_of_range", "Choose another number of values.")
        if component["type"] == STRING_SELECT:
            allowed = {option["value"] for option in component["options"]}
            if not set(values) <= allowed:
                raise ControlError("not_a_choice", "Choose one of the given values.")
    resolved: Json = {}
    for value in values if component["type"] != STRING_SELECT else []:
        user = world.members.find(value)
        if user is not None:
            resolve_user(world, user, act.channel, resolved)
    return {"values": values, **({"resolved": resolved} if resolved else {})}


def _submit_modal(world: World, act: Act) -> Interaction:
    opener = world.interactions.get(str(act.fields.get("interaction_id")))
    if opener is None or opener.modal is None or opener.user_id != act.user.id:
        raise ControlError("unknown_modal", "There is no such form.", 404)
    if act.fields.get("custom_id") not in (None, opener.modal["custom_id"]):
        raise ControlError("unknown_modal", "There is no such form.", 404)
    reader = ModalReader(world, act.files, unchecked=act.unchecked)
    data: Json = {
        "custom_id": opener.modal["custom_id"],
        "components": reader.read(opener.modal, act.fields.get("values")),
    }
    if reader.resolved:
        data["resolved"] = reader.resolved
    return _new(
        world,
        act,
        InteractionType.MODAL_SUBMIT,
        data,
        message_id=opener.message_id,
        opened_by=opener.id,
    )


_KINDS = {
    "command": _use_command,
    "message_command": _use_message_command,
    "user_command": _use_user_command,
    "component": _press,
    "modal_submit": _submit_modal,
    "autocomplete": _autocomplete,
}
