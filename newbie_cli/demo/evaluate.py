"""`newbie demo evaluate`: does a checkpoint draw what prompts ask for?

Draws held-out combinations and hand-written prompts, measures the pictures, and prints the share of
right answers by kind of prompt; with --json one JSON document. Exit codes: 0 measured, 1 the
checkpoint cannot be used or drawing failed, 2 a wrong command line.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from newbie_pipeline.demo.packaged import DEMO

if TYPE_CHECKING:
    from PIL import Image

    from newbie_pipeline.demo.evaluation import Evaluation, Scores, Task
    from newbie_pipeline.render import Renderer

_HAND_WRITTEN = Path(__file__).parents[2] / "tests" / "data" / "prompts" / "demo"
# What is shown, in this order; the document has everything.
_COLUMNS = (
    *("layout", "hair_of_all", "hair_color", "background", "clothing", "clothing_color"),
    *("expression", "eye_color", "hair_style", "accessory"),
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `evaluate` command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure how well a checkpoint follows prompts",
        description="Draw held-out combinations and hand-written prompts, and measure from the "
        "pictures alone whether they show what was asked for.",
        epilog="exit codes: 0 measured, 1 the checkpoint cannot be used, 2 usage",
    )
    parser.add_argument("--model", default=DEMO, metavar="PATH", help="default: %(default)s")
    parser.add_argument(
        "--prompts", type=_count, default=100, metavar="N", help="of a kind; default: %(default)s"
    )
    parser.add_argument("--steps", type=_count, default=28, help="default: %(default)s")
    parser.add_argument("--guidance", type=float, default=4.0, help="default: %(default)s")
    parser.add_argument(
        "--hand-written",
        type=Path,
        default=_HAND_WRITTEN,
        metavar="DIR",
        help="prompts with their expected.json; default: those of the project's tests",
    )
    parser.add_argument(
        "--sheets", type=Path, metavar="DIR", help="save a sheet of pictures for each kind here"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw, measure, print, and give the exit code."""
    from newbie_pipeline.checkpoints.sources import parse_source
    from newbie_pipeline.demo.contact_sheet import ContactSheets
    from newbie_pipeline.demo.evaluation import evaluate, held_out_tasks
    from newbie_pipeline.errors import PipelineError
    from newbie_pipeline.render import LoadOptions, Renderer

    try:
        tasks = [*held_out_tasks(args.prompts), *_hand_written(args.hand_written)]
        renderer = Renderer.load(parse_source(args.model), LoadOptions(assist=False))
        sheets = ContactSheets()
        show = _Progress(len(tasks))

        def on_picture(task: "Task", picture: "Image.Image") -> None:
            sheets.add(task.group, picture)
            show()

        begun = time.monotonic()
        found = evaluate(tasks, _draw(renderer, args.steps, args.guidance), on_picture)
        seconds = (time.monotonic() - begun) / len(tasks)
        if args.sheets is not None:
            sheets.save(args.sheets)
    except (PipelineError, OSError, ValueError) as error:
        print(f"newbie demo evaluate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("newbie demo evaluate: stopped", file=sys.stderr)
        return 1
    if args.json:
        facts = {"model": renderer.info.model_name, "model_hash": renderer.info.model_hash}
        print(json.dumps({**facts, "seconds": round(seconds, 3), **found.as_data()}, indent=2))
    else:
        print("\n".join(_table(found)))
        print(f"\n{renderer.info.model_name}: {seconds:.2f} s a picture")
    return 0


def _hand_written(folder: Path) -> list["Task"]:
    """Read the prompts of a folder; without any, as where only the package is installed, none."""
    from newbie_pipeline.demo.evaluation import Task
    from newbie_pipeline.demo.handwritten import read_handwritten

    if folder == _HAND_WRITTEN and not folder.is_dir():
        return []
    return [
        Task("hand-written", each.text, each.wanted, number)
        for number, each in enumerate(read_handwritten(folder))
    ]


def _draw(renderer: "Renderer", steps: int, guidance: float):  # type: ignore[no-untyped-def]
    from newbie_pipeline.prompt.parse import parse
    from newbie_pipeline.render import RenderSpec

    def draw(text: str, seed: int) -> "Image.Image":
        prompt = parse(text.encode()).source
        spec = RenderSpec(prompt, "", 1024, 1024, steps, guidance, seeds=(seed,))
        return renderer.render(spec, lambda *_: None, lambda: False).images[0]

    return draw


def _table(found: "Evaluation") -> list[str]:
    width = max(map(len, (*found.groups, "shuffled")))
    lines = [f"{'':{width}}  prompts  {'  '.join(_COLUMNS)}"]
    rows: Sequence[tuple[str, Scores]] = [*found.groups.items(), ("shuffled", found.shuffled)]
    for name, scores in rows:
        cells = [f"{_percent(scores.share(column)):>{len(column)}}" for column in _COLUMNS]
        lines.append(f"{name:{width}}  {scores.prompts:>7}  {'  '.join(cells)}")
    return lines


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


class _Progress:
    """Count pictures on a terminal."""

    def __init__(self, total: int) -> None:
        self._done, self._total = 0, total

    def __call__(self) -> None:
        self._done += 1
        if sys.stderr.isatty():
            end = "\n" if self._done == self._total else "\r"
            print(f"picture {self._done} of {self._total}", end=end, file=sys.stderr, flush=True)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
