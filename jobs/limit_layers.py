"""Where limits are set, and which of several values applies.

For one request the value of each limit comes from the first of these that sets it, and every limit
is looked up by itself:

1. the member: what moderators set for this one person wins over all;
2. the channel: of a thread, its channel and their category, the most specific one that sets it;
3. the roles: of all the member's roles that set it, the most generous value applies;
4. the server's own setting;
5. `jobs.limits.DEFAULTS`.

Then the operator's value, where there is one, caps it: nobody in a server can give more than
whoever pays for the GPU allows. The capacity of all servers together is the operator's alone, so
there the operator's value takes the place of our default, be it smaller or larger.

The order is the one in which our requirements list the places, from the widest to the narrowest,
with "wins over all" at its end. A channel stands above roles because its limits are about the
place: in a channel for quick sketches a role must not undo them, and in a channel for large
pictures a role's privilege must not become a handicap. A role's value replaces the server's, so a
role for newcomers can also lower it; the most generous is chosen among roles only.

"More generous" is a larger number, a shorter cooldown, more modes of prompt help, and being allowed
over not being allowed. None is "no limit" and the most generous of all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Any, cast

from jobs.limits import ASSIST_MODES, DEFAULTS, Limit, Limits, LimitSet, LimitValue
from newbie_pipeline.prompt.assist import AssistMode


class Source(StrEnum):
    """The place that a value comes from."""

    DEFAULT = "default"
    GUILD = "guild"
    ROLE = "role"
    CHANNEL = "channel"
    MEMBER = "member"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Layers:
    """What each place sets; `channels` from the most specific one on."""

    guild: LimitSet
    roles: Sequence[LimitSet] = ()
    channels: Sequence[LimitSet] = ()
    member: LimitSet | None = None
    operator: LimitSet | None = None


@dataclass(frozen=True)
class Resolved:
    """The value of one limit and the place that it comes from."""

    value: LimitValue
    source: Source


def resolve(layers: Layers) -> Limits:
    """Give the limits that apply."""
    values = {limit.value: found.value for limit, found in trace(layers).items()}
    return Limits(**cast(dict[str, Any], values))


def trace(layers: Layers) -> dict[Limit, Resolved]:
    """Give each limit that applies, and who set it."""
    return {limit: _trace(limit, layers) for limit in Limit}


def _trace(limit: Limit, layers: Layers) -> Resolved:
    found = _wanted(limit, layers)
    ceiling = layers.operator or {}
    if limit in ceiling:
        if limit is Limit.TOTAL_CAPACITY and found.source is Source.DEFAULT:
            return Resolved(ceiling[limit], Source.OPERATOR)
        capped = least_generous(limit, [found.value, ceiling[limit]])
        if capped != found.value:
            return Resolved(capped, Source.OPERATOR)
    return found


def _wanted(limit: Limit, layers: Layers) -> Resolved:
    """Look a limit up in all places but the operator's."""
    if layers.member and limit in layers.member:
        return Resolved(layers.member[limit], Source.MEMBER)
    for channel in layers.channels:
        if limit in channel:
            return Resolved(channel[limit], Source.CHANNEL)
    of_roles = [role[limit] for role in layers.roles if limit in role]
    if of_roles:
        return Resolved(most_generous(limit, of_roles), Source.ROLE)
    if limit in layers.guild:
        return Resolved(layers.guild[limit], Source.GUILD)
    return Resolved(getattr(DEFAULTS, limit.value), Source.DEFAULT)


def most_generous(limit: Limit, values: Iterable[LimitValue]) -> LimitValue:
    """Choose the value that allows the most; of sets of modes, all of them together."""
    if limit is Limit.ASSIST:
        return frozenset[AssistMode]().union(*map(_modes, values))
    return max(values, key=lambda value: _generosity(limit, value))


def least_generous(limit: Limit, values: Iterable[LimitValue]) -> LimitValue:
    """Choose the value that allows the least; of sets of modes, those that are in all."""
    if limit is Limit.ASSIST:
        return ASSIST_MODES.intersection(*map(_modes, values))
    return min(values, key=lambda value: _generosity(limit, value))


def _modes(value: LimitValue) -> frozenset[AssistMode]:
    return value if isinstance(value, frozenset) else ASSIST_MODES


def _generosity(limit: Limit, value: LimitValue) -> float:
    if value is None or isinstance(value, frozenset):
        return inf
    return -float(value) if limit is Limit.COOLDOWN else float(value)
