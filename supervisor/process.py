"""Start, watch and stop child processes, and leave none behind.

One thread starts every child, hears it, reaps it and starts it again; all public methods may be
called from any thread, and `interrupt` and `hurry` from a signal handler too. Each child has a
session of its own, so a Ctrl-C on the terminal reaches only us. If we are killed without
warning, the kernel ends the children and a guardian process everything else that they started.
"""

import atexit
import contextlib
import os
import secrets
import select
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from supervisor.child import ChildEvent, ChildSpec, ChildStatus, State, describe_exit
from supervisor.errors import ChildFailed, Interrupted, SupervisorError, UnknownChild
from supervisor.guard import Guard
from supervisor.running import RunningChild
from supervisor.runtime_dir import make_runtime_dir

_POLL_READY = 0.05
_IDLE = 3600.0
# Two equal signals that come together count as one.
_SIGNALS_APART = 0.5
_SETTLED = (State.READY, State.FAILED, State.STOPPED)


class Supervisor:
    """A set of children, started in the order they were added and stopped in the reverse one."""

    def __init__(
        self,
        specs: Iterable[ChildSpec] = (),
        *,
        runtime_dir: Path | None = None,
        on_event: Callable[[ChildEvent], None] | None = None,
        on_line: Callable[[str, str], None] | None = None,
    ) -> None:
        self._owns_runtime_dir = runtime_dir is None
        self.runtime_dir = runtime_dir or make_runtime_dir()
        self._on_event = on_event
        self._on_line = on_line
        self._mark = secrets.token_hex(8)
        self._children: dict[str, RunningChild] = {}
        self._changed = threading.Condition()
        self._news: list[Callable[[], object]] = []
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        directories = (self.runtime_dir,) if self._owns_runtime_dir else ()
        self._guard = Guard(self._mark, directories)
        self._interrupted = self._hurry = self._closing = False
        self._ended = self._closed = False
        self._owner = os.getpid()
        for spec in specs:
            self.add(spec)
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What the owner asks for

    def add(self, spec: ChildSpec) -> None:
        """Make a child known, or replace the description of one that is not running."""
        with self._changed:
            old = self._children.get(spec.name)
            if old and old.state not in (State.STOPPED, State.FAILED):
                raise SupervisorError(f"{spec.name} is running; stop it before it is replaced")
            self._children[spec.name] = RunningChild(spec, self._mark, self.runtime_dir)

    def start(self, *names: str) -> None:
        """Start these children (all, if none is named) one by one, each when the last is ready.

        Raises:
            ChildFailed: a child died or was not ready in time; its last output is in the error.
            Interrupted: `interrupt` was called meanwhile.
        """
        for name in names or tuple(self._children):
            self._request(name)
            self._await(name)

    def start_together(self, *names: str) -> None:
        """Start these children at once and wait for all; raises what `start` raises."""
        for name in names:
            self._request(name)
        for name in names:
            self._await(name)

    def stop(self, *names: str) -> None:
        """Stop these children (all, if none is named) in the reverse order of `add`.

        Each gets SIGTERM and its grace, and a second SIGTERM where its description says so;
        whatever is left of it and its descendants is killed.
        """
        for name in names:
            self._get(name)
        for name in reversed(self._children):
            if not names or name in names:
                self._end(name, signal.SIGTERM)

    def stop_together(self, *names: str) -> None:
        """Stop these children at once and wait for all; each has the grace of its own."""
        for name in names:
            self._ask_to_end(name, signal.SIGTERM)
        for name in names:
            self._end(name, signal.SIGTERM)

    def kill(self, name: str) -> None:
        """Kill a child with SIGKILL, and with it all it started; it stays dead until `start`."""
        self._end(name, signal.SIGKILL)

    def restart(self, name: str) -> None:
        """Stop a child and start it anew; raises what `start` raises."""
        self.stop(name)
        self.start(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all children, in the order of `add`."""
        with self._changed:
            return tuple(self._children)

    def status(self, name: str) -> ChildStatus:
        """Return what is known of a child right now."""
        with self._changed:
            return self._get(name).status()

    def pid(self, name: str) -> int | None:
        """Return a child's process id, or None while it has no process."""
        return self.status(name).pid

    def tail(self, name: str, lines: int = 20) -> list[str]:
        """Return the last lines of a captured child's output."""
        with self._changed:
            return list(self._get(name).tail)[-lines:]

    def wait(self, timeout: float | None = None) -> ChildStatus | None:
        """Wait until a child has failed for good, and return it; None: interrupted, or time."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._failed() or self._interrupted or self._ended, timeout
            )
            failed = self._failed()
            return failed.status() if failed else None

    def interrupt(self) -> None:
        """Wake up `start` and `wait`, so that their caller can stop; for signal handlers."""
        self._interrupted = True
        self._wake()

    def hurry(self) -> None:
        """End the grace of whatever is being stopped, now and later; for signal handlers."""
        self._hurry = True
        self._wake()

    def close(self) -> None:
        """Stop everything and end the supervisor's own thread and guardian."""
        if os.getpid() != self._owner or self._closed:
            return
        self.stop()
        self._closing = self._closed = True
        self._wake()
        self._thread.join()
        atexit.unregister(self.close)
        for handle in (self._wake_read, self._wake_write):
            os.close(handle)

    # What its thread does

    def _run(self) -> None:
        try:
            while not self._closing:
                self._sleep()
                lines = [(child, child.read_lines()) for child in list(self._children.values())]
                with self._changed:
                    for child, new in lines:
                        self._take_lines(child, new)
                    for child in list(self._children.values()):
                        self._advance(child)
                    news, self._news = self._news, []
                # First the news, then whoever waits: so `start` returns after "ready" was told.
                for tell in news:
                    tell()
                with self._changed:
                    self._changed.notify_all()
        finally:
            self._finish()

    def _finish(self) -> None:
        """Leave nothing behind, also when a callback raised."""
        with self._changed:
            for child in self._children.values():
                child.end_family()
                child.release()
                child.state = State.STOPPED if self._closing else State.FAILED
                child.detail = child.detail or "the supervisor has ended"
            self._ended = True
            self._changed.notify_all()
        self._guard.dismiss()
        if self._owns_runtime_dir:
            shutil.rmtree(self.runtime_dir, ignore_errors=True)

    def _sleep(self) -> None:
        """Wait until something happens: a request, a death, a message, a line, a due time."""
        poller = select.poll()
        poller.register(self._wake_read, select.POLLIN)
        now, due = time.monotonic(), _IDLE
        for child in self._children.values():
            for handle in (child.pid_handle, child.output, child.listener):
                if handle is not None:
                    poller.register(handle, select.POLLIN)
            if child.state is State.WAITING:
                due = min(due, child.start_at - now)
            elif child.state in (State.STARTING, State.STOPPING):
                due = min(due, child.deadline - now)
                if child.state is State.STARTING and callable(child.spec.ready):
                    due = min(due, _POLL_READY)
        poller.poll(max(0.0, due) * 1000)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)

    def _advance(self, child: RunningChild) -> None:
        """Take a child one step further in its life."""
        now = time.monotonic()
        if child.state is State.WAITING:
            if not child.wanted:
                child.state = State.STOPPED
            elif now >= child.start_at:
                self._spawn(child)
        if child.state not in (State.STARTING, State.READY, State.STOPPING):
            return
        if status := child.hear():
            self._tell(child, "status", status)
        if child.process is None or child.process.poll() is not None:
            self._ended_by_itself(child)
        elif child.state is State.STOPPING:
            self._press(child, now)
        elif not child.wanted:
            child.send(child.stop_signal)
            child.state = State.STOPPING
            child.asked_at, child.deadline = now, now + child.spec.stop_grace
            self._wake()
        elif child.state is State.STARTING:
            if child.is_ready():
                child.was_ready = True
                self._settle(child, State.READY, "ready")
            elif now > child.deadline:
                self._bury(child)
                self._lost(child, f"was not ready after {child.spec.ready_timeout:g} seconds")

    def _press(self, child: RunningChild, now: float) -> None:
        """Tell a child that takes too long to hurry, or kill it."""
        asked_to_kill = child.stop_signal is signal.SIGKILL
        if child.spec.hurry_grace and not asked_to_kill:
            if self._hurry and not child.is_hurrying:
                child.deadline = min(child.deadline, child.asked_at + _SIGNALS_APART)
            if now > child.deadline and not child.is_hurrying:
                child.is_hurrying = True
                child.send(child.stop_signal)
                child.deadline = now + child.spec.hurry_grace
        else:
            asked_to_kill = asked_to_kill or self._hurry
        if asked_to_kill or now > child.deadline:
            self._bury(child)
            detail = "was killed" if asked_to_kill else "did not stop and was killed"
            self._settle(child, State.STOPPED, "stopped", detail)

    def _spawn(self, child: RunningChild) -> None:
        self._guard.ensure()
        try:
            child.spawn()
        except OSError as error:
            self._settle(child, State.FAILED, "failed", f"could not be started: {error}")
            return
        if child.pid is not None:
            self._guard.watch(child.pid)
        child.state = State.STARTING
        self._tell(child, "starting")
        self._wake()

    def _ended_by_itself(self, child: RunningChild) -> None:
        """Deal with a process that is gone, whether we asked for it or not."""
        self._bury(child)
        reason = describe_exit(child.exit_code or 0)
        if child.wanted:
            self._lost(child, reason)
        else:
            self._settle(child, State.STOPPED, "stopped", reason)

    def _lost(self, child: RunningChild, reason: str) -> None:
        """Start a child again that should be running, or give it up."""
        policy, now = child.spec.restart, time.monotonic()
        if policy is None or not child.was_ready:
            self._settle(child, State.FAILED, "failed", reason)
            return
        child.deaths.append(now)
        recent = sum(now - death <= policy.window for death in child.deaths)
        delay = policy.wait(recent)
        if delay is None:
            reason += f"; that was death number {recent} within {policy.window:g} seconds"
            self._settle(child, State.FAILED, "failed", reason)
            return
        self._tell(child, "died", reason)
        child.start_at = now + delay
        self._settle(child, State.WAITING, "restarting", f"in {delay:g} seconds: {reason}")

    def _bury(self, child: RunningChild) -> None:
        """End the rest of a child's family, take its last words, and close what it had."""
        pid = child.pid
        left = child.end_family()
        self._take_lines(child, child.read_lines())
        child.exit_code = child.process.returncode if child.process else None
        child.release()
        if left:
            self._tell(child, "status", f"{left} of its processes cannot be killed")
        elif pid is not None:
            self._guard.forget(pid)

    def _settle(self, child: RunningChild, state: State, kind: str, detail: str = "") -> None:
        child.state, child.detail = state, detail
        self._tell(child, kind, detail)

    # The small parts

    def _request(self, name: str) -> None:
        with self._changed:
            child = self._get(name)
            if child.state in (State.STOPPED, State.FAILED):
                child.wanted, child.was_ready = True, False
                child.start_at, child.state = 0.0, State.WAITING
                child.deaths.clear()
                child.tail.clear()
            self._wake()

    def _await(self, name: str) -> None:
        with self._changed:
            child = self._get(name)
            self._changed.wait_for(
                lambda: child.state in _SETTLED or self._interrupted or self._ended
            )
            if self._interrupted:
                raise Interrupted(f"stopped while {name} was starting")
            if child.state is not State.READY:
                raise ChildFailed(name, child.detail or "was stopped", tuple(child.tail))

    def _ask_to_end(self, name: str, signum: signal.Signals) -> RunningChild:
        with self._changed:
            child = self._get(name)
            child.wanted, child.stop_signal = False, signum
            self._wake()
            return child

    def _end(self, name: str, signum: signal.Signals) -> None:
        child = self._ask_to_end(name, signum)
        with self._changed:
            self._changed.wait_for(
                lambda: child.state in (State.STOPPED, State.FAILED) or self._ended
            )

    def _get(self, name: str) -> RunningChild:
        try:
            return self._children[name]
        except KeyError:
            known = ", ".join(self._children) or "none"
            raise UnknownChild(f"no child is called {name!r} (known: {known})") from None

    def _failed(self) -> RunningChild | None:
        return next((c for c in self._children.values() if c.state is State.FAILED), None)

    def _wake(self) -> None:
        if self._ended:
            return
        with contextlib.suppress(BlockingIOError):  # full: it is awake already
            os.write(self._wake_write, b"x")

    def _take_lines(self, child: RunningChild, lines: list[str]) -> None:
        child.tail.extend(lines)
        if self._on_line:
            for line in lines:
                self._news.append(_bind(self._on_line, child.spec.name, line))

    def _tell(self, child: RunningChild, kind: str, detail: str = "") -> None:
        if self._on_event:
            self._news.append(_bind(self._on_event, ChildEvent(child.spec.name, kind, detail)))


def _bind(function: Callable[..., object], *arguments: object) -> Callable[[], object]:
    return lambda: function(*arguments)
