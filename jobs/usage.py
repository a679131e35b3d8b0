"""What members used lately: a hash for each member and server, for `jobs.limits` to decide on.

- Each accepted request has one entry under its job's id: when it was accepted, and what it cost in
  pixel-steps. So an entry can be given back exactly once, and what was accepted twice (the same
  interaction) counts once.
- The windows slide (see `jobs.limits`): entries count for exactly an hour and a day. What is older
  than a day, as the longest cooldown is, is removed with the next request.
- `record` belongs into the transaction that stores the job, `give_back` or `keep_cooldown` into the
  one that ends it. To decide and submit without a gap, watch `GuildKeys.use(member)` first.
- A job that was withdrawn or failed for our reasons is given back whole. One that its owner
  cancelled before it was drawn costs nothing, but its cooldown stays, or submitting and cancelling
  in turn would be free.
- Nothing here turns redis-py's exceptions into ours: callers have a pipe open and do.

Keys: `newbie:{queue}:guild:{guild}:use:{member}`, listed in `jobs.keys`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.client import Pipeline

from jobs.keys import GuildKeys
from jobs.limits import DAY, Spent
from jobs.records import as_text

# The largest cooldown is a day as well (see `jobs.settings_table`).
KEEP_SECONDS = DAY


@dataclass(frozen=True)
class Usage:
    """What a member's accepted requests cost, by the job's id."""

    entries: Mapping[str, Spent]

    @property
    def last_accepted(self) -> float | None:
        """When the latest request was accepted; seconds since 1970."""
        return max((entry.at for entry in self.entries.values()), default=None)

    @property
    def spent(self) -> tuple[Spent, ...]:
        """What counts against budgets."""
        return tuple(self.entries.values())


def read(redis: Redis, keys: GuildKeys, member: str) -> Usage:
    """Read what a member used; `redis` may be a pipe that watches.

    Entries that this version cannot read count for nothing.
    """
    raw: Mapping[Any, Any] = redis.hgetall(keys.use(member))
    found = {as_text(job_id): _entry(as_text(text)) for job_id, text in raw.items()}
    return Usage({job_id: entry for job_id, entry in found.items() if entry is not None})


def record(
    pipe: Pipeline,
    keys: GuildKeys,
    member: str,
    *,
    job_id: str,
    pixel_steps: int,
    now: float,
    usage: Usage,
) -> None:
    """Count an accepted request, in an open transaction; `usage` is what was decided on."""
    key = keys.use(member)
    pipe.hset(key, job_id, _text(Spent(now, pixel_steps)))
    over = [name for name, entry in usage.entries.items() if now >= entry.at + KEEP_SECONDS]
    if over:
        pipe.hdel(key, *over)
    # A little more than an entry counts, as clocks differ.
    pipe.expire(key, int(KEEP_SECONDS) + 60)


def give_back(pipe: Pipeline, keys: GuildKeys, member: str, job_id: str) -> None:
    """Forget a request, in an open transaction: it was withdrawn, or failed for our reasons."""
    pipe.hdel(keys.use(member), job_id)


def keep_cooldown(
    pipe: Pipeline, keys: GuildKeys, member: str, *, job_id: str, accepted_at: float
) -> None:
    """Give back what a request cost, but not its cooldown: its owner cancelled it in line."""
    key = keys.use(member)
    pipe.hset(key, job_id, _text(Spent(accepted_at, 0)))
    pipe.expire(key, int(KEEP_SECONDS) + 60)


def _text(entry: Spent) -> str:
    return f"{entry.at!r} {entry.pixel_steps}"


def _entry(text: str) -> Spent | None:
    at, _, pixel_steps = text.partition(" ")
    try:
        return Spent(float(at), int(pixel_steps))
    except ValueError:
        return None
