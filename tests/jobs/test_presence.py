"""Which workers are there, and how each holds the model."""

import json

import pytest
from redis import Redis

from jobs import presence
from jobs.keys import Keys
from jobs.presence import Assistance

KEYS = Keys("presence")


def test_a_worker_counts_from_its_first_beat_until_it_leaves(redis: Redis) -> None:
    presence.beat(redis, KEYS, "a")
    presence.beat(redis, KEYS, "b")
    presence.beat(redis, KEYS, "b")
    assert presence.count(redis, KEYS) == 2
    presence.leave(redis, KEYS, "a")
    assert presence.count(redis, KEYS) == 1


def test_plans_are_those_of_the_workers_that_are_there(redis: Redis) -> None:
    presence.beat(redis, KEYS, "a", json.dumps({"device": "cpu"}))
    presence.beat(redis, KEYS, "b")
    presence.beat(redis, KEYS, "c", json.dumps({"device": "cuda"}))
    presence.leave(redis, KEYS, "c")
    assert presence.plans(redis, KEYS) == {"a": {"device": "cpu"}}


def test_a_plan_goes_with_its_worker(redis: Redis) -> None:
    presence.beat(redis, KEYS, "a", "{}")
    assert 0 < redis.ttl(KEYS.worker_plan("a")) <= presence.GONE_AFTER_SECONDS


def test_what_is_no_plan_is_left_out(redis: Redis) -> None:
    for name, text in (("a", "no json"), ("b", "[1]")):
        presence.beat(redis, KEYS, name, text)
    assert presence.plans(redis, KEYS) == {}
    assert presence.plans(redis, Keys("nobody")) == {}


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ([], Assistance.UNKNOWN),
        ([None], Assistance.UNKNOWN),
        ([{}], Assistance.UNKNOWN),
        ([{"assist": "yes"}], Assistance.UNKNOWN),
        ([{"assist": 1}], Assistance.UNKNOWN),
        ([{"assist": False}], Assistance.MISSING),
        ([{"assist": False}, {"assist": False}], Assistance.MISSING),
        ([{"assist": False}, None], Assistance.UNKNOWN),
        ([{"assist": False}, {"device": "cpu"}], Assistance.UNKNOWN),
        ([{"assist": False}, {"assist": True}], Assistance.AVAILABLE),
        ([None, {"assist": True}], Assistance.AVAILABLE),
    ],
)
def test_help_is_missing_only_where_every_worker_says_so(
    plans: list[dict[str, object] | None], expected: Assistance
) -> None:
    assert presence.judge(plans) is expected


def test_help_goes_with_the_workers_that_are_there(redis: Redis) -> None:
    assert presence.assistance(redis, KEYS) is Assistance.UNKNOWN
    presence.beat(redis, KEYS, "a", json.dumps({"assist": False}))
    assert presence.assistance(redis, KEYS) is Assistance.MISSING
    presence.beat(redis, KEYS, "b", json.dumps({"assist": True}))
    assert presence.assistance(redis, KEYS) is Assistance.AVAILABLE
    presence.leave(redis, KEYS, "b")
    assert presence.assistance(redis, KEYS) is Assistance.MISSING
    presence.beat(redis, KEYS, "c")
    assert presence.assistance(redis, KEYS) is Assistance.UNKNOWN
