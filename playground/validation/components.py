"""Components of messages: action rows with buttons and selects."""

from typing import Any

from playground.model import Json
from playground.validation.form import Form

ROWS = 5
BUTTONS_PER_ROW = 5
ACTION_ROW, BUTTON, STRING_SELECT = 1, 2, 3
ENTITY_SELECTS = (5, 6, 7, 8)
SELECTS = (STRING_SELECT, *ENTITY_SELECTS)
LINK_STYLE, PREMIUM_STYLE = 5, 6


class _Seen:
    """The custom ids and component ids that one message has used."""

    def __init__(self) -> None:
        self.custom_ids: set[str] = set()
        self.next_id = 1

    def take_id(self, form: Form) -> int:
        """Return the component's own id, or the next free one."""
        given = form.integer("id", minimum=0)
        if given:
            return given
        self.next_id += 1
        return self.next_id - 1

    def custom_id(self, form: Form) -> str | None:
        """Read a custom id, which must be the only one of its name in the message."""
        value = form.text("custom_id", minimum=1, maximum=100, required=True)
        if value is not None and value in self.custom_ids:
            form.fail(
                "custom_id",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        if value is not None:
            self.custom_ids.add(value)
        return value


def read_components(body: Form) -> tuple[Json, ...] | None:
    """Read the components of a message body; None when the field is absent."""
    rows = body.forms("components", maximum=ROWS)
    if rows is None:
        return None
    seen = _Seen()
    return tuple(_read_row(row, seen) for row in rows)


def _read_row(form: Form, seen: _Seen) -> Json:
    form.integer("type", required=True, choices=(ACTION_ROW,))
    row: Json = {"type": ACTION_ROW, "id": seen.take_id(form), "components": []}
    children = form.forms("components", minimum=1, maximum=BUTTONS_PER_ROW, required=True) or []
    for child in children:
        kind = child.integer("type", required=True, choices=(BUTTON, *SELECTS))
        if kind == BUTTON:
            row["components"].append(_read_button(child, seen))
        elif kind is not None:
            row["components"].append(_read_select(child, seen, kind))
    kinds = [child.data.get("type") for child in children]
    if len(kinds) > 1 and any(kind in SELECTS for kind in kinds):
        words = "Components displayed in an action row must fit its width"
        form.fail("components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", words)
    return row


def _read_button(form: Form, seen: _Seen) -> Json:
    button: dict[str, Any] = {
        "type": BUTTON,
        "id": seen.take_id(form),
        "style": form.integer("style", required=True, choices=range(1, 7)),
        "label": form.text("label", maximum=80),
        "disabled": form.boolean("disabled"),
        "emoji": read_emoji(form),
    }
    if button["style"] == LINK_STYLE:
        button["url"] = form.url(
            "url", schemes=("http", "https", "discord"), maximum=512, required=True
        )
    elif button["style"] != PREMIUM_STYLE:
        button["custom_id"] = seen.custom_id(form)
    if not button["label"] and button["emoji"] is None and button["style"] != PREMIUM_STYLE:
        words = "A button must have a label or an emoji"
        form.fail("label", "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", words)
    return {key: value for key, value in button.items() if value is not None}


def read_emoji(form: Form) -> Json | None:
    """Read the emoji of a button or an option."""
    emoji = form.form("emoji")
    if emoji is None:
        return None
    parts = {
        "id": emoji.snowflake("id"),
        "name": emoji.text("name", maximum=32),
        "animated": emoji.boolean("animated"),
    }
    return {key: value for key, value in parts.items() if value is not None}


def _read_select(form: Form, seen: _Seen, kind: int) -> Json:
    select = read_select_body(form, kind)
    return {"type": kind, "id": seen.take_id(form), "custom_id": seen.custom_id(form), **select}


def read_select_body(form: Form, kind: int) -> Json:
    """Read what messages and modals have in common in a select: its options and bounds."""
    minimum = form.integer("min_values", minimum=0, maximum=25)
    maximum = form.integer("max_values", minimum=1, maximum=25)
    select: dict[str, Any] = {
        "placeholder": form.text("placeholder", maximum=150),
        "min_values": 1 if minimum is None else minimum,
        "max_values": 1 if maximum is None else maximum,
        "disabled": form.boolean("disabled"),
    }
    if select["min_values"] > select["max_values"]:
        words = "min_values must be less than or equal to max_values"
        form.fail("min_values", "SELECT_COMPONENT_INVALID_RANGE", words)
    if kind == STRING_SELECT:
        options = form.forms("options", minimum=1, maximum=25, required=True) or []
        select["options"] = [_read_option(option) for option in options]
        values = [option["value"] for option in select["options"]]
        if len(set(values)) != len(values):
            words = "The specified option value is already used"
            form.fail("options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", words)
    return {key: value for key, value in select.items() if value is not None}


def _read_option(form: Form) -> Json:
    option: dict[str, Any] = {
        "label": form.text("label", minimum=1, maximum=100, required=True),
        "value": form.text("value", minimum=1, maximum=100, required=True),
        "description": form.text("description", maximum=100),
        "emoji": read_emoji(form),
        "default": form.boolean("default"),
    }
    return {key: value for key, value in option.items() if value is not None}
