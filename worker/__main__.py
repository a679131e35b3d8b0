"""The worker's first process: it supervises one renderer and the RQ worker processes.

It holds neither the model nor a job. Every few seconds it says that the worker is there and
takes back jobs whose attempt died (`jobs.recovery`). Jobs are taken only once the model
is loaded, so a checkpoint that cannot be loaded costs no job an attempt.

SIGTERM drains: no further job is taken, those in hand are finished within
`NEWBIE_WORKER_SHUTDOWN_GRACE` seconds. When these are over, or at a second SIGTERM, what is not
drawn yet is handed back (`worker.handing_back`). Either way the exit code is 0.
"""

import secrets
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import structlog

from jobs import logs, presence
from jobs.cards import Cards
from jobs.connection import connect
from jobs.errors import QueueUnavailable, SettingsError
from jobs.lifecycle import Lifecycle
from jobs.queue import RenderQueue
from jobs.recovery import Recovery
from jobs.settings import DiscordSettings, LogSettings, QueueSettings, RedisSettings, read
from supervisor.child import ChildEvent, ChildSpec, Restart
from supervisor.errors import ChildFailed, Interrupted
from supervisor.notify import notify_ready
from supervisor.process import Supervisor
from worker.description_file import DESCRIPTION_FILE, read_description
from worker.handing_back import SLOT_SECONDS
from worker.settings import WorkerSettings
from worker.speed_file import SPEED_FILE, read_speed
from worker.visible_cards import VARIABLE, visible_cards

log = structlog.get_logger("worker")

RENDERER = "renderer"
# Loading 16 GB from a slow disk takes minutes.
MODEL_LOAD_SECONDS = 1800.0


def children(
    settings: WorkerSettings, runtime_dir: Path, card: str | None = None
) -> list[ChildSpec]:
    """Describe the renderer and the RQ worker processes, in the order in which they start."""
    environment = {"NEWBIE_WORKER_RUNTIME_DIR": str(settings.runtime_dir or runtime_dir)}
    renderer = ChildSpec(
        name=RENDERER,
        argv=(sys.executable, "-m", "worker.renderer"),
        env=environment if card is None else {**environment, VARIABLE: card},
        ready="notify",
        ready_timeout=MODEL_LOAD_SECONDS,
        # Its render in hand belongs to a job that is over by then.
        stop_grace=5.0,
        restart=Restart(),
    )
    slots = [
        ChildSpec(
            name=f"slot-{number}",
            argv=(sys.executable, "-m", "worker.slot"),
            env=environment,
            ready="notify",
            stop_grace=settings.shutdown_grace,
            hurry_grace=SLOT_SECONDS,
            # A slot ends when Redis is away for long. It may come back as often as it takes.
            restart=Restart(most=None),
        )
        for number in range(1, settings.slots + 1)
    ]
    return [renderer, *slots]


class Watch:
    """What the worker does every few seconds."""

    def __init__(self, queue: RenderQueue, name: str, runtime_dir: Path) -> None:
        self._queue, self._name, self._runtime_dir = queue, name, runtime_dir
        self._recovery = Recovery(Lifecycle(queue))
        self._cards = Cards(queue.redis, queue.keys, name)
        self.card: str | None = None

    def choose_card(self, cards: list[str]) -> None:
        """Take one of several cards, which other workers of this machine see too."""
        if len(cards) < 2:
            return
        try:
            self.card = self._cards.take(cards, MODEL_LOAD_SECONDS)
            log.info("card_chosen", card=self.card)
        except QueueUnavailable as error:
            log.warning("redis_unavailable", reason=str(error))

    def tick(self) -> None:
        """Say that we are there, what we are and how fast, and take back lost jobs."""
        try:
            said = read_description(self._runtime_dir / DESCRIPTION_FILE)
            speed = read_speed(self._runtime_dir / SPEED_FILE)
            presence.beat(self._queue.redis, self._queue.keys, self._name, said, speed)
            if self.card is not None:
                self._cards.keep(self.card, presence.GONE_AFTER_SECONDS)
            self._recovery.look()
        except QueueUnavailable as error:
            log.warning("redis_unavailable", reason=str(error))

    def leave(self) -> None:
        """Say that no further job is taken here."""
        try:
            presence.leave(self._queue.redis, self._queue.keys, self._name)
        except QueueUnavailable as error:
            log.warning("redis_unavailable", reason=str(error))

    def give_up_card(self) -> None:
        """Leave the card to others: the renderer has ended."""
        try:
            if self.card is not None:
                self._cards.give_up(self.card)
        except QueueUnavailable as error:
            log.warning("redis_unavailable", reason=str(error))


def worker_name() -> str:
    """Make a name that no other worker has: containers may share a host's name, and process ids."""
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"


def note(event: ChildEvent) -> None:
    """Log what happens to a child."""
    level = log.warning if event.kind in {"died", "restarting", "failed"} else log.debug
    level("child", name=event.name, kind=event.kind, detail=event.detail)


def run(settings: WorkerSettings, queue: RenderQueue) -> int:
    """Supervise until SIGTERM or SIGINT (0), or until a part cannot be kept alive (1)."""
    with Supervisor(on_event=note) as supervisor:
        runtime_dir = Path(settings.runtime_dir or supervisor.runtime_dir)
        watch = Watch(queue, worker_name(), runtime_dir)
        if settings.device is None:
            watch.choose_card(visible_cards())
        for child in children(settings, supervisor.runtime_dir, watch.card):
            supervisor.add(child)
        slots = tuple(name for name in supervisor.names if name != RENDERER)
        stopping = False

        def stop(_number: int, _frame: FrameType | None) -> None:
            nonlocal stopping
            if stopping:
                supervisor.hurry()
            stopping = True
            supervisor.interrupt()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            supervisor.start(RENDERER)
            supervisor.start_together(*slots)
            watch.tick()
            notify_ready()
            log.info("worker_ready", slots=settings.slots)
            while not stopping:
                failed = supervisor.wait(presence.BEAT_SECONDS)
                if failed is not None:
                    log.error("worker_stopped", child=failed.name, reason=failed.detail)
                    return 1
                if not stopping:
                    watch.tick()
        except Interrupted:
            log.debug("interrupted")  # the signal came while a child was starting
        except ChildFailed as error:
            log.error("worker_stopped", reason=str(error))
            return 1
        finally:
            # Nobody is to count on us any more, however long the last jobs take.
            watch.leave()
            # All at once: none may take a new job while another finishes its last.
            supervisor.stop_together(*slots)
            supervisor.stop(RENDERER)
            watch.give_up_card()
    log.info("worker_stopped", reason="signal")
    return 0


def main() -> int:
    """Read the settings and run."""
    try:
        logs.configure(read(LogSettings), "worker")
        settings, queue_settings = read(WorkerSettings), read(QueueSettings)
        redis_settings = read(RedisSettings)
        read(DiscordSettings)  # the slots need it: say now if something is missing
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return run(settings, RenderQueue(connect(redis_settings), queue_settings))


if __name__ == "__main__":
    sys.exit(main())
