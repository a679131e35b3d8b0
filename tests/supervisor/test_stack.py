"""The stack without its heavy parts: what it hands to them, and where it finds them again.

Bot and worker in a whole stack are the subject of the tests that use the `stack` fixture.
"""

import os
import socket
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.errors import ChildFailed, StackMisuse
from supervisor.stack import Stack, StackOptions
from tests.supervisor.processes import alive


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    options = StackOptions(
        tmp_path,
        parts=("redis", "playground"),
        model=str(tmp_path),
        log_dir=tmp_path / "logs",
        settings={"NEWBIE_WORKER_SLOTS": "1"},
    )
    with Stack(options) as stack:
        stack.start()
        yield stack


def test_every_part_runs_and_writes_its_own_log(stack: Stack) -> None:
    with urllib.request.urlopen(stack.playground_url, timeout=10) as page:
        assert page.status == 200
    pids = [stack.pid(part) for part in stack.parts]
    assert all(alive(pid) for pid in pids)
    assert "eady to accept connections" in stack.log_path("redis").read_text()
    assert stack.playground_url in stack.log_path("playground").read_text()

    stack.close()

    assert not any(alive(pid) for pid in pids)
    assert not stack.runtime_dir.exists()


def test_a_playground_that_comes_back_has_the_same_address_and_token(stack: Stack) -> None:
    url, token, pid = stack.playground_url, stack.token, stack.pid("playground")

    stack.kill("playground")
    stack.start("playground")

    assert (stack.playground_url, stack.token) == (url, token)
    assert stack.pid("playground") != pid
    with urllib.request.urlopen(url, timeout=10) as page:
        assert page.status == 200


def test_a_private_stack_hands_on_no_setting_from_outside(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWBIE_BOT_GUILD_ID", "1")
    monkeypatch.setenv("DISCORD_TOKEN", "the-operators-own")
    monkeypatch.setenv("REDIS_PASSWORD", "the-operators-own")

    environment = stack.environment("bot")

    assert environment["NEWBIE_BOT_GUILD_ID"] is None
    assert environment["REDIS_PASSWORD"] is None
    assert environment["DISCORD_TOKEN"] == stack.token
    assert environment["REDIS_URL"] == stack.redis_url
    assert environment["NEWBIE_DISCORD_API_URL"] == f"{stack.playground_url}/api/v10"
    assert environment["NEWBIE_DISCORD_GATEWAY_URL"].startswith("ws://127.0.0.1:")


def test_a_stack_that_is_not_private_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWBIE_BOT_GUILD_ID", "1")
    options = StackOptions(
        tmp_path, discord_token="a-token", redis_url="redis://127.0.0.1:1", private=False
    )
    with Stack(options) as stack:
        environment = stack.environment("bot")

        assert stack.parts == ("bot", "worker")
        assert "NEWBIE_BOT_GUILD_ID" not in environment
        assert environment["DISCORD_TOKEN"] == "a-token"
        assert "NEWBIE_DISCORD_API_URL" not in environment
        assert "a-token" not in repr(options)


def test_the_worker_gets_its_model_and_a_directory_that_only_it_can_enter(stack: Stack) -> None:
    environment = stack.environment("worker")

    assert environment["NEWBIE_WORKER_MODEL"] == str(stack.data_dir)
    assert environment["NEWBIE_WORKER_SLOTS"] == "1"
    runtime = Path(environment["NEWBIE_WORKER_RUNTIME_DIR"])
    assert runtime.stat().st_mode & 0o777 == 0o700
    # Room for the name of a socket: 107 bytes are the limit.
    assert len(os.fsencode(runtime)) < 80


def test_an_address_that_is_not_known_yet_is_an_error(tmp_path: Path) -> None:
    with Stack(StackOptions(tmp_path, parts=("playground",))) as stack:
        with pytest.raises(StackMisuse, match="has not been started"):
            _ = stack.playground_url
        with pytest.raises(StackMisuse, match="has no Redis"):
            _ = stack.redis_url
        with pytest.raises(StackMisuse, match="no log files"):
            stack.log_path("playground")


def test_a_port_that_is_taken_is_told_in_the_playgrounds_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = StackOptions(tmp_path, parts=("playground",), playground_port=port)
        with Stack(options) as stack, pytest.raises(ChildFailed, match="playground") as failure:
            stack.start()

    assert str(port) in "\n".join(failure.value.tail)


def test_a_temporary_directory_with_a_long_name_is_avoided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))

    with Stack(StackOptions(tmp_path / "data", parts=("redis",))) as stack:
        stack.start()
        assert len(os.fsencode(stack.runtime_dir)) <= 80

    assert list(long.iterdir()) == []
