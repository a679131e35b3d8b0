"""The operators' guide's table: what each component takes in each precision.

The guide holds this text between two markers; a test makes the predicted part again and compares.
Measured figures come from a GPU with room for everything, one document for each precision:

    newbie plan --measure --json --dtype float16 > float16.json
    python -m newbie_pipeline.memory.precision_table float32.json float16.json bfloat16.json
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory.budget import Budget
from newbie_pipeline.memory.plan import MemoryPlan, PlanRequest
from newbie_pipeline.memory.planner import every_plan
from newbie_pipeline.memory.published import PUBLISHED
from newbie_pipeline.memory.sizes import TITLES, Component, Precision
from newbie_pipeline.memory.table import gib, plan_data

START = "<!-- precision table: made by newbie_pipeline.memory.precision_table -->"
END = "<!-- end of precision table -->"
# A stage's title here, and that of its row in what was measured.
_STAGES = (
    ("text stage", "text stage"),
    ("denoising", "first step"),
    ("decoding", "VAE decode"),
)
_ALL = "all weights"

# Bytes by precision and title of the row.
Measured = Mapping[Precision, Mapping[str, int]]


def precision_table(measured: Measured | None = None) -> str:
    """Write the table in Markdown: weights, then each stage's peak with everything resident.

    For the published model, one picture of 1024 x 1024 with guidance, 512 tokens; in GiB.
    """
    plans = {precision: _plan(precision) for precision in Precision}
    columns = [f"{precision.value} predicted | measured" for precision in Precision]
    rows = [["", *columns]]

    def add(title: str, predicted: Mapping[Precision, int]) -> None:
        cells = []
        for precision, size in predicted.items():
            found = (measured or {}).get(precision, {}).get(title)
            cells.append(f"{gib(size)} | {'' if found is None else gib(found)}")
        rows.append([title, *cells])

    for component in Component:
        sizes = {one: plan.component(component).weight_bytes for one, plan in plans.items()}
        add(f"{TITLES[component]} weights", sizes)
    add(_ALL, {one: sum(p.weight_bytes for p in plan.components) for one, plan in plans.items()})
    for index, (title, _) in enumerate(_STAGES):
        peaks = {one: plan.stages[index].peak_bytes for one, plan in plans.items()}
        add(f"{title}, peak", peaks)
    head, *body = [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]
    line = "|---" + "|---:" * (2 * len(plans)) + "|"
    return "\n".join([head, line, *body])


def measured_rows(document: Mapping[str, Any]) -> tuple[Precision, dict[str, int]]:
    """Take the table's figures out of one document of `newbie plan --measure --json`.

    Raises MemoryPlanError for one that was measured otherwise than the table says: on the CPU, of
    another model, size or request, or with something not resident.
    """
    precision = Precision(document["request"]["dtype"])
    wanted = plan_data(_plan(precision))
    request = {**document["request"], "steps": wanted["request"]["steps"]}
    same = (
        document["device"] == wanted["device"]
        and request == wanted["request"]
        and document["components"] == wanted["components"]
    )
    if not same:
        raise MemoryPlanError(
            f"the table is for {PUBLISHED.name} at 1024 x 1024 with guidance, all resident on a "
            f"GPU; this {precision.value} document is not"
        )
    found = {title: row["measured_bytes"] for title, row in document["measured"].items()}
    rows = {f"{title} weights": found[title] for title in TITLES.values()}
    rows[_ALL] = sum(rows.values())
    return precision, rows | {f"{title}, peak": found[row] for title, row in _STAGES}


def _plan(precision: Precision) -> MemoryPlan:
    return next(every_plan(PUBLISHED, PlanRequest(precision=precision), Budget(0)))


def main(paths: list[str]) -> None:
    """Print the table with the figures of documents, between its markers."""
    documents = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
    print(f"{START}\n{precision_table(dict(map(measured_rows, documents)))}\n{END}")


if __name__ == "__main__":
    main(sys.argv[1:])
