"""Who changed what in a server, and why: one bounded stream a server, read newest first.

- An entry is added to the transaction of the change that it tells about, so there is neither a
  change without an entry nor an entry without a change.
- The time of an entry is Redis' own: it is the first half of the entry's id.
- A stream keeps its newest `MAX_ENTRIES` entries; old values that were long are gone with them.
- What moderators do to jobs goes here too, with the job's id in `what`.

Keys: `newbie:{queue}:guild:{guild}:audit`, listed in `jobs.keys`.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from redis.client import Pipeline

from jobs.connection import redis_errors
from jobs.guild import MAX_REASON
from jobs.guild_edits import MISSING, Stored
from jobs.keys import GuildKeys
from jobs.records import as_text

MAX_ENTRIES = 2_000
PAGE = 10


@dataclass(frozen=True)
class Entry:
    """One change. `by` is a user's id, `what` a field of `jobs.guild` or such as `job:{id}`."""

    id: str
    at: float
    by: str
    what: str
    old: Stored
    new: Stored
    reason: str


@dataclass(frozen=True)
class Page:
    """Some entries, newest first, and what to give as `before` for the next older ones."""

    entries: tuple[Entry, ...]
    before: str | None


def record(
    pipe: Pipeline,
    keys: GuildKeys,
    *,
    by: str,
    what: str,
    old: Stored = MISSING,
    new: Stored = MISSING,
    reason: str = "",
) -> None:
    """Add an entry to an open transaction."""
    fields = {"by": by, "what": what}
    fields |= {
        name: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in (("old", old), ("new", new))
        if value is not MISSING
    }
    if reason:
        fields["reason"] = reason[:MAX_REASON]
    pipe.xadd(keys.audit, cast(dict[Any, Any], fields), maxlen=MAX_ENTRIES, approximate=False)


def page(redis: Redis, keys: GuildKeys, before: str | None = None, count: int = PAGE) -> Page:
    """Read the newest entries, or those before an entry.

    Raises:
        QueueUnavailable: Redis is out of reach.
    """
    newest = "+" if before is None else f"({before}"
    with redis_errors():
        # One more than is shown tells whether there is a next page.
        rows = cast(list[Any], redis.xrevrange(keys.audit, newest, "-", count + 1))
    entries = tuple(_entry(as_text(key), fields) for key, fields in rows[:count])
    return Page(entries, entries[-1].id if len(rows) > count else None)


def _entry(key: str, raw: dict[bytes | str, bytes | str]) -> Entry:
    fields = {as_text(name): as_text(value) for name, value in raw.items()}
    return Entry(
        id=key,
        at=int(key.partition("-")[0]) / 1000,
        by=fields.get("by", ""),
        what=fields.get("what", ""),
        old=json.loads(fields["old"]) if "old" in fields else MISSING,
        new=json.loads(fields["new"]) if "new" in fields else MISSING,
        reason=fields.get("reason", ""),
    )
