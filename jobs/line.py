"""The order in which waiting jobs are drawn, and what lies ahead of each.

Why the order is ours and not RQ's: RQ's queue is a list, and where a job belongs in a fair order is
known when it is submitted and changes when another is cancelled or moved; a list can be changed at
its ends only. So the line is a sorted set of ours, and RQ, which stays the engine (forks, timeouts,
the stop command), carries tickets that are all alike: each stands for one place in line, and
whoever draws a ticket takes the job that is first at that moment (`jobs.tickets`).

The order is self-clocked fair queueing over members. A job's tag is the tag of its member's last
waiting job, or the clock where that is later, plus its cost divided by its weight; the clock is the
tag of the job that was taken last. Jobs are taken by their tags, so:
- whoever has nothing waiting starts at the clock, whatever others have waiting;
- each member gets work in proportion to the weights while they wait;
- tags only grow, and so does the clock: every job's turn comes;
- the jobs of one member keep their order.
Start-time fair queueing was simulated beside it. It goes by where a job starts, so that small jobs
wait behind the large ones of everybody else: up to five times their fair share.

Whoever takes a job says what they can draw (`jobs.capability`). A job that is not for them keeps
its place, and so does one whose member has as many drawn at once as they may (`most_running`, from
the limits that applied when it was accepted).

While a server is paused its jobs stand beside the line, among the held: places and times of all
others are those of a line without them. When it goes on, its jobs join again in their order, from
the clock on. Which servers are paused is a set that `jobs.guild_settings` writes with the setting;
`sort_out` moves jobs accordingly, after each change and whenever `jobs.recovery` looks. A job that
joins meanwhile goes where it belongs at once. While all servers together are paused nothing is
taken, and nothing needs to move.

Ahead of the fair order come jobs that a moderator moved to the front, in the order of the calls,
and ahead of those the ones that were taken back from a lost worker, whose turn had come already. A
job that leaves undrawn gives its cost back to its member's later jobs.

All changes and the sums that tell the work ahead are in `line.lua`, which Redis runs as one step;
place and work ahead cost O(log n). Keys: `newbie:{queue}:line`, `:line:sums`, `:line:clock`,
`:held`, `:paused`, `:member:{id}:waiting`, `:guild:{id}:waiting`, `:ticket:{name}`, `:in_hand` and
the jobs' hashes, listed in `jobs.keys`.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any, cast

from redis import Redis
from redis.client import Pipeline

from jobs.capability import ANYTHING, Capability, needs_of
from jobs.connection import redis_errors
from jobs.cost import work_of
from jobs.eta import Load
from jobs.guild import EVERY_GUILD, guild_of
from jobs.keys import GuildKeys, Keys
from jobs.models import Job
from jobs.records import as_text

# Jobs that one run of the script holds or releases: Redis serves nobody else meanwhile.
MOST_AT_ONCE = 500

SCRIPT = resources.files("jobs").joinpath("line.lua").read_text("utf-8")


@dataclass(frozen=True)
class Ahead:
    """Where a waiting job stands: its rank, 0 for the first, what lies before it, and its work."""

    rank: int
    load: Load
    work: int


@dataclass(frozen=True)
class InHand:
    """Counts of jobs, for limits: a member's that wait and that are drawn in a server, and waiting
    ones of that server and of all."""

    waiting: int
    running: int
    guild_waiting: int
    total_waiting: int


class Line:
    """Jobs that wait, in the order in which they will be drawn."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._line, self._held, self._queue = keys.line, keys.held, keys.queue
        self._paused = keys.paused
        self._keys = [keys.line, keys.line_sums, keys.line_clock, keys.in_hand]
        self._keys += [keys.held, keys.paused]
        self._prefix = keys.prefix
        self._script = redis.register_script(SCRIPT)

    def join(self, pipe: Pipeline, job: Job, cost: float, *, is_back: bool = False) -> None:
        """Put a job in line in an open transaction; one that comes back stands before all others.

        The cost is that of `jobs.cost`.
        """
        # In a transaction the script goes as a whole: one that Redis does not know (any more)
        # would fail only when the rest is done already.
        pipe.eval(SCRIPT, len(self._keys), *self._args("join", *_joining(job, cost, is_back)))

    def leave(self, pipe: Pipeline, job_id: str) -> None:
        """Take a job that will not be drawn out of the line, in an open transaction."""
        pipe.eval(SCRIPT, len(self._keys), *self._args("leave", job_id))

    def adopt(self, job: Job, cost: float) -> bool:
        """Put a job in line that waits without standing there; False when it does stand there."""
        return bool(self._run("adopt", *_joining(job, cost, is_back=False)))

    def forget(self, job_id: str) -> None:
        """Take an id out of the line that stands for no job."""
        self._run("leave", job_id)

    def move_to_front(self, pipe: Pipeline, job_id: str) -> None:
        """Put a waiting job before all that were not moved, in an open transaction."""
        pipe.eval(SCRIPT, len(self._keys), *self._args("move", job_id))

    def sort_out(self) -> int:
        """Hold and release jobs as their servers are paused or not; gives how many moved."""
        total = 0
        while moved := int(self._run("sort_out", MOST_AT_ONCE)):
            total += moved
        return total

    def take(
        self,
        ticket: str,
        *,
        at: float,
        lease: int,
        remember: int,
        capability: Capability = ANYTHING,
    ) -> tuple[str, int] | None:
        """Begin the first job that a worker can do, under a lease, in one step.

        The ticket is remembered for so many seconds: asked again, it gives the same job.

        Returns:
            The job's id and attempt.
        """
        taken = self._run("take", ticket, repr(at), lease, remember, *_ability(capability))
        return None if taken is None else (as_text(taken[0]), int(taken[1]))

    def ready(self, most: int, capability: Capability = ANYTHING) -> int:
        """Count the jobs that a worker could begin now, up to a number."""
        return int(self._run("ready", most, *_ability(capability)))

    def ahead(self, job_id: str) -> Ahead | None:
        """Tell where a job stands; None when it is not in line."""
        found = self._run("ahead", job_id)
        if found is None:
            return None
        rank, before, work = map(int, found)
        return Ahead(rank, Load(rank, before), work)

    def drawing(self) -> Load:
        """Tell what is left of the jobs that are drawn now."""
        jobs, left = map(int, self._run("drawing"))
        return Load(jobs, left)

    def usage(self, pipe: Pipeline, member_id: str, guild: str) -> InHand:
        """Count for a member and a server what limits look at; the pipe is watching."""
        counts = pipe.eval(SCRIPT, len(self._keys), *self._args("usage", member_id, guild))
        return InHand(*map(int, cast(list[int], counts)))

    def is_held(self, job_id: str) -> bool:
        """Tell whether a job waits beside the line, as its server is paused."""
        with redis_errors():
            return self._redis.zscore(self._held, job_id) is not None

    def is_stopped(self) -> bool:
        """Tell whether nothing is taken, as all servers together are paused."""
        with redis_errors():
            return bool(self._redis.sismember(self._paused, EVERY_GUILD))

    def held(self) -> list[str]:
        """List the jobs that wait beside the line."""
        with redis_errors():
            rows = self._redis.zrange(self._held, 0, -1)
        return [as_text(row) for row in cast(list[bytes], rows)]

    def of_guild(self, guild: str) -> list[str]:
        """List one server's waiting jobs: those in line in its order, then those that are held."""
        key = GuildKeys(self._queue, guild).waiting
        with redis_errors(), self._redis.pipeline(transaction=True) as pipe:
            # Redis reads the smaller key and looks each job up in the other.
            pipe.zinter([self._line, key], aggregate="MAX")
            pipe.zinter([self._held, key], aggregate="MAX")
            waiting, held = pipe.execute()
        return [as_text(row) for row in (*waiting, *held)]

    def ids(self, limit: int | None = None) -> list[str]:
        """List jobs from the first one on."""
        with redis_errors():
            rows = self._redis.zrange(self._line, 0, -1 if limit is None else limit - 1)
        return [as_text(row) for row in cast(list[bytes], rows)]

    def __len__(self) -> int:
        with redis_errors():
            return int(self._redis.zcard(self._line))

    def _args(self, operation: str, *args: Any) -> list[Any]:
        return [*self._keys, operation, self._prefix, *args]

    def _run(self, operation: str, *args: Any) -> Any:
        with redis_errors():
            return self._script(keys=self._keys, args=[operation, self._prefix, *args])


def _ability(capability: Capability) -> tuple[str | int, ...]:
    most_pixels = "" if capability.max_pixels is None else capability.max_pixels
    return most_pixels, int(capability.assist), capability.model or ""


def _joining(job: Job, cost: float, is_back: bool) -> tuple[str | int, ...]:
    needs = needs_of(job.request)
    return (
        job.id,
        job.address.requester_id,
        work_of(job.request),
        repr(cost / job.weight),
        int(is_back),
        guild_of(job.address),
        needs.pixels,
        "1" if needs.assist else "",
        needs.model or "",
        "" if job.most_running is None else job.most_running,
    )
