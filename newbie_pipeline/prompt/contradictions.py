"""Tags of one character that exclude each other: two hair colours, long and short hair.

- A tag says something about a quality, as a set of values that it leaves open: aqua may be blue or
  green. Tags contradict each other where nothing is left that fits all of them.
- What a character does with others is not looked at: it may name their hair.
- Nothing is said where a tag tells that several values are meant, such as `multicolored_hair`.
"""

import re
from collections.abc import Iterator
from itertools import islice

from newbie_pipeline.prompt.errors import Code, quote
from newbie_pipeline.prompt.model import Character, Element, Text
from newbie_pipeline.prompt.source import Source

# Far more than the model reads.
_TAGS_LOOKED_AT = 2_048
_LONGEST_TAG = 48

_FIELDS = ("gender", "appearance", "clothing", "expression", "action")

_COLOURS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("black", "brown", "blonde", "red", "pink", "purple")},
    **{name: (name,) for name in ("blue", "green")},
    **dict.fromkeys(("blond", "golden", "gold", "yellow"), ("blonde",)),
    **dict.fromkeys(("silver", "grey", "gray"), ("white", "grey")),
    "white": ("white",),
    "platinum": ("blonde", "white"),
    **dict.fromkeys(("aqua", "cyan", "teal", "turquoise"), ("blue", "green")),
    **dict.fromkeys(("orange", "ginger", "auburn"), ("orange", "red", "brown")),
    "amber": ("orange", "blonde", "brown"),
    "hazel": ("brown", "green"),
    **dict.fromkeys(("crimson", "maroon"), ("red",)),
    **dict.fromkeys(("violet", "lavender"), ("purple",)),
    "magenta": ("pink", "purple"),
    "indigo": ("blue", "purple"),
}
_CJK_COLOURS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("黑", "黒"), ("black",)),
    **dict.fromkeys(("金",), ("blonde",)),
    **dict.fromkeys(("白",), ("white",)),
    **dict.fromkeys(("银", "銀", "灰"), ("white", "grey")),
    **dict.fromkeys(("红", "赤", "紅"), ("red",)),
    **dict.fromkeys(("蓝", "藍", "水"), ("blue",)),
    **dict.fromkeys(("青",), ("blue", "green")),
    **dict.fromkeys(("粉", "桃", "ピンク"), ("pink",)),
    **dict.fromkeys(("绿", "緑", "綠"), ("green",)),
    **dict.fromkeys(("紫",), ("purple",)),
    **dict.fromkeys(("橙", "オレンジ"), ("orange", "red", "brown")),
    **dict.fromkeys(("棕", "茶", "褐"), ("brown",)),
}
# What a shade comes close to.
_SHADES = {"dark": ("black",), "light": ("white", "blonde"), "pale": ("white", "blonde")}
_COLOUR_TAG = re.compile(
    rf"(?:(light|pale|bright|deep|dark)_)?({'|'.join(_COLOURS)})(?:_blonde)?_(hair|eyes)"
)
_CJK_TAG = re.compile(
    rf"({'|'.join(_CJK_COLOURS)})?(?:い|色的?|色の|的|の)?(长|長|短)?"
    r"(?:(头?发|頭?髮|髪|ヘア)|(眼睛?|瞳孔?|目|の瞳))"
)

