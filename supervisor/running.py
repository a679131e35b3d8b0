"""One child's live side: its process, its notify socket, its output and its recent deaths.

Only the supervisor's own thread calls these methods: the kernel ends a child with the thread
that started it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from supervisor import launch
from supervisor.child import ChildSpec, ChildStatus, State
from supervisor.family import MARK_VARIABLE, end_family, members
from supervisor.notify import VARIABLE as NOTIFY_VARIABLE
from supervisor.notify import NotifyListener

RUNTIME_VARIABLE = "SUPERVISOR_RUNTIME_DIR"
TAIL_LINES = 60
_LONGEST_LINE = 64 * 1024
_CHUNK = 64 * 1024


class RunningChild:
    """A child as it runs; `wanted` is what it should become, `state` what it is."""

    def __init__(self, spec: ChildSpec, mark: str, runtime_dir: Path) -> None:
        self.spec = spec
        self.mark = f"{mark}/{spec.name};"
        self.state = State.STOPPED
        self.wanted = False
        self.stop_signal = signal.SIGTERM
        # When it was told to end, and whether it was told so a second time.
        self.asked_at = 0.0
        self.is_hurrying = False
        self.detail = ""
        self.exit_code: int | None = None
        self.starts = 0
        self.start_at = 0.0
        self.deadline = 0.0
        self.deaths: deque[float] = deque(maxlen=1000)
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.process: subprocess.Popen[bytes] | None = None
        self.pid_handle: int | None = None
        self.output: int | None = None
        self.listener: NotifyListener | None = None
        self.was_ready = False
        self._notified = False
        self._partial = b""
        self._notify_path = runtime_dir / f"{spec.name}.notify"

    @property
    def pid(self) -> int | None:
        """Return the process id while there is a process."""
        return self.process.pid if self.process else None

    def status(self) -> ChildStatus:
        """Return a snapshot."""
        return ChildStatus(
            self.spec.name, self.state, self.pid, self.exit_code, self.starts, self.detail
        )

    def spawn(self) -> None:
        """Start the program in a session of its own; OSError if that cannot be done."""
        self._notified = self.is_hurrying = False
        self._partial = b""
        self.exit_code = None
        self.detail = ""
        if self.spec.ready == "notify":
            self.listener = NotifyListener(self._notify_path)
        write_end: int | None = None
        if self.spec.capture:
            self.output, write_end = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self.output, False)
        try:
            self.process = subprocess.Popen(
                (sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *self.spec.argv),
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=subprocess.STDOUT if self.spec.capture else None,
                env=self._environment(),
                cwd=self.spec.cwd,
                pass_fds=self.spec.pass_fds,
                start_new_session=True,
            )
        except OSError:
            self.release()
            raise
        finally:
            if write_end is not None:
                os.close(write_end)
        self.pid_handle = os.pidfd_open(self.process.pid)
        self.starts += 1
        self.deadline = time.monotonic() + self.spec.ready_timeout

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        # A child must not talk to whoever listens to us.
        environment.pop(NOTIFY_VARIABLE, None)
        for key, value in self.spec.env.items():
            if value is None:
                environment.pop(key, None)
            else:
                environment[key] = value
        # A supervisor inside the child keeps its files below ours: whoever ends us removes both.
        environment[RUNTIME_VARIABLE] = str(self._notify_path.parent)
        environment[MARK_VARIABLE] = os.environ.get(MARK_VARIABLE, "") + self.mark
        if self.listener:
            environment[NOTIFY_VARIABLE] = str(self.listener.path)
        return environment

    def hear(self) -> str | None:
        """Take the child's notify messages; return a new status line if it sent one."""
        if self.listener is None:
            return None
        values = self.listener.receive()
        self._notified = self._notified or values.get("READY") == "1"
        return values.get("STATUS")

    def is_ready(self) -> bool:
        """Tell whether the child says, or shows, that it has started."""
        if self.spec.ready == "exec":
            return True
        if self.spec.ready == "notify":
            return self._notified
        return self.spec.ready()

    def read_lines(self) -> list[str]:
        """Return the whole lines of output that have arrived, without blocking."""
        lines: list[str] = []
        while self.output is not None:
            try:
                data = os.read(self.output, _CHUNK)
            except BlockingIOError:
                break
            if not data:
                os.close(self.output)
                self.output = None
            self._partial += data
            if not data or len(self._partial) > _LONGEST_LINE:
                self._partial += b"\n" if self._partial else b""
            *whole, self._partial = self._partial.split(b"\n")
            lines.extend(line.decode(errors="replace").rstrip("\r") for line in whole)
        return lines

    def send(self, signum: int) -> None:
        """Signal the child itself, not its family."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signum)

    def end_family(self) -> int:
        """Kill whatever is left of the child and its descendants; return how many stayed."""
        if self.process is None:
            return 0
        left = end_family({self.process.pid}, self.mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        return len(left)

    def has_family(self) -> bool:
        """Tell whether any process of this child is alive."""
        return bool(self.process and members({self.process.pid}, self.mark))

    def release(self) -> None:
        """Close what belonged to the process that has ended."""
        self.process = None
        if self.listener:
            self.listener.close()
            self.listener = None
        for handle in (self.pid_handle, self.output):
            if handle is not None:
                os.close(handle)
        self.pid_handle = self.output = None
