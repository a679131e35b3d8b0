"""The queue as the bot sees it: submit a job, ask where it stands, cancel it.

Invariants:
- An interaction is accepted at most once: its id is the job's id.
- A job's hash, its place in the line, its ticket, its membership in the active set and what it
  costs its member are written in one transaction: a job is stored whole and in line, or not at all.
- The order is the line's (`jobs.line`), which is fair to members; RQ carries tickets for it.

Keys: those of `jobs.store`, `jobs.line` and `jobs.accounting`, listed in `jobs.keys`.
"""

import time
from typing import cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from jobs import presence
from jobs.accounting import Accounting
from jobs.connection import redis_errors
from jobs.cost import Speed, cost, work_of
from jobs.eta import Load, Standing, forecast
from jobs.guild import QueueState
from jobs.guild_edits import set_queue
from jobs.guild_settings import Change, GuildSettingsStore
from jobs.keys import Keys
from jobs.limits import Limits, Terms
from jobs.line import Line
from jobs.models import DeliveryAddress, Job, JobState, OutcomeCode, QueueStatus, RenderRequest
from jobs.promises import Promises
from jobs.records import as_text, to_fields
from jobs.reports import Reports
from jobs.settings import QueueSettings
from jobs.store import JobStore, Write
from jobs.tickets import Tickets

# How long the workers' speeds may be old where only a job's cost depends on them.
SPEEDS_SECONDS = 5.0
# More than any number of slots begins before the next job is over.
MOST_TICKETS = 256


