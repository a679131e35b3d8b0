"""The operators' guide's table: what each component takes in each precision, predicted.

The guide holds this text between two markers; a test makes it again and compares.
"""

from newbie_pipeline.memory.budget import Budget
from newbie_pipeline.memory.plan import PlanRequest
from newbie_pipeline.memory.planner import every_plan
from newbie_pipeline.memory.published import PUBLISHED
from newbie_pipeline.memory.sizes import TITLES, Component, Precision
from newbie_pipeline.memory.table import gib

START = "<!-- precision table: made by newbie_pipeline.memory.precision_table -->"
END = "<!-- end of precision table -->"
_STAGE_TITLES = {"text": "text stage", "denoise": "denoising", "decode": "decoding"}


def precision_table() -> str:
    """Write the table in Markdown: weights, then each stage's peak with everything resident.

    For the published model, one picture of 1024 x 1024 with guidance, 512 tokens; in GiB.
    """
    plans = {
        precision: next(every_plan(PUBLISHED, PlanRequest(precision=precision), Budget(0)))
        for precision in Precision
    }
    columns = [f"{precision.value} predicted | measured" for precision in Precision]
    rows = [["", *columns]]
    for component in Component:
        sizes = [plan.component(component).weight_bytes for plan in plans.values()]
        rows.append([f"{TITLES[component]} weights", *(f"{gib(size)} | " for size in sizes)])
    totals = [sum(part.weight_bytes for part in plan.components) for plan in plans.values()]
    rows.append(["all weights", *(f"{gib(size)} | " for size in totals)])
    for index, name in enumerate(_STAGE_TITLES.values()):
        peaks = [plan.stages[index].peak_bytes for plan in plans.values()]
        rows.append([f"{name}, peak", *(f"{gib(size)} | " for size in peaks)])
    head, *body = [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]
    line = "|---" + "|---:" * (2 * len(plans)) + "|"
    return "\n".join([head, line, *body])


if __name__ == "__main__":
    print(f"{START}\n{precision_table()}\n{END}")
