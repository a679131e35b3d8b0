"""What `newbie doctor` finds, one line each: ok, a warning, a failure, or not looked at."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from textwrap import wrap

NAME_WIDTH = 14
LINE_WIDTH = 100


class Status(StrEnum):
    """How a finding counts; only a failure makes the exit code 1."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


MARKS = {Status.OK: "ok  ", Status.WARNING: "warn", Status.FAILURE: "FAIL", Status.SKIPPED: "-   "}


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it stands, what was seen, and what to do."""

    name: str
    status: Status
    detail: str
    fix: str = ""


def ok(name: str, detail: str) -> Finding:
    """Make a finding of something that is as it should be."""
    return Finding(name, Status.OK, detail)


def warning(name: str, detail: str, fix: str) -> Finding:
    """Make a finding of something that works, but not as well as it could."""
    return Finding(name, Status.WARNING, detail, fix)


def failure(name: str, detail: str, fix: str) -> Finding:
    """Make a finding of something that will not work."""
    return Finding(name, Status.FAILURE, detail, fix)


def skipped(name: str, detail: str) -> Finding:
    """Make a finding of something that does not apply here or could not be looked at."""
    return Finding(name, Status.SKIPPED, detail)


def as_lines(finding: Finding) -> list[str]:
    """Write a finding for people: mark, name and detail, then what to do, indented."""
    indent = " " * (len(MARKS[finding.status]) + NAME_WIDTH + 2)
    head = f"{MARKS[finding.status]} {finding.name:<{NAME_WIDTH}} "
    lines = wrap(finding.detail, LINE_WIDTH, initial_indent=head, subsequent_indent=indent)
    if finding.fix:
        lines += wrap(
            finding.fix,
            LINE_WIDTH,
            initial_indent=f"{indent}-> ",
            subsequent_indent=f"{indent}   ",
        )
    return lines


def as_data(finding: Finding) -> dict[str, str]:
    """Write a finding as plain data."""
    return {**asdict(finding), "status": finding.status.value}
