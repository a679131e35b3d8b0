"""`newbie lint FILE...`: tell whether prompts are accepted, one line a file, as a compiler does.

Exit codes: 0 every prompt is accepted, 1 at least one is refused, 2 a file cannot be read or the
command line is wrong.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newbie_pipeline.prompt.errors import PromptError

_STDIN = "<stdin>"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `lint` command."""
    parser = subparsers.add_parser(
        "lint",
        help="tell whether a prompt file is accepted",
        description="Check prompt files (XML, tags or plain sentences) as the bot does.",
        epilog="exit codes: 0 all accepted, 1 some refused, 2 usage or a file that cannot be read",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a prompt file; - reads stdin")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check every file, print what was found, and give the exit code."""
    from newbie_pipeline.prompt.errors import PromptError
    from newbie_pipeline.prompt.parse import check_prompt

    exit_code = 0
    reports: list[dict[str, object]] = []
    for file in args.files:
        try:
            data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            print(f"{_printable(file)}: cannot be read: {reason}", file=sys.stderr)
            exit_code = 2
            continue
        name = _STDIN if file == "-" else _printable(file)
        try:
            check_prompt(data)
        except PromptError as error:
            exit_code = max(exit_code, 1)
            diagnostics = [_as_data(error)]
            line = _as_line(name, error)
        else:
            diagnostics = []
            line = f"{name}: ok"
        reports.append({"file": name, "ok": not diagnostics, "diagnostics": diagnostics})
        if not args.json:
            print(line)
    if args.json:
        print(json.dumps({"files": reports}, ensure_ascii=False, indent=2))
    return exit_code


def _as_line(name: str, error: "PromptError") -> str:
    place = name if error.line is None else f"{name}:{error.line}:{error.column}"
    return f"{place}: error {error.code.value}: {error.message} ({error.hint})"


def _as_data(error: "PromptError") -> dict[str, object]:
    return {
        "severity": "error",
        "code": error.code.value,
        "line": error.line,
        "column": error.column,
        "message": error.message,
        "hint": error.hint,
    }


def _printable(file: str) -> str:
    """Keep a file name that is not valid text from stopping the report."""
    return file.encode("utf-8", "backslashreplace").decode("utf-8")
