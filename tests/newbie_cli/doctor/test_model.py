"""`newbie doctor` checks a checkpoint as strictly as loading does, and reads no weights for it."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from newbie_cli import machine_memory
from newbie_cli.doctor import model
from newbie_cli.doctor.findings import Status
from newbie_cli.doctor.model import check_model
from newbie_cli.machine_memory import Gpu
from newbie_pipeline.checkpoints.layouts import parse_source
from newbie_pipeline.checkpoints.loading import load_components
from newbie_pipeline.memory import planner, quantizing
from newbie_pipeline.memory.sizes import Component

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture(autouse=True)
def _without_gpu(monkeypatch):
    """Plan for the CPU: asking for a card takes a process that loads torch."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def copy(tiny_model, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(tiny_model, directory)
    return directory


ALL_OK = dict.fromkeys(("checkpoint", "tokenizers", "memory"), Status.OK)


def by_name(source=None):
    return {one.name: one for one in check_model(source if source is None else str(source))}


def statuses(source=None):
    return {name: finding.status for name, finding in by_name(source).items()}


def test_a_complete_checkpoint_is_ok_and_planned(tiny_model):
    assert statuses(tiny_model) == ALL_OK


def test_a_missing_key_is_a_failure_that_names_it(copy):
    tensors = load_file(copy / WEIGHTS)
    del tensors["layers.0.attention.qkv.weight"]
    (copy / WEIGHTS).unlink()
    save_file(tensors, copy / WEIGHTS)
    (finding,) = check_model(str(copy))
    assert finding.status is Status.FAILURE
    assert "layers.0.attention.qkv.weight" in finding.detail


def test_what_only_writing_prompts_needs_is_looked_at_too(copy):
    path = copy / "text_encoder" / "model.safetensors"
    tensors = load_file(path)
    layers = {key.split("layers.")[1].split(".")[0] for key in tensors if "layers." in key}
    last = f"language_model.model.layers.{max(map(int, layers))}.mlp.up_proj.weight"
    del tensors[last]
    path.unlink()
    save_file(tensors, path)
    (finding,) = check_model(str(copy))
    assert finding.status is Status.FAILURE
    assert "mlp.up_proj.weight" in finding.detail


def test_a_truncated_file_is_a_failure_that_names_it(copy):
    path = copy / WEIGHTS
    path.write_bytes(path.read_bytes()[:-10])
    (finding,) = check_model(str(copy))
    assert finding.status is Status.FAILURE
    assert str(path) in finding.detail


def test_a_broken_tokenizer_is_a_failure(copy):
    broken = copy / "text_encoder" / "tokenizer.json"
    broken.write_text("{}")
    findings = by_name(copy)
    assert {name: one.status for name, one in findings.items()} == {
        **ALL_OK,
        "tokenizers": Status.FAILURE,
    }
    assert str(broken) in findings["tokenizers"].detail


def test_without_a_checkpoint_there_is_nothing_to_look_at():
    (finding,) = check_model(None)
    assert finding.status is Status.SKIPPED


def test_without_gemma_a_checkpoint_is_complete_where_the_worker_leaves_it_out(copy, monkeypatch):
    shutil.rmtree(copy / "text_encoder")
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", str(copy))
    (finding,) = check_model(None)
    assert finding.status is Status.FAILURE
    assert "clip_only" in finding.detail
    monkeypatch.setenv("NEWBIE_WORKER_TEXT_ENCODER", "clip_only")
    findings = by_name()
    assert {name: one.status for name, one in findings.items()} == ALL_OK
    assert "without Gemma" in findings["checkpoint"].detail
    assert "text_encoder absent" in findings["memory"].detail


def test_the_plan_is_made_with_the_workers_settings(tiny_model, monkeypatch):
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", str(tiny_model))
    monkeypatch.setenv("NEWBIE_WORKER_DEVICE", "cpu")
    assert statuses() == ALL_OK
    monkeypatch.setenv("NEWBIE_WORKER_MEMORY", "16MiB")
    finding = by_name()["memory"]
    assert finding.status is Status.FAILURE
    assert "host memory would do" in finding.detail
    # A checkpoint of one's own is not the worker's.
    assert statuses(tiny_model) == ALL_OK
    monkeypatch.setenv("NEWBIE_WORKER_MEMORY", "plenty")
    (finding,) = check_model(None)
    assert (finding.name, finding.status) == ("worker", Status.FAILURE)
    assert "NEWBIE_WORKER_MEMORY" in finding.detail


@pytest.mark.parametrize(("encoding", "tokens"), [("whole", 512), ("per_character", 1023)])
def test_the_plan_is_for_captions_as_long_as_the_workers(tiny_model, monkeypatch, encoding, tokens):
    seen, make = [], planner.make_plan

    def watched(sizes, request, *more):
        seen.append(request.picture.tokens)
        return make(sizes, request, *more)

    monkeypatch.setattr(planner, "make_plan", watched)
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", str(tiny_model))
    monkeypatch.setenv("NEWBIE_WORKER_CHARACTER_ENCODING", encoding)
    assert statuses() == ALL_OK
    assert seen == [tokens]


def test_adapters_are_looked_at_with_the_checkpoint(tiny_model, tmp_path, monkeypatch):
    head = "base_model.model.layers.0.attention.out"
    shapes = {"lora_A": (4, 72), "lora_B": (72, 4)}
    tensors = {f"{head}.{part}.weight": torch.ones(shape) for part, shape in shapes.items()}
    save_file(tensors, tmp_path / "style.safetensors")
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", str(tiny_model))
    monkeypatch.setenv("NEWBIE_WORKER_LORAS", f"{tmp_path}/style.safetensors:0.5")
    findings = by_name()
    assert {one.status for one in findings.values()} == {Status.OK}
    assert "style:0.5" in findings["adapters"].detail
    monkeypatch.setenv("NEWBIE_WORKER_LORAS", f"{tmp_path}/gone.safetensors")
    finding = by_name()["adapters"]
    assert finding.status is Status.FAILURE
    assert "gone.safetensors" in finding.detail


def test_a_plan_that_quantises_needs_the_library(tiny_model, monkeypatch):
    monkeypatch.setattr(machine_memory, "find_gpu", lambda: Gpu("a card", 8 * 2**30, 8 * 2**30))
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", str(tiny_model))
    monkeypatch.setenv("NEWBIE_WORKER_QUANTIZE", "transformer:int8!")
    monkeypatch.setitem(quantizing.LIBRARIES, Component.TRANSFORMER, "json")
    assert statuses() == ALL_OK
    monkeypatch.setitem(quantizing.LIBRARIES, Component.TRANSFORMER, "no_such_library")
    finding = by_name()["memory"]
    assert finding.status is Status.FAILURE
    assert "pip install -c constraints.txt no_such_library" in finding.detail


def test_a_machine_without_the_workers_packages_is_no_worker(tiny_model, monkeypatch):
    monkeypatch.setattr(model, "find_spec", lambda _name: None)
    (finding,) = check_model(str(tiny_model))
    assert finding.status is Status.SKIPPED
    assert "cannot be a worker" in finding.detail


def test_looking_reads_no_weights(tiny_model):
    source = parse_source(str(tiny_model))
    parts = load_components(source, torch.bfloat16, "meta", progress=lambda *_: None)
    models = [part for part in parts.values() if isinstance(part, torch.nn.Module)]
    assert len(models) == 4
    assert all(weight.is_meta for model in models for weight in model.parameters())
