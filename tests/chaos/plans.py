"""Plans which processes are killed when, and what Discord does meanwhile, from a seed.

A plan counts time in settled jobs, since a slow machine needs longer for all of it: an act comes
when so many jobs have their last message, and a while later by its own delay. Half of the kills
wait for something that members see (a request, its acknowledgement, a picture) and come within a
split second of it, since that is where a promise can be broken. The same seed gives the same plan;
what each kill interrupts still differs from run to run.
"""

import random
from dataclasses import dataclass
from enum import StrEnum

# How often each kind of process is killed in one plan, and how many come soon after another.
KILLS = {"bot": 2, "worker": 1, "renderer": 2, "slot": 2, "task": 4, "redis": 3}
COMPANIONS = 4
COMPANION_SECONDS = 4.0
FAULTS, CUTS = 8, 2
# The first jobs and the last ones are left alone: something has to be there to be killed.
FIRST, LAST = 0.02, 0.9
LONGEST_DELAY = 1.0
# After what members see.
SHORT_DELAY = 0.15


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
class Cut:
    """Discord cuts its connection to the bot."""

    settled: int
    delay: float
    is_resumable: bool

    def __str__(self) -> str:
        return f"after {self.settled} jobs and {self.delay:.2f} s: the bot's connection is cut"


@dataclass(frozen=True)
class Expiry:
    """Discord closes all messages of interactions that there are."""

    settled: int
    delay: float

    def __str__(self) -> str:
        return f"after {self.settled} jobs and {self.delay:.2f} s: all tokens expire"


Act = Kill | Fault | Cut | Expiry


@dataclass(frozen=True)
class Plan:
    """What a seed gives, in the order of the settled jobs."""

    seed: int
    acts: tuple[Act, ...]

    @property
    def kills(self) -> list[Kill]:
        """List the kills."""
        return [act for act in self.acts if isinstance(act, Kill)]

    @property
    def faults(self) -> list[Fault | Cut | Expiry]:
        """List what Discord does."""
        return [act for act in self.acts if not isinstance(act, Kill)]

    def lines(self) -> list[str]:
        """Write the plan as sentences."""
        return [str(act) for act in self.acts]


def plan(seed: int, jobs: int) -> Plan:
    """Make the plan of a seed for so many jobs.

    Every other seed has faults of Discord's too, and in every third one all tokens expire once.
    """
    dice = random.Random(f"chaos {seed}")
    kills = [_kill(dice, jobs, Target(name)) for name, times in KILLS.items() for _ in range(times)]
    kills += [_companion(dice, dice.choice(kills)) for _ in range(COMPANIONS)]
    acts: list[Act] = [*kills]
    if seed % 2:
        acts += [_fault(dice, jobs) for _ in range(FAULTS)]
        acts += [Cut(*_when(dice, jobs), dice.random() < 0.5) for _ in range(CUTS)]
    if seed % 3 == 0:
        acts.append(Expiry(*_when(dice, jobs)))
    return Plan(seed, tuple(sorted(acts, key=_moment)))


def _moment(act: Act) -> tuple[int, float]:
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
            # Where the token is over.
            ("POST", r"^/channels/\d+/messages$"),
            ("DELETE", r"^/channels/\d+/messages/"),
        )
    )
    kind = dice.choice((500, 502, 503, 429, None))
    times = 1 if kind is None else dice.randint(1, 4)
    return Fault(*_when(dice, jobs), method, path, kind or 200, times, is_lost=kind is None)
