"""`newbie plan`: what it shows, what it refuses, its exit codes, and how it finds a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

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


def test_characters_encoded_one_by_one_make_longer_captions_as_in_the_worker(
    tiny_model, capsys, monkeypatch
):
    def tokens(*more):
        return planned(capsys, "--vram", "16", *more)["request"]["tokens"]

    one_by_one = ("--character-encoding", "per_character")
    assert (tokens(), tokens(*one_by_one)) == (512, 1023)
    monkeypatch.setenv("NEWBIE_WORKER_CHARACTER_ENCODING", "per_character")
    assert tokens() == 512  # the published model is not the worker's
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", str(tiny_model))
    assert tokens() == 1023
    assert tokens("--character-encoding", "whole") == 512
    assert tokens("--full") == tokens("--model", str(tiny_model)) == 512
    monkeypatch.setenv("NEWBIE_WORKER_CHARACTER_ENCODING", "each")
    assert plan("--vram", "16") == 2
    assert "write whole or per_character" in capsys.readouterr().err


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


@pytest.fixture
def style(tmp_path):
    """A LoRA of the tiny model: 4 x (72 + 72) numbers."""
    head = "base_model.model.layers.0.attention.out"
    tensors = {
        f"{head}.lora_A.weight": torch.ones(4, 72),
        f"{head}.lora_B.weight": torch.ones(72, 4),
    }
    save_file(tensors, tmp_path / "style.safetensors")
    return tmp_path / "style.safetensors"


def test_adapters_are_counted_and_named(tiny_model, style, capsys):
    model = ("--vram", "8", "--model", str(tiny_model))
    bare = planned(capsys, *model)
    data = planned(capsys, *model, "--lora", f"{style}:0.8")
    assert data["adapters"] == [{"name": "style:0.8", "weight_bytes": 2 * 4 * 144}]
    dit, plain = (one["components"]["transformer"]["weight_bytes"] for one in (data, bare))
    assert dit == plain + 2 * 4 * 144
    assert plan(*model, "--lora", f"{style}:0.8") == 0
    assert "of the DiT, adapters: style:0.8 0.0 MiB" in capsys.readouterr().out


def test_the_workers_adapters_belong_to_the_workers_model(tiny_model, style, capsys, monkeypatch):
    monkeypatch.setenv("NEWBIE_WORKER_LORAS", f"{style}:0.8")
    assert planned(capsys, "--vram", "8", "--model", str(tiny_model))["adapters"] == []
    assert planned(capsys, "--vram", "16")["adapters"] == []
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", str(tiny_model))
    names = [one["name"] for one in planned(capsys, "--vram", "8")["adapters"]]
    assert names == ["style:0.8"]
    own = planned(capsys, "--vram", "8", "--lora", str(style))["adapters"]
    assert [one["name"] for one in own] == ["style:1"]
    assert planned(capsys, "--vram", "16", "--full")["adapters"] == []


def test_the_workers_settings_are_read_from_a_dotenv_file_too(
    tiny_model, style, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(
        f"NEWBIE_WORKER_MODEL={tiny_model}\n"
        f"NEWBIE_WORKER_LORAS={style}\n"
        "NEWBIE_WORKER_TEXT_ENCODER=clip_only\n"
    )
    data = planned(capsys, "--vram", "8")
    assert data["model"] == tiny_model.name
    assert [one["name"] for one in data["adapters"]] == ["style:1"]
    assert data["request"]["text_encoder"] == "clip_only"
    assert planned(capsys, "--vram", "8", "--text-encoder", "full")["request"]["text_encoder"] == (
        "full"
    )
    monkeypatch.setenv("NEWBIE_WORKER_TEXT_ENCODER", "none")
    assert plan("--vram", "8") == 2
    assert "write full or clip_only" in capsys.readouterr().err


def test_an_adapter_that_does_not_fit_is_exit_code_one(tiny_model, style, capsys):
    assert plan("--vram", "16", "--lora", str(style)) == 1  # the published model is wider
    assert "needs [4, 2304]" in capsys.readouterr().err
    assert plan("--vram", "16", "--lora", "nowhere.safetensors") == 1
    assert "does not exist" in capsys.readouterr().err
    assert plan("--vram", "16", "--lora", f"{style}:much") == 2
    assert "PATH:0.8" in capsys.readouterr().err


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
        ("--memory", "{[]: 1}"),
        ("--memory", "{0: True}"),
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
        ("--batch", "x"),
        ("--steps", "2.5"),
        ("--model", " "),
        ("--dtype", "int3"),
        ("--full", "--model", "x"),
    ],
)
def test_a_wrong_setting_is_a_usage_error_in_words(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        plan(*arguments)
    assert end.value.code == 2
    assert "invalid _" not in capsys.readouterr().err  # argparse would name our function


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{sys.executable} -m newbie_cli plan --full --vram 16; echo $? >&2"
    shell = ("sh", "-c", f"({command}) | true")
    done = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "0\n"


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
