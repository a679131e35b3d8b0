"""How well the demo model follows prompts it has never seen, and how right the measuring is.

A hundred held-out prompts of each kind, for one figure and for two, and those that people wrote.
Shares of right answers in percent; `newbie demo evaluate` prints the same without writing a row.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from benchmarks.record import Table, add_row
from newbie_pipeline.checkpoints.sources import parse_source
from newbie_pipeline.demo.evaluation import (
    Scores,
    drawn_by,
    evaluate,
    hand_written_tasks,
    held_out_tasks,
)
from newbie_pipeline.demo.measuring import measure_drawings
from newbie_pipeline.demo.packaged import DEMO
from newbie_pipeline.render import LoadOptions, Renderer

PROMPTS = 100
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
    ("pictures", "seconds a picture", "VAE (dB)"),
    "python -m benchmarks demo",
)


def run() -> Iterator[str]:
    """Draw, measure, and write a row for each kind of prompt."""
    source = parse_source(DEMO)
    drawings, shuffled, decibels = measure_drawings(source, 2 * PROMPTS)
    tasks = [*held_out_tasks(PROMPTS), *hand_written_tasks(HAND_WRITTEN)]
    renderer = Renderer.load(source, LoadOptions(device="cpu", assist=False))
    seconds = 0.0
    draw = drawn_by(renderer, STEPS, GUIDANCE)

    def timed(text: str, seed: int) -> Image.Image:
        nonlocal seconds
        begun = time.perf_counter()
        picture = draw(text, seed)
        seconds += time.perf_counter() - begun
        return picture

    found = evaluate(tasks, timed)
    for name, scores in found.groups.items():
        yield add_row(FOLLOWS, _cells(name, scores))
    yield add_row(FOLLOWS, _cells("all, each with the next one's picture", found.shuffled))
    yield add_row(FOLLOWS, _cells("drawings through the VAE", drawings))
    yield add_row(FOLLOWS, _cells("drawings, each with another's scene", shuffled))
    yield add_row(SPEED, [str(len(tasks)), f"{seconds / len(tasks):.2f}", f"{decibels:.1f}"])


def _cells(name: str, scores: Scores) -> list[str]:
    shares = (scores.share(each) for each in NAMES)
    return [
        name,
        str(scores.prompts),
        *("" if share is None else f"{100 * share:.1f}" for share in shares),
    ]
