"""Which of several values of a limit applies."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.limit_layers import (
    Layers,
    Resolved,
    Source,
    least_generous,
    most_generous,
    resolve,
    trace,
)
from jobs.limits import ASSIST_MODES, DEFAULTS, Limit, LimitSet, LimitValue
from newbie_pipeline.prompt.assist import AssistMode
from tests.jobs.conftest import limit_values

CAPTION = frozenset({AssistMode.CAPTION})
STRUCTURE = frozenset({AssistMode.STRUCTURE})

some_limit = st.sampled_from(Limit)


def layers(*names: Limit) -> st.SearchStrategy[Layers]:
    """Places that may set each of these limits."""
    some = st.fixed_dictionaries({}, optional={name: limit_values(name) for name in names})
    return st.builds(
        Layers,
        guild=some,
        roles=st.lists(some, max_size=3).map(tuple),
        channels=st.lists(some, max_size=2).map(tuple),
        member=st.none() | some,
        operator=st.none() | some,
    )


limits_in_layers = some_limit.flatmap(lambda limit: st.tuples(st.just(limit), layers(limit)))


def steps(value: int | None) -> LimitSet:
    return {Limit.STEPS: value}


def test_nothing_set_gives_the_defaults() -> None:
    assert resolve(Layers(guild={})) == DEFAULTS


@pytest.mark.parametrize(
    ("found", "source"),
    [
        (Layers(guild=steps(30)), Source.GUILD),
        (Layers(guild=steps(1), roles=[steps(30)]), Source.ROLE),
        (Layers(guild=steps(1), roles=[steps(2)], channels=[steps(30)]), Source.CHANNEL),
        (Layers(steps(1), [steps(2)], [steps(3)], member=steps(30)), Source.MEMBER),
        (Layers(steps(1), [steps(2)], [steps(3)], steps(40), steps(30)), Source.OPERATOR),
        (Layers(steps(30), operator=steps(40)), Source.GUILD),
    ],
)
def test_the_narrowest_place_wins_and_the_operator_caps_it(found: Layers, source: Source) -> None:
    traced = trace(found)[Limit.STEPS]
    assert (traced.value, traced.source) == (30, source)


@pytest.mark.parametrize("value", [5, 50_000, None])
def test_the_operator_can_raise_what_only_the_operator_sets(value: int | None) -> None:
    found = Layers(guild={}, operator={Limit.TOTAL_CAPACITY: value, Limit.CAPACITY: 50_000})
    traced = trace(found)
    assert traced[Limit.TOTAL_CAPACITY] == Resolved(value, Source.OPERATOR)
    assert traced[Limit.CAPACITY] == Resolved(DEFAULTS.capacity, Source.DEFAULT)


def test_of_a_thread_and_its_channel_the_thread_wins_where_it_says_something() -> None:
    thread = {Limit.STEPS: 10}
    channel = {Limit.STEPS: 50, Limit.COUNT: 2}
    found = resolve(Layers(guild={}, channels=[thread, channel]))
    assert (found.steps, found.count) == (10, 2)


def test_a_role_can_lower_what_the_server_allows() -> None:
    assert resolve(Layers(guild=steps(40), roles=[steps(10)])).steps == 10
    assert resolve(Layers(guild=steps(40), roles=[steps(10), steps(20)])).steps == 20


@pytest.mark.parametrize(
    ("limit", "less", "more"),
    [
        (Limit.USE, False, True),
        (Limit.STEPS, 10, 20),
        (Limit.STEPS, 20, None),
        (Limit.COOLDOWN, 60, 5),
        (Limit.COOLDOWN, 5, None),
        (Limit.WEIGHT, 1.0, 3.0),
        (Limit.HOURLY_BUDGET, 10.5, 11.0),
        (Limit.CAPACITY, 10, None),
        (Limit.ASSIST, CAPTION, ASSIST_MODES),
    ],
)
def test_what_is_more_generous(limit: Limit, less: LimitValue, more: LimitValue) -> None:
    for values in ([less, more], [more, less]):
        assert most_generous(limit, values) == more
        assert least_generous(limit, values) == less


def test_modes_of_several_roles_add_up_and_the_operator_takes_some_away() -> None:
    roles = [{Limit.ASSIST: CAPTION}, {Limit.ASSIST: STRUCTURE}]
    assert resolve(Layers(guild={}, roles=roles)).assist == CAPTION | STRUCTURE
    capped = resolve(Layers(guild={}, roles=roles, operator={Limit.ASSIST: CAPTION}))
    assert capped.assist == CAPTION


@given(limits_in_layers, st.data())
def test_the_member_wins_over_all_but_the_operator(
    case: tuple[Limit, Layers], data: st.DataObject
) -> None:
    limit, found = case
    value = data.draw(limit_values(limit))
    theirs = replace(found, member={limit: value}, operator=None)
    assert getattr(resolve(theirs), limit) == value


@given(limits_in_layers, st.data())
def test_nothing_goes_beyond_the_operator(case: tuple[Limit, Layers], data: st.DataObject) -> None:
    limit, found = case
    ceiling = data.draw(limit_values(limit))
    value = getattr(resolve(replace(found, operator={limit: ceiling})), limit)
    assert least_generous(limit, [value, ceiling]) == value


@given(limits_in_layers, st.data())
def test_a_further_role_never_lowers_what_roles_give(
    case: tuple[Limit, Layers], data: st.DataObject
) -> None:
    limit, found = case
    some_role, further = ({limit: data.draw(limit_values(limit))} for _ in range(2))
    one = replace(found, roles=(*found.roles, some_role))
    more = replace(found, roles=(*found.roles, some_role, further))
    before, after = (getattr(resolve(each), limit) for each in (one, more))
    assert most_generous(limit, [before, after]) == after


@given(
    limits_in_layers,
    st.sampled_from(["guild", "roles", "channels", "member", "operator"]),
    st.data(),
)
def test_raising_a_value_anywhere_never_lowers_what_applies(
    case: tuple[Limit, Layers], place: str, data: st.DataObject
) -> None:
    limit, found = case
    low, other = (data.draw(limit_values(limit)) for _ in range(2))
    before, after = (
        getattr(resolve(_with(found, place, {limit: value})), limit)
        for value in (low, most_generous(limit, [low, other]))
    )
    assert most_generous(limit, [before, after]) == after


def _with(found: Layers, place: str, values: LimitSet) -> Layers:
    is_list = place in ("roles", "channels")
    return replace(found, **{place: [values, *getattr(found, place)] if is_list else values})


@given(limits_in_layers)
def test_the_order_of_roles_does_not_matter(case: tuple[Limit, Layers]) -> None:
    _, found = case
    assert resolve(found) == resolve(replace(found, roles=tuple(reversed(found.roles))))


@given(layers(Limit.STEPS, Limit.COUNT, Limit.ASSIST), st.sampled_from([Limit.STEPS, Limit.ASSIST]))
def test_a_limit_is_found_by_itself(found: Layers, limit: Limit) -> None:
    def only(values: LimitSet | None) -> LimitSet:
        return {name: value for name, value in (values or {}).items() if name is limit}

    alone = Layers(
        only(found.guild),
        [only(role) for role in found.roles],
        [only(channel) for channel in found.channels],
        only(found.member),
        only(found.operator),
    )
    assert getattr(resolve(alone), limit) == getattr(resolve(found), limit)
