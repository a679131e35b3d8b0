"""Carries a plan out: kills processes, and has Discord fail, each at its moment."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from playground.client import PlaygroundClient
from tests.chaos.plans import Act, Cut, Expiry, Fault, Kill, Plan, Sight, Target

# Some processes are not there all the time, such as the task of a job.
PATIENCE = 20.0
LOOK_SECONDS = 0.02
# Longer than Discord keeps an interaction's message open.
EXPIRY_SECONDS = 16 * 60.0


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
        await asyncio.gather(*(self._act(act) for act in self.plan.acts))

    async def _act(self, act: Act) -> None:
        while len(self._audience.settled) < act.settled:
            await asyncio.sleep(LOOK_SECONDS)
        if isinstance(act, Kill) and act.upon is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._audience.next(act.upon)
        await asyncio.sleep(act.delay)
        match act:
            case Kill():
                await self._kill(act)
            case Fault():
                await self._fail(act)
            case Cut():
                await self._discord.disconnect_bot(resumable=act.is_resumable)
            case Expiry():
                await self._discord.advance_clock(EXPIRY_SECONDS)

    async def _fail(self, fault: Fault) -> None:
        await self._discord.add_fault(
            fault.method,
            fault.path,
            fault.status,
            fault.times,
            retry_after=0.5 if fault.status == 429 else None,
            after_accept=fault.is_lost,
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
