"""Workers beside the stack's own, each with settings of its own."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs import presence
from jobs.connection import connect
from jobs.keys import Keys
from jobs.settings import QueueSettings, RedisSettings
from supervisor.child import ChildSpec
from supervisor.process import Supervisor
from supervisor.stack import Stack

WORKER = (sys.executable, "-m", "worker")


class OwnWorkers:
    """Starts workers and signals them; whatever is left in the end is killed."""

    def __init__(self, stack: Stack, directory: Path, supervisor: Supervisor) -> None:
        self._stack, self._directory, self._supervisor = stack, directory, supervisor

    def start(self, name: str, **settings: str) -> None:
        """Start a worker with one slot and wait until it is ready."""
        runtime = self._directory / name
        runtime.mkdir(mode=0o700, exist_ok=True)
        environment = {
            **self._stack.environment("worker"),
            "NEWBIE_WORKER_RUNTIME_DIR": str(runtime),
            "NEWBIE_WORKER_SLOTS": "1",
            **settings,
        }
        spec = ChildSpec(name, WORKER, environment, ready="notify", ready_timeout=300.0)
        self._supervisor.add(spec)
        self._supervisor.start(name)

    def signal(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a worker's first process a signal."""
        os.kill(self.pid(name), number)

    def pid(self, name: str) -> int:
        """Give the id of a worker's first process."""
        pid = self._supervisor.pid(name)
        assert pid is not None
        return pid

    def exit_code(self, name: str) -> int | None:
        """Give a worker's exit code; None while it runs."""
        status = self._supervisor.status(name)
        return None if status.pid is not None else status.exit_code

    def stop(self, name: str) -> None:
        """Stop a worker and wait for its end."""
        self._supervisor.stop(name)


@contextmanager
def own_workers(stack: Stack, directory: Path) -> Iterator[OwnWorkers]:
    """Take the stack's own worker away, and give ways to start others."""
    stack.stop("worker")
    with Supervisor() as supervisor:
        yield OwnWorkers(stack, directory, supervisor)
        for name in supervisor.names:
            supervisor.kill(name)
    _forget_killed(stack)


def _forget_killed(stack: Stack) -> None:
    """Take away what the killed ones said of themselves; it would hold for some more seconds."""
    with connect(RedisSettings(url=stack.redis_url)) as redis:
        keys = Keys(QueueSettings().name)
        for one in presence.registrations(redis, keys):
            presence.leave(redis, keys, one.name)
