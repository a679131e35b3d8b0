"""How well the demo model follows prompts it has never seen, and how right the measuring is.

A hundred held-out prompts of each kind, half for one figure and half for two, and those that people
wrote by hand.
Shares of right answers in percent; `newbie demo evaluate` prints the same without writing a row.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.record import Table, add_row
from newbie_pipeline.checkpoints.sources import parse_source
from newbie_pipeline.demo.evaluation import (
    Draw,
    Scores,
    Task,
    drawn_by,
    evaluate,
    hand_written_tasks,
    held_out_tasks,
)
from newbie_pipeline.demo.measuring import measure_drawings
from newbie_pipeline.demo.packaged import DEMO
from newbie_pipeline.render import LoadOptions, Renderer

PROMPTS = 50
TIMED = 24
STEPS, GUIDANCE = 28, 4.0
HAND_WRITTEN = Path(__file__).parents[1] / "tests" / "data" / "prompts" / "demo"
NAMES = (
    *("layout", "hair_of_all", "hair_color", "background", "clothing", "clothing_color"),
    *("expression", "eye_color", "hair_style", "accessory"),
)

FOLLOWS = Table(
    "The demo model: right answers of what prompts ask for, in percent",
    ("prompts of a kind", "number", *(name.replace("_", " ") for name in NAMES)),
    "python -m benchmarks demo",
)
SPEED = Table(
    f"The demo model: a picture, {STEPS} steps with guidance, on the CPU",
    ("pictures", "p50 (s)", "largest, with the first one (s)"),
    "python -m benchmarks demo",
)


def run() -> Iterator[str]:
    """Draw, measure, and write a row for each kind of prompt."""
    source = parse_source(DEMO)
    tasks = [*held_out_tasks(PROMPTS), *hand_written_tasks(HAND_WRITTEN)]
    draw = drawn_by(Renderer.load(source, LoadOptions(device="cpu", assist=False)), STEPS, GUIDANCE)
    seconds = [_seconds(draw, task) for task in tasks[:: len(tasks) // TIMED][: TIMED + 1]]
    yield add_row(
        SPEED, [str(TIMED), f"{statistics.median(seconds[1:]):.2f}", f"{max(seconds):.2f}"]
    )

    drawings, shuffled, decibels = measure_drawings(source, 2 * PROMPTS)
    found = evaluate(tasks, draw)
    for name, scores in found.groups.items():
        yield add_row(FOLLOWS, _cells(name, scores))
    yield add_row(FOLLOWS, _cells("all, each with the next one's picture", found.shuffled))
    yield add_row(FOLLOWS, _cells(f"drawings through the VAE, {decibels:.1f} dB", drawings))
    yield add_row(FOLLOWS, _cells("drawings, each with another's scene", shuffled))


def _seconds(draw: Draw, task: Task) -> float:
    begun = time.perf_counter()
    draw(task.text, task.seed)
    return time.perf_counter() - begun


def _cells(name: str, scores: Scores) -> list[str]:
    shares = (scores.share(each) for each in NAMES)
    return [
        name,
        str(scores.prompts),
        *("" if share is None else f"{100 * share:.1f}" for share in shares),
    ]
