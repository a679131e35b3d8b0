"""`python -m tests.chaos`: play many seeds; with --record their figures go into BENCHMARKS.md.

A seed leaves more than half of two cores idle, so `make chaos` plays two at once, each in a house
of its own.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.record import Table, add_row
from tests.chaos.crowd import MEMBERS, WISHES
from tests.chaos.driver import Run
from tests.chaos.plans import Target
from tests.chaos.playing import play_all

CHAOS = Table(
    f"{MEMBERS * WISHES} jobs of {MEMBERS} members on two workers, while all that runs is killed",
    (
        "seeds",
        "asked",
        "accepted",
        *(f"{target} killed" for target in Target),
        "faults of Discord's",
        "pictures",
        "reasons",
        "duplicates",
        "lost",
        "other problems",
        "seconds a seed",
    ),
    "make chaos",
)


def main() -> int:
    """Play the seeds; 1 if any went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--at-once", type=int, default=1, help="how many are played side by side")
    parser.add_argument("--record", action="store_true", help="add a row to BENCHMARKS.md")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    shares = [seeds[start :: arguments.at_once] for start in range(arguments.at_once)]
    # Not forked: each process has an event loop and children of its own.
    with ProcessPoolExecutor(arguments.at_once, get_context("spawn")) as pool:
        played = list(pool.map(play_all, shares))
    runs = [run for share, _ in played for run in share]
    left = [process for _, share in played for process in share]
    for process in left:
        print(f"still there: {process}")
    row = figures(runs)
    print(add_row(CHAOS, row) if arguments.record else dict(zip(CHAOS.columns, row, strict=True)))
    return 1 if left or any(run.verdict.problems for run in runs) else 0


def figures(runs: Sequence[Run]) -> list[str]:
    """Sum up runs as the table's columns."""
    verdicts = [run.verdict for run in runs]
    kills, reasons = Counter[Target](), Counter[str]()
    for run in runs:
        kills += run.kills
        reasons += run.verdict.reasons
    told = ", ".join(f"{key.removeprefix('outcome.')} {n}" for key, n in sorted(reasons.items()))
    lost = sum(one.lost for one in verdicts)
    duplicates = sum(one.duplicates for one in verdicts)
    problems = sum(len(one.problems) for one in verdicts)
    return [
        str(len(runs)),
        str(sum(one.asked for one in verdicts)),
        str(sum(one.accepted for one in verdicts)),
        *(str(kills[target]) for target in Target),
        str(sum(len(run.plan.faults) for run in runs)),
        str(sum(one.pictures for one in verdicts)),
        told or "none",
        str(duplicates),
        str(lost),
        str(problems - lost - duplicates),
        f"{sum(run.seconds for run in runs) / len(runs):.0f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
