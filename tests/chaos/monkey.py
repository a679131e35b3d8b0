"""Plans which processes are killed when, from a seed, and kills them.

A plan counts time in settled jobs, since a slow machine needs longer for all of it: an act comes
when so many jobs have their last message, and a while later by its own delay. Half of the kills
wait for something that members see (a request, its acknowledgement, a picture) and come within a
split second of it, since that is where a promise can be broken. The same seed gives the same plan;
what each kill interrupts still differs from run to run.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from playground.client import PlaygroundClient

# How often each kind of process is killed in one plan, and how many come soon after another.
KILLS = {"bot": 2, "worker": 1, "renderer": 2, "slot": 2, "task": 4, "redis": 3}
COMPANIONS = 4
COMPANION_SECONDS = 4.0
FAULTS = 8
# The first jobs and the last ones are left alone: something has to be there to be killed.
FIRST, LAST = 0.02, 0.9
LONGEST_DELAY = 1.0
# After what members see.
SHORT_DELAY = 0.15
# Some processes are not there all the time, such as the task of a job.
PATIENCE = 20.0
LOOK_SECONDS = 0.02


class Target(StrEnum):
    """What can be killed."""

    BOT = "bot"
    # A worker's first process; what it started dies with it.
    WORKER = "worker"
    RENDERER = "renderer"
    # A worker's RQ process, and the process that it forks for a job.
    SLOT = "slot"
    TASK = "task"
    REDIS = "redis"


class Sight(StrEnum):
    """What a kill can wait for."""

    REQUEST = "request"
    ACKNOWLEDGEMENT = "acknowledgement"
    PLACE = "place"
    PICTURE = "picture"


@dataclass(frozen=True)
class Kill:
    """One SIGKILL: `delay` seconds after so many settled jobs, to one of the processes of a kind.

    With `upon`, after the next such thing from there on. `which` is a share: with four processes
    0.3 is the second.
    """

    settled: int
    delay: float
    target: Target
    which: float
    upon: Sight | None = None

    def __str__(self) -> str:
        upon = f", the next {self.upon}" if self.upon else ""
        return f"after {self.settled} jobs{upon} and {self.delay:.2f} s: kill {self.target}"


@dataclass(frozen=True)
class Fault:
    """One fault of Discord's: the next `times` calls that fit are answered with a status.

    A lost answer is one to a call that Discord has accepted.
    """

    settled: int
    delay: float
    method: str
    path: str
    status: int
    times: int
    is_lost: bool = False

    def __str__(self) -> str:
        what = "the answer is lost" if self.is_lost else f"status {self.status}"
        where = f"{self.method} {self.path}, {self.times} times"
        return f"after {self.settled} jobs and {self.delay:.2f} s: {where}: {what}"


@dataclass(frozen=True)
class Plan:
    """What a seed gives, in the order of the settled jobs."""

    seed: int
    kills: tuple[Kill, ...]
    faults: tuple[Fault, ...]

    def lines(self) -> list[str]:
        """Write the plan as sentences."""
        return [str(act) for act in sorted((*self.kills, *self.faults), key=_moment)]


@dataclass(frozen=True)
class Killed:
    """A kill that was carried out; `at` is seconds since 1970."""

    target: Target
    pid: int
    at: float


class Audience(Protocol):
    """What the monkey must know of the members."""

    settled: set[str]

    async def next(self, sight: Sight) -> None:
        """Return when a member sees such a thing."""


class Processes(Protocol):
    """What the monkey must know of the processes."""

    def find(self, target: Target) -> list[int]:
        """List the living processes of a kind."""

    def kill(self, pid: int) -> bool:
        """Kill a process; False when it is gone already."""


def plan(seed: int, jobs: int) -> Plan:
    """Make the plan of a seed for so many jobs; every other seed has faults of Discord's too."""
    dice = random.Random(f"chaos {seed}")
    kills = [_kill(dice, jobs, Target(name)) for name, times in KILLS.items() for _ in range(times)]
    kills += [_companion(dice, dice.choice(kills)) for _ in range(COMPANIONS)]
    faults = [_fault(dice, jobs) for _ in range(FAULTS)] if seed % 2 else []
    return Plan(seed, tuple(sorted(kills, key=_moment)), tuple(sorted(faults, key=_moment)))


def _moment(act: Kill | Fault) -> tuple[int, float]:
    return act.settled, act.delay


def _when(dice: random.Random, jobs: int) -> tuple[int, float]:
    settled = dice.randint(round(FIRST * jobs), round(LAST * jobs))
    return settled, dice.uniform(0, LONGEST_DELAY)


def _kill(dice: random.Random, jobs: int, target: Target) -> Kill:
    settled, delay = _when(dice, jobs)
    upon = dice.choice(list(Sight)) if dice.random() < 0.5 else None
    return Kill(settled, delay * SHORT_DELAY if upon else delay, target, dice.random(), upon)


def _companion(dice: random.Random, first: Kill) -> Kill:
    """Kill something while the rest still recovers from another kill."""
    delay = first.delay + dice.uniform(0, COMPANION_SECONDS)
    return Kill(first.settled, delay, dice.choice(list(Target)), dice.random())


def _fault(dice: random.Random, jobs: int) -> Fault:
    method, path = dice.choice(
        (
            ("PATCH", r"^/webhooks/.*/messages/@original$"),
            ("PATCH", r"^/webhooks/.*/messages/@original$"),
            ("POST", r"^/interactions/.*/callback$"),
            ("POST", r"^/webhooks/"),
            ("DELETE", r"^/webhooks/"),
        )
    )
    kind = dice.choice((500, 502, 503, 429, None))
    times = 1 if kind is None else dice.randint(1, 4)
    return Fault(*_when(dice, jobs), method, path, kind or 200, times, is_lost=kind is None)


class Monkey:
    """Carries a plan out."""

    def __init__(
        self,
        the_plan: Plan,
        processes: Processes,
        discord: PlaygroundClient,
        audience: Audience,
    ) -> None:
        self.plan = the_plan
        self.killed: list[Killed] = []
        self.missed: list[Kill] = []
        self._processes, self._discord, self._audience = processes, discord, audience

    async def run(self) -> None:
        """Do all that is planned, each act at its moment."""
        acts: Sequence[Kill | Fault] = (*self.plan.kills, *self.plan.faults)
        await asyncio.gather(*(self._act(act) for act in acts))

    async def _act(self, act: Kill | Fault) -> None:
        while len(self._audience.settled) < act.settled:
            await asyncio.sleep(LOOK_SECONDS)
        if isinstance(act, Kill) and act.upon is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._audience.next(act.upon)
        await asyncio.sleep(act.delay)
        if isinstance(act, Kill):
            await self._kill(act)
        else:
            await self._discord.add_fault(
                act.method,
                act.path,
                act.status,
                act.times,
                retry_after=0.5 if act.status == 429 else None,
                after_accept=act.is_lost,
            )

    async def _kill(self, kill: Kill) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self._processes.find(kill.target)
            if found:
                pid = found[int(kill.which * len(found))]
                if self._processes.kill(pid):
                    self.killed.append(Killed(kill.target, pid, time.time()))
                    return
            await asyncio.sleep(LOOK_SECONDS)
        self.missed.append(kill)
