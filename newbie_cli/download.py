"""`newbie download [REPO]`: fetch a checkpoint from the Hub, check it, and say how to use it.

Only safetensors, JSON and tokenizer files are fetched: no pickles, no code, no pictures. The disk's
free space is checked first, and a download that was interrupted goes on where it stopped. The token
is HF_TOKEN or the one that the library has stored; it is never printed.

Exit codes: 0 complete, 1 not (the reason is on stderr), 2 the command line is wrong.
"""

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from newbie_cli import worker_settings

# As its publisher calls it on the Hub.
DEFAULT_REPO = "NewBie-AI/NewBie-image-Exp0.1"
# Left free on the disk for everything else.
RESERVE = 256 * 2**20
GO_ON = "What has arrived is kept: run the same command again to go on."


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `download` command."""
    parser = subparsers.add_parser(
        "download",
        help="fetch a checkpoint from the Hugging Face Hub",
        description="Fetch a checkpoint from the Hugging Face Hub and check that it is complete.",
        epilog="exit codes: 0 complete, 1 not, 2 usage. A private or gated repository needs "
        "HF_TOKEN in the environment.",
    )
    parser.add_argument(
        "repo", metavar="REPO", nargs="?", default=DEFAULT_REPO, help=f"default: {DEFAULT_REPO}"
    )
    parser.add_argument(
        "--to", metavar="DIR", type=Path, help="default: a folder of the user's data"
    )
    parser.add_argument("--revision", metavar="REV", help="a branch, tag or commit")
    parser.add_argument(
        "--text-encoder",
        choices=worker_settings.TEXT_ENCODERS,
        default="full",
        help="clip_only leaves out Gemma, half of all bytes; the worker must be set so, too",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON on stdout")
    parser.set_defaults(run=run)


class _Failure(Exception):
    """The download cannot be done or did not succeed; the message is for the person."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run(args: argparse.Namespace) -> int:
    """Download, check, and give the exit code."""
    from newbie_pipeline.checkpoints.layouts import component_entries, find_checkpoint
    from newbie_pipeline.errors import CheckpointError

    clip_only = args.text_encoder == "clip_only"
    try:
        folder = _download(args, clip_only=clip_only)
        checkpoint = find_checkpoint(folder, clip_only=clip_only)
        # Reads every header against its file's length.
        sizes = [component_entries(part).values() for part in checkpoint.components().values()]
    except _Failure as failure:
        return _fail(failure.exit_code, str(failure))
    except CheckpointError as error:
        return _fail(1, f"what was downloaded is no complete checkpoint: {error}")
    except KeyboardInterrupt:
        return _fail(1, f"stopped. {GO_ON}")
    total = sum(entry.length for entries in sizes for entry in entries)
    if args.json:
        facts = {"repo": args.repo, "path": str(folder), "layout": checkpoint.layout}
        print(json.dumps({**facts, "weight_bytes": total}, ensure_ascii=False))
        return 0
    print(f"{folder}: complete, {_gigabytes(total)} of weights ({checkpoint.layout})")
    lines = [f"{worker_settings.MODEL}={_quoted(str(folder))}"]
    if clip_only:
        lines.append(f"{worker_settings.TEXT_ENCODER}=clip_only")
    print(f"Put {'this line' if len(lines) == 1 else 'these lines'} into .env:\n")
    print("\n".join(lines))
    return 0


def _download(args: argparse.Namespace, *, clip_only: bool) -> Path:
    from newbie_cli import hub_files

    target: Path = (args.to or _default_folder(args.repo)).absolute()
    if target.exists() and not target.is_dir():
        raise _Failure(f"{target} is not a folder", exit_code=2)
    with _clear_sentences(args.repo, args.revision), _bars(shown=sys.stderr.isatty()):
        try:
            commit, files = hub_files.wanted_files(args.repo, args.revision, clip_only=clip_only)
        except hub_files.UnsafeName as error:
            raise _Failure(f"{error}: nothing was fetched") from error
        if not any(file.path.endswith(".safetensors") for file in files):
            raise _Failure(
                f"{args.repo} holds no safetensors, and nothing else is loaded here: a pickle can "
                "run any program when it is opened"
            )
        _check_space(target, hub_files.still_to_come(files, target))
        hub_files.fetch(args.repo, commit, files, target)
    return target


def _default_folder(repo: str) -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "newbie" / "models" / repo.rpartition("/")[2]


def _check_space(target: Path, wanted: int) -> None:
    """Raise _Failure when the disk has not enough room for what is still to come."""
    existing = next(path for path in (target, *target.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if wanted and wanted + RESERVE > free:
        raise _Failure(
            f"{_gigabytes(wanted)} are still to come, but {existing} has only {_gigabytes(free)} "
            "free. Make room, or name another disk with --to."
        )


@contextmanager
def _clear_sentences(repo: str, revision: str | None) -> Iterator[None]:
    """Turn what the Hub and the network answer into words that say what to do."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except HFValidationError as error:
        raise _Failure(f"{repo!r} is no repository's name: {error}", exit_code=2) from error
    except HfHubHTTPError as error:
        raise _Failure(_hub_answer(error, repo, revision)) from error
    except OSError as error:
        raise _Failure(
            f"the connection to the Hub failed, or the disk did: {error}. {GO_ON}"
        ) from error
    except Exception as error:
        # The library's HTTP client has an error tree of its own.
        if not type(error).__module__.startswith(("httpx", "httpcore", "huggingface_hub")):
            raise
        raise _Failure(
            f"the connection to the Hub failed: {error or type(error).__name__}. {GO_ON}"
        ) from error


def _hub_answer(error: Any, repo: str, revision: str | None) -> str:
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return (
            f"{repo} is only for those who agreed to its terms: agree on its page on the Hub, make "
            "a token that may read it, and set HF_TOKEN to it"
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{repo} has no revision {revision or 'main'}"
    if isinstance(error, RepositoryNotFoundError) or status == 404:
        return (
            f"{repo} does not exist on the Hub, or is private (answer {status}): check the name; "
            "for a private one, set HF_TOKEN to a token that may read it"
        )
    if status in (401, 403):
        return f"the Hub refused the token for {repo} (answer {status}): check HF_TOKEN"
    return f"the Hub answered with {status}. {GO_ON}"


@contextmanager
def _bars(*, shown: bool) -> Iterator[None]:
    """Show the library's progress bars or hide them, and leave its setting as it was."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    hide = not shown and not are_progress_bars_disabled()
    if hide:
        disable_progress_bars()
    try:
        yield
    finally:
        if hide:
            enable_progress_bars()


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w./@:+-]+", path) else "'" + path.replace("'", "\\'") + "'"


def _fail(exit_code: int, reason: str) -> int:
    print(f"newbie download: {reason}", file=sys.stderr)
    return exit_code
