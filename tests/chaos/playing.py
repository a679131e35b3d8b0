"""Plays seeds one after the other in one process, and says how each went."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.chaos.driver import Run
from tests.chaos.houses import Houses
from tests.chaos.report import explain, summary


def play_all(seeds: Sequence[int]) -> tuple[list[Run], list[str]]:
    """Play the seeds; gives their runs without what was logged, and processes that did not end."""
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="newbie-chaos-") as name, Houses(Path(name)) as houses:
        for seed in seeds:
            run = houses.play(seed)
            print(explain(run) if run.verdict.problems else summary(run), flush=True)
            runs.append(replace(run, lines=()))
        return runs, houses.leave()
