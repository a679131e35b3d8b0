"""REST: application commands, global and of a guild."""

from typing import Any

from playground.errors import ApiError, unknown
from playground.events import CommandsChanged
from playground.model import Json
from playground.rest.call import NO_CONTENT, Call, Reply
from playground.validation.commands import read_command
from playground.validation.form import Form, FormErrors
from playground.world import World

TOO_MANY_COMMANDS = 30032
COMMANDS_PER_KIND = {1: 100, 2: 15, 3: 15}


def list_all(world: World, call: Call) -> Reply:
    """GET .../commands."""
    return Reply(world.commands.all(_scope(world, call)))


def get(world: World, call: Call) -> Reply:
    """GET .../commands/{command_id}."""
    return Reply(_require(world, call))


def create(world: World, call: Call) -> Reply:
    """POST .../commands: create a command, or replace the one of this name and type."""
    scope = _scope(world, call)
    errors = FormErrors()
    checked = read_command(Form(call.body, errors))
    errors.raise_if_any()
    existing = world.commands.named(scope, checked["name"], checked["type"])
    _check_count(world.commands.all(scope) + ([] if existing else [checked]))
    command = _register(world, scope, checked, existing)
    world.commands.put(scope, command)
    world.bus.publish(CommandsChanged())
    return Reply(command, 200 if existing else 201)


def replace_all(world: World, call: Call) -> Reply:
    """PUT .../commands: make these the only commands of the scope."""
    scope = _scope(world, call)
    errors = FormErrors()
    if not isinstance(call.body, list):
        raise ApiError(400, 50035, "Invalid Form Body")
    checked = [
        read_command(Form(item, errors, (str(index),))) for index, item in enumerate(call.body)
    ]
    seen: set[tuple[Any, int]] = set()
    for index, command in enumerate(checked):
        key = (command["name"], command["type"])
        if command["name"] is not None and key in seen:
            words = "Application command names must be unique"
            place = (str(index), "name")
            errors.add(place, "APPLICATION_COMMANDS_DUPLICATE_NAME", words)
        seen.add(key)
    errors.raise_if_any()
    _check_count(checked)
    commands = [
        _register(
            world, scope, command, world.commands.named(scope, command["name"], command["type"])
        )
        for command in checked
    ]
    world.commands.replace_all(scope, commands)
    world.bus.publish(CommandsChanged())
    return Reply(commands)


def edit(world: World, call: Call) -> Reply:
    """PATCH .../commands/{command_id}: change the fields that the body gives."""
    scope = _scope(world, call)
    existing = _require(world, call)
    errors = FormErrors()
    given = Form(call.body, errors)
    merged = Form({**existing, **given.data, "type": existing["type"]}, errors)
    checked = read_command(merged)
    errors.raise_if_any()
    command = _register(world, scope, checked, existing)
    world.commands.put(scope, command)
    world.bus.publish(CommandsChanged())
    return Reply(command)


def delete(world: World, call: Call) -> Reply:
    """DELETE .../commands/{command_id}."""
    command = _require(world, call)
    world.commands.remove(_scope(world, call), command["id"])
    world.bus.publish(CommandsChanged())
    return NO_CONTENT


def _scope(world: World, call: Call) -> str | None:
    world.require_application(call.params["application_id"])
    guild_id = call.params.get("guild_id")
    if guild_id is not None:
        world.require_guild(guild_id)
    return guild_id


def _require(world: World, call: Call) -> Json:
    scope = _scope(world, call)
    command = world.commands.get(scope, call.params["command_id"])
    if command is None:
        raise unknown("application command")
    return command


def _register(world: World, scope: str | None, checked: Json, existing: Json | None) -> Json:
    command: Json = {
        "id": existing["id"] if existing else world.snowflakes.next(),
        "application_id": world.application.id,
        "version": world.snowflakes.next(),
        **checked,
    }
    if scope is not None:
        command["guild_id"] = scope
        del command["dm_permission"]
        command["contexts"] = None
    if not command.get("options"):
        command.pop("options", None)
    return command


def _check_count(commands: list[Json]) -> None:
    for kind, limit in COMMANDS_PER_KIND.items():
        if sum(command["type"] == kind for command in commands) > limit:
            words = f"Maximum number of application commands reached ({limit})."
            raise ApiError(400, TOO_MANY_COMMANDS, words)
