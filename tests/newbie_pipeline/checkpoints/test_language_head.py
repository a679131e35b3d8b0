"""Gemma's last layer, norm and head, from every layout, as strictly as all other weights."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from newbie_pipeline.checkpoints.components import load_language_head
from newbie_pipeline.checkpoints.layouts import find_checkpoint
from newbie_pipeline.errors import CheckpointError
from newbie_pipeline.memory.reading import checkpoint_sizes

CPU = torch.device("cpu")
NORM = "language_model.model.norm.weight"
LAST = "language_model.model.layers.3.mlp.up_proj.weight"


def head_of(folder, dtype=torch.float32):
    return load_language_head(find_checkpoint(folder).text_encoder, dtype, CPU)


@pytest.fixture
def copy(tiny_checkpoint, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint, directory)
    return directory


def rewrite(folder, change):
    path = folder / "text_encoder" / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    path.unlink()
    save_file(tensors, path)


@pytest.mark.parametrize("layout", ["official", "diffusers", "models folder", "side by side"])
def test_every_layout_gives_the_same_last_layer_and_counts_it(layouts, tiny_checkpoint, layout):
    weights = load_file(tiny_checkpoint / "text_encoder" / "model.safetensors")
    head = head_of(layouts[layout])
    own = head.last_layer.state_dict()
    assert torch.equal(own["norm.weight"], weights[NORM])
    assert torch.equal(own["layers.0.mlp.up_proj.weight"], weights[LAST])
    assert head.weight is None
    sizes = checkpoint_sizes(layouts[layout])
    assert sizes.last_layer == sum(value.numel() for value in own.values())
    assert sizes.head == 0


def test_what_the_pipeline_has_saved_has_no_last_layer(layouts):
    assert head_of(layouts["saved"]) is None
    assert checkpoint_sizes(layouts["saved"]).last_layer == 0


def test_it_comes_in_the_type_that_is_asked_for_and_is_no_part_of_saved_pipelines(
    layouts, tiny_checkpoint
):
    head = head_of(tiny_checkpoint, torch.bfloat16)
    assert {value.dtype for value in head.last_layer.state_dict().values()} == {torch.bfloat16}
    saved = layouts["saved"] / "text_encoder"
    keys = {key for file in saved.glob("*.safetensors") for key in load_file(file)}
    assert not any(key.startswith(("norm.", "layers.3.")) for key in keys)


@pytest.mark.parametrize("name", ["lm_head.weight", "language_model.lm_head.weight"])
def test_a_head_of_its_own_is_loaded_and_counted(copy, name):
    rows = json.loads((copy / "text_encoder" / "config.json").read_text())["text_config"]
    weight = torch.randn(rows["vocab_size"], rows["hidden_size"])
    rewrite(copy, lambda tensors: tensors.update({name: weight}))
    assert torch.equal(head_of(copy).weight, weight)
    assert checkpoint_sizes(copy).head == weight.numel()


def test_without_a_final_norm_there_is_no_language_model(copy):
    rewrite(copy, lambda tensors: tensors.pop(NORM))
    assert head_of(copy) is None
    assert checkpoint_sizes(copy).last_layer == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tensors: tensors.pop(LAST), "layers.0.mlp.up_proj.weight"),
        (lambda tensors: tensors.update({LAST: torch.zeros(3, 3)}), "has shape"),
        (lambda tensors: tensors.update({f"{LAST}x": torch.zeros(3)}), "unexpected"),
    ],
)
def test_a_damaged_last_layer_is_refused_by_name(copy, change, says):
    rewrite(copy, change)
    with pytest.raises(CheckpointError, match=says) as caught:
        head_of(copy)
    assert "model.safetensors" in str(caught.value)
