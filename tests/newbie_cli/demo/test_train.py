"""`newbie demo train` as a user runs it; the training itself is tested where it lies."""

import argparse
from pathlib import Path

import pytest

from newbie_cli.demo import command
from newbie_pipeline.demo import demo_training
from newbie_pipeline.errors import TrainingError, TrainingStopped


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["demo", "train", *map(str, arguments)])
    return int(args.run(args))


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("x")
    assert run("--out", tmp_path) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    assert run("--out", tmp_path / "file") == 2
    assert "is not a folder" in capsys.readouterr().err


def test_nothing_can_go_on_where_nothing_was_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--out", tmp_path, "--resume") == 2
    assert "holds no training" in capsys.readouterr().err


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "1000"])
def test_hours_are_a_time(tmp_path: Path, hours: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--out", tmp_path / "new", "--hours", hours)
    assert ended.value.code == 2
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (TrainingStopped("vae was stopped after 7 steps"), 3, "--resume goes on"),
        (TrainingError("vae: the loss is nan at step 7"), 1, "the loss is nan"),
        (OSError("disk full"), 1, "disk full"),
    ],
)
def test_how_it_ends_is_the_exit_code(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
    words: str,
) -> None:
    def end(_training: object) -> None:
        raise error

    monkeypatch.setattr(demo_training.DemoTraining, "run", end)
    assert run("--out", tmp_path / "new", "--device", "cpu") == code
    assert words in capsys.readouterr().err
