"""The container's Redis script, run with a real server."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from supervisor.redis_server import find_binary

SCRIPT = Path(__file__).parents[2] / "deploy" / "redis.sh"
PASSWORD = "a-password.of_30-characters~ok"


def environment(directory: Path, password: str, port: int) -> dict[str, str]:
    (directory / "redis_password").write_text(password)
    (directory / "redis-server").unlink(missing_ok=True)
    (directory / "redis-server").symlink_to(find_binary().path)
    return {
        "PATH": f"{directory}{os.pathsep}{os.environ['PATH']}",
        "REDIS_PASSWORD_FILE": str(directory / "redis_password"),
        "REDIS_DATA_DIR": str(directory),
        "REDIS_BIND": "127.0.0.1",
        "REDIS_PORT": str(port),
    }


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        ("sh", str(SCRIPT)),
        env=environment(tmp_path, PASSWORD + "\n", port),
        stdout=subprocess.PIPE,
    )
    for line in process.stdout:
        if b"eady to accept connections" in line:
            break
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_it_appends_and_asks_for_the_password(
    server: subprocess.Popen[bytes], port: int, tmp_path: Path
) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port).get("key")
    client = redis.Redis(port=port, password=PASSWORD)

    assert client.set("key", "value")

    wanted = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "dir": str(tmp_path),
    }
    assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_the_script_becomes_the_server_and_hides_the_password(
    server: subprocess.Popen[bytes], port: int
) -> None:
    client = redis.Redis(port=port, password=PASSWORD)

    assert client.info("server")["process_id"] == server.pid
    assert PASSWORD.encode() not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
    server.terminate()
    assert server.wait(timeout=10) == 0


@pytest.mark.parametrize(
    "password", ["", "short", 'sixteen "quotes" in it', "sixteen\nappendonly no"]
)
def test_a_password_that_would_not_be_one_is_refused(
    tmp_path: Path, port: int, password: str
) -> None:
    result = subprocess.run(
        ("sh", str(SCRIPT)),
        env=environment(tmp_path, password, port),
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )

    assert result.returncode == 1
    assert "the password" in result.stderr
