"""The product as real processes for the chaos test: one bot, one Redis, two workers.

Everything that dies is started again, as a container engine does it. The playground is Discord and
is never killed. What the processes log is kept in memory, for whoever has to find out what went on.
"""

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from jobs.connection import connect
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from supervisor.child import ChildEvent, ChildSpec, Restart, State
from supervisor.family import MARK_VARIABLE, members, read_process, signal_process
from supervisor.process import Supervisor
from supervisor.stack import Stack, StackOptions
from tests.chaos import worker_process
from tests.chaos.plans import Target
from tests.chaos.processes import children, command_line, orphans

NURSERY = "nursery"
WORKERS = ("worker-1", "worker-2")
PARTS = ("redis", "playground", "bot")
RESTART = Restart(delay=0.2, longest_delay=2.0, window=20.0, most=None)
QUEUE = QueueSettings(lease=3)
# Words in the command lines of a worker's processes.
RENDERER, SLOT = "changeling", "worker.slot"
SETTINGS = {
    "NEWBIE_QUEUE_LEASE": str(QUEUE.lease),
    "NEWBIE_BOT_POSITION_INTERVAL": "1",
    "NEWBIE_WORKER_SHUTDOWN_GRACE": "5",
    # Threads of two renderers would take the cores from each other, and to give memory back to
    # the system after each picture takes longer than the picture.
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
}
NOT_LOGGED = '"event": "rest"'


class House:
    """Its processes, from `open` to `close`."""

    def __init__(self, directory: Path) -> None:
        # Each process says what it logs: when (seconds since 1970), which, the line.
        self.lines: list[tuple[float, str, str]] = []
        self.mark = f"chaos-{secrets.token_hex(8)}"
        self._outer_mark = os.environ.get(MARK_VARIABLE)
        # Every process that comes from here carries it.
        os.environ[MARK_VARIABLE] = self.mark
        self._model = directory / "tiny"
        options = StackOptions(
            directory / "data",
            model=str(self._model),
            parts=PARTS,
            log_format="json",
            restart=RESTART,
            settings=SETTINGS,
        )
        self.stack = Stack(options, on_line=self._hear, on_event=self._note)
        self.workers = Supervisor(on_line=self._hear, on_event=self._note)

    def open(self) -> None:
        """Start everything."""
        try:
            self.stack.start("redis", "playground")
            self.workers.add(self._nursery())
            for name in WORKERS:
                self.workers.add(self._worker(name))
            self.workers.start(NURSERY)
            self.workers.start_together(*WORKERS)
            self.stack.start("bot")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop everything."""
        self.workers.close()
        self.stack.close()
        os.environ.pop(MARK_VARIABLE)
        if self._outer_mark is not None:
            os.environ[MARK_VARIABLE] = self._outer_mark

    def queue(self) -> RenderQueue:
        """Open the queue on a connection of its own."""
        return RenderQueue(connect(RedisSettings(url=self.stack.redis_url)), QUEUE)

    # What the monkey asks for

    def find(self, target: Target) -> list[int]:
        """List the living processes of a kind, by their ids."""
        workers = [pid for name in WORKERS if (pid := self.workers.pid(name)) is not None]
        match target:
            case Target.BOT | Target.REDIS:
                pid = self.stack.pid(target.value)
                found = [] if pid is None else [pid]
            case Target.WORKER:
                found = workers
            case Target.RENDERER:
                found = [pid for worker in workers for pid in children(worker, RENDERER)]
            case Target.SLOT:
                found = [pid for worker in workers for pid in children(worker, SLOT)]
            case Target.TASK:
                found = [task for slot in self.find(Target.SLOT) for task in children(slot)]
        return [pid for pid in found if read_process(pid) is not None]

    def kill(self, pid: int) -> bool:
        """Kill one process and nothing else; False when it is gone already."""
        process = read_process(pid)
        if process is None:
            return False
        signal_process(process, signal.SIGKILL)
        return True

    # What must not stay

    def orphans(self, patience: float = 20.0) -> list[str]:
        """Describe our processes that nobody looks after; those that just end are waited for."""
        return self._settled(lambda: [*self._drawing_for_nobody(), *self._lost()], patience)

    def _lost(self) -> list[int]:
        return [process.pid for process in orphans(self.mark, os.getpid())]

    def _drawing_for_nobody(self) -> list[int]:
        """List renderers that are more than there are workers to look after them."""
        nursery = self.workers.pid(NURSERY)
        renderers = [] if nursery is None else children(nursery)
        return renderers if len(renderers) > len(WORKERS) else []

    def survivors(self, patience: float = 10.0) -> list[str]:
        """Describe our processes that are there after all is closed."""
        return self._settled(lambda: [one.pid for one in members((), self.mark)], patience)

    @staticmethod
    def _settled(look: Callable[[], list[int]], patience: float) -> list[str]:
        deadline = time.monotonic() + patience
        while (found := look()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return [f"{pid} {command_line(pid)}" for pid in found]

    def is_whole(self) -> bool:
        """Tell whether every part has started."""
        states = [self.workers.status(name).state for name in WORKERS]
        states += [self.stack.status(part).state for part in PARTS]
        return all(state is State.READY for state in states)

    # How the workers run

    @property
    def _nursery_socket(self) -> Path:
        return self.stack.runtime_dir / "nursery.sock"

    def _nursery(self) -> ChildSpec:
        return ChildSpec(
            NURSERY,
            (
                sys.executable,
                "-m",
                "tests.chaos.nursery",
                str(self._nursery_socket),
                str(self._model),
            ),
            env=self.stack.environment("worker"),
            ready="notify",
            ready_timeout=300.0,
            capture=True,
        )

    def _worker(self, name: str) -> ChildSpec:
        runtime = self.stack.runtime_dir / name
        runtime.mkdir(mode=0o700)
        environment = self.stack.environment("worker")
        return ChildSpec(
            name,
            (sys.executable, "-m", "tests.chaos.worker_process"),
            env={
                **environment,
                "NEWBIE_WORKER_RUNTIME_DIR": str(runtime),
                worker_process.NURSERY: str(self._nursery_socket),
            },
            cwd=self.stack.data_dir,
            ready="notify",
            ready_timeout=600.0,
            stop_grace=20.0,
            restart=RESTART,
            capture=True,
        )

    def _hear(self, part: str, line: str) -> None:
        if part != "playground" or NOT_LOGGED not in line:
            self.lines.append((time.time(), part, line))

    def _note(self, event: ChildEvent) -> None:
        self.lines.append((time.time(), event.name, f"({event.kind}) {event.detail}"))
