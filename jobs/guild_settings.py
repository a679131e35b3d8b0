"""What moderators set, kept in Redis: read through a small cache, changed one field at a time.

Invariants:

- A change, its number and the audit's entry are written in one transaction.
- A change is computed from the value that is stored at that moment. Who gives the value that they
  saw (`expected`) changes nothing if somebody else was quicker, and is told.
- A change counts at once, whoever made it: what is kept here is used only while its number is the
  stored one.
- Blocks that ended are removed with the next change in the same server.
- When the bot leaves a server its settings stay for a month, in case it comes back.

Keys: `newbie:{queue}:guild:{guild}:settings` and `newbie:{queue}:paused`, listed in `jobs.keys`;
the audit stream's is written by `jobs.audit`.
"""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from jobs import audit
from jobs.connection import redis_errors
from jobs.errors import SettingChanged, TooManySettings, UnreadableSettings
from jobs.guild import QUEUE_FIELD, GuildSettings, Json, QueueState, is_over, read_settings
from jobs.guild_edits import MISSING, Edit, Missing, Stored, remove_field
from jobs.keys import GuildKeys, Keys
from jobs.records import as_text
from jobs.settings_table import Scope

CACHED_GUILDS = 1_000
MAX_FIELDS = 2_000
FORGET_AFTER_SECONDS = 30 * 86_400
# Number of the last change. It grows with the time of day, so that a hash that ended and began
# anew is not taken for what it was.
VERSION = "version"


@dataclass(frozen=True)
class Change:
    """What a change did, as the audit stream tells it; `is_made` is False where nothing changed."""

    field: str
    old: Stored
    new: Stored
    is_made: bool


@dataclass
class _Cached:
    """What was read last; without settings after a change of our own: none older is kept then."""

    version: int
    settings: GuildSettings | None = None


class Anything:
    """Stands for: whatever is stored."""


ANYTHING = Anything()

Plan = Callable[[Mapping[str, Json]], Sequence[Edit]]


