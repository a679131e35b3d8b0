"""The `newbie` command itself."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from newbie_cli import extras
from newbie_cli.__main__ import COMMANDS, main

ROOT = Path(__file__).parents[2]


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])

    assert end.value.code == 0
    assert capsys.readouterr().out == f"newbie {version('newbie-bot')}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])

    shown = capsys.readouterr().out
    assert end.value.code == 0
    for name in COMMANDS:
        assert f"\n    {name}" in shown


@pytest.mark.parametrize("arguments", [[], ["rnu"], ["run", "--no-such-switch"]])
def test_a_wrong_command_line_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 2
    assert "usage: newbie" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])

    assert end.value.code == 0
    assert f"usage: newbie {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "library", "extra"),
    [
        (("make-tiny", "unused"), "torch", "worker"),
        (("run",), "torch", "worker"),
        (("run",), "aiohttp", "playground"),
        (("smoke", "Makefile", "--out", "unused.png"), "discord", "bot"),
    ],
)
def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, command: tuple[str, ...], library: str, extra: str
) -> None:
    code = f"""
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == {library!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name={library!r})
sys.path.insert(0, {str(ROOT)!r})
import importlib.util as util
real = util.find_spec
util.find_spec = lambda name, *rest: None if name == {library!r} else real(name, *rest)
sys.meta_path.insert(0, Absent())
from newbie_cli.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    (tmp_path / "Makefile").touch()

    result = subprocess.run(
        (sys.executable, "-c", code, *command),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 1
    assert f"pip install newbie-bot[{extra}]" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_several_missing_libraries_make_one_command() -> None:
    sentence = extras.advice({"torch", "discord"})

    assert sentence.startswith("discord and torch cannot be imported")
    assert "newbie-bot[bot,worker]" in sentence
