"""`newbie demo evaluate`: does a checkpoint draw what prompts ask for?

Draws held-out combinations and hand-written prompts, measures the pictures, and prints the share of
right answers by kind of prompt, with how right the measuring itself is; with --json one JSON
document. Exit codes: 0 measured, 1 the
checkpoint cannot be used or drawing failed, 2 a wrong command line.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from newbie_pipeline.demo.evaluation import Evaluation, Scores, Task

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
    parser.add_argument("--model", default="demo", metavar="PATH", help="default: %(default)s")
    parser.add_argument(
        "--prompts",
        type=_count,
        default=50,
        metavar="N",
        help="of each kind for one figure, and as many for two; default: %(default)s",
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
    from newbie_pipeline.demo.evaluation import drawn_by, evaluate, held_out_tasks
    from newbie_pipeline.demo.measuring import measure_drawings
    from newbie_pipeline.errors import PipelineError
    from newbie_pipeline.render import LoadOptions, Renderer

    try:
        source = parse_source(args.model)
        tasks = [*held_out_tasks(args.prompts), *_hand_written(args.hand_written)]
        renderer = Renderer.load(source, LoadOptions(assist=False))
        measured = measure_drawings(source, args.prompts)
        sheets = ContactSheets()
        show = _Progress(len(tasks))

        def on_picture(task: "Task", picture: "Image.Image") -> None:
            sheets.add(task.group, picture)
            show()

        begun = time.monotonic()
        found = evaluate(tasks, drawn_by(renderer, args.steps, args.guidance), on_picture)
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
        facts = {
            "model": renderer.info.model_name,
            "model_hash": renderer.info.model_hash,
            "seconds": round(seconds, 3),
            "psnr": round(measured[2], 2),
        }
        drawings = {"drawings": measured[0].as_data(), "drawings_shuffled": measured[1].as_data()}
        print(json.dumps({**facts, **found.as_data(), **drawings}, indent=2))
    else:
        print("\n".join(_table(found, measured[0], measured[1])))
        print(f"\n{renderer.info.model_name}: {seconds:.2f} s a picture, VAE {measured[2]:.1f} dB")
    return 0


def _hand_written(folder: Path) -> list["Task"]:
    """Read the prompts of a folder; where only the package is installed, there are none."""
    from newbie_pipeline.demo.evaluation import hand_written_tasks

    return [] if folder == _HAND_WRITTEN and not folder.is_dir() else hand_written_tasks(folder)


def _table(found: "Evaluation", drawings: "Scores", shuffled: "Scores") -> list[str]:
    rows: Sequence[tuple[str, Scores]] = [
        *found.groups.items(),
        ("all, shuffled", found.shuffled),
        ("drawings through the VAE", drawings),
        ("drawings, shuffled", shuffled),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{'':{width}}  prompts  {'  '.join(_COLUMNS)}"]
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
