"""`newbie demo evaluate` as a user runs it."""

import argparse
import json
from pathlib import Path

import pytest
from PIL import Image

from newbie_cli.demo import command
from newbie_pipeline.demo.packaged import DEMO_NAME

GROUPS = {
    f"{kind}, {figures}"
    for kind in ("canonical", "shuffled", "community", "sparse", "tags", "sentence")
    for figures in ("one", "two")
}


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["demo", "evaluate", *map(str, arguments)])
    return int(args.run(args))


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "tags.txt").write_text("1girl, red hair, night")
    wanted = {"tags.txt": {"figures": [{"hair_color": "red"}], "background": "night"}}
    (folder / "expected.json").write_text(json.dumps(wanted))
    return folder


def test_the_document_has_every_kind_of_prompt(
    prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheets = tmp_path / "sheets"
    options = ("--prompts", 1, "--steps", 2, "--hand-written", prompts, "--sheets", sheets)

    assert run(*options, "--json") == 0

    found = json.loads(capsys.readouterr().out)
    assert found["model"] == DEMO_NAME
    assert found["seconds"] > 0
    assert found["psnr"] > 20
    assert found["drawings"]["prompts"] == 1
    assert set(found["groups"]) == {*GROUPS, "hand-written"}
    assert all(scores["prompts"] == 1 for scores in found["groups"].values())
    assert set(found["groups"]["hand-written"]) >= {"hair_color", "background", "layout"}
    assert len(list(sheets.iterdir())) == len(GROUPS) + 1
    with Image.open(sheets / "hand-written.png") as sheet:
        assert sheet.format == "PNG"


def test_the_table_has_a_line_for_each_kind(
    prompts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--prompts", 1, "--steps", 1, "--hand-written", prompts) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["prompts", "layout", "hair_of_all"]
    assert [line for line in lines if line.startswith("hand-written ")]
    assert lines[-1].startswith(f"{DEMO_NAME}: ")


def test_a_checkpoint_that_is_not_there_is_exit_code_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--model", tmp_path / "missing") == 1
    assert "missing" in capsys.readouterr().err


def test_a_folder_without_what_is_expected_is_exit_code_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--prompts", 1, "--hand-written", tmp_path) == 1
    assert "expected.json" in capsys.readouterr().err


def test_no_prompts_are_a_usage_error() -> None:
    with pytest.raises(SystemExit) as ended:
        run("--prompts", 0)
    assert ended.value.code == 2
