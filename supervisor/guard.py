"""Our side of the guardian process: it is started, kept informed and dismissed here."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from supervisor.notify import VARIABLE as NOTIFY_VARIABLE


class Guard:
    """The guardian of one supervisor, and the sessions it must know of (see `guardian`)."""

    def __init__(self, mark: str, directories: Iterable[Path]) -> None:
        self._arguments = (mark, *(str(directory) for directory in directories))
        self._sessions: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None

    def ensure(self) -> None:
        """Start the guardian, or a new one in place of one that was killed."""
        if self._process and self._process.poll() is None:
            return
        environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[1]))
        environment.pop(NOTIFY_VARIABLE, None)
        self._process = subprocess.Popen(
            (
                *(sys.executable, "-S", "-m", "supervisor.guardian"),
                *(str(os.getpid()), *self._arguments),
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
        for session in self._sessions:
            self._tell(f"session {session}")

    def watch(self, session: int) -> None:
        """Have this session's processes ended if we can no longer do it."""
        self._sessions.add(session)
        self._tell(f"session {session}")

    def forget(self, session: int) -> None:
        """Take a session off the list: its processes are gone, and its id may be used again."""
        self._sessions.discard(session)
        self._tell(f"forget {session}")

    def dismiss(self) -> None:
        """Say that everything is stopped, and wait for the guardian's own end."""
        if self._process is None:
            return
        self._tell("done")
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process.wait()
        self._process = None

    def _tell(self, line: str) -> None:
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):  # it was killed; the next `ensure` starts another
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()
