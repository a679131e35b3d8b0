"""Reading a JSON body as Discord reads it, collecting every mistake by its place.

The mistakes become Discord's nested `errors` object under code 50035. A field that
is null counts as absent where Discord takes null.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from playground.errors import ApiError
from playground.snowflakes import is_snowflake

Path = tuple[str, ...]
MAX_INT = 2**53 - 1


class FormErrors:
    """The mistakes of one body."""

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}

    def add(self, path: Path, code: str, message: str) -> None:
        """Note a mistake at a place; inside of what is wrong as a whole there is none to note."""
        node = self._tree
        for part in path:
            if "_errors" in node:
                return
            node = node.setdefault(part, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def required(self, path: Path) -> None:
        """Note that a field is missing."""
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def __bool__(self) -> bool:
        return bool(self._tree)

    def as_error(self) -> ApiError:
        """Return Discord's 50035 with these mistakes."""
        return ApiError(400, 50035, "Invalid Form Body", self._tree)

    def raise_if_any(self) -> None:
        """Raise Discord's 50035 when there was any mistake."""
        if self._tree:
            raise self.as_error()


def invalid(path: Sequence[str], code: str, message: str) -> ApiError:
    """Return a 50035 with a single mistake."""
    errors = FormErrors()
    errors.add(tuple(path), code, message)
    return errors.as_error()


class Form:
    """One JSON object of a body, at its place."""

    def __init__(self, data: Any, errors: FormErrors, path: Path = ()) -> None:
        self.errors = errors
        self.path = path
        self.data: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        if not isinstance(data, Mapping):
            self.errors.add(
                path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"
            )

    def at(self, name: str) -> Path:
        """Return the place of a field."""
        return (*self.path, name)

    def has(self, name: str) -> bool:
        """Tell whether a field is there and not null."""
        return self.data.get(name) is not None

    def fail(self, name: str, code: str, message: str) -> None:
        """Note a mistake at a field."""
        self.errors.add(self.at(name), code, message)

    def _value(self, name: str, required: bool) -> Any:
        value = self.data.get(name)
        if value is None and required:
            self.errors.required(self.at(name))
        return value

    def _length(self, name: str, length: int, minimum: int, maximum: int | None) -> bool:
        """Check a length and note Discord's words for it."""
        if length >= minimum and (maximum is None or length <= maximum):
            return True
        if minimum and maximum is not None:
            words = f"Must be between {minimum} and {maximum} in length."
            self.fail(name, "BASE_TYPE_BAD_LENGTH", words)
        elif length < minimum:
            self.fail(name, "BASE_TYPE_MIN_LENGTH", f"Must be {minimum} or more in length.")
        else:
            self.fail(name, "BASE_TYPE_MAX_LENGTH", f"Must be {maximum} or fewer in length.")
        return False

    def text(
        self,
        name: str,
        *,
        maximum: int | None = None,
        minimum: int = 0,
        required: bool = False,
        pattern: re.Pattern[str] | None = None,
    ) -> str | None:
        """Read a string; lengths are in Unicode characters."""
        value = self._value(name, required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.fail(name, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
            return None
        value = str(value)
        if not self._length(name, len(value), minimum, maximum):
            return None
        if pattern is not None and pattern.fullmatch(value) is None:
            words = "String value did not match validation regex."
            self.fail(name, "STRING_TYPE_REGEX", words)
            return None
        return value

    def integer(
        self,
        name: str,
        *,
        minimum: int = -MAX_INT,
        maximum: int = MAX_INT,
        required: bool = False,
        choices: Collection[int] | None = None,
    ) -> int | None:
        """Read a whole number."""
        value = self._value(name, required)
        if value is None:
            return None
        try:
            number = int(value) if isinstance(value, int | str) else None
        except ValueError:
            number = None
        if number is None or isinstance(value, bool):
            self.fail(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return None
        if choices is not None and number not in choices:
            listed = ", ".join(str(choice) for choice in sorted(choices))
            self.fail(name, "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")
            return None
        if number < minimum:
            words = f"int value should be greater than or equal to {minimum}."
            self.fail(name, "NUMBER_TYPE_MIN", words)
            return None
        if number > maximum:
            words = f"int value should be less than or equal to {maximum}."
            self.fail(name, "NUMBER_TYPE_MAX", words)
            return None
        return number

    def number(self, name: str) -> float | None:
        """Read a number."""
        value = self.data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')
            return None
        return value

    def boolean(self, name: str) -> bool | None:
        """Read true or false."""
        value = self.data.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.fail(name, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return None

    def snowflake(self, name: str, *, required: bool = False) -> str | None:
        """Read an id."""
        value = self._value(name, required)
        if value is None:
            return None
        if not is_snowflake(value):
            self.fail(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
            return None
        return str(value)

    def url(
        self, name: str, *, schemes: Collection[str], maximum: int = 2048, required: bool = False
    ) -> str | None:
        """Read an address with one of the allowed schemes."""
        value = self.text(name, maximum=maximum, required=required)
        if value is None:
            return None
        parts = _split(value)
        if parts is None or parts[0] not in schemes:
            listed = ", ".join(f"'{scheme}'" for scheme in sorted(schemes))
            words = (
                f'Scheme "{parts[0] if parts else ""}" is not supported. Must be one of {listed}.'
            )
            self.fail(name, "URL_TYPE_INVALID_SCHEME", words)
            return None
        if not parts[1]:
            self.fail(name, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
            return None
        return value

    def form(self, name: str, *, required: bool = False) -> "Form | None":
        """Read a nested object."""
        value = self._value(name, required)
        return None if value is None else Form(value, self.errors, self.at(name))

    def items(
        self, name: str, *, maximum: int | None = None, minimum: int = 0, required: bool = False
    ) -> list[Any] | None:
        """Read a list of anything."""
        value = self._value(name, required)
        if value is None:
            return None
        if not isinstance(value, list):
            words = "Only iterables may be used in a ListType"
            self.fail(name, "LIST_TYPE_CONVERT", words)
            return None
        if not self._length(name, len(value), minimum, maximum):
            return None
        return value

    def forms(
        self, name: str, *, maximum: int | None = None, minimum: int = 0, required: bool = False
    ) -> "list[Form] | None":
        """Read a list of objects."""
        values = self.items(name, maximum=maximum, minimum=minimum, required=required)
        if values is None:
            return None
        return [
            Form(value, self.errors, (*self.at(name), str(index)))
            for index, value in enumerate(values)
        ]


def _split(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme, parts.netloc
