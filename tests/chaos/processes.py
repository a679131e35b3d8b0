"""Finds processes by what /proc says of them: children, ancestors, and all that came from us."""

from contextlib import suppress
from pathlib import Path

from supervisor.family import members

_PROC = Path("/proc")


def command_line(pid: int) -> str:
    """Give a process's command line; empty for one that has ended."""
    with suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_text(errors="replace").replace("\0", " ").strip()
    return ""


def children(pid: int, word: str = "") -> list[int]:
    """List a process's children whose command line holds a word."""
    found: list[int] = []
    # Each thread has children of its own.
    for thread in (_PROC / str(pid) / "task").glob("*/children"):
        with suppress(OSError):
            found += map(int, thread.read_text().split())
    return sorted(child for child in found if word in command_line(child))


def orphans(mark: str, ancestor: int) -> list[int]:
    """List the processes that carry a mark and have nobody of ours above them any more."""
    return [one.pid for one in members((), mark) if not _descends(one.pid, ancestor)]


def _descends(pid: int, ancestor: int) -> bool:
    above: int | None = pid
    while above is not None and above > 1 and above != ancestor:
        above = _parent(above)
    return above is None or above == ancestor


def _parent(pid: int) -> int | None:
    """Give the id of a process's parent; None for one that has ended."""
    with suppress(OSError):
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
        return int(stat[stat.rindex(")") + 2 :].split()[1])
    return None
