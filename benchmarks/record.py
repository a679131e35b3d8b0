"""Writes what was measured into BENCHMARKS.md: one row a run, under the heading of its kind.

A row says when, on what machine and by which command it came about. Rows are only ever added; one
that was left empty for want of a machine is filled by the first that measures it.
"""

import datetime
import functools
import math
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "BENCHMARKS.md"


@dataclass(frozen=True)
class Table:
    """A heading of BENCHMARKS.md with its columns."""

    heading: str
    columns: tuple[str, ...]
    command: str


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value that `share` of all values do not exceed (nearest rank)."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def machine() -> str:
    """Describe this machine: processor, cores, memory, Python."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def add_row(table: Table, figures: Sequence[str]) -> str:
    """Add a row for today, or fill the empty one that waits for the first of its figures.

    Makes the table where it is missing. Returns the row.
    """
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    row = f"| {' | '.join([today, _commit(), machine(), *figures])} |"
    lines = BENCHMARKS.read_text().splitlines()
    heading = f"## {table.heading}"
    if heading not in lines:
        columns = ("date", "commit", "machine", *table.columns)
        lines += [
            "",
            heading,
            "",
            f"`{table.command}`",
            "",
            f"| {' | '.join(columns)} |",
            f"|{'---|' * len(columns)}",
        ]
    end = lines.index(heading) + 1
    while end < len(lines) and not lines[end].startswith("## "):
        end += 1
    while not lines[end - 1]:
        end -= 1
    waiting = _empty_row(table, figures[0])
    if waiting in lines:
        lines[lines.index(waiting)] = row
    else:
        lines.insert(end, row)
    BENCHMARKS.write_text("\n".join(lines) + "\n")
    return row


def _empty_row(table: Table, first: str) -> str:
    """Write a row of which only what it is about is known: three cells say where it came from."""
    return f"| | | | {first} |{' |' * (len(table.columns) - 1)}"


@functools.cache
def _commit() -> str:
    # Asked once, before the first row makes BENCHMARKS.md differ from the commit.
    answer = subprocess.run(
        ("git", "describe", "--always", "--dirty"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "unknown"
