"""The plan as people and programs read it, the guide's table, and what planning loads."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory import precision_table
from newbie_pipeline.memory.activations import Picture
from newbie_pipeline.memory.budget import GIB, Budget, card_budget
from newbie_pipeline.memory.measuring import ROWS, Measured, measured_data
from newbie_pipeline.memory.plan import PlanRequest, Stage
from newbie_pipeline.memory.planner import every_plan, make_plan
from newbie_pipeline.memory.published import PUBLISHED
from newbie_pipeline.memory.quantization import parse_quantize
from newbie_pipeline.memory.sizes import TITLES, Component, Precision
from newbie_pipeline.memory.table import gib, plan_data, plan_lines

ROOT = Path(__file__).parents[3]
VAE = Component.VAE
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
    assert predicted_part(table) == predicted_part(precision_table.precision_table())


def predicted_part(table):
    """Give the cells of a table by row, but what a GPU has measured: that is its own."""
    lines = [line.strip("| ").split("|") for line in table.strip().splitlines()]
    cells = [[cell.strip() for cell in line] for line in lines]
    figures = [figure for row in cells[2:] for figure in row[2::2]]
    assert all(re.fullmatch(r"(\d+\.\d\d)?", figure) for figure in figures)
    return cells[:2], [(row[0], *row[1::2]) for row in cells[2:]]


def measured_on(device, precision, **request):
    """What `newbie plan --measure --json` would say of the published model, in round numbers."""
    (wanted,) = [p for p in Precision if p.value == precision]
    plan = next(every_plan(PUBLISHED, PlanRequest(precision=wanted, **request), Budget(0)))
    rows = {
        title: Measured(number * GIB, 1.0) for number, title in enumerate([*ROWS, TITLES[VAE]], 1)
    }
    return {**measured_data(plan, rows), "device": device}


def test_what_a_gpu_measured_stands_beside_the_prediction():
    rows = dict([precision_table.measured_rows(measured_on("cuda", "float16"))])
    table = precision_table.precision_table(rows).splitlines()
    cells = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in table[2:]}
    assert [cells["DiT weights"][i].strip() for i in (1, 3, 5)] == ["", "2.00", ""]
    assert cells["all weights"][3].strip() == "17.00"
    assert cells["denoising, peak"][3].strip() == "6.00"
    assert predicted_part("\n".join(table)) == predicted_part(precision_table.precision_table())


@pytest.mark.parametrize(
    "document",
    [
        measured_on("cpu", "float32"),
        measured_on("cuda", "bfloat16", cfg=False),
        measured_on("cuda", "bfloat16", clip_only=True),
        measured_on("cuda", "bfloat16", picture=Picture(512, 512)),
    ],
)
def test_what_was_measured_otherwise_does_not_go_into_the_guide(document):
    with pytest.raises(MemoryPlanError, match="all resident on a GPU"):
        precision_table.measured_rows(document)


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
