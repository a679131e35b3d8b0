"""`newbie plan --measure` on the tiny model: predicted beside measured, and what it refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from newbie_cli.__main__ import main
from newbie_pipeline.checkpoints import loading
from newbie_pipeline.models.next_dit import NextDiT

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


def test_characters_encoded_one_by_one_are_measured_beside_their_own_plan(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []
    forward = NextDiT.forward

    def watched(self: NextDiT, *args: Any, **kwargs: Any) -> Any:
        widths.append(kwargs["encoder_hidden_states"].shape[1])
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(NextDiT, "forward", watched)
    one_by_one = ("--character-encoding", "per_character", "--json")
    assert measure("--model", str(tiny_model), "--size", "128x128", *one_by_one) == 0
    tokens = json.loads(capsys.readouterr().out)["request"]["tokens"]
    assert max(widths) == tokens == 1023


def test_without_gemma_there_is_no_row_for_it(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = shutil.copytree(tiny_model, tmp_path / "tiny")
    shutil.rmtree(bare / "text_encoder")
    assert measure("--model", str(bare), "--size", "128x128") == 1
    assert "clip_only" in capsys.readouterr().err
    assert measure("--model", str(bare), "--size", "128x128", "--text-encoder", "clip_only") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:13].strip() for line in lines[-7:-1]] == [row for row in ROWS if row != "Gemma"]


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
