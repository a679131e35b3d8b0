"""`newbie run` as whoever cloned the project meets it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from newbie_cli.run import _invitation
from supervisor.stack import Stack, StackOptions

ROOT = Path(__file__).parents[2]
Start = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path: Path, tiny_model: Path) -> Iterator[Start]:
    """Start `newbie run` in an empty directory, as a process group of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, model: Path = tiny_model, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            (sys.executable, "-m", "newbie_cli", "run", "--model", str(model), *arguments),
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "NEWBIE_LOG_FORMAT": "console",
                "NEWBIE_WORKER_SHUTDOWN_GRACE": "5",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Return the output up to and with the first line that holds these words."""
    text = ""
    for line in process.stdout:
        text += line
        if words in line:
            return text
    pytest.fail(f"{words!r} never came:\n{text}")


def everything_below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def still_there(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=10)
    return alive


def test_it_prints_one_url_that_answers_and_ctrl_c_leaves_nothing(
    start: Start, tmp_path: Path
) -> None:
    with ExitStack() as keeps:
        with suppress(OSError):  # else it is taken already, which is as good
            keeps.enter_context(socket.create_server(("127.0.0.1", 8080)))
        process = start()
        output = read_until(process, "http://")
    assert "Port 8080 is taken" in output
    urls = re.findall(r"https?://\S+", output)
    assert len(urls) == 1
    assert not urls[0].startswith("http://127.0.0.1:8080/")
    with urllib.request.urlopen(urls[0], timeout=10) as page:
        assert b"<html" in page.read()
    family = everything_below(process)
    # Redis, playground, bot, worker, its renderer, its two slots, and two guardians.
    assert len(family) >= 9

    os.killpg(process.pid, signal.SIGINT)
    rest = process.stdout.read()

    assert process.wait(timeout=30) == 0
    assert still_there(family) == []
    assert "http" not in rest
    assert sorted(path.name for path in (tmp_path / "data" / "logs").iterdir()) == [
        "bot.log",
        "playground.log",
        "redis.log",
        "worker.log",
    ]


def test_a_stop_while_it_starts_is_a_clean_end(start: Start) -> None:
    process = start()
    output = read_until(process, "worker     | starting")
    family = everything_below(process)
    assert len(family) >= 5

    process.terminate()
    output += process.stdout.read()

    assert process.wait(timeout=30) == 0, output
    assert still_there(family) == []


def test_nothing_outlives_it_when_it_is_killed(start: Start) -> None:
    process = start()
    read_until(process, "http://")
    family = everything_below(process)
    assert len(family) >= 9

    process.kill()

    assert still_there(family) == []


def test_a_part_that_cannot_start_is_named_with_its_reason(start: Start, tmp_path: Path) -> None:
    empty = tmp_path / "no-model-here"
    empty.mkdir()

    process = start(model=empty)
    output = process.stdout.read()

    assert process.wait(timeout=60) == 1
    assert "\nworker: ended with exit code 1\nThe last lines of worker:\n" in output
    assert "http://" not in output


def test_two_at_once_on_the_same_data_are_refused(start: Start, tmp_path: Path) -> None:
    with Stack(StackOptions(tmp_path / "data", parts=("redis",))) as first:
        first.start()

        process = start()
        output = process.stdout.read()

    assert process.wait(timeout=30) == 1
    assert "is in use by another Redis server" in output


def test_as_json_every_line_is_an_object(start: Start, tmp_path: Path) -> None:
    process = start(model=tmp_path / "missing", NEWBIE_LOG_FORMAT="json")

    lines = [json.loads(line) for line in process.stdout.read().splitlines()]

    assert process.wait(timeout=60) == 1
    assert lines[-1]["event"] == "failed"
    assert lines[-1]["part"] == "worker"


def test_with_a_token_the_bot_goes_to_discord_and_there_is_no_playground(
    start: Start, tmp_path: Path
) -> None:
    with Stack(StackOptions(tmp_path / "discord", parts=("playground",))) as discord:
        discord.start()
        (tmp_path / ".env").write_text(f"DISCORD_TOKEN={discord.token}\n")
        process = start(
            NEWBIE_DISCORD_API_URL=discord.api_url,
            NEWBIE_DISCORD_GATEWAY_URL=discord.gateway_url,
        )
        output = read_until(process, "https://")
        with urllib.request.urlopen(f"{discord.playground_url}/playground/state") as answer:
            application = json.load(answer)["application"]
        process.terminate()

        assert process.wait(timeout=30) == 0
    assert "the playground is left out" in output
    assert "playground |" not in output
    assert discord.token not in output
    assert application["online"]
    assert f"client_id={application['id']}&" in output


@pytest.mark.parametrize("token", ["", "x", "not.a.token", "é.b.c"])
def test_a_token_that_holds_no_id_gives_no_link(token: str) -> None:
    assert _invitation(token) is None