_LENGTHS = {
    **dict.fromkeys(("short_hair", "very_short_hair", "ショートヘア"), "short"),
    **dict.fromkeys(("medium_hair", "ミディアムヘア", "中长发"), "medium"),
    **dict.fromkeys(("long_hair", "very_long_hair", "absurdly_long_hair"), "long"),
    **dict.fromkeys(("ロングヘア", "超长发"), "long"),
    "bald": "none",
}
_EXCLUSIVE: dict[str, tuple[str, str]] = {
    **{tag: ("hair length", length) for tag, length in _LENGTHS.items()},
    **{tag: ("mouth", tag) for tag in ("open_mouth", "closed_mouth")},
    **dict.fromkeys(("1girl", "girl", "female"), ("gender", "girl")),
    **dict.fromkeys(("1boy", "boy", "male"), ("gender", "boy")),
    **{tag: ("breast size", tag) for tag in ("flat_chest", "large_breasts", "huge_breasts")},
}
# One of these says that several values of a quality are meant.
_SEVERAL_COLOURS = (
    r"multi(?:ple|colou?r)|(?:two|three)[-_ ]tone|gradient|ombre|streak|highlight|dyed|split|half"
    r"|rainbow|alternating|colou?red_(?:inner|tips)|inner_colou?r|hair_tips|渐变|漸變|グラデ|挑染"
    r"|メッシュ|双色|雙色|多色|ツートン|インナーカラー"
)
_SEVERAL = {
    "hair colour": re.compile(rf"(?:{_SEVERAL_COLOURS})(?!\w*[_ ]eyes)"),
    "eye colour": re.compile(
        rf"heterochromia|mismatched|odd_eyes|different_colou?red|异色|異色|オッドアイ"
        rf"|(?:{_SEVERAL_COLOURS})\w*[_ ]eyes"
    ),
    "hair length": re.compile(r"long_locks|asymmetric|one_side"),
    "gender": re.compile(r"futa|androgyn|genderswap|hermaphrodit"),
}
_SEVERAL_PERSONS = re.compile(r"dual_persona|before_and_after|multiple_views|transformation")
_WEIGHT = re.compile(r"[(){}\[\]\\]|:[0-9.]+(?=[)\]}]|$)")

Saying = tuple[str, frozenset[str]]


def find_contradictions(source: Source, characters: tuple[Character, ...]) -> None:
    """Note one W401 for each quality of a character about which its tags do not agree."""
    left = _TAGS_LOOKED_AT
    for number, character in enumerate(characters, 1):
        # Which values are still open, and the tag that said so first, with its element.
        open_values: dict[str, tuple[frozenset[str], str, str]] = {}
        for name, part, tag in islice(_tags(number, character), left):
            left -= 1
            for quality, values in sayings(tag):
                before, first, where = open_values.setdefault(quality, (values, tag, name))
                if before & values:
                    open_values[quality] = (before & values, first, where)
                elif before:
                    open_values[quality] = (frozenset(), first, where)
                    if _means_several(quality, character):
                        continue
                    place = name if where == name else f"character_{number}"
                    shown = {"first": quote(first), "second": quote(tag), "tag": f"<{place}>"}
                    source.warn_at(Code.CONTRADICTION, (part.line, part.column), **shown)


def sayings(tag: str) -> Iterator[Saying]:
    """Give what a tag says about which qualities."""
    if len(tag) > _LONGEST_TAG:
        return
    plain = plain_tag(tag)
    if exclusive := _EXCLUSIVE.get(plain):
        yield exclusive[0], frozenset((exclusive[1],))
    elif plain.isascii():
        if match := _COLOUR_TAG.fullmatch(plain):
            values = _COLOURS[match[2]] + _SHADES.get(match[1], ())
            yield "hair colour" if match[3] == "hair" else "eye colour", frozenset(values)
    elif match := _CJK_TAG.fullmatch(plain):
        if match[1]:
            about = "hair colour" if match[3] else "eye colour"
            yield about, frozenset(_CJK_COLOURS[match[1]])
        if match[2] and match[3]:
            yield "hair length", frozenset(("short" if match[2] == "短" else "long",))


def plain_tag(tag: str) -> str:
    """Give a tag without weights, in the spelling that the tables use."""
    return "_".join(_WEIGHT.sub("", tag.lower()).replace("-", "_").split())


def _tags(number: int, character: Character) -> Iterator[tuple[str, Element | Text, str]]:
    """Give each tag once, with the name of its field and the value that it is a part of."""
    parts: list[tuple[str, Element | Text | None]] = [
        (name, getattr(character, name)) for name in _FIELDS
    ]
    for name, part in (*parts, (f"character_{number}", character.text)):
        if part is not None:
            yield from ((name, part, tag) for tag in dict.fromkeys(part.tags))


def _means_several(quality: str, character: Character) -> bool:
    several = _SEVERAL.get(quality)
    texts = [element.text.lower() for _, element in character.elements()]
    texts += [character.text.text.lower()] if character.text else []
    return any(
        _SEVERAL_PERSONS.search(text) or (several is not None and several.search(text))
        for text in texts
    )
