"""The worker as a process: how it starts, how it says what is wrong, how it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from jobs import presence
from jobs.capability import Capability
from jobs.connection import connect
from jobs.keys import Keys
from jobs.registration import Device
from jobs.settings import RedisSettings
from supervisor.child import ChildSpec
from supervisor.errors import ChildFailed
from supervisor.process import Supervisor

pytestmark = pytest.mark.slow

WORKER = (sys.executable, "-m", "worker")


def environment(redis_url: str, model: Path) -> dict[str, str]:
    return {
        "REDIS_URL": redis_url,
        "DISCORD_TOKEN": "not-used-here",
        "NEWBIE_WORKER_MODEL": str(model),
        "NEWBIE_QUEUE_NAME": "starting",
        "NEWBIE_WORKER_SLOTS": "1",
    }


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return connect(RedisSettings(url=redis_url))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_that_it_is_there_and_leaves_cleanly(
    number: signal.Signals, redis_url: str, redis: Redis, tiny_model: Path
) -> None:
    with Supervisor() as supervisor:
        spec = ChildSpec(
            "worker",
            WORKER,
            environment(redis_url, tiny_model),
            ready="notify",
            ready_timeout=150.0,
        )
        supervisor.add(spec)
        supervisor.start("worker")
        [worker] = presence.registrations(redis, Keys("starting"))
        assert worker.device == Device(name="CPU")
        assert (worker.model, worker.capability) == ("tiny", Capability(model="tiny"))
        assert worker.model_hash
        assert worker.plan is not None
        assert worker.plan["device"] == "cpu"
        assert worker.speed is None, "nothing is drawn yet"
        assert time.time() - worker.seen_at < 60
        pid = supervisor.pid("worker")
        assert pid is not None
        os.kill(pid, number)
        assert supervisor.wait(60) is not None  # nobody asked the supervisor: it counts as a death
        assert supervisor.status("worker").exit_code == 0
    assert presence.count(redis, Keys("starting")) == 0


def test_a_model_that_cannot_be_loaded_costs_no_job_and_is_named(
    redis_url: str, tmp_path: Path
) -> None:
    with Supervisor() as supervisor:
        environ = environment(redis_url, tmp_path / "nothing")
        supervisor.add(ChildSpec("worker", WORKER, environ, ready="notify", capture=True))
        with pytest.raises(ChildFailed) as caught:
            supervisor.start("worker")
    assert any("model_not_loaded" in line for line in caught.value.tail)
    assert supervisor.status("worker").exit_code == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"REDIS_URL": ""}, "REDIS_URL"),
        ({"REDIS_URL": "localhost:6379"}, "redis://"),
        ({"DISCORD_TOKEN": ""}, "DISCORD_TOKEN"),
        ({"NEWBIE_WORKER_MODEL": ""}, "NEWBIE_WORKER_MODEL"),
        ({"NEWBIE_WORKER_SLOTS": "many"}, "NEWBIE_WORKER_SLOTS"),
        ({"NEWBIE_WORKER_SLOT": "1"}, "NEWBIE_WORKER_SLOTS"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    changes: dict[str, str], says: str, redis_url: str, tiny_model: Path
) -> None:
    answer = subprocess.run(
        WORKER,
        env={**os.environ, **environment(redis_url, tiny_model), **changes},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 2
    assert says in answer.stderr
    assert answer.stderr.count("\n") == 1
