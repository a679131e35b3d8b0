"""`newbie workers` shows what the living workers say of themselves."""

import json

import pytest
from redis import Redis

from jobs import presence
from jobs.capability import Capability
from jobs.connection import connect
from jobs.cost import Speed
from jobs.keys import Keys
from jobs.registration import Description, Device, Registration
from jobs.settings import RedisSettings
from newbie_cli.__main__ import main
from newbie_cli.workers import as_lines
from newbie_pipeline.memory.budget import Budget
from newbie_pipeline.memory.plan import PlanRequest
from newbie_pipeline.memory.planner import make_plan
from newbie_pipeline.memory.published import PUBLISHED
from newbie_pipeline.memory.table import plan_data

GIB = 1 << 30
KEYS = Keys("newbie")
SAID = Description(
    device=Device(name="NVIDIA L4", memory=24 * GIB),
    model="NewBie-image-Exp0.1",
    model_hash="0123456789ab",
    plan=plan_data(make_plan(PUBLISHED, PlanRequest(), Budget(9 * GIB, 64 * GIB))),
    capability=Capability(max_pixels=1_032_192, assist=False, model="NewBie-image-Exp0.1"),
)
SPEED = Speed(job_seconds=2.0, megapixel_step_seconds=0.25, spread=0.5)


@pytest.fixture
def redis(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Redis:
    connection = connect(RedisSettings(url=redis_url))
    connection.flushdb()
    monkeypatch.setenv("REDIS_URL", redis_url)
    return connection


def test_each_worker_is_shown_with_all_that_it_says(
    redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    presence.beat(redis, KEYS, "gpu-1", SAID, SPEED)
    presence.beat(redis, KEYS, "gpu-2")
    assert main(["workers"]) == 0
    first, second = capsys.readouterr().out.split("\n\n")
    assert first.startswith("gpu-1, last sign of life 0 s ago\n")
    for text in (
        "NVIDIA L4, 24.0 GiB",
        "NewBie-image-Exp0.1 (0123456789ab)",
        "GiB on the cuda: ",
        "text_encoder streamed",
        "9.0 s for a picture of 1 megapixel and 28 steps (between 6.0 and 13.5)",
        "up to 0.98 megapixels, without help for prompts",
    ):
        assert text in first
    assert second.startswith("gpu-2, ")
    assert "every size, with help for prompts" in second
    assert second.count("not said") == 3


def test_one_document_for_programs(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    presence.beat(redis, KEYS, "gpu-1", SAID, SPEED)
    assert main(["workers", "--json"]) == 0
    [worker] = json.loads(capsys.readouterr().out)
    assert worker["device"] == {"name": "NVIDIA L4", "memory": 24 * GIB}
    assert (worker["model"], worker["speed"]["job_seconds"]) == ("NewBie-image-Exp0.1", 2.0)
    assert worker["plan"] == SAID.plan
    assert worker["capability"]["max_pixels"] == 1_032_192
    assert worker["seen_at"] > 1_700_000_000


@pytest.mark.parametrize(("arguments", "shown"), [([], "No worker"), (["--json"], "[]")])
def test_without_a_worker_the_exit_code_says_so(
    redis: Redis, capsys: pytest.CaptureFixture[str], arguments: list[str], shown: str
) -> None:
    presence.beat(redis, Keys("another-queue"), "gpu-1", SAID)
    assert main(["workers", *arguments]) == 1
    assert capsys.readouterr().out.startswith(shown)


def test_a_plan_of_another_version_does_not_keep_the_rest_from_being_shown() -> None:
    for plan in ({}, {"components": 1}, {"components": {"a": 1}}, {"components": {}}):
        worker = Registration(name="a", **dict(SAID.model_copy(update={"plan": plan})))
        assert "  plan    of another version: see --json" in as_lines(worker, worker.seen_at)


def test_without_redis_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "unix:///nonexistent/redis.sock")
    monkeypatch.setenv("NEWBIE_REDIS_TIMEOUT", "0.2")
    assert main(["workers"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "newbie workers: Redis is out of reach\n"


def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "localhost:6379")
    assert main(["workers"]) == 2
    assert "REDIS_URL" in capsys.readouterr().err
