"""`newbie assist FILE`: have Gemma write what a prompt leaves open, and print the prompt.

The prompt goes to stdout and what was added to stderr; with --json both go to stdout. Of the
checkpoint only Gemma is loaded: onto the GPU where it has room for it, else onto the CPU. Exit
codes: 0 done (also where there was nothing to add), 1 the model cannot be used or failed, 2 bad
input or a wrong command line.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from newbie_cli.worker_settings import MODEL, chosen_model

if TYPE_CHECKING:
    from newbie_pipeline.prompt.assist import Assisted

_MODES = ("complete", "structure", "interaction", "caption")
_NOTES = {
    "unavailable": "this checkpoint has not all of Gemma: nothing was added",
    "nothing_to_add": "there is nothing to add",
    "failed": "the language model gave nothing that may be added",
    "timed_out": "time or tokens ran out",
}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `assist` command."""
    parser = subparsers.add_parser(
        "assist",
        help="have the language model write what a prompt leaves open",
        description="Have Gemma complete a prompt, turn tags or a sentence into XML, or write "
        "interactions or a caption. What you wrote is never changed.",
        epilog="exit codes: 0 done, 1 the model cannot be used or failed, 2 bad input or usage",
    )
    parser.add_argument("prompt", metavar="FILE", help="a prompt file; - reads stdin")
    parser.add_argument("--mode", choices=_MODES, default="complete")
    parser.add_argument("--seed", type=_seed, default=0, help="another one writes something else")
    parser.add_argument("--model", metavar="DIR", help=f"checkpoint; default: {MODEL}")
    parser.add_argument("--device", help="default: cuda where Gemma fits, else cpu")
    parser.add_argument("--dtype", help="default: bfloat16 on cuda, float32 on cpu")
    parser.add_argument("--seconds", type=float, help="most time to take; default: as the worker")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the prompt, have it assisted, print it, and give the exit code."""
    from newbie_pipeline.prompt.errors import PromptError
    from newbie_pipeline.prompt.parse import check_prompt

    try:
        data = sys.stdin.buffer.read() if args.prompt == "-" else Path(args.prompt).read_bytes()
        text = check_prompt(data)
    except OSError as error:
        return _fail(2, f"{args.prompt} cannot be read: {error.strerror or error}")
    except PromptError as error:
        place = "" if error.line is None else f":{error.line}:{error.column}"
        return _fail(2, f"{args.prompt}{place}: {error.message} ({error.hint})")
    from newbie_pipeline.errors import PipelineError

    try:
        assisted = _assisted(args, text)
    except (PipelineError, OSError) as error:
        return _fail(1, str(error))
    except KeyboardInterrupt:
        return _fail(1, "stopped")
    _print(args, assisted)
    return 1 if assisted.note in ("unavailable", "failed") else 0


def _assisted(args: argparse.Namespace, text: str) -> "Assisted":
    from newbie_pipeline.checkpoints.sources import parse_source
    from newbie_pipeline.expansion.alone import load_gemma_alone
    from newbie_pipeline.expansion.assistant import assist
    from newbie_pipeline.expansion.writing import DEFAULT_SECONDS, DEFAULT_TOKENS, Allowance
    from newbie_pipeline.prompt.assist import AssistMode

    source = parse_source(chosen_model(args.model))
    writer = load_gemma_alone(source, args.device, args.dtype)
    seconds = DEFAULT_SECONDS if args.seconds is None else args.seconds
    allowance = Allowance(DEFAULT_TOKENS, seconds)
    return assist(text, AssistMode(args.mode), writer, seed=args.seed, allowance=allowance)


def _print(args: argparse.Namespace, assisted: "Assisted") -> None:
    if args.json:
        print(json.dumps(asdict(assisted), ensure_ascii=False, indent=2))
        return
    print(assisted.prompt)
    for addition in assisted.additions:
        print(f"{addition.place}: {addition.text}", file=sys.stderr)
    if assisted.note is not None:
        print(f"newbie assist: {_NOTES[assisted.note]}", file=sys.stderr)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text} is not a seed; they are 0 to 2**63 - 1")
    return int(text)


def _fail(exit_code: int, reason: str) -> int:
    print(f"newbie assist: {reason}", file=sys.stderr)
    return exit_code
