"""The whole product as one stack: Redis, playground, bot, worker, under one supervisor.

`newbie run`, the smoke test, the tests and the benchmark all start the product through this. The
parts are other rooms' programs; nothing of them is imported, environment variables are the
interface.
"""

import base64
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from urllib.parse import urlsplit

from supervisor.child import ChildEvent, ChildSpec, ChildStatus, Restart, State
from supervisor.errors import RedisUnavailable, StackMisuse
from supervisor.process import Supervisor
from supervisor.redis_server import RedisServer, is_reachable

PARTS = ("redis", "playground", "bot", "worker")
# What a private stack must not take over from whoever starts it.
_SETTINGS = ("DISCORD_", "REDIS_", "NEWBIE_")
_APPLICATION_ID = "1000000000000000001"
# More than a worker's slots have for the same.
WORKER_HURRY_SECONDS = 15.0
_LOG_BYTES = 10 * 1024 * 1024  # kept twice: the current file and the one before it


@dataclass(frozen=True)
class StackOptions:
    """What to start and where; with `discord_token` Discord takes the playground's place.

    `settings` are environment variables for bot and worker, and win over everything else. A
    `private` stack takes no setting from our environment or from a `.env` file. `restart` says
    how parts that die are started again; None leaves them dead.
    """

    data_dir: Path
    model: str | None = None
    discord_token: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    redis_on_loopback: bool = False
    parts: tuple[str, ...] = PARTS
    playground_port: int = 0
    log_format: str | None = None
    log_level: str | None = None
    log_dir: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    private: bool = True
    restart: Restart | None = None
    bot_ready_timeout: float = 60.0
    worker_ready_timeout: float = 600.0
    worker_grace: float = 30.0


