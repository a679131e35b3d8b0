"""What can be wrong with a prompt: the error that refuses it and the warning that does not.

Whatever a sentence quotes from a prompt is cut to `QUOTE_LENGTH` characters, on one line and with
`\ufffd` for what would not show, at most two quotes to a sentence. `values` holds the same quotes
for whoever words them otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from newbie_pipeline.prompt.codes import CATALOGUE, Code, Entry

__all__ = ["CATALOGUE", "QUOTE_LENGTH", "Code", "Entry", "PromptError", "PromptWarning", "quote"]

QUOTE_LENGTH = 18
_UNSHOWN = "\ufffd"


@dataclass(frozen=True)
class PromptWarning:
    """Tell what was repaired or is hardly meant in a prompt that is accepted.

    `line` and `column` count from 1; both are None where it is about the whole prompt.
    """

    code: Code
    line: int | None = None
    column: int | None = None
    values: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What was found, in one sentence."""
        return CATALOGUE[self.code].message.format_map(self.values)

    @property
    def hint(self) -> str:
        """What to write, in one sentence."""
        return CATALOGUE[self.code].hint.format_map(self.values)

    def __str__(self) -> str:
        """Give one sentence with the place."""
        return _with_place(self.message, self.line, self.column)


class PromptError(ValueError):
    """Refuse a prompt: which code, where in the member's own text, what is wrong, what to write.

    `line` and `column` count from 1, the column in characters; both are None where the refusal is
    about the whole prompt.
    """

    def __init__(
        self,
        code: Code,
        *,
        line: int | None = None,
        column: int | None = None,
        **values: str | int,
    ) -> None:
        self.code = code
        self.line = line
        self.column = column
        self.values = values
        entry = CATALOGUE[code]
        self.message = entry.message.format_map(values)
        self.hint = entry.hint.format_map(values)
        super().__init__(self.message)

    def __str__(self) -> str:
        """Give one sentence with the place."""
        return _with_place(self.message, self.line, self.column)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the values when the error crosses a process boundary."""
        state = {"line": self.line, "column": self.column, **self.values}
        return (_rebuild, (self.code, state))


def quote(fragment: str) -> str:
    """Cut a fragment of a prompt to what a sentence may repeat."""
    if len(fragment) <= QUOTE_LENGTH and fragment.isprintable():
        return fragment
    is_cut = len(fragment) > 4 * QUOTE_LENGTH
    shown = " ".join(fragment[: 4 * QUOTE_LENGTH].split())
    if not shown.isprintable():
        shown = "".join(each if each.isprintable() else _UNSHOWN for each in shown)
    if is_cut or len(shown) > QUOTE_LENGTH:
        shown = f"{shown[: QUOTE_LENGTH - 1]}…"
    return shown


def _with_place(message: str, line: int | None, column: int | None) -> str:
    if line is None:
        return message
    return f"{message[:-1]} (line {line}, column {column}){message[-1]}"


def _rebuild(code: Code, state: dict[str, object]) -> PromptError:
    return PromptError(code, **state)  # type: ignore[arg-type]
