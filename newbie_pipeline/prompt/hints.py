"""What is well formed and yet hardly meant: contradictions, counts, length, many characters.

These warn only where a member would agree at once; what could be meant is left alone.
"""

import re
from itertools import islice

from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.model import Character, Element, Prompt
from newbie_pipeline.prompt.source import Source

MAX_GEMMA_TOKENS = 512
# The system prompt that Gemma reads first has 28 words and signs.
_SYSTEM_PROMPT_TOKENS = 28
# A look at so many pieces tells whether a prompt is too long.
_PIECES_COUNTED = 4_096
_TRAINED_CHARACTERS = 2

_COLOURS = (
    *("black", "blonde", "white", "silver", "grey", "gray", "red", "blue", "light_blue", "aqua"),
    *("pink", "green", "purple", "brown", "orange", "yellow"),
)
_SAME = {"gray": "grey", "silver": "grey"}
_CJK_COLOURS = {
    **dict.fromkeys("黑黒", "black"),
    **dict.fromkeys("金", "blonde"),
    **dict.fromkeys("白", "white"),
    **dict.fromkeys("银銀灰", "grey"),
    **dict.fromkeys("红赤紅", "red"),
    **dict.fromkeys("蓝青", "blue"),
    **dict.fromkeys("粉桃", "pink"),
    **dict.fromkeys("绿緑", "green"),
    **dict.fromkeys("紫", "purple"),
    **dict.fromkeys("棕茶褐", "brown"),
}
_CJK_TAG = re.compile(rf"([{''.join(_CJK_COLOURS)}])(?:い|色の?|の)?(头?发|髪|眼睛?|瞳|目)")
_EYES = ("眼", "眼睛", "瞳", "目")

# Tags of one field that exclude each other: tag, and what it says about which quality.
_EXCLUSIVE: dict[str, tuple[str, str]] = {
    **{f"{colour}_hair": ("hair colour", _SAME.get(colour, colour)) for colour in _COLOURS},
    **{f"{colour}_eyes": ("eye colour", _SAME.get(colour, colour)) for colour in _COLOURS},
    **{
        tag: ("hair length", length)
        for tag, length in (
            *(("short_hair", "short"), ("very_short_hair", "short"), ("medium_hair", "medium")),
            *(("long_hair", "long"), ("very_long_hair", "long"), ("bald", "none")),
            *(("短发", "short"), ("長髪", "long"), ("长发", "long"), ("ロングヘア", "long")),
            *(("ショートヘア", "short"), ("短髪", "short")),
        )
    },
    **{tag: ("mouth", tag) for tag in ("open_mouth", "closed_mouth")},
    **dict.fromkeys(("1girl", "girl", "female"), ("gender", "girl")),
    **dict.fromkeys(("1boy", "boy", "male"), ("gender", "boy")),
    **{tag: ("breast size", tag) for tag in ("flat_chest", "large_breasts", "huge_breasts")},
}
# A tag with one of these words says that several values are meant.
_SEVERAL = re.compile(
    r"multicolou?red|two-tone|gradient|streak|highlights|colou?red_(?:inner|tips)|split|rainbow"
    r"|heterochromia|异色|オッドアイ|渐变|グラデ|挑染|メッシュ|futa|androgyn"
)
_WEIGHT = re.compile(r"[(){}\[\]]|:[0-9.]+(?=[)\]}]|$)")
_PEOPLE = re.compile(r"([1-9]\d?)_?(?:(?:girl|boy|other|person)s?|(?:人|名|个|個)\w{0,3})")
_TOKEN_PIECE = re.compile(r"[A-Za-z]{1,10}|</|[^\sA-Za-z]")


def find_hints(source: Source, prompt: Prompt, shown: str) -> None:
    """Note W4xx with `source`; `shown` is the text that the model gets."""
    for number, character in enumerate(prompt.characters, 1):
        _find_contradictions(source, number, character)
    described = len(prompt.characters)
    if described > _TRAINED_CHARACTERS:
        source.warn(Code.MANY_CHARACTERS, None, count=described)
    count = prompt.general_tags.count if prompt.general_tags else None
    if described and count is not None:
        _compare_count(source, count, described)
    tokens = estimate_tokens(shown)
    if tokens > MAX_GEMMA_TOKENS:
        source.warn(Code.TOO_LONG, None, tokens=tokens, limit=MAX_GEMMA_TOKENS)


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens Gemma makes of system prompt and prompt.

    Counts words in pieces of up to ten letters, and every other sign as one; the exact number is
    known only where the tokenizer is.
    """
    pieces, end = 0, 0
    for match in islice(_TOKEN_PIECE.finditer(text), _PIECES_COUNTED):
        pieces, end = pieces + 1, match.end()
    if pieces == _PIECES_COUNTED:
        pieces = pieces * len(text) // end
    return _SYSTEM_PROMPT_TOKENS + pieces


def _find_contradictions(source: Source, number: int, character: Character) -> None:
    for name, element in character.elements():
        if _SEVERAL.search(element.text.lower()):
            continue
        said: dict[str, tuple[str, str]] = {}
        for tag in element.tags:
            quality, value = _quality(_plain(tag))
            before = said.setdefault(quality, (value, tag)) if quality else (value, tag)
            if before[0] != value:
                values = {"first": quote(before[1]), "second": quote(tag)}
                values["tag"] = quote(f"<{name}>")
                place = (element.line, element.column)
                source.warn_at(Code.CONTRADICTION, place, **values)
                break


def _quality(tag: str) -> tuple[str, str]:
    """Give what a tag is about and what it says; empty where it excludes nothing."""
    if match := _CJK_TAG.fullmatch(tag):
        about = "eye colour" if match[2] in _EYES else "hair colour"
        return about, _CJK_COLOURS[match[1]]
    return _EXCLUSIVE.get(tag, ("", ""))


def _plain(tag: str) -> str:
    """Give a tag without weights, in the spelling that the tables use."""
    return "_".join(_WEIGHT.sub("", tag.lower()).split())


def _compare_count(source: Source, count: Element, described: int) -> None:
    """Warn where the numbers under <count> add up to something else than is described."""
    tags = [_plain(tag) for tag in count.tags]
    if any("+" in tag or "multiple" in tag for tag in tags):
        return
    named = sum(int(match[1]) for tag in tags if (match := _PEOPLE.fullmatch(tag)))
    named = named or int("solo" in tags)
    if named and named != described:
        values: dict[str, str | int] = {"given": quote(count.text), "found": described}
        source.warn_at(Code.COUNT_MISMATCH, (count.line, count.column), **values)
