"""Fair shares, simulated: the real queue on a real Redis, and a clock that only counts work.

One worker draws whatever the line gives it. A job takes as long as its cost, the clock jumps from
one end to the next, and members come in between. What a member's fair share would be is plain
arithmetic: with everybody waiting, a member of weight w gets w of all weights together.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jobs.lifecycle import Lifecycle
from jobs.models import Outcome, OutcomeCode, RenderRequest, Size
from jobs.queue import RenderQueue
from tests.jobs.conftest import address, request, terms

HEAVY, LIGHT = 0, range(1, 11)
WINDOW = 120
DONE = Outcome(code=OutcomeCode.DONE)


@dataclass(frozen=True)
class Drawn:
    """A job that was drawn: whose, at what cost, and when it came, began and ended."""

    member: int
    cost: float
    came: float
    began: float
    ended: float


class Simulation:
    """A worker with a clock, and members who submit at given times."""

    def __init__(self, queue: RenderQueue, lifecycle: Lifecycle, weights: dict[int, float]) -> None:
        self.queue, self.lifecycle, self.weights = queue, lifecycle, weights
        self.clock = 0.0
        self._arrivals: list[tuple[float, int, RenderRequest]] = []
        self._came: dict[str, float] = {}
        self._number = 0

    def come(self, member: int, wanted: RenderRequest, at: float = 0.0) -> None:
        self._arrivals.append((at, member, wanted))

    def run(self) -> Iterator[Drawn]:
        self._arrivals.sort(key=lambda row: row[0], reverse=True)
        while True:
            while self._arrivals and self._arrivals[-1][0] <= self.clock:
                self._submit(*self._arrivals.pop())
            if not self.queue.rq.count:
                if not self._arrivals:
                    return
                self.clock = self._arrivals[-1][0]
                continue
            ticket = self.queue.rq.pop_job_id()
            assert ticket
            job = self.lifecycle.claim(ticket)
            assert job, "there are as many tickets as jobs"
            began, cost = self.clock, self.queue.cost(job.request)
            self.clock += cost
            self.lifecycle.end(job.id, 0, DONE)
            yield Drawn(int(job.address.requester_id), cost, self._came[job.id], began, self.clock)

    def _submit(self, at: float, member: int, wanted: RenderRequest) -> None:
        self._number += 1
        where = address(self._number, requester_id=str(member))
        job = self.queue.submit(wanted, where, terms(wanted, weight=self.weights[member]))
        self._came[job.id] = at


def mixed(rng: random.Random) -> RenderRequest:
    return request(
        size=rng.choice(list(Size)),
        num_inference_steps=rng.choice([20, 28, 28, 40]),
        count=rng.choice([1, 1, 1, 2, 4]),
    )


def mixed_weights(rng: random.Random) -> dict[int, float]:
    return {member: rng.choice([1.0, 3.0]) for member in (HEAVY, *LIGHT)}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("come_at_once", [True, False])
def test_a_light_members_job_waits_at_most_one_and_a_half_times_its_fair_share(
    queue: RenderQueue, lifecycle: Lifecycle, seed: int, come_at_once: bool
) -> None:
    rng = random.Random(seed)
    weights = mixed_weights(rng)
    simulation = Simulation(queue, lifecycle, weights)
    for _ in range(100):
        simulation.come(HEAVY, mixed(rng))
    for member in LIGHT:
        at = 0.0 if come_at_once else rng.uniform(0, 100 * queue.cost(request()))
        simulation.come(member, mixed(rng), at)
    drawn = list(simulation.run())
    assert len(drawn) == 110
    light = [row for row in drawn if row.member in LIGHT]
    assert len(light) == len(LIGHT)
    for row in light:
        fair = row.cost * sum(weights.values()) / weights[row.member]
        assert row.ended - row.came <= 1.5 * fair


@pytest.mark.parametrize("seed", range(2))
def test_the_heavy_member_is_not_starved_by_those_who_come_and_go(
    queue: RenderQueue, lifecycle: Lifecycle, seed: int
) -> None:
    rng = random.Random(seed)
    weights = dict.fromkeys((HEAVY, *LIGHT), 1.0)
    simulation = Simulation(queue, lifecycle, weights)
    price = queue.cost(request())
    for _ in range(6):
        simulation.come(HEAVY, request(count=4))
    for turn in range(12):
        # Together they alone would keep the worker busy.
        for member in LIGHT:
            simulation.come(member, mixed(rng), (turn * len(LIGHT) + member) * price)
    ends = [row.ended for row in simulation.run() if row.member == HEAVY]
    assert len(ends) == 6
    cost = queue.cost(request(count=4))
    for index, end in enumerate(ends, start=1):
        assert end <= 1.5 * index * cost * len(weights)


def jain(shares: list[float]) -> float:
    """1 where all shares are equal, and 1 / n where one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


@pytest.mark.parametrize("seed", range(2))
def test_while_all_wait_each_gets_work_by_its_weight(
    queue: RenderQueue, lifecycle: Lifecycle, seed: int
) -> None:
    rng = random.Random(seed)
    weights = mixed_weights(rng)
    simulation = Simulation(queue, lifecycle, weights)
    left = dict.fromkeys(weights, 0)
    for member, weight in weights.items():
        for _ in range(100 if member == HEAVY else int(12 * weight)):
            simulation.come(member, mixed(rng))
            left[member] += 1
    backlogged = []
    for row in simulation.run():
        left[row.member] -= 1
        if min(left.values()) == 0:
            break
        backlogged.append(row)
    # About six jobs of each member of weight one: fewer say more about jobs than about shares.
    windows = [backlogged[at : at + WINDOW] for at in range(0, len(backlogged) - WINDOW, 10)]
    assert len(windows) > 5
    for window in windows:
        served = dict.fromkeys(weights, 0.0)
        for row in window:
            served[row.member] += row.cost
        assert jain([served[member] / weights[member] for member in weights]) >= 0.95
