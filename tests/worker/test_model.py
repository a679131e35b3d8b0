"""What the settings become, what makes loading pointless, and what stands in the log then."""

import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from newbie_pipeline import render
from newbie_pipeline.checkpoints import loading
from newbie_pipeline.device import DeviceFacts, find_problems
from worker import model
from worker.model import fatal_problems, load_model, options_of
from worker.settings import WorkerSettings

CARD = {
    "torch_version": "2.13.0",
    "runtime": (13, 0),
    "driver": "590.1",
    "driver_cuda": (13, 1),
    "architectures": ("sm_80", "sm_90"),
    "name": "a card",
    "capability": (9, 0),
}


def settings(**changes: object) -> WorkerSettings:
    return WorkerSettings(**{"model": "somewhere", "device": "cpu", **changes})


def test_the_memory_settings_reach_the_pipeline() -> None:
    options = options_of(
        settings(
            text_encoder="clip_only",
            quantize="transformer:int8",
            memory="12GiB",
            max_memory='{0: "10GiB"}',
        )
    )
    assert options.clip_only
    assert (options.quantize, options.memory) == ("transformer:int8", "12GiB")
    assert options.max_memory == '{0: "10GiB"}'
    assert (options.prompt_weights, options.character_encoding) == (True, "whole")
    assert options_of(settings()) == render.LoadOptions(device="cpu")


def test_how_prompts_are_read_reaches_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWBIE_WORKER_PROMPT_WEIGHTS", "false")
    monkeypatch.setenv("NEWBIE_WORKER_CHARACTER_ENCODING", "per_character")
    options = options_of(settings())
    assert (options.prompt_weights, options.character_encoding) == (False, "per_character")


def test_help_with_prompts_is_on_and_its_limits_reach_the_pipeline() -> None:
    options = options_of(settings())
    assert options.assist
    options = options_of(settings(assist=False, assist_tokens=50, assist_seconds=5))
    assert (options.assist, options.assist_tokens, options.assist_seconds) == (False, 50, 5.0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"quantize": "gemma:int3"}, "write gemma:int8 or gemma:nf4"),
        ({"memory": "plenty"}, "16GiB"),
        ({"max_memory": "{0: 1.5}"}, "10GiB"),
        ({"text_encoder": "none"}, "clip_only"),
        ({"character_encoding": "each"}, "'whole' or 'per_character'"),
        ({"prompt_weights": "perhaps"}, "boolean"),
        ({"assist_seconds": 0}, "greater than or equal to 1"),
    ],
)
def test_a_setting_that_makes_no_sense_says_what_would(
    changes: dict[str, object], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        settings(**changes)


@pytest.mark.parametrize(
    ("changes", "dtype", "fatal"),
    [
        ({}, None, False),
        ({"driver_cuda": (12, 4)}, None, True),
        ({"capability": (12, 0)}, None, True),
        ({"capability": (7, 5), "architectures": ("sm_75",)}, None, True),
        ({"capability": (7, 5), "architectures": ("sm_75",)}, "float32", False),
        ({"flash_attn_error": "undefined symbol"}, None, False),
    ],
)
def test_only_what_keeps_every_picture_from_being_drawn_is_fatal(
    changes: dict[str, object], dtype: str | None, fatal: bool
) -> None:
    problems = find_problems(DeviceFacts(**{**CARD, **changes}))
    assert bool(fatal_problems(problems, "cuda", dtype)) is fatal
    assert fatal_problems(problems, "cpu", dtype) == []


def test_the_card_that_is_looked_at_is_the_one_that_will_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def read(index: int) -> DeviceFacts:
        asked.append(index)
        return DeviceFacts(**{**CARD, "index": index, "visible": 2})

    monkeypatch.setattr(model, "read_device", read)
    for device in ("cuda", "cuda:1", "cuda:2"):
        with capture_logs() as logs:
            assert load_model(settings(model=str(tmp_path / "none"), device=device)) is None
        [entry] = logs
    assert asked == [0, 1, 2]
    assert entry["problem"] == "no_such_card"


def test_a_device_that_is_none_is_logged(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert load_model(settings(model=str(tmp_path), device="banana")) is None
    [entry] = logs
    assert "no device; write cuda" in entry["reason"]


def test_a_missing_checkpoint_is_logged(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert load_model(settings(model=str(tmp_path / "none"))) is None
    assert [entry["event"] for entry in logs] == ["model_not_loaded"]


def test_a_worker_without_gemma_needs_none_of_its_files(tiny_model: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(tiny_model, tmp_path / "tiny")
    shutil.rmtree(bare / "text_encoder")
    with capture_logs() as logs:
        assert load_model(settings(model=str(bare))) is None
    [entry] = logs
    assert "NEWBIE_WORKER_TEXT_ENCODER" in entry["reason"]
    renderer = load_model(settings(model=str(bare), text_encoder="clip_only"))
    assert renderer is not None
    spec = render.RenderSpec("1girl", "", 64, 64, 1, 4.0, seeds=(1,))
    assert len(renderer.render(spec, lambda *_: None, lambda: False).images) == 1


def test_an_adapter_that_does_not_fit_is_logged_before_anything_is_loaded(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        pytest.fail("the model was loaded")

    monkeypatch.setitem(loading.LOADERS, "transformer", fail)
    with capture_logs() as logs:
        assert load_model(settings(model=str(tiny_model), loras=f"{tmp_path}/gone:0.5")) is None
    [entry] = logs
    assert (entry["event"], "gone does not exist" in entry["reason"]) == ("model_not_loaded", True)


def test_an_error_of_the_card_while_loading_is_logged_in_words(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setitem(loading.LOADERS, "transformer", fail)
    with capture_logs() as logs:
        assert load_model(settings(model=str(tiny_model))) is None
    [entry] = logs
    assert (entry["event"], entry["problem"]) == ("model_not_loaded", "no_kernel_image")
    assert "compute capability" in entry["fix"]


def test_an_error_that_nobody_knows_is_not_swallowed(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setitem(loading.LOADERS, "transformer", fail)
    with pytest.raises(RuntimeError, match="something else"):
        load_model(settings(model=str(tiny_model)))