class Stack:
    """A running product; parts can be stopped, killed and started one by one by their names."""

    def __init__(
        self,
        options: StackOptions,
        *,
        on_event: Callable[[ChildEvent], None] | None = None,
        on_line: Callable[[str, str], None] | None = None,
    ) -> None:
        """Prepare everything and start nothing.

        Raises:
            RedisUnavailable, DataDirectoryBusy: see `supervisor.redis_server`.
        """
        unknown = set(options.parts) - set(PARTS)
        if unknown:
            raise StackMisuse(f"there is no part called {', '.join(sorted(unknown))}")
        self.options = options
        self.data_dir = options.data_dir.resolve()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._on_line = on_line
        self._logs: dict[str, RotatingFileHandler] = {}
        self._playground_port = options.playground_port
        self._playground_url: str | None = None
        self._token = options.discord_token or _playground_token()
        self._server: RedisServer | None = None
        self._supervisor = Supervisor(on_event=on_event, on_line=self._line)
        try:
            self._add_parts()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Addresses

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the names of the parts that we start, in the order of their start."""
        ours = {
            "redis": self.options.redis_url is None,
            "playground": self.options.discord_token is None,
        }
        return tuple(part for part in PARTS if part in self.options.parts and ours.get(part, True))

    @property
    def runtime_dir(self) -> Path:
        """Return the private directory that holds the sockets while the stack exists."""
        return self._supervisor.runtime_dir

    @property
    def redis_url(self) -> str:
        """Return the address of Redis, password and all."""
        if self.options.redis_url:
            return self.options.redis_url
        if self._server is None:
            raise StackMisuse("this stack has no Redis")
        return self._server.url

    @property
    def playground_url(self) -> str:
        """Return the address of the playground's page, once it has started."""
        if self._playground_url is None:
            raise StackMisuse("the playground has not been started")
        return self._playground_url

    @property
    def api_url(self) -> str:
        """Return the base address of the REST API that bot and worker talk to."""
        return f"{self.playground_url}/api/v10"

    @property
    def gateway_url(self) -> str:
        """Return the address of the gateway that the bot talks to."""
        return f"ws://{urlsplit(self.playground_url).netloc}/gateway/"

    @property
    def token(self) -> str:
        """Return the bot's token, the playground's or Discord's."""
        return self._token

    def log_path(self, part: str) -> Path:
        """Return the file that a part's output is written to."""
        if self.options.log_dir is None:
            raise StackMisuse("this stack keeps no log files")
        return self.options.log_dir / f"{part}.log"

    # Life

    def start(self, *parts: str) -> None:
        """Start these parts, or all; bot and worker together, once they have what they need.

        Raises what `Supervisor.start` raises, and RedisUnavailable.
        """
        wanted = parts or self.parts
        if "redis" in wanted:
            self._supervisor.start("redis")
        if "playground" in wanted:
            self._describe(self._playground, "playground")
            self._supervisor.start("playground")
        programs = [part for part in wanted if part in ("bot", "worker")]
        if programs:
            self._refuse_dead_redis()
        for part in programs:
            self._describe(lambda part=part: self._program(part), part)  # type: ignore[misc]
        self._supervisor.start_together(*programs)

    def _describe(self, make_spec: Callable[[], ChildSpec], part: str) -> None:
        """Describe a part that does not run, now that the addresses of the others are known."""
        if self._supervisor.status(part).state in (State.STOPPED, State.FAILED):
            self._supervisor.add(make_spec())

    def stop(self, *parts: str) -> None:
        """Stop these parts, or all, in the reverse order."""
        self._supervisor.stop(*parts)

    def kill(self, part: str) -> None:
        """Kill a part and all it started with SIGKILL; it stays dead until `start`."""
        self._supervisor.kill(part)

    def restart(self, part: str) -> None:
        """Stop a part and start it anew, at the same addresses."""
        self.stop(part)
        self.start(part)

    def pid(self, part: str) -> int | None:
        """Return a part's process id, or None while it does not run."""
        return self._supervisor.pid(part)

    def status(self, part: str) -> ChildStatus:
        """Return what is known of a part right now."""
        return self._supervisor.status(part)

    def tail(self, part: str, lines: int = 20) -> list[str]:
        """Return the last lines that a part wrote."""
        return self._supervisor.tail(part, lines)

    def wait(self, timeout: float | None = None) -> ChildStatus | None:
        """Wait until a part has failed for good; None if interrupted or out of time."""
        return self._supervisor.wait(timeout)

    def interrupt(self) -> None:
        """Make `start` and `wait` return; for signal handlers."""
        self._supervisor.interrupt()

    def hurry(self) -> None:
        """Stop without grace from now on; for signal handlers."""
        self._supervisor.hurry()

    def close(self) -> None:
        """Stop everything and give up the data directory."""
        self._supervisor.close()
        if self._server:
            self._server.close()
        for log in self._logs.values():
            log.close()
        self._logs.clear()

    # How the parts are started

    def _add_parts(self) -> None:
        if self.options.log_dir:
            self.options.log_dir.mkdir(parents=True, exist_ok=True)
        for part in self.parts:
            if part == "redis":
                self._server = RedisServer(
                    self.data_dir / "redis",
                    self.runtime_dir,
                    loopback=self.options.redis_on_loopback,
                )
                self._supervisor.add(self._server.spec(restart=self.options.restart, capture=True))
            else:
                # Described in full by `start`: only then are the addresses known.
                self._supervisor.add(ChildSpec(part, (sys.executable, "-m", part)))

    def _playground(self) -> ChildSpec:
        argv = (
            *(sys.executable, "-m", "playground", "--host", "127.0.0.1"),
            *("--port", str(self._playground_port)),
            *("--data-dir", str(self.data_dir / "playground")),
            *("--token", self._token, "--application-id", _APPLICATION_ID),
            *(("--log-format", "json") if self.options.log_format == "json" else ()),
        )
        self._playground_url = None
        return ChildSpec(
            "playground",
            argv,
            env=self._base_environment(),
            ready=lambda: self._playground_url is not None,
            # Never started again by itself: what it knew of messages and commands is lost.
            restart=None,
            capture=True,
        )

    def _program(self, part: str) -> ChildSpec:
        return ChildSpec(
            part,
            (sys.executable, "-m", part),
            env=self.environment(part),
            cwd=self.data_dir if self.options.private else None,
            ready="notify",
            ready_timeout=(
                self.options.bot_ready_timeout
                if part == "bot"
                else self.options.worker_ready_timeout
            ),
            stop_grace=self.options.worker_grace if part == "worker" else 15.0,
            # A worker hands back what it has in hand.
            hurry_grace=WORKER_HURRY_SECONDS if part == "worker" else 0.0,
            restart=self.options.restart,
            capture=True,
        )

    def environment(self, part: str) -> dict[str, str | None]:
        """Return what bot or worker get on top of our environment; None takes a variable out."""
        values = self._base_environment()
        values |= {
            "DISCORD_TOKEN": self._token,
            "REDIS_URL": self.redis_url,
        }
        if self.options.log_format:
            values["NEWBIE_LOG_FORMAT"] = self.options.log_format
        if self.options.log_level:
            values["NEWBIE_LOG_LEVEL"] = self.options.log_level
        if self.options.discord_token is None:
            values["NEWBIE_DISCORD_API_URL"] = self.api_url
            values["NEWBIE_DISCORD_GATEWAY_URL"] = self.gateway_url
        if part == "worker":
            runtime = self.runtime_dir / "worker"
            runtime.mkdir(mode=0o700, exist_ok=True)
            values["NEWBIE_WORKER_RUNTIME_DIR"] = str(runtime)
            if self.options.model:
                # A directory, or a name on a model hub that is no path here.
                model = Path(self.options.model)
                values["NEWBIE_WORKER_MODEL"] = (
                    str(model.resolve()) if model.exists() else self.options.model
                )
        return values | dict(self.options.settings)

    def _base_environment(self) -> dict[str, str | None]:
        values: dict[str, str | None] = {}
        if self.options.private:
            values = {key: None for key in os.environ if key.startswith(_SETTINGS)}
        # The rooms lie next to this one, installed or not, whatever the working directory is.
        roots: Iterable[str] = (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", ""))
        values["PYTHONPATH"] = os.pathsep.join(root for root in roots if root)
        values["PYTHONUNBUFFERED"] = "1"
        return values

    def _refuse_dead_redis(self) -> None:
        if self.options.redis_url and not is_reachable(self.options.redis_url):
            parts = urlsplit(self.options.redis_url)
            place = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
            raise RedisUnavailable(f"the Redis server that REDIS_URL names, {place}, is not there")

    def _line(self, part: str, line: str) -> None:
        if part == "playground" and self._playground_url is None:
            self._hear_playground(line)
        if self.options.log_dir:
            if part not in self._logs:
                self._logs[part] = RotatingFileHandler(
                    self.log_path(part), maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8"
                )
            self._logs[part].emit(logging.makeLogRecord({"msg": line}))
        if self._on_line:
            self._on_line(part, line)

    def _hear_playground(self, line: str) -> None:
        """Learn the playground's address from the line it prints when it listens."""
        try:
            event = json.loads(line)
        except ValueError:
            return
        if isinstance(event, dict) and event.get("event") == "listening":
            url = str(event["url"]).rstrip("/")
            # A restarted playground must come back where bot and worker look for it.
            self._playground_port = urlsplit(url).port or self._playground_port
            self._playground_url = url


def _playground_token() -> str:
    """Make a token of the form that Discord's have: the bot's id, then two random parts."""
    user_id = base64.urlsafe_b64encode(_APPLICATION_ID.encode()).decode().rstrip("=")
    return f"{user_id}.{secrets.token_urlsafe(5)[:6]}.{secrets.token_urlsafe(29)[:38]}"
