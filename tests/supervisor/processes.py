"""Small programs to supervise, and eyes for what became of them."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from supervisor.child import ChildSpec

ROOT = Path(__file__).parents[2]


def python(name: str, code: str, **changes: object) -> ChildSpec:
    """Describe a child that runs a piece of Python."""
    environment = {"PYTHONPATH": str(ROOT), **dict(changes.pop("env", {}))}  # type: ignore[call-overload]
    return ChildSpec(name, (sys.executable, "-c", code), env=environment, **changes)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def eventually(condition: Callable[[], object], timeout: float = 10.0) -> bool:
    """Wait until something becomes true; the limit only ends a test that has failed."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def zombies() -> list[int]:
    """Return our children that have ended and that nobody has reaped."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            state, parent = stat[stat.rindex(")") + 2 :].split()[:2]
            if state == "Z" and int(parent) == os.getpid():
                found.append(int(entry.name))
    return found
