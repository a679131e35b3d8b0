"""Make XML of tags or of a sentence, with every tag as it is written and exactly once.

- Of tags, those that count people say how many characters there are, and go to `<count>`. A tag
  that says something about a character belongs to the one that was spoken of last; one that
  contradicts what that one has (a second hair colour) begins the next.
- What no list knows is placed as the caller says, or under `<other>`. A phrase among tags becomes
  the caption.
- A sentence becomes the caption, as it is.
- The gender that a count implies is an addition, unless the member wrote one.
- What comes out is read again and must say just what was put together, or there is no result.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from newbie_pipeline.prompt.assist import Addition
from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.model import Character, Element, GeneralTags, Prompt, Text
from newbie_pipeline.prompt.parse import MAX_CHARACTERS, parse
from newbie_pipeline.prompt.references import decode_text
from newbie_pipeline.prompt.scan import scan
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS
from newbie_pipeline.prompt.source import Source, blank_stripped
from newbie_pipeline.prompt.tag_list import is_phrase, split_tags
from newbie_pipeline.prompt.tag_sorting import element_of, people_of, qualities_of

OTHER = "other"
# Where a tag that no list knows may go.
PLACES = (
    *("n", "appearance", "clothing", "expression", "action", "interaction", "position"),
    *("artists", "style", "background", "environment", "perspective", "atmosphere", "lighting"),
    *("quality", "objects", OTHER),
)
# What a sentence may be about: the value of <count>, and each character's gender.
COUNTS: dict[str, tuple[str, ...]] = {
    "no_humans": (),
    "1girl": ("1girl",),
    "1boy": ("1boy",),
    "1other": ("1other",),
    "1girl, 1boy": ("1girl", "1boy"),
    "2girls": ("1girl", "1girl"),
    "2boys": ("1boy", "1boy"),
    "3girls": ("1girl", "1girl", "1girl"),
    "2girls, 1boy": ("1girl", "1girl", "1boy"),
    "1girl, 2boys": ("1girl", "1boy", "1boy"),
}
_NAMES = {tag: name for name, tag in CHARACTER_FIELDS.items()}
_ALONE = {"interaction": "action"}


@dataclass(frozen=True)
class Structured:
    """Hold a prompt that was made of plain text, and what was added to it on the way."""

    prompt: Prompt
    additions: tuple[Addition, ...] = ()


@dataclass
class _Draft:
    """The texts of each element, as written."""

    characters: list[dict[str, list[str]]] = field(default_factory=list)
    general: dict[str, list[str]] = field(default_factory=dict)
    caption: str = ""
    separator: str = ", "


def can_be_structured(prompt: Prompt) -> bool:
    """Tell whether a prompt is plain text; comments and sections would have to move with a tag."""
    return not prompt.is_xml and next(scan(Source(prompt.source)), None) is None


def unknown_tags(text: str) -> tuple[str, ...]:
    """List the tags of a text that no list knows, in order and each once."""
    tags = dict.fromkeys(split_tags(text))
    return tuple(tag for tag in tags if element_of(tag) is None and not is_phrase(tag))


def structure_tags(prompt: Prompt, places: Mapping[str, str]) -> Structured | None:
    """Put each tag of a plain prompt into its element; `places` are for tags no list knows.

    None where the result would not say the same.
    """
    tags = split_tags(prompt.source)
    draft = _Draft(separator=_separator(prompt.source))
    genders = _genders(tags)
    draft.characters += [{} for _ in genders]
    phrases: list[str] = []
    current = 0
    for tag in tags:
        if is_phrase(tag):
            phrases.append(tag)
            continue
        element = _place(tag, places, len(genders))
        if element not in _NAMES:
            draft.general.setdefault(element, []).append(tag)
            continue
        current = _whose(draft.characters, current, element, tag)
        draft.characters[current].setdefault(element, []).append(tag)
    draft.caption = draft.separator.join(phrases)
    placed = [
        tag for part in (*draft.characters, draft.general) for each in part.values() for tag in each
    ]
    if Counter([*placed, *phrases]) != Counter(tags):
        return None
    return _finished(draft, _add_genders(draft, genders))


def structure_sentence(prompt: Prompt, count: str) -> Structured | None:
    """Make a sentence the caption, beside as many characters as `count` of COUNTS says."""
    draft = _Draft([{} for _ in COUNTS[count]], {"count": [count]})
    draft.caption = blank_stripped(prompt.source)
    additions = [Addition("general_tags/count", count), *_add_genders(draft, COUNTS[count])]
    return _finished(draft, additions)


def _genders(tags: Sequence[str]) -> tuple[str, ...]:
    """Give the gender of each character that the tags count, empty where they do not tell."""
    counted = [people for tag in tags if (people := people_of(tag)) is not None]
    gendered = [people for people in counted if people[1]] or counted[:1]
    genders = [gender for number, gender in gendered for _ in range(number)]
    # Whatever is said of somebody is said of one at least.
    if not genders and any(element_of(tag) in _NAMES for tag in tags):
        genders = [""]
    return tuple(genders[:MAX_CHARACTERS])


def _place(tag: str, places: Mapping[str, str], characters: int) -> str:
    element = element_of(tag) or places.get(tag, OTHER)
    element = element if element in (*_NAMES, *GENERAL_FIELDS) else OTHER
    if characters < 2:
        element = _ALONE.get(element, element)
    return OTHER if element in _NAMES and not characters else element


def _whose(characters: list[dict[str, list[str]]], current: int, element: str, tag: str) -> int:
    """Give the index of the character that a tag is about."""
    said = qualities_of(element, tag)
    if not _contradicts(characters[current], element, said):
        return current
    free = (k for k, each in enumerate(characters) if not _contradicts(each, element, said))
    return next(free, current)


def _contradicts(
    character: Mapping[str, Sequence[str]], element: str, said: Mapping[str, frozenset[str]]
) -> bool:
    """Tell whether a character has something that excludes what is said."""
    own = (qualities_of(element, tag) for tag in character.get(element, ()))
    return any(
        said[quality].isdisjoint(each[quality]) for each in own for quality in said.keys() & each
    )


def _add_genders(draft: _Draft, genders: Sequence[str]) -> list[Addition]:
    additions = []
    for number, (character, gender) in enumerate(zip(draft.characters, genders, strict=True), 1):
        if gender and "gender" not in character:
            character["gender"] = [gender]
            additions.append(Addition(f"character_{number}/gender", gender))
    while draft.characters and not draft.characters[-1]:
        draft.characters.pop()
    return additions


def _separator(text: str) -> str:
    if "," in text or "\n" in text:
        return ", "
    return next((sign for sign in ("，", "、") if sign in text), ", ")


def _finished(draft: _Draft, additions: Sequence[Addition]) -> Structured | None:
    """Write the XML, and read it again."""
    text = _written(draft)
    try:
        prompt = parse(text)
    except PromptError:
        return None
    repaired = any(warning.code.is_repair for warning in prompt.warnings)
    if prompt.source != text or repaired or prompt != _expected(draft):
        return None
    return Structured(prompt, tuple(additions))


def _written(draft: _Draft) -> str:
    lines = []
    for number, character in enumerate(draft.characters, 1):
        lines += _block(f"character_{number}", character, list(_NAMES), draft.separator)
    if draft.general:
        lines += _block("general_tags", draft.general, list(GENERAL_FIELDS), draft.separator)
    if draft.caption:
        lines.append(f"<caption>{draft.caption}</caption>")
    return "\n".join(lines)


def _block(
    name: str, fields: Mapping[str, Sequence[str]], order: Sequence[str], separator: str
) -> list[str]:
    inner = [f"  <{tag}>{separator.join(fields[tag])}</{tag}>" for tag in order if tag in fields]
    return [f"<{name}>", *inner, f"</{name}>"]


def _expected(draft: _Draft) -> Prompt:
    def element(tag: str, raw: str) -> Element:
        decoded = blank_stripped(decode_text(Source(raw), 0, len(raw)))
        return Element(tag, (Text(decoded),))

    def elements(fields: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        return {
            _NAMES.get(tag, tag): element(tag, draft.separator.join(tags))
            for tag, tags in fields.items()
        }

    return Prompt(
        characters=tuple(Character(**elements(each)) for each in draft.characters),
        general_tags=GeneralTags(**elements(draft.general)) if draft.general else None,
        caption=element("caption", draft.caption) if draft.caption else None,
    )
