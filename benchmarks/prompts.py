"""How long the check of a prompt takes at its largest size, for friendly and hostile input.

The largest of the hostile kinds must grow no faster than its input: the table shows the time at
a quarter of the size as well.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from benchmarks.record import Table, add_row
from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.parse import MAX_BYTES, check_prompt

REPEATS = 7

PROMPT_CHECK = Table(
    "Checking a prompt of 64 KiB",
    ("kind", "64 KiB (ms)", "16 KiB (ms)"),
    "make bench",
)


def filled(piece: str) -> Callable[[int], str]:
    """Make prompts of a wanted size out of one piece."""
    return lambda size: (piece * (size // len(piece)))[: size // len(piece) * len(piece)]


KINDS: dict[str, Callable[[int], str]] = {
    "one field with many tags": lambda size: (
        f"<appearance>{'blue_hair, ' * ((size - 30) // 11)}x</appearance>"
    ),
    "many filled fields": filled("<n>miku, blue_hair, smile</n>\n"),
    "empty elements only": filled("<a/>"),
    "character references only": filled("&#65;"),
    "unescaped `<` in text": filled("<3 >_< "),
    "unclosed elements": filled("<a>"),
    "unclosed comment": lambda size: "<!--" + "-" * (size - 4),
    "unclosed attribute": lambda size: '<a b="' + "x" * (size - 6),
}


def milliseconds(text: str) -> float:
    """Give the shortest of several runs."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        with suppress(PromptError):  # a refusal takes its time, too
            check_prompt(text)
        best = min(best, time.perf_counter() - started)
    return best * 1000


def run() -> list[str]:
    """Measure every kind and write its row."""
    return [
        add_row(
            PROMPT_CHECK,
            (
                name,
                f"{milliseconds(make(MAX_BYTES)):.1f}",
                f"{milliseconds(make(MAX_BYTES // 4)):.1f}",
            ),
        )
        for name, make in KINDS.items()
    ]
