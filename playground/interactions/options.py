"""A member's options for a slash command, checked as Discord's client checks them."""

from typing import Any

from playground import message_payloads, payloads
from playground.errors import ControlError
from playground.model import Attachment, Channel, Json, User
from playground.snowflakes import is_snowflake
from playground.validation import commands as kinds
from playground.world import World

_ENTITIES = {kinds.USER_OPTION, kinds.CHANNEL, kinds.ROLE, kinds.MENTIONABLE}
_CLIENT_MIN_INTEGER, _CLIENT_MAX_INTEGER = -(2**53) + 1, 2**53 - 1


class OptionReader:
    """Builds the `options` and `resolved` of a command interaction."""

    def __init__(
        self,
        world: World,
        channel: Channel,
        files: tuple[Attachment, ...],
        *,
        unchecked: bool = False,
        partial: bool = False,
    ) -> None:
        self._world = world
        self._channel = channel
        self._files = files
        self._unchecked = unchecked
        self._partial = partial
        self.resolved: Json = {}
        self.focused: list[Json] = []

    def read(self, declared: list[Json], given: Any) -> list[Json]:
        """Return the options in Discord's form; raise ControlError as the client would."""
        entries = given if isinstance(given, list) else []
        by_name = {option["name"]: option for option in declared}
        result = []
        for entry in entries:
            name = entry.get("name") if isinstance(entry, dict) else None
            option = by_name.get(name) if isinstance(name, str) else None
            if option is None:
                raise ControlError("unknown_option", f"There is no option named {name}.")
            result.append(self._read_one(option, entry))
        if not (self._unchecked or self._partial):
            self._check_required(declared, {entry["name"] for entry in result})
        return result

    def _check_required(self, declared: list[Json], given: set[str]) -> None:
        for option in declared:
            if option.get("required") and option["name"] not in given:
                words = f"{option['name']}: This option is required. Specify a value."
                raise ControlError("required", words)

    def _read_one(self, option: Json, entry: Json) -> Json:
        kind = option["type"]
        result: Json = {"name": option["name"], "type": kind}
        if kind in (kinds.SUB_COMMAND, kinds.SUB_COMMAND_GROUP):
            result["options"] = self.read(option.get("options", []), entry.get("options"))
            return result
        value = entry.get("value")
        focused = self._partial and bool(entry.get("focused"))
        if focused:
            if not option.get("autocomplete"):
                raise ControlError("no_suggestions", f"{option['name']} offers no suggestions.")
            result["focused"] = True
            self.focused.append(option)
        if kind == kinds.ATTACHMENT:
            result["value"] = self._attachment(option, value)
        elif kind in _ENTITIES:
            result["value"] = self._entity(option, value)
        elif self._unchecked or focused:
            result["value"] = value
        else:
            result["value"] = _checked(option, value)
        return result

    def _attachment(self, option: Json, value: Any) -> str:
        index = int(value) if isinstance(value, int) or str(value).isdecimal() else -1
        if not 0 <= index < len(self._files):
            raise ControlError("no_file", f"{option['name']}: There is no file number {value}.")
        file = self._files[index]
        shown = message_payloads.attachment(self._world, file)
        self.resolved.setdefault("attachments", {})[file.id] = shown
        return file.id

    def _entity(self, option: Json, value: Any) -> str:
        found = str(value) if is_snowflake(value) else ""
        user = self._world.members.find(found) if found else None
        guild_id = self._channel.guild_id or ""
        channel = self._world.channels.get(found)
        if channel is not None and channel.guild_id != guild_id:
            channel = None
        roles = {role["id"]: role for role in payloads.roles(self._world, guild_id)}
        kind = option["type"]
        if user is not None and kind in (kinds.USER_OPTION, kinds.MENTIONABLE):
            resolve_user(self._world, user, self._channel, self.resolved)
        elif channel is not None and kind == kinds.CHANNEL:
            shown = payloads.channel(self._world, channel)
            shown["permissions"] = str(self._world.permissions_in(self._world.bot, channel))
            self.resolved.setdefault("channels", {})[channel.id] = shown
        elif found in roles and kind in (kinds.ROLE, kinds.MENTIONABLE):
            self.resolved.setdefault("roles", {})[found] = roles[found]
        else:
            raise ControlError("not_found", f"{option['name']}: Nothing has the id {value}.")
        return found


def resolve_user(world: World, user: User, channel: Channel, resolved: Json) -> None:
    """Add a user and its member to the resolved data of an interaction."""
    member = payloads.interaction_member(world, user, channel)
    shown = {k: v for k, v in member.items() if k not in ("user", "mute", "deaf")}
    resolved.setdefault("users", {})[user.id] = payloads.user(user)
    resolved.setdefault("members", {})[user.id] = shown


def _checked(option: Json, value: Any) -> Any:
    """Return a string, integer, number or boolean that the client would let through."""
    name, kind = option["name"], option["type"]
    if kind == kinds.BOOLEAN:
        if not isinstance(value, bool):
            raise ControlError("wrong_type", f"{name}: Choose True or False.")
        return value
    if kind == kinds.STRING:
        if not isinstance(value, str) or not value:
            raise ControlError("wrong_type", f"{name}: This option needs a text.")
        _check_range({"max_length": 6000, **option}, len(value), "length", " characters")
    elif kind == kinds.INTEGER:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ControlError("wrong_type", f"{name}: Input a valid integer.")
        if not _CLIENT_MIN_INTEGER <= value <= _CLIENT_MAX_INTEGER:
            raise ControlError("out_of_range", f"{name}: Input a valid integer.")
        _check_range(option, value, "value")
    else:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ControlError("wrong_type", f"{name}: Input a valid number.")
        _check_range(option, value, "value")
    choices = option.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        raise ControlError("not_a_choice", f"{name}: Choose one of the given values.")
    return value


def _check_range(option: Json, value: float, what: str, unit: str = "") -> None:
    """Check a length or a value against the bounds that the option declares."""
    minimum, maximum = option.get(f"min_{what}"), option.get(f"max_{what}")
    if minimum is not None and value < minimum:
        raise ControlError("out_of_range", f"{option['name']}: Enter at least {minimum}{unit}.")
    if maximum is not None and value > maximum:
        raise ControlError("out_of_range", f"{option['name']}: Enter at most {maximum}{unit}.")
