"""`newbie make-tiny DIR`: write a complete tiny checkpoint with random weights.

Exit codes: 0 written, 1 it could not be written, 2 the folder is not empty or the command line is
wrong.
"""

import argparse
import shutil
import sys
from pathlib import Path

# What a checkpoint consists of; `--force` replaces these and leaves everything else alone.
_PARTS = ("transformer", "text_encoder", "clip_model", "vae", "scheduler", "model_index.json")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `make-tiny` command."""
    parser = subparsers.add_parser(
        "make-tiny",
        help="write a tiny checkpoint with random weights",
        description="Write a complete tiny checkpoint, for trying everything without the real one.",
        epilog="exit codes: 0 written, 1 not written, 2 usage or a folder that is not empty",
    )
    parser.add_argument("directory", metavar="DIR", type=Path, help="where to write it")
    parser.add_argument("--seed", type=int, default=0, help="other weights for another seed")
    parser.add_argument("--force", action="store_true", help="replace a checkpoint that is there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the checkpoint and give the exit code."""
    directory: Path = args.directory
    if directory.exists() and not directory.is_dir():
        print(f"newbie make-tiny: {directory} is not a folder", file=sys.stderr)
        return 2
    if directory.is_dir() and any(directory.iterdir()) and not args.force:
        print(f"newbie make-tiny: {directory} is not empty (--force replaces it)", file=sys.stderr)
        return 2
    from newbie_pipeline.checkpoints.identity import model_hash
    from newbie_pipeline.tiny import make_tiny

    try:
        for part in _PARTS:
            _remove(directory / part)
        make_tiny(directory, seed=args.seed)
    except OSError as error:
        print(f"newbie make-tiny: {error}", file=sys.stderr)
        return 1
    print(f"{directory}: a tiny checkpoint, {model_hash(directory)}")
    return 0


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
