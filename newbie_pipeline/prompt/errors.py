"""What can be wrong with a prompt: the codes, their sentences, and the error that carries them.

- `CATALOGUE` is the one list of codes. Each entry has one sentence for what is wrong, one for what
  to write instead, and an example that raises exactly this code (a test runs them all).
- A code never changes its meaning and is never given out twice: E1xx reading the text, E2xx a
  single piece of markup, E3xx the structure, E4xx what is refused on principle.
- Whatever a sentence quotes from a prompt is cut to `QUOTE_LENGTH` characters, at most two quotes
  to a sentence. `PromptError.values` holds the same quotes for whoever words them otherwise.
"""

from dataclasses import dataclass
from enum import StrEnum

QUOTE_LENGTH = 18


class Code(StrEnum):
    """Name the kinds of refusal; the value is what members and tools see."""

    EMPTY = "E101"
    TOO_LARGE = "E102"
    BINARY = "E103"
    UNDECODABLE = "E104"
    UNKNOWN_ENCODING = "E105"
    CONTROL_CHARACTER = "E106"
    BAD_CHARACTER_REFERENCE = "E107"

    TAG_NOT_FINISHED = "E201"
    BAD_END_TAG = "E202"
    UNEXPECTED_IN_TAG = "E203"
    ATTRIBUTE_WITHOUT_VALUE = "E204"
    QUOTE_NOT_CLOSED = "E205"
    REPEATED_ATTRIBUTE = "E206"
    SECTION_NOT_FINISHED = "E207"
    LORA_TAG = "E208"

    NEVER_CLOSED = "E301"
    CROSSED = "E302"
    CLOSES_NOTHING = "E303"
    WRONG_END = "E304"
    TOO_DEEP = "E305"
    TOO_MANY_CHARACTERS = "E306"

    DTD = "E401"
    ENTITY = "E402"


@dataclass(frozen=True)
class Entry:
    """Describe one code: sentences with named places for values, and an example that raises it."""

    message: str
    hint: str
    example: str | bytes


CATALOGUE: dict[Code, Entry] = {
    Code.EMPTY: Entry(
        "The prompt holds no text.",
        "Write tags, a sentence, or XML elements with text in them.",
        "<general_tags></general_tags>",
    ),
    Code.TOO_LARGE: Entry(
        "The prompt takes {size} bytes, and {limit} are allowed.",
        "Shorten it.",
        "1girl, " * 10_000,
    ),
    Code.BINARY: Entry(
        "This is {kind}, not a text.",
        "Send the prompt as an .xml or .txt file.",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    ),
    Code.UNDECODABLE: Entry(
        "The byte {byte} found here is not valid {encoding}.",
        "Save the file as UTF-8.",
        b"<n>caf\xe9</n>",
    ),
    Code.UNKNOWN_ENCODING: Entry(
        "The encoding {encoding} is not known here.",
        "Save the file as UTF-8 and write UTF-8 in its first line.",
        b'<?xml version="1.0" encoding="martian"?><n>miku</n>',
    ),
    Code.CONTROL_CHARACTER: Entry(
        "The control character {character} cannot be part of a prompt.",
        "Delete it; editors often show it as a box or not at all.",
        "blue_hair,\x1b long_hair",
    ),
    Code.BAD_CHARACTER_REFERENCE: Entry(
        "{reference} stands for no character that a prompt can hold.",
        "Write the character itself.",
        "<n>miku&#0;</n>",
    ),
    Code.TAG_NOT_FINISHED: Entry(
        "The tag {tag} is not finished with >.",
        "Finish the tag, or write &lt; if you mean a less-than sign.",
        "<character_1 <n>miku</n></character_1>",
    ),
    Code.BAD_END_TAG: Entry(
        "This end tag is not written correctly.",
        "Write </, the element's name and > with nothing else between them.",
        "<n>miku</ n>",
    ),
    Code.UNEXPECTED_IN_TAG: Entry(
        "{found} is out of place inside the tag {tag}.",
        'Write attributes as name="value" with spaces between, or &lt; for a less-than sign.',
        "<n 1>miku</n>",
    ),
    Code.ATTRIBUTE_WITHOUT_VALUE: Entry(
        "The attribute {attribute} of {tag} has no value in quotes.",
        'Write it as name="value", or write &lt; if you mean a less-than sign.',
        "<n lang=ja>miku</n>",
    ),
    Code.QUOTE_NOT_CLOSED: Entry(
        "The value of the attribute {attribute} has no closing quote.",
        "Write the same quote at its end, and &lt; for every < inside it.",
        '<n lang="ja>miku</n>',
    ),
    Code.REPEATED_ATTRIBUTE: Entry(
        "The attribute {attribute} appears twice in {tag}.",
        "Keep one of the two.",
        '<n lang="ja" lang="en">miku</n>',
    ),
    Code.SECTION_NOT_FINISHED: Entry(
        "The {section} that starts here never ends.",
        "Write {end} where it ends.",
        "<n>miku</n> <!-- a note",
    ),
    Code.LORA_TAG: Entry(
        "{tag} is not part of this prompt language.",
        "Remove it; a prompt cannot load a LoRA.",
        "1girl, <lora:lineart:0.8>, smile",
    ),
    Code.NEVER_CLOSED: Entry(
        "The element {tag} is never closed.",
        "Write {end} where it ends.",
        "<character_1><n>miku</character_1>",
    ),
    Code.CROSSED: Entry(
        "{found} comes before {expected}, so the two elements cross.",
        "Close the element that was opened last first: {expected}, then {found}.",
        "<character_1><n>miku</character_1></n>",
    ),
    Code.CLOSES_NOTHING: Entry(
        "{found} closes an element that is not open.",
        "Remove it, or write the start tag that belongs to it.",
        "<n>miku</n></character_1>",
    ),
    Code.WRONG_END: Entry(
        "{found} does not close {tag}, the element that is open here.",
        "Write the end tag with exactly the name of its start tag.",
        "<appearance>blue_hair</appearence>",
    ),
    Code.TOO_DEEP: Entry(
        "{tag} is nested more than {limit} elements deep.",
        "Take it out of some of the elements around it.",
        "<a>" * 9 + "miku" + "</a>" * 9,
    ),
    Code.TOO_MANY_CHARACTERS: Entry(
        "This is character number {count}, and {limit} are allowed.",
        "Leave out some characters; the model was trained on one or two.",
        "<character_1><n>miku</n></character_1>" * 17,
    ),
    Code.DTD: Entry(
        "Document types and declarations ({found}) are not allowed in a prompt.",
        "Remove the declaration.",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    ),
    Code.ENTITY: Entry(
        "The entity {reference} is not known: only &lt; &gt; &amp; &quot; and &apos; are.",
        "Write the character itself, or &amp; for an ampersand.",
        "<n>miku&nbsp;hatsune</n>",
    ),
}


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
        if self.line is None:
            return self.message
        return f"{self.message.removesuffix('.')} (line {self.line}, column {self.column})."

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the values when the error crosses a process boundary."""
        state = {"line": self.line, "column": self.column, **self.values}
        return (_rebuild, (self.code, state))


def quote(fragment: str) -> str:
    """Cut a fragment of a prompt to what a sentence may repeat."""
    if len(fragment) <= QUOTE_LENGTH:
        return fragment
    return fragment[: QUOTE_LENGTH - 1] + "…"


def _rebuild(code: Code, state: dict[str, object]) -> PromptError:
    return PromptError(code, **state)  # type: ignore[arg-type]
