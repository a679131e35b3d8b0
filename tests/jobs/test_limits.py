"""What limits refuse: each refusal beside the largest request that passes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.limit_layers import most_generous
from jobs.limits import (
    ASSIST_MODES,
    DAY,
    DEFAULTS,
    HOUR,
    MEGAPIXEL,
    Limit,
    LimitRefusal,
    Limits,
    RequestFacts,
    Spent,
    UsageFacts,
    decide,
    may_start,
)
from newbie_pipeline.prompt.assist import AssistMode
from tests.jobs.conftest import limits as any_limits

NOW = 1_800_000_000.0
REQUEST = RequestFacts(width=1024, height=1024, steps=28, count=1, characters=1, prompt_length=100)
COST = 28  # megapixel-steps of REQUEST
UNLIMITED = Limits(
    waiting=None,
    running=None,
    hourly_budget=None,
    daily_budget=None,
    capacity=None,
    total_capacity=None,
)

requests = st.builds(
    RequestFacts,
    width=st.sampled_from([64, 512, 1024]),
    height=st.sampled_from([64, 512, 1024]),
    steps=st.integers(1, 30),
    count=st.integers(1, 4),
    characters=st.integers(0, 4),
    prompt_length=st.integers(1, 60),
    assist=st.just(frozenset()) | st.frozensets(st.sampled_from(AssistMode)),
)
times = st.integers(0, 30 * 60).map(lambda minutes: NOW - 60 * minutes)
usages = st.builds(
    UsageFacts,
    waiting=st.integers(0, 5),
    running=st.integers(0, 3),
    last_accepted=st.none() | times,
    spent=st.lists(st.builds(Spent, times, st.integers(1, 100 * MEGAPIXEL)), max_size=8).map(tuple),
    guild_waiting=st.integers(0, 30),
    total_waiting=st.integers(0, 60),
)


def ago(seconds: float, cost: int = COST) -> Spent:
    return Spent(NOW - seconds, cost * MEGAPIXEL)


def asked(**changes: object) -> RequestFacts:
    return replace(REQUEST, **changes)


@pytest.mark.parametrize(
    ("limits", "refused", "accepted"),
    [
        ({"size": 1.0}, {"width": 1024, "height": 1088}, {"width": 1024, "height": 1024}),
        ({"steps": 20}, {"steps": 21}, {"steps": 20}),
        ({"count": 2}, {"count": 3}, {"count": 2}),
        ({"characters": 2}, {"characters": 3}, {"characters": 2}),
        ({"prompt_length": 500}, {"prompt_length": 501}, {"prompt_length": 500}),
        ({"hourly_budget": 56.0}, {"steps": 57}, {"steps": 56}),
        ({"daily_budget": 56.0}, {"count": 3}, {"count": 2}),
        (
            {"assist": frozenset({AssistMode.CAPTION})},
            {"assist": frozenset({AssistMode.CAPTION, AssistMode.STRUCTURE})},
            {"assist": frozenset({AssistMode.CAPTION, AssistMode.OFF})},
        ),
    ],
)
def test_what_is_too_much_as_asked_is_refused_for_good(
    limits: dict[str, object], refused: dict[str, object], accepted: dict[str, object]
) -> None:
    effective = replace(UNLIMITED, **limits)
    refusal = decide(asked(**refused), UsageFacts(), effective, NOW)
    assert refusal is not None
    (name,) = limits
    assert refusal.limit == name
    assert refusal.value == limits[name]
    assert refusal.retry_at is None
    assert decide(asked(**accepted), UsageFacts(), effective, NOW) is None


def test_who_may_not_draw_is_refused_and_who_may_is_not() -> None:
    refusal = decide(REQUEST, UsageFacts(), replace(UNLIMITED, use=False), NOW)
    assert refusal == LimitRefusal(Limit.USE, value=False, asked=True)
    assert decide(REQUEST, UsageFacts(), UNLIMITED, NOW) is None


@pytest.mark.parametrize(
    ("limits", "refused", "accepted"),
    [
        ({"waiting": 3}, {"waiting": 3}, {"waiting": 2}),
        ({"capacity": 50}, {"guild_waiting": 50}, {"guild_waiting": 49}),
        ({"total_capacity": 90}, {"total_waiting": 90}, {"total_waiting": 89}),
        (
            {"running": 1, "waiting": 2},
            {"running": 3, "waiting": 0},
            {"running": 2, "waiting": 0},
        ),
    ],
)
def test_a_full_line_refuses_without_a_time(
    limits: dict[str, int], refused: dict[str, int], accepted: dict[str, int]
) -> None:
    effective = replace(UNLIMITED, **limits)
    refusal = decide(REQUEST, UsageFacts(**refused), effective, NOW)
    assert refusal is not None
    assert refusal.limit == next(iter(limits))
    assert refusal.value == next(iter(limits.values()))
    assert refusal.retry_at is None
    assert decide(REQUEST, UsageFacts(**accepted), effective, NOW) is None


def test_a_job_starts_only_while_fewer_than_allowed_are_drawn() -> None:
    assert may_start(1, replace(UNLIMITED, running=2))
    assert not may_start(2, replace(UNLIMITED, running=2))
    assert may_start(99, UNLIMITED)


def test_jobs_that_are_drawn_do_not_keep_others_from_waiting() -> None:
    usage = UsageFacts(waiting=1, running=1)
    assert decide(REQUEST, usage, replace(UNLIMITED, running=1, waiting=2), NOW) is None


def test_a_cooldown_lasts_exactly_as_long_as_set() -> None:
    limits = replace(UNLIMITED, cooldown=60)
    refusal = decide(REQUEST, UsageFacts(last_accepted=NOW - 59), limits, NOW)
    assert refusal == LimitRefusal(Limit.COOLDOWN, 60, 59.0, NOW + 1)
    assert decide(REQUEST, UsageFacts(last_accepted=NOW - 60), limits, NOW) is None
    assert decide(REQUEST, UsageFacts(), limits, NOW) is None


@pytest.mark.parametrize(("name", "window"), [("hourly_budget", HOUR), ("daily_budget", DAY)])
def test_a_budget_frees_what_was_spent_a_window_ago(name: str, window: float) -> None:
    limits = replace(UNLIMITED, **{name: 3.0 * COST})
    spent = (ago(window - 10), ago(window - 20), ago(5))
    refusal = decide(REQUEST, UsageFacts(spent=spent), limits, NOW)
    assert refusal == LimitRefusal(Limit(name), 3.0 * COST, float(COST), NOW + 10)
    assert decide(REQUEST, UsageFacts(spent=spent[1:]), limits, NOW) is None
    assert decide(REQUEST, UsageFacts(spent=(ago(window), *spent[1:])), limits, NOW) is None


def test_a_large_request_waits_until_enough_is_free_and_not_only_something() -> None:
    limits = replace(UNLIMITED, hourly_budget=4.0 * COST)
    spent = (ago(HOUR - 10), ago(HOUR - 20), ago(HOUR - 30), ago(HOUR - 40))
    refusal = decide(asked(count=3), UsageFacts(spent=spent), limits, NOW)
    assert refusal is not None
    assert refusal.retry_at == NOW + 30


def test_of_several_waits_the_longest_is_told() -> None:
    limits = replace(UNLIMITED, cooldown=60, hourly_budget=28.0, daily_budget=30.0)
    usage = UsageFacts(last_accepted=NOW - 1, spent=(ago(1),))
    refusal = decide(REQUEST, usage, limits, NOW)
    assert refusal is not None
    assert refusal.limit is Limit.DAILY_BUDGET
    assert refusal.retry_at == NOW - 1 + DAY


def test_a_full_line_is_told_before_a_cooldown_that_would_be_over_sooner() -> None:
    limits = replace(UNLIMITED, waiting=1, cooldown=60)
    usage = UsageFacts(waiting=1, last_accepted=NOW - 1)
    refusal = decide(REQUEST, usage, limits, NOW)
    assert refusal is not None
    assert (refusal.limit, refusal.retry_at) == (Limit.WAITING, None)


@given(
    st.builds(replace, st.just(REQUEST), count=st.integers(1, 4)),
    usages,
    st.builds(
        replace,
        st.just(UNLIMITED),
        cooldown=st.integers(0, 2 * int(DAY)),
        hourly_budget=st.floats(4 * COST, 300),
        daily_budget=st.floats(4 * COST, 300),
    ),
)
def test_the_time_in_a_refusal_is_right(
    request: RequestFacts, usage: UsageFacts, limits: Limits
) -> None:
    refusal = decide(request, usage, limits, NOW)
    if refusal is None:
        return
    assert refusal.retry_at is not None
    assert refusal.retry_at > NOW
    assert decide(request, usage, limits, refusal.retry_at) is None
    just_before = decide(request, usage, limits, refusal.retry_at - 0.001)
    assert just_before is not None
    assert just_before.retry_at == refusal.retry_at


@given(requests, usages, any_limits())
def test_a_refusal_without_a_time_is_not_lifted_by_time(
    request: RequestFacts, usage: UsageFacts, limits: Limits
) -> None:
    refusal = decide(request, usage, limits, NOW)
    if refusal is not None and refusal.retry_at is None:
        assert decide(request, usage, limits, NOW + 10 * DAY) == refusal


@given(requests, usages)
def test_without_limits_everything_passes(request: RequestFacts, usage: UsageFacts) -> None:
    assert decide(request, usage, UNLIMITED, NOW) is None


@given(
    requests,
    usages,
    st.builds(replace, any_limits(), use=st.just(True), assist=st.just(ASSIST_MODES)),
    any_limits(),
)
def test_more_generous_limits_never_turn_a_yes_into_a_no(
    request: RequestFacts, usage: UsageFacts, one: Limits, other: Limits
) -> None:
    if decide(request, usage, one, NOW) is None:
        more = {
            limit.value: most_generous(limit, [getattr(one, limit), getattr(other, limit)])
            for limit in Limit
        }
        assert decide(request, usage, Limits(**more), NOW) is None


def test_what_the_bot_offers_by_default_passes_by_default() -> None:
    assert decide(asked(count=4, steps=60), UsageFacts(), DEFAULTS, NOW) is None
