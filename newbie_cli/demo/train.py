"""`newbie demo train --out DIR`: make the demo checkpoint from nothing.

Exit codes: 0 the checkpoint is written, 1 it could not be made, 2 the folder is not empty or the
command line is wrong, 3 stopped by a signal with everything saved (`--resume` goes on).
"""

import argparse
import sys
from pathlib import Path

_STOPPED = 3
_SIZES = (128, 256)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `train` command."""
    parser = subparsers.add_parser(
        "train",
        help="make the demo checkpoint from nothing",
        description="Draw pictures, train the demo model's four parts on them, and write it as a "
        "checkpoint with a README that says how long it took on what.",
        epilog="exit codes: 0 written, 1 failed, 2 usage or a folder that is not empty, "
        "3 stopped (--resume goes on)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write it")
    parser.add_argument(
        "--hours",
        type=_hours,
        metavar="H",
        help="train for about so long on this machine; default: the steps of the plan",
    )
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument(
        "--size",
        type=int,
        choices=_SIZES,
        default=128,
        help="native size of its pictures; default: %(default)s",
    )
    parser.add_argument("--device", help="such as cuda or cpu; default: the first card, or the CPU")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the training that was stopped there"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, and give the exit code."""
    out: Path = args.out
    if out.exists() and not out.is_dir():
        return _fail(2, f"{out} is not a folder")
    if not args.resume and out.is_dir() and any(out.iterdir()):
        return _fail(2, f"{out} is not empty (--resume goes on with a training that is there)")
    from newbie_pipeline.demo.demo_training import UNFINISHED

    if args.resume and not (out / UNFINISHED).is_dir():
        return _fail(2, f"{out} holds no training that could go on")
    return _train(args)


def _train(args: argparse.Namespace) -> int:
    import torch

    from newbie_pipeline.demo.demo_training import DemoTraining
    from newbie_pipeline.demo.model_sizes import sizes_for
    from newbie_pipeline.demo.training_plan import DEFAULT_PLAN
    from newbie_pipeline.errors import PipelineError, TrainingStopped
    from newbie_pipeline.render import choose_device
    from newbie_pipeline.training.stopping import stopped_by_signals

    try:
        with stopped_by_signals() as stop:
            DemoTraining(
                args.out,
                sizes_for(args.size),
                DEFAULT_PLAN,
                seed=args.seed,
                device=torch.device(choose_device(args.device)),
                hours=args.hours,
                stop=stop,
            ).run()
    except TrainingStopped as error:
        return _fail(_STOPPED, f"{error}; --resume goes on")
    except (PipelineError, OSError) as error:
        return _fail(1, str(error))
    print(f"{args.out}: the demo checkpoint; its README.md tells how it was made")
    return 0


def _hours(text: str) -> float:
    value = float(text)
    if not 0 < value < 1000:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _fail(exit_code: int, reason: str) -> int:
    print(f"newbie demo train: {reason}", file=sys.stderr)
    return exit_code
