"""What moderators set for one server, as a frozen picture that is read from stored fields.

A server's settings are a map of fields to JSON values; `jobs.guild_settings` keeps it in Redis, and
`jobs.guild_edits` has the changes that can be made to it.

| field | value |
|---|---|
| `set:{name}` | value of a setting of `jobs.settings_table` for the whole server |
| `set:{name}:{role, channel or member}:{id}` | its value for one of them |
| `access:{channel}` | "allow" or "deny" |
| `blocked:{member}` | why, by whom, since when, until when (null: for good) |
| `words:blocked`, `words:adult` | list of words |
| `moderators` | list of roles that may use the moderators' commands |
| `audit_channel` | channel that changes are told in |
| `queue` | "paused" or "draining"; missing while the queue runs |

The operator's settings for all servers together are those of the server `EVERY_GUILD`: its limits
are ceilings, its words, blocks and the state of the queue count everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import Field, ValidationError

from jobs.errors import BadValue, UnreadableSettings
from jobs.limits import Limit, LimitSet
from jobs.models import DeliveryAddress, Frozen, Snowflake
from jobs.settings_table import SETTINGS, Rating, Scope, Setting

EVERY_GUILD = "all"
# Where there is no server: direct messages.
NO_GUILD = "dm"
QUEUE_FIELD = "queue"

MAX_REASON = 300

Json = Any


def guild_of(address: DeliveryAddress) -> str:
    """Name the server that a job belongs to."""
    return address.guild_id or NO_GUILD


class Access(StrEnum):
    """Whether a channel may be drawn in."""

    ALLOW = "allow"
    DENY = "deny"


class QueueState(StrEnum):
    """What happens to a server's jobs.

    RUNNING: all goes on. DRAINING: what waits is drawn, nothing more is accepted. PAUSED: nothing
    more is accepted or begun; what waits keeps its place.
    """

    RUNNING = "running"
    DRAINING = "draining"
    PAUSED = "paused"

    @property
    def accepts(self) -> bool:
        """Tell whether new requests are accepted."""
        return self is QueueState.RUNNING

    @property
    def starts(self) -> bool:
        """Tell whether waiting jobs are begun."""
        return self is not QueueState.PAUSED


class WordKind(StrEnum):
    """A server's own lists of words: refused always, or adult as well as what we call adult."""

    BLOCKED = "blocked"
    ADULT = "adult"


class Block(Frozen):
    """Why a member may not draw; times are seconds since 1970, `until` None is for good."""

    by: Snowflake
    at: float
    until: float | None = None
    reason: str = Field("", max_length=MAX_REASON)

    def is_over(self, now: float) -> bool:
        """Tell whether it has ended."""
        return self.until is not None and now >= self.until


@dataclass(frozen=True)
class GuildSettings:
    """All that is set for one server.

    `values` has for each scope and target's id ("" for the whole server) the values by name.
    Channels are given as ids, the most specific one first: a thread, its channel, their category.
    """

    version: int = 0
    values: Mapping[Scope, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    access: Mapping[str, Access] = field(default_factory=dict)
    blocked: Mapping[str, Block] = field(default_factory=dict)
    words: Mapping[WordKind, tuple[str, ...]] = field(default_factory=dict)
    moderators: frozenset[str] = frozenset()
    audit_channel: str | None = None
    queue: QueueState = QueueState.RUNNING

    def limits(self, scope: Scope, target: str = "") -> LimitSet:
        """Give the limits that are set for one target."""
        found = self.values.get(scope, {}).get(target, {})
        return {Limit(name): value for name, value in found.items() if name in _LIMITS}

    def is_open(self, channels: Iterable[str]) -> bool:
        """Tell whether one may draw in a channel.

        The most specific rule counts. Without one a channel is open, unless others are allowed by
        name: then only those are.
        """
        for channel in channels:
            if channel in self.access:
                return self.access[channel] is Access.ALLOW
        return Access.ALLOW not in self.access.values()

    def rating(self, channels: Iterable[str]) -> Rating:
        """Tell what a channel is open for; general where nobody said otherwise."""
        return Rating(self._of_channel("rating", channels, Rating.GENERAL))

    def posts_spoilers(self, channels: Iterable[str]) -> bool:
        """Tell whether pictures are posted as spoilers in a channel."""
        return bool(self._of_channel("spoilers", channels, False))

    def block_of(self, member: str, now: float) -> Block | None:
        """Give the block that keeps a member from drawing now."""
        block = self.blocked.get(member)
        return None if block is None or block.is_over(now) else block

    def _of_channel(self, name: str, channels: Iterable[str], default: Any) -> Any:
        by_channel = self.values.get(Scope.CHANNEL, {})
        for channel in channels:
            if name in by_channel.get(channel, {}):
                return by_channel[channel][name]
        return default


_LIMITS = frozenset(limit.value for limit in Limit)


def is_over(name: str, value: Json, now: float) -> bool:
    """Tell whether a stored field is a block that has ended."""
    until = value.get("until") if isinstance(value, dict) else None
    return name.startswith("blocked:") and isinstance(until, int | float) and now >= until


def read_settings(fields: Mapping[str, Json], version: int) -> GuildSettings:
    """Read all fields; what another version put beside them is passed over.

    Raises:
        UnreadableSettings: a field that we know holds what we do not.
    """
    values: dict[Scope, dict[str, dict[str, Any]]] = {}
    access, blocked, words = {}, {}, {}
    try:
        for name, value in fields.items():
            group, _, rest = name.partition(":")
            if group == "set":
                setting, scope, target = _address(rest)
                if setting is not None:
                    of_target = values.setdefault(scope, {}).setdefault(target, {})
                    of_target[setting.name] = setting.from_json(value)
            elif group == "access":
                access[rest] = Access(value)
            elif group == "blocked":
                blocked[rest] = Block.model_validate(value)
            elif group == "words":
                words[WordKind(rest)] = tuple(map(str, value))
        return GuildSettings(
            version=version,
            values=values,
            access=access,
            blocked=blocked,
            words=words,
            moderators=frozenset(map(str, fields.get("moderators", ()))),
            audit_channel=fields.get("audit_channel"),
            queue=QueueState(fields.get(QUEUE_FIELD, QueueState.RUNNING)),
        )
    except (ValueError, TypeError, ValidationError, BadValue) as error:
        raise UnreadableSettings(str(type(error).__name__)) from error


def _address(rest: str) -> tuple[Setting | None, Scope, str]:
    name, _, place = rest.partition(":")
    scope, _, target = place.partition(":")
    return SETTINGS.get(name), Scope(scope or Scope.GUILD), target
