"""Application commands: names, descriptions, options and choices as Discord checks them."""

import re
from typing import Any

from playground.commands import CHAT_INPUT, MESSAGE, USER
from playground.model import Json
from playground.validation.form import Form

# Discord: letters, numbers, the marks of Devanagari and Thai, hyphen, underscore, apostrophe.
_NAME = re.compile(r"[-_'\w\u0900-\u097f\u0e00-\u0e7f]{1,32}")
SUB_COMMAND, SUB_COMMAND_GROUP, STRING, INTEGER = 1, 2, 3, 4
BOOLEAN, USER_OPTION, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = 5, 6, 7, 8, 9, 10, 11
OPTION_TYPES = range(1, 12)
CHOICE_TYPES = (STRING, INTEGER, NUMBER)
OPTIONS = 25
CHOICES = 25
TOTAL_TEXT = 8000
PERMISSION_BITS = 2**54 - 1


def read_command(form: Form) -> Json:
    """Read a command body; the result lacks the ids that registering adds."""
    kind = form.integer("type", choices=(CHAT_INPUT, USER, MESSAGE)) or CHAT_INPUT
    command: dict[str, Any] = {
        "type": kind,
        "name": _read_name(form, kind),
        "name_localizations": _localizations(form, "name_localizations"),
        "description": "",
        "description_localizations": _localizations(form, "description_localizations"),
        "default_member_permissions": _permissions(form),
        "contexts": _numbers(form, "contexts", (0, 1, 2)),
        "integration_types": _numbers(form, "integration_types", (0, 1)) or [0],
        "nsfw": form.boolean("nsfw") or False,
    }
    dm_permission = form.boolean("dm_permission")
    command["dm_permission"] = True if dm_permission is None else dm_permission
    if kind == CHAT_INPUT:
        command["description"] = form.text("description", minimum=1, maximum=100, required=True)
        command["options"] = _read_options(form, depth=0)
        if _text_length(command) > TOTAL_TEXT:
            words = f"Command exceeds maximum size ({TOTAL_TEXT})"
            form.errors.add(form.path, "APPLICATION_COMMAND_TOO_LARGE", words)
    elif form.data.get("description"):
        words = "Context menu commands cannot have description"
        form.fail("description", "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", words)
    elif form.data.get("options"):
        words = "Context menu commands cannot have options"
        form.fail("options", "APPLICATION_COMMAND_CONTEXT_MENU_OPTIONS", words)
    return command


def _read_name(form: Form, kind: int) -> str | None:
    name = form.text("name", minimum=1, maximum=32, required=True)
    if name is None or kind != CHAT_INPUT:
        return name
    if _NAME.fullmatch(name) is None or name != name.lower():
        form.fail("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        return None
    return name


def _localizations(form: Form, name: str) -> Json | None:
    nested = form.form(name)
    return None if nested is None else dict(nested.data)


def _permissions(form: Form) -> str | None:
    value = form.integer("default_member_permissions", minimum=0, maximum=PERMISSION_BITS)
    return None if value is None else str(value)


def _numbers(form: Form, name: str, allowed: tuple[int, ...]) -> list[int] | None:
    values = form.items(name, minimum=1)
    if values is None:
        return None
    if any(value not in allowed for value in values) or len(set(values)) != len(values):
        form.fail(name, "BASE_TYPE_CHOICES", f"Value must be one of {set(allowed)}.")
    return values


def _read_options(form: Form, depth: int) -> list[Json]:
    forms = form.forms("options", maximum=OPTIONS) or []
    options = [_read_option(option, depth) for option in forms]
    names = [option["name"] for option in options]
    optional_seen = False
    for index, option in enumerate(options):
        place = (*form.at("options"), str(index))
        if names.index(option["name"]) != index:
            words = "Option names must be unique"
            form.errors.add(
                (*place, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", words
            )
        if option["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP):
            continue
        if option.get("required") and optional_seen:
            words = "Required options must be placed before non-required options"
            form.errors.add(place, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words)
        optional_seen = optional_seen or not option.get("required")
    kinds = {option["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP) for option in options}
    if len(kinds) > 1:
        words = "Sub-commands and other options are mutually exclusive"
        form.fail("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", words)
    return options


def _read_option(form: Form, depth: int) -> Json:
    kind = form.integer("type", required=True, choices=OPTION_TYPES)
    option: dict[str, Any] = {
        "type": kind,
        "name": _read_name(form, CHAT_INPUT),
        "name_localizations": _localizations(form, "name_localizations"),
        "description": form.text("description", minimum=1, maximum=100, required=True),
        "description_localizations": _localizations(form, "description_localizations"),
    }
    if kind in (SUB_COMMAND, SUB_COMMAND_GROUP):
        nested_group = kind == SUB_COMMAND_GROUP and depth > 0
        if nested_group or depth > 1:
            form.fail("type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Nesting is too deep")
        else:
            option["options"] = _read_options(form, depth + 1)
        return _present(option)
    option["required"] = form.boolean("required") or False
    if kind in CHOICE_TYPES:
        option |= _read_choices(form, kind)
    if kind == STRING:
        option["min_length"] = form.integer("min_length", minimum=0, maximum=6000)
        option["max_length"] = form.integer("max_length", minimum=1, maximum=6000)
    elif kind == INTEGER:
        option["min_value"] = form.integer("min_value")
        option["max_value"] = form.integer("max_value")
    elif kind == NUMBER:
        option["min_value"] = form.number("min_value")
        option["max_value"] = form.number("max_value")
    elif kind == CHANNEL:
        option["channel_types"] = form.items("channel_types") or None
    return _present(option)


def _present(option: Json) -> Json:
    """Drop the fields that are absent, but for the two that the other checks read."""
    kept = ("type", "name")
    return {key: value for key, value in option.items() if value is not None or key in kept}


def _read_choices(form: Form, kind: int) -> Json:
    autocomplete = form.boolean("autocomplete")
    forms = form.forms("choices", maximum=CHOICES) or []
    choices = [read_choice(choice, kind) for choice in forms]
    for key in ("name", "value"):
        values = [choice[key] for choice in choices]
        if len(set(values)) != len(values):
            words = f"The specified option choice {key} is already used"
            form.fail("choices", "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_EXISTS", words)
    if autocomplete and choices:
        words = "Options cannot have both choices and autocomplete"
        form.fail("autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES", words)
    return {"autocomplete": autocomplete, "choices": choices or None}


def read_choice(form: Form, kind: int) -> Json:
    """Read a choice of an option of that type: a declared one, or a suggestion while typing."""
    value: Any
    if kind == STRING:
        value = form.text("value", minimum=1, maximum=100, required=True)
    elif kind == INTEGER:
        value = form.integer("value", required=True)
    else:
        value = form.number("value")
        if not form.has("value"):
            form.errors.required(form.at("value"))
    choice = {
        "name": form.text("name", minimum=1, maximum=100, required=True),
        "name_localizations": _localizations(form, "name_localizations"),
        "value": value,
    }
    if choice["name_localizations"] is None:
        del choice["name_localizations"]
    return choice


def _text_length(part: Json) -> int:
    """Return the characters of names, descriptions and values, which have a common limit.

    Of a text in several languages the longest counts.
    """
    total = _longest(part, "name") + _longest(part, "description")
    total += sum(_text_length(option) for option in part.get("options") or [])
    for choice in part.get("choices") or []:
        total += _longest(choice, "name") + len(str(choice["value"]))
    return total


def _longest(part: Json, field: str) -> int:
    texts = [part.get(field) or "", *(part.get(f"{field}_localizations") or {}).values()]
    return max(len(str(text)) for text in texts)
