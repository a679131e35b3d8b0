"""Modals: classic action rows with a text input, labels around any input, plain text."""

from typing import Any

from playground.model import Json
from playground.validation.components import SELECTS, read_select_body
from playground.validation.form import Form

ACTION_ROW, TEXT_INPUT, TEXT_DISPLAY, LABEL, FILE_UPLOAD = 1, 4, 10, 18, 19
RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 21, 22, 23
LABELLED = (*SELECTS, TEXT_INPUT, FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX)
COMPONENTS = 5


def read_modal(data: Form) -> Json:
    """Read the data of a modal answer: custom id, title and components."""
    modal: Json = {
        "custom_id": data.text("custom_id", minimum=1, maximum=100, required=True),
        "title": data.text("title", minimum=1, maximum=45, required=True),
        "components": [],
    }
    forms = data.forms("components", minimum=1, maximum=COMPONENTS, required=True) or []
    custom_ids: list[str] = []
    for number, form in enumerate(forms, start=1):
        kind = form.integer("type", required=True, choices=(ACTION_ROW, TEXT_DISPLAY, LABEL))
        component: Json = {"type": kind, "id": form.integer("id", minimum=0) or number * 100}
        if kind == ACTION_ROW:
            inputs = form.forms("components", minimum=1, maximum=1, required=True) or []
            component["components"] = [
                _read_input(child, (TEXT_INPUT,), component["id"] + 1, labelled=False)
                for child in inputs
            ]
        elif kind == LABEL:
            component |= _read_label(form, component["id"] + 1)
        elif kind == TEXT_DISPLAY:
            component["content"] = form.text("content", minimum=1, maximum=4000, required=True)
        modal["components"].append(component)
        custom_ids += [field["custom_id"] for field in fields_of(component)]
    if len(set(custom_ids)) != len(custom_ids):
        words = "Component custom id cannot be duplicated"
        data.fail("components", "COMPONENT_CUSTOM_ID_DUPLICATED", words)
    return modal


def fields_of(component: Json) -> list[Json]:
    """Return the inputs inside a modal's top component."""
    if component["type"] == ACTION_ROW:
        return [child for child in component.get("components", []) if child.get("custom_id")]
    inner = component.get("component")
    return [inner] if inner and inner.get("custom_id") else []


def _read_label(form: Form, number: int) -> Json:
    label: Json = {
        "label": form.text("label", minimum=1, maximum=45, required=True),
        "description": form.text("description", minimum=1, maximum=100),
    }
    child = form.form("component", required=True)
    if child is not None:
        label["component"] = _read_input(child, LABELLED, number, labelled=True)
    return {key: value for key, value in label.items() if value is not None}


def _read_input(form: Form, kinds: tuple[int, ...], number: int, *, labelled: bool) -> Json:
    kind = form.integer("type", required=True, choices=kinds)
    required = form.boolean("required")
    field: dict[str, Any] = {
        "type": kind,
        "id": form.integer("id", minimum=0) or number,
        "custom_id": form.text("custom_id", minimum=1, maximum=100, required=True),
        "required": True if required is None else required,
    }
    if kind == TEXT_INPUT:
        field |= _read_text_input(form, labelled)
    elif kind == FILE_UPLOAD:
        minimum = form.integer("min_values", minimum=0, maximum=10)
        maximum = form.integer("max_values", minimum=1, maximum=10)
        field["min_values"] = 1 if minimum is None else minimum
        field["max_values"] = 1 if maximum is None else maximum
    elif kind in SELECTS:
        field |= read_select_body(form, kind)
    elif kind in (RADIO_GROUP, CHECKBOX_GROUP):
        options = form.forms("options", minimum=1, maximum=10, required=True) or []
        field["options"] = [dict(option.data) for option in options]
        field["min_values"] = form.integer("min_values", minimum=0, maximum=10)
        field["max_values"] = form.integer("max_values", minimum=1, maximum=10)
    elif kind == CHECKBOX:
        field["default"] = form.boolean("default")
    return {key: value for key, value in field.items() if value is not None}


def _read_text_input(form: Form, labelled: bool) -> Json:
    minimum = form.integer("min_length", minimum=0, maximum=4000)
    maximum = form.integer("max_length", minimum=1, maximum=4000)
    if minimum is not None and maximum is not None and minimum > maximum:
        words = "min_length must be less than or equal to max_length"
        form.fail("min_length", "TEXT_INPUT_INVALID_RANGE", words)
    return {
        "style": form.integer("style", required=True, choices=(1, 2)),
        "label": form.text("label", minimum=1, maximum=45, required=not labelled),
        "placeholder": form.text("placeholder", maximum=100),
        "value": form.text("value", maximum=4000),
        "min_length": minimum,
        "max_length": maximum,
    }
