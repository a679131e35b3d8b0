"""One RQ worker process: takes one job after the other and forks a process for each.

It never touches the model or the GPU. After a forked process ended without closing its job
(RQ's stop command, out of memory, killed), this process says what becomes of the job.

SIGTERM drains: the job in hand is finished, and no other taken. A second one hands it back
(`worker.handing_back`).
"""

import importlib.metadata
import signal
import socket
import sys
import threading
import time
from types import FrameType

import discord
import structlog
from redis.client import PubSub, PubSubWorkerThread
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import Queue, Worker
from rq.job import Job as RQJob
from rq.job import JobStatus
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from jobs import logs
from jobs.connection import connect, rq_queue
from jobs.errors import SettingsError, UnknownJob, UnreadableJob
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, OutcomeCode
from jobs.queue import RenderQueue
from jobs.settings import DiscordSettings, LogSettings, QueueSettings, RedisSettings, read
from jobs.tickets import RENDER_TASK
from supervisor.notify import notify_ready
from worker import tasks
from worker.handing_back import JOB_SECONDS
from worker.settings import WorkerSettings

log = structlog.get_logger("worker")

# RQ writes its own sign of life this often while it waits, and waits this long for a job at
# most before it looks around again.
RQ_WORKER_TTL_SECONDS = 60


class SlotWorker(Worker):
    """RQ's forking worker, which also closes jobs whose process was killed."""

    bench: tasks.Bench

    def execute_job(self, job: RQJob, queue: Queue) -> None:
        """Run a job in a forked process, then settle what that process left open.

        A ticket that would find nothing is dropped here: members with a long row of which only some
        may be drawn at once leave many of them, and each would cost a process.
        """
        if job.func_name == RENDER_TASK and not self.bench.queue.line.ready(1):
            queue.intermediate_queue.remove(job.id)
            job.delete(remove_from_queue=False)
            self.set_state(WorkerStatus.IDLE)
            return
        super().execute_job(job, queue)
        self.settle(job)

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Have the job in hand handed back; RQ would only kill its process, and itself."""
        if self.bench.hand_back.is_wanted:
            return
        self.bench.hand_back.is_wanted = True
        log.info("handing_back", name=self.name)
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)
            killer = threading.Timer(JOB_SECONDS, self._kill_late_horse)
            killer.daemon = True
            killer.start()

    def _kill_late_horse(self) -> None:
        # Without a process its number is 0, which would stand for our own.
        if self.horse_pid:
            self.kill_horse()

    def setup_work_horse_signals(self) -> None:
        """Have a forked process hand its job back when it is told to end."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]

        def hand_back(_number: int, _frame: FrameType | None) -> None:
            self.bench.hand_back.is_wanted = True

        signal.signal(signal.SIGTERM, hand_back)

    def _pubsub_exception_handler(
        self, exc: Exception, pubsub: PubSub, pubsub_thread: PubSubWorkerThread
    ) -> None:
        """Keep listening for stop commands after a timeout, as RQ does after a lost connection."""
        if isinstance(exc, RedisTimeoutError):
            exc = RedisConnectionError(str(exc))
        super()._pubsub_exception_handler(exc, pubsub, pubsub_thread)

    def settle(self, job: RQJob) -> None:
        """Decide about a job whose process ended before the job did."""
        lifecycle = self.bench.lifecycle
        taken = lifecycle.taken_by(job.id)
        if taken is None:
            return  # nothing was in line, or it was a report
        job_id, attempt = taken
        try:
            ours = self.bench.queue.get(job_id)
        except (UnknownJob, UnreadableJob):
            return
        if ours.attempt == attempt:
            self._settle(job, ours)
        lifecycle.settled(job.id)
        # A job of the same member may have had to wait for this one, and its ticket found nothing.
        self.bench.queue.top_up()

    def _settle(self, job: RQJob, ours: Job) -> None:
        lifecycle = self.bench.lifecycle
        lifecycle.release(ours)
        if ours.state is JobState.RENDERED and time.time() >= ours.report_after:
            lifecycle.enqueue_report(ours)
        if ours.state is not JobState.RUNNING:
            return
        code = self._final_code(job, ours)
        if code is not None:
            lifecycle.give_up(ours, code)
        elif self.bench.hand_back.is_wanted:
            lifecycle.hand_back(ours)
        else:
            lifecycle.abandon(ours)

    def _final_code(self, job: RQJob, ours: Job) -> OutcomeCode | None:
        """Tell whether a second attempt would be wrong, and which outcome it is then."""
        if job.get_status(refresh=True) is JobStatus.STOPPED:
            return OutcomeCode.STOPPED
        if time.time() - (ours.started_at or 0.0) >= self.bench.queue_settings.job_timeout:
            return OutcomeCode.TIMED_OUT
        return None


def build_bench() -> tasks.Bench:
    """Read the settings and open the connections of this process.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    queue_settings, discord_settings = read(QueueSettings), read(DiscordSettings)
    queue = RenderQueue(connect(read(RedisSettings)), queue_settings)
    # The one thing that differs between Discord and the playground.
    discord.http.Route.BASE = discord_settings.api_url
    return tasks.Bench(
        queue=queue,
        lifecycle=Lifecycle(queue),
        queue_settings=queue_settings,
        discord=discord_settings,
        worker=read(WorkerSettings),
        version=importlib.metadata.version("newbie-bot"),
    )


def main() -> int:
    """Work until SIGTERM or SIGINT; the job in hand is finished first, or handed back."""
    try:
        logs.configure(read(LogSettings), "slot")
        bench = build_bench()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    tasks.install(bench)
    # A connection of its own: RQ raises the timeouts of the one it is given.
    connection = connect(read(RedisSettings))
    worker = SlotWorker(
        [rq_queue(connection, bench.queue_settings.name)],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=RQ_WORKER_TTL_SECONDS,
        log_job_description=False,
    )
    worker.bench = bench
    log.debug("slot_ready", name=worker.name, host=socket.gethostname())
    # Before RQ installs its own handlers, a signal just ends the process.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    notify_ready()
    worker.work(logging_level=None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