class RenderQueue(JobStore):
    """Jobs that wait, run and ended, in Redis."""

    def __init__(self, redis: Redis, settings: QueueSettings) -> None:
        super().__init__(redis, Keys(settings.name))
        self.settings = settings
        self.line = Line(redis, self.keys)
        self.tickets = Tickets(redis, settings)
        self.reports = Reports(self.keys, self.tickets)
        self.promises = Promises(redis, self.keys)
        self.guilds = GuildSettingsStore(redis, settings.name)
        self.accounting = Accounting(redis, settings.name, self.line)
        self.statistics = self.accounting.statistics
        self.rq = self.tickets.rq
        self._speeds: tuple[float, list[Speed]] = (-SPEEDS_SECONDS, [])

    def submit(
        self, request: RenderRequest, address: DeliveryAddress, terms: Terms | None = None
    ) -> Job:
        """Store a job and put it in line; submitting the same interaction again changes nothing.

        Without terms no limit applies. A member of weight 2 gets twice the share of one of weight 1
        while both wait.

        Raises:
            LimitReached: a limit refuses the request; nothing was accepted.
            QueueUnavailable: Redis is out of reach; nothing was accepted.
        """
        limits = Limits() if terms is None else terms.limits
        job = Job(
            id=address.interaction_id,
            request=request,
            address=address,
            state=JobState.WAITING,
            weight=limits.weight,
            most_running=None if terms is None else limits.running,
            submitted_at=time.time(),
        )
        key, price = self.keys.job(job.id), self.cost(request)
        with redis_errors(), self.redis.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(key, self.accounting.watched(job))
                    if pipe.exists(key):
                        return self.get(job.id)
                    used = self.accounting.decide(pipe, job, terms)
                    pipe.multi()
                    pipe.hset(key, mapping=to_fields(job))
                    pipe.zadd(self.keys.active, {job.id: job.submitted_at})
                    self.line.join(pipe, job, price)
                    self.tickets.add(pipe, job.id, job.attempt)
                    self.accounting.accept(pipe, job, terms, used)
                    pipe.execute()
                    return job
                except WatchError:
                    continue

    def withdraw(self, job_id: str, *, begun_as: int | None = None) -> bool:
        """Remove a job that still waits for its first attempt, as if it had never been submitted.

        For a submission whose answer got lost on its way back: its member was told that it was
        not accepted. `begun_as` is the attempt of whoever has begun it and finds that out.

        Returns:
            False when there is no such job (any more).
        """

        job = self.read([job_id]).get(job_id)

        def write(pipe: Pipeline) -> None:
            self.line.leave(pipe, job_id)
            pipe.delete(self.keys.job(job_id))
            pipe.zrem(self.keys.active, job_id)
            pipe.zrem(self.keys.in_hand, job_id)
            pipe.delete(self.keys.result(job_id))
            pipe.zrem(self.keys.results, job_id)
            self.tickets.remove(pipe, job_id, 0)
            if job is not None:
                self.accounting.withdraw(pipe, job)

        if begun_as is not None:
            return self.change(job_id, set(JobState) - {JobState.ENDED}, write, attempt=begun_as)
        return self.change(job_id, {JobState.WAITING}, write, attempt=0)

    def cancel(self, job_id: str, by: str, also: Write | None = None) -> bool:
        """Cancel a job for a member; a worker tells its owner in the job's message.

        A waiting job fails at once. A running one is marked, and its task stops it at the next
        step. Whatever happens in between, a job is either cancelled or drawn. What `also` writes is
        part of the transaction that cancels it.

        Returns:
            False when it is too late: the picture is drawn, or the job has failed or ended.

        Raises:
            UnknownJob: there is none with this id.
            QueueUnavailable: Redis is out of reach.
        """
        while True:  # it may begin, or be taken back, between the look and the change
            job = self.get(job_id)
            if job.state is JobState.WAITING:
                done = self._cancel_waiting(job, by, also)
            elif job.state is JobState.RUNNING:
                done = self._mark_cancelled(job, by, also)
            else:
                return False
            if done:
                return True

    def _cancel_waiting(self, job: Job, by: str, also: Write | None) -> bool:
        def write(pipe: Pipeline) -> None:
            self.line.leave(pipe, job.id)
            self.tickets.remove(pipe, job.id, job.attempt)
            pipe.hset(self.keys.job(job.id), "cancelled_by", by)
            self.reports.fail(pipe, job.id, OutcomeCode.CANCELLED)
            self.accounting.give_back(pipe, job, OutcomeCode.CANCELLED)
            self.reports.order(pipe, job)
            if also is not None:
                also(pipe)

        return self.change(job.id, {JobState.WAITING}, write, attempt=job.attempt)

    def _mark_cancelled(self, job: Job, by: str, also: Write | None) -> bool:
        def write(pipe: Pipeline) -> None:
            pipe.hset(self.keys.job(job.id), "cancelled_by", by)
            if also is not None:
                also(pipe)

        return self.change(job.id, {JobState.RUNNING}, write, attempt=job.attempt)

    def front(self, job_id: str, also: Write | None = None) -> bool:
        """Move a waiting job to the front, behind those that were moved before.

        What `also` writes is part of the transaction that moves it.

        Returns:
            False when it does not wait in line.
        """

        def write(pipe: Pipeline) -> None:
            self.line.move_to_front(pipe, job_id)
            if also is not None:
                also(pipe)

        return self.change(job_id, {JobState.WAITING}, write)

    def set_state(self, guild: str, state: QueueState, *, by: str, reason: str = "") -> Change:
        """Pause, drain or let go on a server's jobs, or those of all servers; it is written down.

        Raises what `GuildSettingsStore.change` raises.
        """
        change = self.guilds.change(guild, set_queue(state), by=by, reason=reason)
        if change.is_made:
            self.line.sort_out()
            self.top_up()
        return change

    def top_up(self) -> int:
        """Make up for tickets that are missing for jobs that could begin; gives how many."""
        return self.tickets.top_up(self.line.ready(MOST_TICKETS))

    def standing(self, job_id: str) -> Standing | None:
        """Tell a waiting job's place and when it will be drawn; None when it is not in line."""
        ahead = self.line.ahead(job_id)
        if ahead is None:
            return None
        load = ahead.load + self.line.drawing()
        return Standing(ahead.rank + 1, forecast(load, Load(1, ahead.work), self.speeds()))

    def waiting(self, limit: int) -> list[tuple[Job, Standing]]:
        """Read the jobs that wait at the front of the line, in order, with their places."""
        ids = self.line.ids(limit)
        if not ids:
            return []
        jobs, load, speeds = self.read(ids), self.line.drawing(), self.speeds()
        found = []
        for position, job_id in enumerate(ids, start=1):
            job = jobs.get(job_id)
            # A record of another version is that version's to show.
            if job is None:
                continue
            own = Load(1, work_of(job.request))
            if job.state is JobState.WAITING:
                found.append((job, Standing(position, forecast(load, own, speeds))))
            load += own
        return found

    def waiting_of(self, member_id: str) -> list[str]:
        """List the ids of one member's waiting jobs, in the order of their turns.

        Those of paused servers come first, though their turn has no time.
        """
        with redis_errors():
            rows = cast(list[bytes], self.redis.zrange(self.keys.member_waiting(member_id), 0, -1))
        return [as_text(row) for row in rows]

    def failing(self, code: OutcomeCode) -> list[Job]:
        """Read the jobs that failed in one way and whose owner has not been told yet."""
        with redis_errors():
            rows = cast(list[bytes], self.redis.zrange(self.keys.in_hand, 0, -1))
        jobs = self.read([as_text(row) for row in rows]).values()
        return [
            job
            for job in jobs
            if job and job.state is JobState.FAILING and job.outcome and job.outcome.code is code
        ]

    def status(self) -> QueueStatus:
        """Count waiting jobs, jobs that left the line and have not ended, and workers."""
        with redis_errors():
            waiting = len(self.line) + int(self.redis.zcard(self.keys.held))
            active = int(self.redis.zcard(self.keys.active))
        return QueueStatus(
            waiting=waiting,
            running=max(0, active - waiting),
            workers=presence.count(self.redis, self.keys),
        )

    def speeds(self) -> list[Speed]:
        """Give the speed of each living worker."""
        return presence.speeds(self.redis, self.keys)

    def cost(self, request: RenderRequest) -> float:
        """Give what a request costs its member in the line."""
        read_at, speeds = self._speeds
        if time.monotonic() - read_at >= SPEEDS_SECONDS:
            speeds = self.speeds()
            self._speeds = (time.monotonic(), speeds)
        return cost(work_of(request), speeds)
