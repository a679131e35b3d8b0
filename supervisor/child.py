"""What a child is: how it is started, when it counts as ready, when it is started again."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

Readiness = Literal["exec", "notify"] | Callable[[], bool]


class State(Enum):
    """Where a child is in its life."""

    STOPPED = "stopped"
    WAITING = "waiting"  # to be started as soon as its delay is over
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"  # not started again


@dataclass(frozen=True)
class Restart:
    """How a child that died is started again.

    The delay doubles from `delay` to `longest_delay` seconds with each death in the last
    `window` seconds. After `most` deaths within that window it is given up; None means never.
    """

    delay: float = 0.5
    longest_delay: float = 30.0
    window: float = 60.0
    most: int | None = 5

    def wait(self, deaths: int) -> float | None:
        """Return the seconds to wait after so many recent deaths, or None to give up."""
        if self.most is not None and deaths >= self.most:
            return None
        return min(self.longest_delay, self.delay * 2.0 ** min(deaths - 1, 30))


@dataclass(frozen=True)
class ChildSpec:
    """A program to run.

    `ready` says when it counts as started: "exec" at once, "notify" when it sends READY=1 to
    `NOTIFY_SOCKET`, or a quick function that is asked again and again. A child that has not ended
    `stop_grace` seconds after SIGTERM, or is to hurry, is killed; one with a `hurry_grace` is sent
    SIGTERM once more instead, and has so many seconds left. `env` is added to our environment, and
    a value of None takes a variable out of it. With `capture` its output comes to the supervisor
    line by line, without it goes where ours goes.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str | None] = field(default_factory=dict)
    cwd: Path | None = None
    ready: Readiness = "exec"
    ready_timeout: float = 60.0
    stop_grace: float = 10.0
    hurry_grace: float = 0.0
    restart: Restart | None = None
    capture: bool = False
    pass_fds: tuple[int, ...] = ()


@dataclass(frozen=True)
class ChildStatus:
    """What is known of a child right now; `detail` is why it failed or what it waits for."""

    name: str
    state: State
    pid: int | None
    exit_code: int | None
    starts: int
    detail: str


@dataclass(frozen=True)
class ChildEvent:
    """Something happened to a child: `kind` is one of the words below.

    starting, ready, status, died, restarting, failed, stopped
    """

    name: str
    kind: str
    detail: str = ""


def describe_exit(code: int) -> str:
    """Say in words how a process ended; negative codes are signals, as in subprocess."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
