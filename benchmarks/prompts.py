"""How long reading a prompt takes at its largest size, for friendly and hostile input.

Reading means all of it: decoding, structure, repairs, hints. Time must grow no faster than the
input, so every kind is measured at growing sizes as well.
"""

import time
from collections.abc import Callable
from contextlib import suppress

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
    "attributes": filled("<n a='b'/>"),
    "blanks in tags": lambda size: "<n" + " " * (size - 2),
    "full-width tags": filled("＜n＞a＜／n＞"),
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
    "references to characters": filled("character_5 ", "<character_5>x</character_5>"),
    "names of one letter more": lambda size: "".join(
        f"<{'x' * k}>y</{'x' * k}>" for k in range(1, int(size**0.5 * 0.95))
    ),
    "deep and wide": filled("<a><b><c><d><e><f><g>x</g></f></e></d></c></b></a>"),
    "GBK without declaration": lambda size: ("蓝色的头发，" * (size // 18)).encode("gbk"),
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
