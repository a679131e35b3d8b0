"""`newbie lint FILE...`: tell what is wrong with prompts, one line a finding, as a compiler does.

Exit codes: 0 every prompt is accepted, 1 at least one is refused, 2 a file cannot be read or
written or the command line is wrong.

`--fix` rewrites the files in which something was repaired: the text that the model is shown, in
UTF-8, with the line ends and the permissions that the file had. Comments, order and everything that
needed no repair stay; other files are not touched. A file is replaced in one go, or not at all.
"""

import argparse
import contextlib
import io
import json
import os
import re
import stat
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newbie_pipeline.prompt.errors import PromptError, PromptWarning

_STDIN = "<stdin>"
_EXAMPLE_LENGTH = 200
# Much more than a prompt can have, and little enough for what never ends, like /dev/zero.
_MOST_BYTES = 1 << 24
_DECLARED_ENCODING = re.compile(r"""(\A\s*<\?xml\s[^>]*?\sencoding\s*=\s*["'])[^"']*""")


@dataclass
class _Report:
    """What was found in one file."""

    name: str
    is_ok: bool = True
    is_fixed: bool = False
    unusable: str = ""
    findings: "list[PromptError | PromptWarning]" = field(default_factory=list)
    # Tags that the demo model does not know; None where nobody asked.
    unknown: tuple[str, ...] | None = None

    @property
    def exit_code(self) -> int:
        return 2 if self.unusable else 0 if self.is_ok else 1


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
    parser.add_argument(
        "--demo", action="store_true", help="say which tags the demo model does not know, too"
    )
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A console that has no kanji shows them escaped.
        sys.stdout.reconfigure(errors="backslashreplace")
    reports: list[_Report] = []
    with contextlib.suppress(BrokenPipeError):  # whoever reads our lines has seen enough
        for file in args.files:
            reports.append(_report(file, args.fix, args.demo))
            if not args.json and not reports[-1].unusable:
                print("\n".join(_as_lines(reports[-1])), flush=True)
        if args.json:
            files = [_as_data(report) for report in reports]
            print(json.dumps({"files": files}, ensure_ascii=False, indent=2), flush=True)
    return max(report.exit_code for report in reports)


def _report(file: str, fix: bool, demo: bool) -> _Report:
    try:
        return _check(file, fix, demo)
    except _Unusable as error:
        report = _Report(_printable(file), is_ok=False, unusable=str(error))
        print(f"{report.name}: {error}", file=sys.stderr)
        return report


def _check(file: str, fix: bool, demo: bool) -> _Report:
    from newbie_pipeline.demo.vocabulary import unknown_tags
    from newbie_pipeline.prompt.errors import PromptError
    from newbie_pipeline.prompt.parse import parse

    data = _read(file)
    report = _Report(_STDIN if file == "-" else _printable(file))
    try:
        prompt = parse(data)
    except PromptError as error:
        report.is_ok = False
        report.findings.append(error)
        return report
    report.findings += prompt.warnings
    if demo:
        report.unknown = unknown_tags(prompt)
    if fix and any(warning.code.is_repair for warning in prompt.warnings):
        _rewrite(Path(file), prompt.source, line_end=b"\r\n" if _has_crlf(data) else b"\n")
        report.is_fixed = True
    return report


def _read(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(_MOST_BYTES)
        with Path(file).open("rb") as opened:
            return opened.read(_MOST_BYTES)
    except (OSError, ValueError) as error:
        raise _Unusable(f"cannot be read: {_reason(error)}") from error


def _has_crlf(data: bytes) -> bool:
    """Tell whether lines end as on Windows, in UTF-16, too."""
    return b"\r\n" in data.replace(b"\x00", b"")


def _rewrite(file: Path, text: str, line_end: bytes) -> None:
    """Replace the file in one go, so that it is never half written."""
    text = _DECLARED_ENCODING.sub(r"\1UTF-8", text, count=1)
    data = f"{text}\n".encode().replace(b"\n", line_end)
    target = file.resolve()
    try:
        mode = target.stat().st_mode
        if not stat.S_ISREG(mode):
            raise _Unusable("cannot be written: it is not a regular file")
        # Replacing a file asks nobody whether the old one may be written.
        target.open("ab").close()
        _replace(target, data, stat.S_IMODE(mode))
    except OSError as error:
        raise _Unusable(f"cannot be written: {_reason(error)}") from error


def _replace(target: Path, data: bytes, mode: int) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        new.chmod(mode)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


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
    lines = lines or [f"{report.name}: ok"]
    if report.unknown:
        tags = ", ".join(map(_printable, report.unknown))
        lines.append(f"{report.name}: the demo model does not know: {tags}")
    return lines


def _as_data(report: _Report) -> dict[str, object]:
    return {
        "file": report.name,
        "ok": report.is_ok,
        "fixed": report.is_fixed,
        **({"unusable": report.unusable} if report.unusable else {}),
        **({} if report.unknown is None else {"unknown_to_demo": list(report.unknown)}),
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
    """Keep a file name that is not valid text, or holds control characters, off the terminal."""
    text = file.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