class GuildSettingsStore:
    """Settings of servers. May be used by several threads at once."""

    def __init__(self, redis: Redis, queue: str, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._queue = queue
        self._clock = clock
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        self._lock = threading.Lock()

    def keys(self, guild: str) -> GuildKeys:
        """Give the keys of one server."""
        return GuildKeys(self._queue, guild)

    def get(self, guild: str) -> GuildSettings:
        """Read a server's settings; where nobody set anything the defaults are given.

        Raises:
            QueueUnavailable: Redis is out of reach.
            UnreadableSettings: another version wrote what this one does not know.
        """
        key = self.keys(guild).settings
        with self._lock:
            cached = self._cache.get(guild)
        if cached is not None and cached.settings is not None:
            with redis_errors():
                version = int(self._redis.hget(key, VERSION) or 0)
            if version == cached.version:
                return cached.settings
        with redis_errors():
            fields, version = _fields(self._redis.hgetall(key))
        settings = read_settings(fields, version)
        self._keep(guild, _Cached(version, settings))
        return settings

    def change(
        self,
        guild: str,
        edit: Edit,
        *,
        by: str,
        reason: str = "",
        expected: Stored | Anything = ANYTHING,
    ) -> Change:
        """Make a change and write down who made it.

        Args:
            guild: The server's id.
            edit: The change, from `jobs.guild_edits`.
            by: Id of the user who makes it.
            reason: Why, in their words.
            expected: The stored value that the change was decided on; MISSING for none.

        Raises:
            SettingChanged: the stored value is not the expected one; nothing was changed.
            TooManySettings: the server has as many as it may have; nothing was changed.
            QueueUnavailable: Redis is out of reach.
            UnreadableSettings: another version wrote what this one does not know.
        """

        def plan(fields: Mapping[str, Json]) -> list[Edit]:
            stored = fields.get(edit.field, MISSING)
            if not isinstance(expected, Anything) and stored != expected:
                raise SettingChanged(edit.field, stored)
            return [edit]

        return self._change(guild, plan, by, reason)[0]

    def forget(
        self, guild: str, scope: Scope, target: str, *, by: str, reason: str = ""
    ) -> list[Change]:
        """Remove what is set for a role, channel or member that is no more; blocks stay.

        Raises what `change` raises.
        """

        def plan(fields: Mapping[str, Json]) -> list[Edit]:
            of_target = f":{scope.value}:{target}"
            names = [
                name for name in fields if name.startswith("set:") and name.endswith(of_target)
            ]
            if scope is Scope.CHANNEL:
                names += [name for name in fields if name == f"access:{target}"]
            return [remove_field(name) for name in names]

        return self._change(guild, plan, by, reason)

    def changes(self, guild: str, before: str | None = None) -> audit.Page:
        """Read the newest entries of a server's audit, or those before one.

        Raises:
            QueueUnavailable: Redis is out of reach.
        """
        return audit.page(self._redis, self.keys(guild), before)

    def leave(self, guild: str) -> None:
        """Let a server's settings and audit stream end in a month: the bot was removed."""
        self._each_key(guild, lambda pipe, key: pipe.expire(key, FORGET_AFTER_SECONDS))

    def join(self, guild: str) -> None:
        """Keep a server's settings and audit stream: the bot is in it, perhaps again."""
        self._each_key(guild, lambda pipe, key: pipe.persist(key))

    def settle(self, present: set[str]) -> None:
        """Do for all servers what `leave` and `join` do, at a start: some were missed.

        `present` are the servers that the bot is in, and the names that stand for none and for all.
        """
        with redis_errors():
            pattern = self.keys("*").settings
            stored = [as_text(key) for key in self._redis.scan_iter(pattern, count=500)]
        before, after = self.keys("*").settings.split("*")
        for key in stored:
            guild = key.removeprefix(before).removesuffix(after)
            if guild in present:
                self.join(guild)
            else:
                self.leave(guild)
        paused = Keys(self._queue).paused
        with redis_errors():
            for guild in map(as_text, self._redis.smembers(paused)):
                if self.keys(guild).settings not in stored:
                    self._redis.srem(paused, guild)

    def _change(self, guild: str, plan: Plan, by: str, reason: str) -> list[Change]:
        keys = self.keys(guild)
        with redis_errors(), self._redis.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(keys.settings)
                    # Answered at once and not queued, as the pipe is watching.
                    fields, version = _fields(pipe.hgetall(keys.settings))
                    edits = plan(fields)
                    changes = [_change_by(edit, fields) for edit in edits]
                    made = [change for change in changes if change.is_made]
                    if not made:
                        return changes
                    pipe.multi()
                    self._write(pipe, keys, edits, fields)
                    stamp = max(version + 1, int(self._clock() * 1000))
                    pipe.hset(keys.settings, VERSION, stamp)
                    self._tell_line(pipe, guild, made)
                    for change in made:
                        audit.record(
                            pipe,
                            keys,
                            by=by,
                            what=change.field,
                            old=change.old,
                            new=change.new,
                            reason=reason,
                        )
                    pipe.execute()
                    break
                except WatchError:
                    continue
        self._keep(guild, _Cached(stamp))
        return changes

    def _write(
        self, pipe: Pipeline, keys: GuildKeys, edits: Sequence[Edit], fields: Mapping[str, Json]
    ) -> None:
        stored = dict(fields)
        for edit in edits:
            new = edit.apply(stored.get(edit.field, MISSING))
            if isinstance(new, Missing):
                stored.pop(edit.field, None)
            else:
                stored[edit.field] = new
        now = self._clock()
        stored = {name: value for name, value in stored.items() if not is_over(name, value, now)}
        if len(stored) > MAX_FIELDS and len(stored) > len(fields):
            raise TooManySettings(MAX_FIELDS)
        if removed := fields.keys() - stored.keys():
            pipe.hdel(keys.settings, *removed)
        for name, value in stored.items():
            if name not in fields or fields[name] != value:
                pipe.hset(keys.settings, name, json.dumps(value, ensure_ascii=False))

    def _tell_line(self, pipe: Pipeline, guild: str, changes: Sequence[Change]) -> None:
        """Have the line know of a pause at once (`jobs.line`)."""
        for change in changes:
            if change.field == QUEUE_FIELD:
                is_paused = change.new == QueueState.PAUSED.value
                write = pipe.sadd if is_paused else pipe.srem
                write(Keys(self._queue).paused, guild)

    def _each_key(self, guild: str, write: Callable[[Pipeline, str], Any]) -> None:
        keys = self.keys(guild)
        with redis_errors(), self._redis.pipeline() as pipe:
            for key in (keys.settings, keys.audit):
                write(pipe, key)
            pipe.execute()

    def _keep(self, guild: str, read: _Cached) -> None:
        with self._lock:
            newer = self._cache.get(guild)
            if newer is None or newer.version <= read.version:
                self._cache[guild] = read
            self._cache.move_to_end(guild)
            while len(self._cache) > CACHED_GUILDS:
                self._cache.popitem(last=False)


def _change_by(edit: Edit, fields: Mapping[str, Json]) -> Change:
    old = fields.get(edit.field, MISSING)
    new = edit.apply(old)
    return Change(edit.field, *edit.shown(old, new), is_made=new is not old and new != old)


def _fields(raw: Mapping[Any, Any]) -> tuple[dict[str, Json], int]:
    fields = {as_text(name): as_text(value) for name, value in raw.items()}
    try:
        version = int(fields.pop(VERSION, 0))
        return {name: json.loads(value) for name, value in fields.items()}, version
    except ValueError as error:
        raise UnreadableSettings("not JSON") from error
