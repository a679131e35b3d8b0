"""`newbie lint FILE...`: tell what is wrong with prompts, one line a finding, as a compiler does.

Exit codes: 0 every prompt is accepted, 1 at least one is refused, 2 a file cannot be read or
written or the command line is wrong.

`--fix` rewrites the files in which something was repaired: the text that the model is shown, in
UTF-8. Comments, order and everything that needed no repair stay; other files are not touched.
"""

import argparse
import json
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newbie_pipeline.prompt.errors import PromptError, PromptWarning

_STDIN = "<stdin>"
_EXAMPLE_LENGTH = 200
_DECLARED_ENCODING = re.compile(r"""(\A\s*<\?xml\s[^>]*?\sencoding\s*=\s*["'])[^"']*""")


@dataclass
class _Report:
    """What was found in one file."""

    name: str
    is_ok: bool = True
    is_fixed: bool = False
    findings: "list[PromptError | PromptWarning]" = field(default_factory=list)


class _Unusable(Exception):
    """A file cannot be read or written."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `lint` command."""
    parser = subparsers.add_parser(
        "lint",
        help="tell what is wrong with a prompt file",
        description="Check prompt files (XML, tags or plain sentences) as the bot does.",
        epilog="exit codes: 0 all accepted, 1 some refused, 2 usage or a file that cannot be used",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a prompt file; - reads stdin")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--fix", action="store_true", help="write what was repaired into the files")
    parser.add_argument("--explain", metavar="CODE", help="tell what a code means, with an example")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check every file, print what was found, and give the exit code."""
    if args.explain is not None:
        return _explain(args.explain)
    if not args.files:
        return _usage("give at least one FILE, or --explain CODE")
    if args.fix and "-" in args.files:
        return _usage("--fix needs files; standard input cannot be rewritten")
    exit_code = 0
    reports = []
    for file in args.files:
        try:
            report = _check(file, args.fix)
        except _Unusable as error:
            print(f"{_printable(file)}: {error}", file=sys.stderr)
            exit_code = 2
            continue
        exit_code = max(exit_code, 0 if report.is_ok else 1)
        reports.append(report)
        if not args.json:
            print("\n".join(_as_lines(report)))
    if args.json:
        files = [_as_data(report) for report in reports]
        print(json.dumps({"files": files}, ensure_ascii=False, indent=2))
    return exit_code


def _check(file: str, fix: bool) -> _Report:
    from newbie_pipeline.prompt.errors import PromptError
    from newbie_pipeline.prompt.parse import parse

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise _Unusable(f"cannot be read: {_reason(error)}") from error
    report = _Report(_STDIN if file == "-" else _printable(file))
    try:
        prompt = parse(data)
    except PromptError as error:
        report.is_ok = False
        report.findings.append(error)
        return report
    report.findings += prompt.warnings
    if fix and any(warning.code.is_repair for warning in prompt.warnings):
        _rewrite(Path(file), prompt.source)
        report.is_fixed = True
    return report


def _rewrite(file: Path, text: str) -> None:
    """Replace the file in one go, so that it is never half written."""
    text = _DECLARED_ENCODING.sub(r"\1UTF-8", text, count=1)
    target = file.resolve()
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as new:
            new.write(f"{text}\n".encode())
        try:
            Path(new.name).chmod(target.stat().st_mode)
            Path(new.name).replace(target)
        except OSError:
            Path(new.name).unlink()
            raise
    except OSError as error:
        raise _Unusable(f"cannot be written: {_reason(error)}") from error


def _explain(name: str) -> int:
    from newbie_pipeline.prompt.errors import CATALOGUE, Code

    try:
        code = Code(name.upper())
    except ValueError:
        return _usage(f"there is no code {name}; they are {', '.join(Code)}")
    entry = CATALOGUE[code]
    example = entry.example
    shown = example if isinstance(example, str) else ascii(example)
    if len(shown) > _EXAMPLE_LENGTH:
        shown = f"{shown[:_EXAMPLE_LENGTH]}..."
    kind = "warning" if code.is_warning else "error"
    print(f"{kind} {code.value}: {entry.message}\n{entry.hint}\n\nExample:\n{shown}")
    return 0


def _as_lines(report: _Report) -> list[str]:
    lines = []
    for each in report.findings:
        place = "" if each.line is None else f":{each.line}:{each.column}"
        start = f"{report.name}{place}: {_severity(report, each)} {each.code.value}"
        lines.append(f"{start}: {each.message} ({each.hint})")
    return lines or [f"{report.name}: ok"]


def _as_data(report: _Report) -> dict[str, object]:
    return {
        "file": report.name,
        "ok": report.is_ok,
        "fixed": report.is_fixed,
        "diagnostics": [
            {
                "severity": _severity(report, each),
                "code": each.code.value,
                "line": each.line,
                "column": each.column,
                "message": each.message,
                "hint": each.hint,
            }
            for each in report.findings
        ],
    }


def _severity(report: _Report, finding: "PromptError | PromptWarning") -> str:
    if not finding.code.is_warning:
        return "error"
    return "fixed" if report.is_fixed and finding.code.is_repair else "warning"


def _usage(reason: str) -> int:
    print(f"newbie lint: {reason}", file=sys.stderr)
    return 2


def _reason(error: Exception) -> object:
    return getattr(error, "strerror", None) or error


def _printable(file: str) -> str:
    """Keep a file name that is not valid text from stopping the report."""
    return file.encode("utf-8", "backslashreplace").decode("utf-8")
