"""Find and end every process that came from a child, however far it has wandered.

A process belongs to a child if it is in the session that the child was started in, or carries
the child's mark in its environment. A grandchild that opens its own process group or session
keeps the mark; a program that overwrites its environment (Redis does, for its title) keeps the
session. Reads `/proc`, so Linux only.
"""

import contextlib
import os
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

MARK_VARIABLE = "SUPERVISOR_MARK"
_PROC = Path("/proc")
_PAUSE = 0.01


@dataclass(frozen=True)
class Process:
    """One live process; `started` tells it from a later one with the same id."""

    pid: int
    session: int
    started: int


def read_process(pid: int) -> Process | None:
    """Return the live process with this id, or None if it has ended (a zombie has)."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name in brackets can hold spaces and brackets: count the fields after the last one.
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[0] in ("Z", "X"):
        return None
    return Process(pid, session=int(fields[3]), started=int(fields[19]))


def _carries(pid: int, mark: bytes) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:  # ended meanwhile, or not ours
        return False
    prefix = MARK_VARIABLE.encode() + b"="
    return any(mark in entry for entry in environment.split(b"\0") if entry.startswith(prefix))


def members(sessions: Collection[int], mark: str) -> list[Process]:
    """Return the live processes in one of `sessions` or with `mark`, never ourselves."""
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        process = read_process(int(entry.name))
        if process and (process.session in sessions or _carries(process.pid, mark.encode())):
            found.append(process)
    return found


def signal_process(process: Process, signum: int) -> None:
    """Send a signal to exactly this process, not to a later one that got its id."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(process.pid)
        try:
            now = read_process(process.pid)
            if now and now.started == process.started:
                signal.pidfd_send_signal(handle, signum)
        finally:
            os.close(handle)


def end_family(sessions: Collection[int], mark: str, timeout: float = 5.0) -> list[Process]:
    """Kill every member and wait until none is left; return those that would not go.

    Looks again after each round, so that a process forked meanwhile is found too.
    """
    deadline = time.monotonic() + timeout
    while True:
        left = members(sessions, mark)
        if not left or time.monotonic() > deadline:
            return left
        for process in left:
            signal_process(process, signal.SIGKILL)
        time.sleep(_PAUSE)
