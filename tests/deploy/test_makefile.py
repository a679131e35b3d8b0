"""The two commands of the README, and what CI runs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that has been set up: its stamps are newer than what they depend on."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / ".venv").mkdir()
    for number, file in enumerate(
        (
            *("Makefile", "pyproject.toml", "constraints.txt", "deploy/setup.sh"),
            *(".venv/.ready", ".venv/.ready-dev"),
        )
    ):
        path = tmp_path / file
        if file.startswith(".venv"):
            path.touch()
        else:
            shutil.copy(ROOT / file, path)
        os.utime(path, (1_000_000 + number, 1_000_000 + number))
    return tmp_path


def plan(checkout: Path, *arguments: str) -> list[str]:
    """Return the commands that make would run."""
    result = subprocess.run(
        ("make", "--dry-run", "--no-print-directory", *arguments),
        cwd=checkout,
        env={key: value for key, value in os.environ.items() if not key.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return result.stdout.splitlines()


def test_what_is_set_up_is_not_set_up_again(checkout: Path) -> None:
    assert plan(checkout, "run") == [".venv/bin/newbie run"]
    assert plan(checkout, "test") == [
        ".venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder"
    ]


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt", "deploy/setup.sh"])
def test_a_change_of_what_it_depends_on_sets_up_again(checkout: Path, file: str) -> None:
    (checkout / file).touch()

    assert plan(checkout, "run")[0].split() == ["deploy/setup.sh"]
    assert plan(checkout, "test")[0].split() == ["deploy/setup.sh", "--dev"]


def test_a_fresh_checkout_is_set_up_once(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")

    assert [line.split()[0] for line in plan(checkout, "run")] == [
        "deploy/setup.sh",
        ".venv/bin/newbie",
    ]
    assert sum("setup.sh" in line for line in plan(checkout, "test")) == 1


def test_one_switch_asks_for_the_gpu(checkout: Path) -> None:
    assert plan(checkout, "run", "GPU=1")[0].split() == ["deploy/setup.sh", "--gpu"]


def test_check_is_every_gate_and_the_tests_come_last(checkout: Path) -> None:
    commands = [re.sub(r"^\S*/", "", command) for command in plan(checkout, "check")]

    gates = [command for command in commands if not command.startswith("make")]
    assert gates == [
        "ruff format --check",
        "ruff check",
        "mypy",
        "lint-imports",
        "python -m pytest -n 2 --dist loadfile --no-loadscope-reorder",
    ]


def test_help_names_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    result = subprocess.run(
        ("make", "--no-print-directory", "help"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    shown = {line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")}
    assert shown == set(phony[1].split())


def test_ci_runs_the_check_and_reads_no_input() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    last = script.read_text().strip().splitlines()[-1]
    assert last == "exec make check </dev/null"
