"""The queue at scale: ten thousand waiting jobs of two thousand members, on a Redis of its own.

- Enqueue: `submit`, with all limits, of each of these jobs, the line growing from empty to full.
- Place and wait: `standing` of jobs anywhere in the full line, as the bot asks for one message.
- Look: `waiting`, what the bot reads for all messages every few seconds.
- Begin: `claim`, what a worker does with a ticket.
- Memory: what Redis uses more (`used_memory`), for each job and all that belongs to it.

`python -m benchmarks.queue` measures without writing a row.
"""

import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from redis import Redis

from benchmarks.record import Table, add_row, quantile
from jobs import presence
from jobs.connection import connect
from jobs.cost import Speed
from jobs.lifecycle import Lifecycle
from jobs.limits import Limits, RequestFacts, Terms
from jobs.models import DeliveryAddress, Outcome, OutcomeCode, RenderRequest, Size
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from supervisor.stack import Stack, StackOptions

JOBS = 10_000
MEMBERS = 2_000
ASKED = 1_000
FRONT = 50
# As long as Discord's ids and tokens are.
FIRST_ID = 1_300_000_000_000_000_000
TOKEN_CHARACTERS = 210
PROMPT = (
    "<character_1><n>hatsune_miku</n><gender>1girl</gender><appearance>{hair}, long_twintails, "
    "teal_eyes, hair_ornament</appearance><clothing>school_uniform, pleated_skirt, tie</clothing>"
    "<expression>smile</expression><action>{action}, looking_at_viewer</action></character_1>"
    "<general_tags><count>1girl, solo</count><style>anime_style, clean_lineart</style>"
    "<background>city_street, night, neon_lights</background><quality>best_quality</quality>"
    "</general_tags>"
)

SCALE = Table(
    f"{JOBS:,} waiting jobs of {MEMBERS:,} members",
    (
        "enqueue p50 (ms)",
        "enqueue p99 (ms)",
        "place and wait p50 (ms)",
        "place and wait p99 (ms)",
        f"look at {FRONT} p99 (ms)",
        "begin p99 (ms)",
        "Redis a job (bytes)",
    ),
    "python -m benchmarks queue",
)


@dataclass(frozen=True)
class Figures:
    """Seconds of each call, and bytes of Redis for each job."""

    enqueue: list[float]
    place: list[float]
    look: list[float]
    begin: list[float]
    bytes_a_job: float

    def row(self) -> list[str]:
        """Write them as the table's columns."""
        return [
            _ms(self.enqueue, 0.5),
            _ms(self.enqueue, 0.99),
            _ms(self.place, 0.5),
            _ms(self.place, 0.99),
            _ms(self.look, 0.99),
            _ms(self.begin, 0.99),
            f"{self.bytes_a_job:.0f}",
        ]


def measure() -> Figures:
    """Fill a line and time what is asked of it."""
    rng = random.Random(0)  # noqa: S311  (the same jobs each time)
    with tempfile.TemporaryDirectory(prefix="newbie-bench-") as name:
        options = StackOptions(Path(name), parts=("redis",))
        with Stack(options) as stack:
            stack.start()
            queue = RenderQueue(connect(RedisSettings(url=stack.redis_url)), QueueSettings())
            lifecycle = Lifecycle(queue)
            for number in range(3):
                speed = Speed(
                    job_seconds=2.0, megapixel_step_seconds=0.1 * number + 0.1, spread=0.2
                )
                presence.beat(queue.redis, queue.keys, f"worker-{number}", speed=speed)
            before = used_memory(queue.redis)
            enqueue = [_timed(submission(queue, rng, number)) for number in range(JOBS)]
            bytes_a_job = (used_memory(queue.redis) - before) / JOBS
            asked = rng.sample(queue.active_ids(), ASKED)
            place = [_timed(lambda one=one: queue.standing(one)) for one in asked]  # type: ignore[misc]
            look = [_timed(lambda: queue.waiting(FRONT)) for _ in range(ASKED // 10)]
            begin = [_begin(lifecycle, f"bench-{number}") for number in range(ASKED)]
    return Figures(enqueue, place, look, begin, bytes_a_job)


def _begin(lifecycle: Lifecycle, ticket: str) -> float:
    """Time the beginning of a job, and end it, so that no more is in hand than a worker has."""
    seconds = _timed(lambda: lifecycle.claim(ticket))
    taken = lifecycle.taken_by(ticket)
    if taken is not None:
        lifecycle.end(*taken, Outcome(code=OutcomeCode.DONE))
        lifecycle.settled(ticket)
    return seconds


def submission(
    queue: RenderQueue, rng: random.Random, number: int, members: int = MEMBERS
) -> Callable[[], object]:
    """Give the call that puts job `number` of one of `members` in line; its size is by chance."""
    hair, action = rng.choice(("blue_hair", "green_hair")), rng.choice(("waving", "running"))
    request = RenderRequest(
        prompt=PROMPT.format(hair=hair, action=action),
        negative_prompt="blurry, low_quality, bad_hands, watermark",
        size=rng.choice(list(Size)),
        num_inference_steps=rng.choice((20, 28, 28, 40)),
        seed=rng.randrange(2**32),
        count=rng.choice((1, 1, 1, 2, 4)),
    )
    address = DeliveryAddress(
        application_id=str(FIRST_ID),
        interaction_id=str(FIRST_ID + (number << 22)),
        interaction_token="".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=TOKEN_CHARACTERS)),
        interaction_at=time.time(),
        guild_id=str(FIRST_ID + 1),
        channel_id=str(FIRST_ID + 2),
        channels=(str(FIRST_ID + 2), str(FIRST_ID + 4)),
        message_id=str(FIRST_ID + (number << 22) + 3),
        requester_id=str(FIRST_ID + rng.randrange(members)),
    )
    # Every limit is looked at and none is reached.
    limits = Limits(
        waiting=JOBS,
        hourly_budget=1e6,
        capacity=JOBS,
        total_capacity=JOBS,
        weight=rng.choice((1.0, 1.0, 3.0)),
    )
    facts = RequestFacts(
        width=request.size.width,
        height=request.size.height,
        steps=request.num_inference_steps,
        count=request.count,
        characters=1,
        prompt_length=len(request.prompt),
    )
    return lambda: queue.submit(request, address, Terms(facts, limits))


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def used_memory(redis: Redis) -> int:
    """Give the bytes that Redis uses."""
    return int(cast(dict[str, int], redis.info("memory"))["used_memory"])


def _ms(seconds: list[float], share: float) -> str:
    return f"{quantile(seconds, share) * 1000:.1f}"


def run() -> list[str]:
    """Measure and write the row."""
    return [add_row(SCALE, measure().row())]


if __name__ == "__main__":
    for title, figure in zip(SCALE.columns, measure().row(), strict=True):
        print(f"{title}: {figure}")
