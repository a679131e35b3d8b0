"""What a member typed into a modal, checked and put into Discord's form."""

from typing import Any

from playground import message_payloads
from playground.errors import ControlError
from playground.model import Attachment, Json
from playground.validation import modals
from playground.validation.components import STRING_SELECT
from playground.world import World


class ModalReader:
    """Builds the `components` and `resolved` of a modal submission."""

    def __init__(
        self, world: World, files: tuple[Attachment, ...], *, unchecked: bool = False
    ) -> None:
        self._world = world
        self._files = files
        self._unchecked = unchecked
        self.resolved: Json = {}

    def read(self, modal: Json, values: Any) -> list[Json]:
        """Return the submitted components; raise ControlError as the client would."""
        given = values if isinstance(values, dict) else {}
        known = {f["custom_id"] for c in modal["components"] for f in modals.fields_of(c)}
        for name in given:
            if name not in known:
                raise ControlError("unknown_field", f"The form has no field named {name}.")
        return [self._component(component, given) for component in modal["components"]]

    def _component(self, component: Json, given: Json) -> Json:
        result: Json = {"type": component["type"], "id": component["id"]}
        fields = [self._field(field, component, given) for field in modals.fields_of(component)]
        if component["type"] == modals.ACTION_ROW:
            result["components"] = fields
        elif fields:
            result["component"] = fields[0]
        return result

    def _field(self, field: Json, component: Json, given: Json) -> Json:
        label = field.get("label") or component.get("label") or field["custom_id"]
        value = given.get(field["custom_id"])
        result: Json = {key: field[key] for key in ("type", "id", "custom_id")}
        kind = field["type"]
        if kind == modals.TEXT_INPUT:
            result["value"] = self._text(field, label, value)
        elif kind == modals.FILE_UPLOAD:
            result["values"] = self._uploads(field, label, value)
        elif kind == modals.RADIO_GROUP:
            result["value"] = value
        elif kind == modals.CHECKBOX:
            result["value"] = bool(value)
        else:
            result["values"] = self._choices(field, label, value)
        return result

    def _text(self, field: Json, label: str, value: Any) -> str:
        text = field.get("value", "") if value is None else str(value)
        if self._unchecked:
            return text
        if not text:
            if field["required"]:
                raise ControlError("required", f"{label}: This field is required.")
            return text
        if len(text) < field.get("min_length", 0):
            words = f"{label}: Must be at least {field['min_length']} characters."
            raise ControlError("too_short", words)
        maximum = field.get("max_length", 4000)
        if len(text) > maximum:
            raise ControlError("too_long", f"{label}: Must be at most {maximum} characters.")
        return text

    def _uploads(self, field: Json, label: str, value: Any) -> list[str]:
        """Take the files that the value names by index, or all of them when it is absent."""
        indexes = range(len(self._files)) if value is None else value
        if not isinstance(indexes, list | range) or not all(
            isinstance(i, int) and 0 <= i < len(self._files) for i in indexes
        ):
            raise ControlError("no_file", f"{label}: Give the indexes of uploaded files.")
        chosen = [self._files[index] for index in indexes]
        if not self._unchecked:
            self._check_count(field, label, len(chosen), "file")
        for file in chosen:
            shown = message_payloads.attachment(self._world, file)
            self.resolved.setdefault("attachments", {})[file.id] = shown
        return [file.id for file in chosen]

    def _choices(self, field: Json, label: str, value: Any) -> list[str]:
        values = value if isinstance(value, list) else [] if value is None else [value]
        values = [str(entry) for entry in values]
        if self._unchecked:
            return values
        self._check_count(field, label, len(values), "option")
        if field["type"] in (STRING_SELECT, modals.CHECKBOX_GROUP):
            allowed = {option["value"] for option in field["options"]}
            if not set(values) <= allowed:
                raise ControlError("not_a_choice", f"{label}: Choose one of the given values.")
        return values

    @staticmethod
    def _check_count(field: Json, label: str, count: int, what: str) -> None:
        if count == 0 and not field["required"]:
            return
        minimum = max(field.get("min_values") or 0, 1 if field["required"] else 0)
        if count < minimum:
            raise ControlError("required", f"{label}: Choose at least {minimum} {what}(s).")
        maximum = field.get("max_values") or 1
        if count > maximum:
            raise ControlError("too_many", f"{label}: Choose at most {maximum} {what}(s).")
