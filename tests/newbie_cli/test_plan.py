"""`newbie plan`: what it shows, what it refuses, its exit codes, and how it finds a GPU."""

import json
import os
import sys
from pathlib import Path

import pytest

from newbie_cli.__main__ import main
from newbie_cli.machine_memory import find_gpu, read_nvidia_smi

MIB = 1024**2
# What the driver's program prints for this query on a machine with two cards.
TWO_CARDS = "NVIDIA GeForce RTX 4080, 16376, 15820\nNVIDIA T4, 15360, 14900\n"


def plan(*arguments):
    return main(["plan", *arguments])


def planned(capsys, *arguments):
    assert plan(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def without_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A program of that name, first in PATH, that prints what the real one would."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nprint({TWO_CARDS!r}, end='')\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_plan_for_a_card_is_shown_in_lines_of_a_hundred_columns(capsys):
    assert plan("--vram", "16") == 0
    shown = capsys.readouterr().out
    assert "Gemma   streamed" in shown
    assert "16 GB" in shown
    assert all(len(line) <= 100 for line in shown.splitlines())


def test_json_says_the_same_as_the_settings(capsys):
    settings = ("--vram", "24GB", "--size", "768x1024", "--batch", "2", "--steps", "20")
    data = planned(capsys, *settings, "--dtype", "fp16", "--text-encoder", "clip_only", "--no-cfg")
    assert data["request"] == {
        "width": 768,
        "height": 1024,
        "batch": 2,
        "tokens": 512,
        "dtype": "float16",
        "steps": 20,
        "cfg": False,
        "text_encoder": "clip_only",
        "assist": False,
    }
    assert data["components"]["text_encoder"]["placement"] == "absent"


def test_a_plan_counts_what_writing_prompts_needs_as_the_worker_does(capsys):
    with_it, without = (planned(capsys, "--vram", "24", *more) for more in ((), ("--no-assist",)))
    assert with_it["request"]["assist"] is not without["request"]["assist"] is False
    assert with_it["host_bytes"] > without["host_bytes"]
    assert with_it["stages"]["text"]["peak_bytes"] > without["stages"]["text"]["peak_bytes"]


def test_memory_caps_the_plan_and_quantize_is_obeyed(capsys):
    data = planned(capsys, "--vram", "80", "--memory", "10GiB")
    assert data["peak_bytes"] <= data["budget_bytes"] == 10 * 1024 * MIB
    both = planned(capsys, "--vram", "80", "--memory", '{0: "12GiB", "cpu": "30GiB"}')
    assert both["host_budget_bytes"] == 30 * 1024 * MIB
    forced = planned(capsys, "--vram", "80", "--quantize", "gemma:nf4!")
    assert forced["components"]["text_encoder"]["quantization"] == "nf4"


def test_a_checkpoints_own_sizes_are_used(tiny_model: Path, capsys, monkeypatch):
    named = planned(capsys, "--vram", "8", "--model", str(tiny_model))
    assert named["model"] == tiny_model.name
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", str(tiny_model))
    assert planned(capsys, "--vram", "8") == named
    assert planned(capsys, "--vram", "8", "--full")["model"] != named["model"]


def test_no_plan_that_fits_is_exit_code_one_and_says_what_would(capsys):
    assert plan("--vram", "1") == 1
    assert "would do" in capsys.readouterr().err


def test_a_checkpoint_that_is_not_there_is_exit_code_one(tmp_path, capsys):
    assert plan("--vram", "8", "--model", str(tmp_path / "nowhere")) == 1
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--memory", "much"),
        ("--memory", '{"cpu": "30GiB"}'),
        ("--quantize", "vae:int8"),
    ],
)
def test_a_limit_that_cannot_be_read_is_exit_code_two(arguments, capsys):
    assert plan("--vram", "16", *arguments) == 2
    assert "newbie plan: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--vram", "0"),
        ("--vram", "big"),
        ("--size", "8x8"),
        ("--size", "1024"),
        ("--batch", "0"),
        ("--dtype", "int3"),
        ("--full", "--model", "x"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(arguments):
    with pytest.raises(SystemExit) as end:
        plan(*arguments)
    assert end.value.code == 2


def test_without_a_gpu_the_plan_is_for_the_cpu_and_says_so(tiny_model, without_gpu, capsys):
    assert plan("--model", str(tiny_model)) == 0
    shown = capsys.readouterr().out
    assert "no GPU was found" in shown
    assert "float32" in shown
    assert planned(capsys, "--model", str(tiny_model))["device"] == "cpu"


def test_the_machines_own_gpu_is_what_the_driver_says(nvidia_smi, capsys):
    gpu = find_gpu()
    assert gpu is not None
    assert (gpu.name, gpu.total_bytes) == ("NVIDIA GeForce RTX 4080", 16376 * MIB)
    data = planned(capsys, "--full", "--memory", '{0: "99GiB"}')
    assert data["machine"].startswith("NVIDIA GeForce RTX 4080: ")
    assert 15 * 1024 * MIB < data["budget_bytes"] < 15820 * MIB


@pytest.mark.parametrize(
    "answer", ["", "No devices were found\n", "NVIDIA GB10, [N/A], [N/A]\n", "a, b"]
)
def test_an_answer_without_numbers_is_no_gpu(answer):
    assert read_nvidia_smi(answer) is None


def test_a_name_with_commas_is_kept():
    gpu = read_nvidia_smi("Card, the large one, 24564, 24000\n")
    assert gpu is not None
    assert gpu.name == "Card, the large one"
