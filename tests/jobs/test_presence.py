"""Which workers are there, and what each says of itself."""

import json
import time

import pytest
from redis import Redis

from jobs import presence
from jobs.capability import ANYTHING, Capability
from jobs.cost import ASSUMED, Speed
from jobs.keys import Keys
from jobs.registration import Description, Device, Registration

KEYS = Keys("presence")
SAID = Description(
    device=Device(name="NVIDIA L4", memory=24 << 30),
    model="NewBie-image-Exp0.1",
    model_hash="0123456789ab",
    plan={"device": "cuda", "rank": 0},
    capability=Capability(max_pixels=2**20, assist=False, model="NewBie-image-Exp0.1"),
)
FAST = Speed(job_seconds=1.0, megapixel_step_seconds=0.1, spread=0.2)


def test_a_worker_counts_from_its_first_beat_until_it_leaves(redis: Redis) -> None:
    presence.beat(redis, KEYS, "a")
    presence.beat(redis, KEYS, "b")
    presence.beat(redis, KEYS, "b")
    assert presence.count(redis, KEYS) == 2
    presence.leave(redis, KEYS, "a")
    assert presence.count(redis, KEYS) == 1
    assert [worker.name for worker in presence.registrations(redis, KEYS)] == ["b"]


def test_what_a_worker_says_is_read_as_it_was_said(redis: Redis) -> None:
    before = time.time()
    presence.beat(redis, KEYS, "b", SAID, FAST)
    presence.beat(redis, KEYS, "a")
    silent, worker = presence.registrations(redis, KEYS)
    assert Description(**{name: getattr(worker, name) for name in Description.model_fields}) == SAID
    assert (worker.name, worker.speed) == ("b", FAST)
    assert before <= worker.seen_at <= time.time()
    assert (silent.name, silent.capability, silent.device) == ("a", ANYTHING, None)


def test_what_is_said_goes_with_its_worker(redis: Redis) -> None:
    presence.beat(redis, KEYS, "a", SAID)
    assert 0 < redis.ttl(KEYS.worker("a")) <= presence.GONE_AFTER_SECONDS
    presence.leave(redis, KEYS, "a")
    assert redis.keys(f"{KEYS.worker('a')}*") == []


def test_speeds_are_those_of_the_workers_that_are_there(redis: Redis) -> None:
    assert presence.speeds(redis, KEYS) == []
    presence.beat(redis, KEYS, "a")
    assert presence.speeds(redis, KEYS) == [ASSUMED]
    presence.beat(redis, KEYS, "b", SAID, FAST)
    measured, taken_for = presence.speeds(redis, KEYS)
    assert measured == FAST
    assert (taken_for.job_seconds, taken_for.spread) == (FAST.job_seconds, 0.5)


@pytest.mark.parametrize(
    "text", ["no json", "[1]", "{}", '{"name": 1}', '{"name": "a", "speed": 1}']
)
def test_a_worker_that_nobody_understands_can_do_everything(redis: Redis, text: str) -> None:
    presence.beat(redis, KEYS, "a", SAID)
    redis.set(KEYS.worker("a"), text, ex=15)
    [worker] = presence.registrations(redis, KEYS)
    assert (worker.name, worker.capability, worker.model) == ("a", ANYTHING, None)


def test_what_a_later_version_adds_is_left_out(redis: Redis) -> None:
    presence.beat(redis, KEYS, "a", SAID)
    record = json.loads(Registration(name="a", **dict(SAID)).model_dump_json())
    record["weather"] = "fine"
    record["device"]["colour"] = "green"
    redis.set(KEYS.worker("a"), json.dumps(record), ex=15)
    [worker] = presence.registrations(redis, KEYS)
    assert (worker.device, worker.capability) == (SAID.device, SAID.capability)


@pytest.mark.parametrize(
    ("plan", "assist"),
    [({"assist": False}, False), ({"assist": True}, True), ({}, True), ({"assist": "no"}, True)],
)
def test_a_worker_of_an_earlier_version_is_understood(
    redis: Redis, plan: dict[str, object], assist: bool
) -> None:
    presence.beat(redis, KEYS, "new", SAID, FAST)
    redis.zadd(KEYS.workers, {"old": time.time()})
    redis.set("newbie:presence:worker:old:plan", json.dumps(plan), ex=15)
    redis.set("newbie:presence:worker:old:speed", FAST.model_dump_json(), ex=15)
    _, old = presence.registrations(redis, KEYS)
    assert (old.name, old.plan, old.speed) == ("old", plan, FAST)
    assert old.capability == Capability(assist=assist)


@pytest.mark.parametrize("text", ["no json", "[1]"])
def test_what_is_no_plan_of_an_earlier_version_is_left_out(redis: Redis, text: str) -> None:
    redis.zadd(KEYS.workers, {"old": time.time()})
    redis.set("newbie:presence:worker:old:plan", text, ex=15)
    redis.set("newbie:presence:worker:old:speed", text, ex=15)
    assert presence.registrations(redis, KEYS) == [
        Registration(name="old", seen_at=redis.zscore(KEYS.workers, "old"))
    ]
