"""Runs one seed on a house: the crowd asks, the monkey kills, and the verdict is made."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from jobs.errors import JobsError
from jobs.queue import RenderQueue
from playground.client import PlaygroundClient
from tests.chaos.crowd import MEMBERS, WISHES, Crowd
from tests.chaos.evidence import Evidence, gather
from tests.chaos.house import House
from tests.chaos.leftovers import leftovers
from tests.chaos.monkey import Killed, Monkey
from tests.chaos.plans import Plan, Target, plan
from tests.chaos.verdict import Problem, Verdict, judge

JOBS = MEMBERS * WISHES
# For all of a run; a loaded machine takes several times what a quiet one does.
DEADLINE = 900.0
# When all parts run and nothing has moved for so long, what is missing is lost. A report that was
# killed is tried again after half a minute, and then after a whole one.
STANDSTILL = 100.0
# RQ closes its side of a job a little after ours.
RQ_SECONDS = 20.0


@dataclass(frozen=True)
class Run:
    """One seed's run and all that is known of it."""

    plan: Plan
    killed: tuple[Killed, ...]
    missed: int
    evidence: Evidence
    verdict: Verdict
    # Attempts beyond the first, over all jobs.
    retries: int
    seconds: float
    # What was logged meanwhile: when, by whom, the line.
    lines: tuple[tuple[float, str, str], ...]

    @property
    def kills(self) -> Counter[Target]:
        """Count the kills of each kind."""
        return Counter(one.target for one in self.killed)


async def play(house: House, seed: int) -> Run:
    """Play one seed, on a house in which nothing else goes on."""
    started, first_line = time.time(), len(house.lines)
    async with PlaygroundClient(house.stack.playground_url) as discord:
        await discord.wait_for_bot(120)
        journal = await discord.requests()
        since = journal[-1]["n"] if journal else 0
        queue, crowd = house.queue(), Crowd(discord, seed)
        await crowd.join()
        the_plan = plan(seed, JOBS)
        monkey = Monkey(the_plan, house, discord, crowd)
        playing = asyncio.create_task(crowd.play())
        tormenting = asyncio.create_task(monkey.run())
        try:
            await _until_all_is_over(house, queue, crowd, playing)
        finally:
            for task in (playing, tormenting):
                task.cancel()
            await asyncio.gather(playing, tormenting, return_exceptions=True)
        await discord.clear_faults()
        evidence = await gather(
            discord,
            queue,
            crowd.asked,
            since=since,
            bot_deaths=[one.at for one in monkey.killed if one.target is Target.BOT],
        )
    seconds = time.time() - started
    verdict = judge(evidence)
    verdict.problems += await _left(queue, house)
    retries = sum(job.attempt for job in evidence.jobs.values() if job)
    lines = tuple(house.lines[first_line:])
    killed, missed = tuple(monkey.killed), len(monkey.missed)
    return Run(the_plan, killed, missed, evidence, verdict, retries, seconds, lines)


async def _until_all_is_over(
    house: House, queue: RenderQueue, crowd: Crowd, playing: asyncio.Task
) -> None:
    """Return when the members have what they want and no job is left, or nothing moves any more."""
    deadline = time.monotonic() + DEADLINE
    moved, before = time.monotonic(), None
    while time.monotonic() < deadline:
        left = await asyncio.to_thread(_active, queue)
        if playing.done() and left == 0:
            playing.result()
            return
        now = (left, len(crowd.asked), len(crowd.settled), len(crowd.unanswered))
        if now != before or not house.is_whole():
            moved, before = time.monotonic(), now
        if time.monotonic() - moved > STANDSTILL:
            return
        await asyncio.sleep(0.2)


def _active(queue: RenderQueue) -> int | None:
    try:
        return len(queue.active_ids())
    except JobsError:
        return None


async def _left(queue: RenderQueue, house: House) -> list[Problem]:
    """Name what stays in Redis and among the processes; what just goes is waited for."""
    deadline = time.monotonic() + RQ_SECONDS
    while (found := await asyncio.to_thread(leftovers, queue)) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    orphans = await asyncio.to_thread(house.orphans)
    return [*found, *(Problem(f"nobody looks after process {one}") for one in orphans)]
