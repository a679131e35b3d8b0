"""What a member may ask for and how much of it, decided without any I/O.

Which limits apply to a request is found by `jobs.limit_layers`; here it is held against them.

A refusal names one limit. What can never be accepted as asked comes first; then what has to wait
for a job to be drawn, for which no time is known; then the limits that end by themselves, of these
the one that ends last. So where a refusal has a time, the same request passes at that time if
nothing else was asked for in between.

Budgets count in sliding windows: what was accepted counts for exactly an hour and a day from then
on. With fixed windows a member could spend two budgets around the turn of an hour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from newbie_pipeline.prompt.assist import AssistMode

MEGAPIXEL = 1024 * 1024
HOUR = 3600.0
DAY = 86_400.0

LimitValue = bool | int | float | frozenset[AssistMode] | None


class Limit(StrEnum):
    """Names of limits, as moderators write them; each is a field of `Limits`."""

    USE = "use"
    WAITING = "waiting"
    RUNNING = "running"
    COOLDOWN = "cooldown"
    HOURLY_BUDGET = "hourly_budget"
    DAILY_BUDGET = "daily_budget"
    SIZE = "size"
    STEPS = "steps"
    COUNT = "count"
    CHARACTERS = "characters"
    PROMPT_LENGTH = "prompt_length"
    ASSIST = "assist"
    WEIGHT = "weight"
    CAPACITY = "capacity"
    TOTAL_CAPACITY = "total_capacity"


# The limits that one place sets; those that it does not set are missing.
LimitSet = Mapping[Limit, LimitValue]

# The helpful ones: to switch prompt help off needs no permission.
ASSIST_MODES = frozenset(AssistMode) - {AssistMode.OFF}


@dataclass(frozen=True)
class Limits:
    """The limits that apply to one request; None is no limit.

    Attributes:
        use: Whether the member may draw at all.
        waiting: Most of a member's jobs in line.
        running: Most of a member's jobs that are drawn at once; `may_start` keeps to it.
        cooldown: Seconds between two accepted requests of a member.
        hourly_budget: Megapixel-steps of a member within any 60 minutes.
        daily_budget: The same within any 24 hours.
        size: Megapixels of one picture; a megapixel is 1024 x 1024 pixels.
        steps: Steps of one picture.
        count: Pictures of one request.
        characters: People that a prompt describes, as `<character_1>` and so on.
        prompt_length: Length of a prompt, in characters of text.
        assist: Modes of prompt help that may be asked for.
        weight: Share of the queue, compared with other members that wait.
        capacity: Most jobs in line of one server.
        total_capacity: Most jobs in line of all servers; the operator's alone.
    """

    use: bool = True
    waiting: int | None = 10
    running: int | None = 2
    cooldown: int | None = 0
    hourly_budget: float | None = 2_240.0
    daily_budget: float | None = 11_200.0
    size: float | None = None
    steps: int | None = None
    count: int | None = None
    characters: int | None = None
    prompt_length: int | None = None
    assist: frozenset[AssistMode] = ASSIST_MODES
    weight: float = 1.0
    capacity: int | None = 1_000
    total_capacity: int | None = 20_000


# Budgets: 80 pictures of a megapixel in 28 steps an hour, 400 a day.
DEFAULTS = Limits()


@dataclass(frozen=True)
class RequestFacts:
    """What the limits look at in a request.

    `characters` counts the people that the prompt describes, `prompt_length` characters of text.
    """

    width: int
    height: int
    steps: int
    count: int
    characters: int
    prompt_length: int
    assist: frozenset[AssistMode] = frozenset()

    @property
    def pixels(self) -> int:
        """Pixels of one picture."""
        return self.width * self.height

    @property
    def pixel_steps(self) -> int:
        """What the request costs: pixels x steps x pictures, a whole number."""
        return self.pixels * self.steps * self.count


@dataclass(frozen=True)
class Spent:
    """What one accepted request cost, and when it was accepted (seconds since 1970)."""

    at: float
    pixel_steps: int


@dataclass(frozen=True)
class Terms:
    """What a request costs and the limits that apply to it: all but what has to be counted."""

    facts: RequestFacts
    limits: Limits


@dataclass(frozen=True)
class UsageFacts:
    """What a member has in hand and used lately, and how full the queue is.

    `last_accepted` is seconds since 1970. `spent` has what counts against the budgets; what is
    older than their windows is passed over.
    """

    waiting: int = 0
    running: int = 0
    last_accepted: float | None = None
    spent: tuple[Spent, ...] = ()
    guild_waiting: int = 0
    total_waiting: int = 0


@dataclass(frozen=True)
class LimitRefusal:
    """Which limit a request does not fit, its value, and what was asked for, in its unit.

    `retry_at` (seconds since 1970) is when the same request passes if nothing else happens; None
    where it never does, or where that depends on when jobs are drawn.
    """

    limit: Limit
    value: LimitValue
    asked: LimitValue
    retry_at: float | None = None


def decide(
    request: RequestFacts, usage: UsageFacts, limits: Limits, now: float
) -> LimitRefusal | None:
    """Accept a request (None) or say which limit refuses it; `now` is seconds since 1970."""
    return (
        _refuse_as_asked(request, limits)
        or _refuse_until_drawn(usage, limits)
        or _refuse_for_a_while(request, usage, limits, now)
    )


def may_start(running: int, limits: Limits) -> bool:
    """Tell whether a further job of a member may be drawn, while so many of theirs are.

    For whoever hands jobs to workers: a job that may not start keeps its place and waits.
    """
    return limits.running is None or running < limits.running


def _refuse_as_asked(request: RequestFacts, limits: Limits) -> LimitRefusal | None:
    """Refuse what no waiting makes acceptable."""
    if not limits.use:
        return LimitRefusal(Limit.USE, value=False, asked=True)
    forbidden = request.assist & ASSIST_MODES - limits.assist
    if forbidden:
        return LimitRefusal(Limit.ASSIST, limits.assist, forbidden)
    asked: dict[Limit, int | float] = {
        Limit.SIZE: request.pixels / MEGAPIXEL,
        Limit.STEPS: request.steps,
        Limit.COUNT: request.count,
        Limit.CHARACTERS: request.characters,
        Limit.PROMPT_LENGTH: request.prompt_length,
        Limit.HOURLY_BUDGET: request.pixel_steps / MEGAPIXEL,
        Limit.DAILY_BUDGET: request.pixel_steps / MEGAPIXEL,
    }
    for limit, amount in asked.items():
        value: int | float | None = getattr(limits, limit.value)
        if value is not None and amount > value:
            return LimitRefusal(limit, value, amount)
    return None


def _refuse_until_drawn(usage: UsageFacts, limits: Limits) -> LimitRefusal | None:
    """Refuse where the lines are full."""
    if limits.waiting is not None and usage.waiting >= limits.waiting:
        return LimitRefusal(Limit.WAITING, limits.waiting, usage.waiting + 1)
    if limits.waiting is not None and limits.running is not None:
        # A queue that keeps to `may_start` never comes here, unless the limit was lowered.
        in_hand = usage.waiting + usage.running
        if in_hand >= limits.waiting + limits.running:
            return LimitRefusal(Limit.RUNNING, limits.running, usage.running)
    if limits.capacity is not None and usage.guild_waiting >= limits.capacity:
        return LimitRefusal(Limit.CAPACITY, limits.capacity, usage.guild_waiting + 1)
    if limits.total_capacity is not None and usage.total_waiting >= limits.total_capacity:
        return LimitRefusal(Limit.TOTAL_CAPACITY, limits.total_capacity, usage.total_waiting + 1)
    return None


def _refuse_for_a_while(
    request: RequestFacts, usage: UsageFacts, limits: Limits, now: float
) -> LimitRefusal | None:
    """Refuse by the limit that ends last."""
    refusals = []
    if limits.cooldown and usage.last_accepted is not None:
        over_at = usage.last_accepted + limits.cooldown
        if now < over_at:
            waited = max(0.0, now - usage.last_accepted)
            refusals.append(LimitRefusal(Limit.COOLDOWN, limits.cooldown, waited, over_at))
    asked = request.pixel_steps
    for limit, budget, window in (
        (Limit.HOURLY_BUDGET, limits.hourly_budget, HOUR),
        (Limit.DAILY_BUDGET, limits.daily_budget, DAY),
    ):
        if budget is None:
            continue
        free_at = room_at(asked, usage.spent, int(budget * MEGAPIXEL), window, now)
        if free_at > now:
            refusals.append(LimitRefusal(limit, budget, asked / MEGAPIXEL, free_at))
    return max(refusals, key=lambda refusal: refusal.retry_at or 0.0, default=None)


def room_at(asked: int, spent: Iterable[Spent], budget: int, window: float, now: float) -> float:
    """Tell from when on a sliding window of so many seconds has room for what is asked.

    What was spent counts for exactly `window` seconds. All amounts are whole pixel-steps, so sums
    are exact; `asked` must not be more than `budget`.
    """
    counting = sorted((each for each in spent if now < each.at + window), key=lambda each: each.at)
    used = sum(each.pixel_steps for each in counting)
    room_from = now
    for each in counting:
        if used + asked <= budget:
            break
        used -= each.pixel_steps
        room_from = each.at + window
    return room_from


# A limit without a field, or a field without a limit, would silently not be enforced.
if {field.name for field in fields(Limits)} != {limit.value for limit in Limit}:
    raise TypeError("Limit and Limits must name the same limits")
