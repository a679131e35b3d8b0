"""`newbie smoke`: the whole way with one prompt file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PROMPTS = ROOT / "tests" / "data" / "prompts"


def smoke(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "newbie_cli", "smoke", *map(str, arguments)),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


@pytest.mark.slow
def test_the_two_character_example_comes_back_as_a_picture(
    tmp_path: Path, tiny_model: Path
) -> None:
    out = tmp_path / "picture.png"

    result = smoke(
        *(PROMPTS / "accept" / "two_characters.xml", "--out", out, "--json", "--steps", 2),
        *("--model", tiny_model, "--timeout", 120),
    )

    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert picture.size == (report["width"], report["height"]) == (1024, 1024)
        recipe = " ".join(str(value) for value in picture.text.values())
    assert "<character_1>" in recipe
    assert out.stat().st_size == report["bytes"]
    assert report["shown"]["Steps"] == "2"


@pytest.mark.slow
def test_a_prompt_that_is_refused_is_a_failure_with_the_bots_words(
    tmp_path: Path, tiny_model: Path
) -> None:
    out = tmp_path / "picture.png"

    result = smoke(
        *(PROMPTS / "refuse" / "crossed.xml", "--out", out, "--json"),
        *("--model", tiny_model, "--timeout", 120),
        DISCORD_TOKEN="must-not-be-used",
        REDIS_URL="redis://127.0.0.1:1/0",
    )

    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert not report["ok"]
    assert report["part"] == "bot"
    assert "line 2, column 36" in report["step"]
    assert not out.exists()


@pytest.mark.slow
def test_a_worker_that_cannot_start_is_named_with_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    result = smoke(
        *(PROMPTS / "accept" / "plain_tags.txt", "--out", tmp_path / "o.png", "--json"),
        *("--model", tmp_path / "empty", "--timeout", 120),
    )

    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert report["part"] == "worker"
    assert report["log"]
    assert "The last lines of worker:" in result.stderr


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    result = smoke(tmp_path / "none.xml", "--out", tmp_path / "o.png")

    assert result.returncode == 2
    assert "none.xml: No such file or directory" in result.stderr


def test_a_directory_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    prompt = PROMPTS / "accept" / "plain_tags.txt"

    result = smoke(prompt, "--out", tmp_path / "no" / "o.png")

    assert result.returncode == 2
    assert "is not a directory" in result.stderr
