"""`newbie plan --measure` on the tiny model: predicted beside measured, and what it refuses."""

import json
from pathlib import Path

import pytest

from newbie_cli.__main__ import main
from newbie_pipeline.checkpoints import loading

pytestmark = pytest.mark.usefixtures("without_gpu")
ROWS = ["process start", "DiT", "CLIP", "Gemma", "text stage", "first step", "VAE decode"]


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def measure(*arguments: str) -> int:
    return main(["plan", "--measure", *arguments])


def test_every_stage_stands_in_the_table(
    tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert measure("--model", str(tiny_model), "--size", "128x128") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:13].strip() for line in lines[-8:-1]] == ROWS
    assert "host memory" in lines[-1]
    assert all(len(line) <= 100 for line in lines)


def test_json_has_bytes_and_seconds(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure("--model", str(tiny_model), "--size", "128x128", "--no-cfg", "--json") == 0
    measured = json.loads(capsys.readouterr().out)["measured"]
    assert set(ROWS) <= set(measured)
    assert measured["first step"]["measured_bytes"] > measured["DiT"]["measured_bytes"]
    assert measured["first step"]["predicted_bytes"] > 0


@pytest.mark.parametrize(
    "arguments",
    [("--vram", "16"), ("--full",), (), ("--model", "x", "--batch", "2")],
)
def test_without_a_checkpoint_on_this_machine_it_is_usage(arguments: tuple[str, ...]) -> None:
    assert measure(*arguments) == 2


def test_a_card_that_will_not_do_is_told_in_words(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setitem(loading.LOADERS, "transformer", fail)
    error = RuntimeError("CUDA error: no kernel image is available for execution on the device")
    assert measure("--model", str(tiny_model), "--size", "128x128") == 1
    assert "no kernels for this card" in capsys.readouterr().err
    error = RuntimeError("something that nobody knows")
    with pytest.raises(RuntimeError, match="nobody knows"):
        measure("--model", str(tiny_model), "--size", "128x128")


def test_a_checkpoint_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert measure("--model", "nowhere") == 1
    assert "nowhere" in capsys.readouterr().err
