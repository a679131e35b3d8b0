"""The plan as people and programs read it, the guide's table, and what planning loads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from newbie_pipeline.memory import precision_table
from newbie_pipeline.memory.budget import GIB, Budget, card_budget
from newbie_pipeline.memory.plan import PlanRequest, Stage
from newbie_pipeline.memory.planner import every_plan, make_plan
from newbie_pipeline.memory.published import PUBLISHED
from newbie_pipeline.memory.quantization import parse_quantize
from newbie_pipeline.memory.table import gib, plan_data, plan_lines

ROOT = Path(__file__).parents[3]
HEAVY = {"torch", "diffusers", "transformers", "accelerate", "peft"}


def test_every_plan_reads_in_a_hundred_columns():
    choice = parse_quantize("gemma:nf4,transformer:float8")
    for budget in (Budget(99 * GIB, 999 * GIB), Budget(None, 999 * GIB)):
        for plan in every_plan(PUBLISHED, PlanRequest(), budget, choice):
            measured = dict.fromkeys(Stage, 99 * GIB)
            assert all(len(line) <= 100 for line in plan_lines(plan, measured))


def test_the_table_shows_each_stage_with_its_measured_peak_where_there_is_one():
    plan = make_plan(PUBLISHED, PlanRequest(), Budget(card_budget(16)))
    lines = plan_lines(plan, {Stage.DENOISE: 7 * GIB})
    rows = {line.split()[0]: line.split() for line in lines if line}
    denoise = plan.stage(Stage.DENOISE)
    assert rows["denoise"][5:7] == [gib(denoise.peak_bytes), "7.00"]
    assert rows["text"][6] == "-"
    assert "measured" not in "\n".join(plan_lines(plan))
    assert rows["Gemma"][1] == "streamed"


def test_the_data_is_json_and_adds_up():
    plan = make_plan(PUBLISHED, PlanRequest(), Budget(card_budget(8)))
    data = json.loads(json.dumps(plan_data(plan)))
    assert data["peak_bytes"] == max(stage["peak_bytes"] for stage in data["stages"].values())
    assert data["components"]["text_encoder"]["placement"] == "streamed"
    assert set(data["components"]) == {"transformer", "text_encoder", "text_encoder_2", "vae"}


def test_the_operators_guide_holds_the_table_as_it_is_predicted_now():
    guide = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    _, _, rest = guide.partition(precision_table.START)
    table, end, _ = rest.partition(precision_table.END)
    assert end, "the guide has no precision table"
    assert table.strip() == precision_table.precision_table()


@pytest.mark.parametrize(
    "code",
    [
        "import newbie_pipeline.memory.planner, newbie_pipeline.memory.table",
        "import newbie_pipeline.memory.reading, newbie_pipeline.memory.precision_table",
        "from newbie_cli.__main__ import main; main(['plan', '--vram', '16', '--full'])",
    ],
)
def test_planning_loads_no_torch(code):
    end = "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        (sys.executable, "-c", code + end),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    loaded = {name.partition(".")[0] for name in json.loads(result.stdout.splitlines()[-1])}
    assert "newbie_pipeline" in loaded
    assert loaded & HEAVY == set()
