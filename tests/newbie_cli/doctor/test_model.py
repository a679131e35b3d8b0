"""`newbie doctor` checks a checkpoint as strictly as loading does, and reads no weights for it."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from newbie_cli.doctor.findings import Status
from newbie_cli.doctor.model import check_model
from newbie_pipeline.checkpoints.layouts import parse_source
from newbie_pipeline.checkpoints.loading import load_components

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(tiny_model, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(tiny_model, directory)
    return directory


def statuses(source):
    return {finding.name: finding.status for finding in check_model(str(source))}


def test_a_complete_checkpoint_is_ok_and_planned(tiny_model):
    assert statuses(tiny_model) == {"checkpoint": Status.OK, "memory": Status.OK}


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
    (copy / "text_encoder" / "tokenizer.json").write_text("{}")
    (finding,) = check_model(str(copy))
    assert finding.status is Status.FAILURE


def test_without_a_checkpoint_there_is_nothing_to_look_at():
    (finding,) = check_model(None)
    assert finding.status is Status.SKIPPED


def test_looking_reads_no_weights(tiny_model):
    source = parse_source(str(tiny_model))
    parts = load_components(source, torch.bfloat16, "meta", progress=lambda *_: None)
    models = [part for part in parts.values() if isinstance(part, torch.nn.Module)]
    assert len(models) == 4
    assert all(weight.is_meta for model in models for weight in model.parameters())
