"""What a prompt holds once it is read: characters, general tags, caption and free text.

- Everything is frozen and compares by what it says: places and warnings are left out, so a prompt
  equals the one that is read from its own canonical form.
- Texts are decoded (`&lt;` is `<`) and have no blank at their edges; what is inside is as written.
- `line` and `column` count from 1 in the member's own file, the column in characters, and point at
  the first character of a text, or at the start tag of an element without text. They are None for
  values that nobody wrote.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from newbie_pipeline.prompt.errors import PromptWarning
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS

# What separates tags: commas and semicolons of every script, and line ends. An enumeration comma
# and a middle full stop only separate where people write no other sign.
_SEPARATORS = re.compile(r"[,，、;；\n|｜。]+")


@dataclass(frozen=True, slots=True)
class Text:
    """Hold one piece of text."""

    text: str
    line: int | None = field(default=None, compare=False)
    column: int | None = field(default=None, compare=False)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in it, each without blanks around it."""
        return tuple(tag for each in _SEPARATORS.split(self.text) if (tag := each.strip()))


@dataclass(frozen=True, slots=True)
class Element:
    """Hold one element: its texts and the elements inside it, in order."""

    name: str
    content: "tuple[Text | Element, ...]" = ()
    line: int | None = field(default=None, compare=False)
    column: int | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """All text in it, that of inner elements too."""
        return " ".join(each.text for each in self.content)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in it, each without blanks around it."""
        return tuple(tag for each in self.content for tag in each.tags)


@dataclass(frozen=True)
class Character:
    """Hold one character; a field is None where its element is missing, and empty where it is."""

    name: Element | None = None
    gender: Element | None = None
    appearance: Element | None = None
    clothing: Element | None = None
    expression: Element | None = None
    action: Element | None = None
    interaction: Element | None = None
    position: Element | None = None
    extras: tuple[Element, ...] = ()
    text: Text | None = None
    line: int | None = field(default=None, compare=False)
    column: int | None = field(default=None, compare=False)

    def elements(self) -> Iterator[tuple[str, Element]]:
        """Give the elements in canonical order, each with the name of its tag."""
        yield from _elements(self, CHARACTER_FIELDS)


@dataclass(frozen=True)
class GeneralTags:
    """Hold what is said about the whole picture, in the same way as `Character`."""

    count: Element | None = None
    artists: Element | None = None
    style: Element | None = None
    background: Element | None = None
    environment: Element | None = None
    perspective: Element | None = None
    atmosphere: Element | None = None
    lighting: Element | None = None
    resolution: Element | None = None
    quality: Element | None = None
    objects: Element | None = None
    other: Element | None = None
    extras: tuple[Element, ...] = ()
    text: Text | None = None
    line: int | None = field(default=None, compare=False)
    column: int | None = field(default=None, compare=False)

    def elements(self) -> Iterator[tuple[str, Element]]:
        """Give the elements in canonical order, each with the name of its tag."""
        yield from _elements(self, GENERAL_FIELDS)


@dataclass(frozen=True)
class Prompt:
    """Hold a whole prompt; character k of `characters` is `character_{k + 1}`.

    `text` is what stands outside of all elements, `extras` are elements that the language does not
    know. `source` is what the model is shown: the text as written, with nothing changed but what
    `warnings` list as repaired.
    """

    characters: tuple[Character, ...] = ()
    general_tags: GeneralTags | None = None
    caption: Element | None = None
    text: Text | None = None
    extras: tuple[Element, ...] = ()
    warnings: tuple[PromptWarning, ...] = field(default=(), compare=False)
    source: str = field(default="", compare=False)

    @property
    def is_xml(self) -> bool:
        """Tell whether the prompt has at least one element."""
        return any((self.characters, self.general_tags, self.caption, self.extras))


def _elements(
    part: Character | GeneralTags, names: dict[str, str]
) -> Iterator[tuple[str, Element]]:
    for attribute, tag in names.items():
        element = getattr(part, attribute)
        if element is not None:
            yield tag, element
    for extra in part.extras:
        yield extra.name, extra
