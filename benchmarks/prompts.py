"""How long reading a prompt takes at its largest size, for friendly and hostile input.

Reading means all of it: decoding, structure, repairs, hints. Time must grow no faster than the
input, so every kind is measured at growing sizes as well.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice, product
from string import ascii_lowercase

from benchmarks.record import Table, add_row
from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.parse import MAX_BYTES, parse

REPEATS = 15
SHARES = (1, 2, 4, 8)

PROMPT_READING = Table(
    "Reading a prompt of growing size",
    ("kind", "64 KiB (ms)", "32 KiB (ms)", "16 KiB (ms)", "8 KiB (ms)"),
    "make bench",
)


def filled(piece: str, before: str = "") -> Callable[[int], str]:
    """Make prompts of a wanted size out of one piece."""
    return lambda size: before + piece * ((size - len(before)) // len(piece.encode()))


def numbered(size: int) -> str:
    """Make a prompt of references that are all different."""
    references = [f"&#{0x4E00 + k};" for k in range(size // 8)]
    return "".join(references)


def all_different(pattern: str) -> Callable[[int], str]:
    """Make prompts out of a pattern with a name in it that is another one each time."""

    def make(size: int) -> str:
        names = map("".join, product(ascii_lowercase, repeat=5))
        count = size // len(pattern.format("xxxxx").encode())
        return "".join(pattern.format(name) for name in islice(names, count))

    return make


KINDS: dict[str, Callable[[int], str | bytes]] = {
    "one field with many tags": lambda size: (
        f"<appearance>{'blue_hair, ' * ((size - 30) // 11)}x</appearance>"
    ),
    "many filled fields": filled("<n>miku, blue_hair, smile</n>\n"),
    "sixteen characters": lambda size: "".join(
        f"<character_{k}><n>a</n><appearance>{'blue_hair, ' * (size // 16 // 11 - 9)}"
        f"</appearance></character_{k}>"
        for k in range(1, 17)
    ),
    "as many elements as are allowed": filled(f"<n>{'miku, rin ' * 5}.......</n>"),
    "empty elements only": filled("<a/>"),
    "character references only": filled("&#65;"),
    "character references, all different": numbered,
    "ampersands": filled("&"),
    "unescaped `<` in text": filled("<3 >_< "),
    "what looks like tags": filled("<b "),
    "a `<` before a letter": filled("a<b "),
    "a `<` before names that are all different": all_different("<{} "),
    "a `<` before the name of an element": filled("<b ", "<b>x</b>"),
    "unfinished end tags": filled("</x "),
    "unfinished end tags, all different": all_different("</{} "),
    "unfinished instructions": filled("<?"),
    "emoticons that look like tags": filled("<_<"),
    "attributes": filled("<n a='b'/>"),
    "attributes of one tag": lambda size: (
        f"<n{all_different(' {}=' + chr(39) * 2)(size - 9)}>x</n>"
    ),
    "quotes that alternate": filled("\"'"),
    "quotes that alternate in a tag": filled("\"'", '<n a="'),
    "blanks in tags": lambda size: "<n" + " " * (size - 2),
    "full-width tags": filled("＜n＞a＜／n＞"),
    "full-width tags, all different": all_different("＜{}＞"),
    "full-width brackets": filled("＜"),
    "comments": filled("<!---->", "x"),
    "CDATA sections": filled("<![CDATA[]]>", "x"),
    "line ends": filled("\n", "x"),
    "invisible characters": filled("\u200b"),
    "unclosed elements": filled("<a>"),
    "unclosed fields": filled("<n>a", "<character_1>"),
    "unclosed comment": lambda size: "<!--" + "-" * (size - 4),
    "unclosed attribute": lambda size: '<a b="' + "x" * (size - 6),
    "unclosed attributes": filled('<a b="'),
    "end tags with a missing sign": filled("<n>a</n"),
    "end tags twice": filled("<a>x</a></a>"),
    "misspelt end tags": filled("<appearance>x</appearence>"),
    "unknown elements": filled("<zodiac>x</zodiac>"),
    "unknown elements, all different": all_different(f"<a{{0}}>{'tag, ' * 10}</a{{0}}>"),
    "misspelt end tags, all different": all_different(f"<appear{{0}}>{'tag, ' * 46}</a{{0}}ppear>"),
    "brackets for weights": filled("("),
    "weights": filled("(a:1.2), [b], "),
    "tags that are all different": lambda size: (
        f"<character_1><appearance>{all_different('{},')(size - 60)}</appearance></character_1>"
    ),
    "contradictions": lambda size: (
        f"<character_1><appearance>{'blue_hair,red_hair,' * ((size - 60) // 19)}x</appearance>"
        "</character_1>"
    ),
    "Chinese tags": lambda size: (
        f"<character_1><appearance>{'蓝色头发，' * ((size - 60) // 15)}x</appearance></character_1>"
    ),
    "warnings of every field": filled(
        "<n a='b'>x</n><action><n>y</n></action><quality/><zodiac>z</zodiac>", "<character_1>"
    ),
    "references to characters": filled("character_5 ", "<character_5>x</character_5>"),
    "names of one letter more": lambda size: "".join(
        f"<{'x' * k}>y</{'x' * k}>" for k in range(1, int(size**0.5 * 0.95))
    ),
    "deep and wide": filled("<a><b><c><d><e><f><g>x</g></f></e></d></c></b></a>"),
    "GBK without declaration": lambda size: ("蓝色的头发，" * (size // 18)).encode("gbk"),
    "Big5 without declaration": lambda size: ("藍色的頭髮，" * (size // 18)).encode("cp950"),
    "UTF-16 without mark": lambda size: ("青い髪の少女、" * (size // 21)).encode("utf-16-le"),
    "GBK of characters that are all different": lambda size: "".join(
        chr(0x4E00 + k % 20_000) for k in range(size // 3)
    ).encode("gb18030"),
    "bytes of no encoding": lambda size: b"\xff" * size,
    "Shift-JIS without declaration": lambda size: ("青い髪の少女、" * (size // 21)).encode("cp932"),
}


def milliseconds(text: str | bytes) -> float:
    """Give the shortest of several runs."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        with suppress(PromptError):  # a refusal takes its time, too
            parse(text)
        best = min(best, time.perf_counter() - started)
    return best * 1000


def run() -> list[str]:
    """Measure every kind and write its row."""
    return [
        add_row(
            PROMPT_READING,
            (name, *(f"{milliseconds(make(MAX_BYTES // share)):.1f}" for share in SHARES)),
        )
        for name, make in KINDS.items()
    ]
