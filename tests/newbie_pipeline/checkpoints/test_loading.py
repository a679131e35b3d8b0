"""Loading is strict: whatever is wrong with a checkpoint stops it, with file and key named."""

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from newbie_pipeline.checkpoints.identity import model_hash, model_name
from newbie_pipeline.checkpoints.loading import load_pipeline
from newbie_pipeline.errors import CheckpointError
from newbie_pipeline.tiny import make_tiny

WEIGHTS = {
    "transformer": "transformer/diffusion_pytorch_model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
    "gemma": "text_encoder/model.safetensors",
    "jina": "clip_model/model.safetensors",
}
NEEDED_KEY = {
    "transformer": "layers.0.attention.qkv.weight",
    "vae": "decoder.conv_out.weight",
    "gemma": "language_model.model.layers.1.mlp.up_proj.weight",
    "jina": "text_model.transformer.roberta.encoder.layers.1.norm1.weight",
}


@pytest.fixture
def copy(tiny_checkpoint, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint, directory)
    return directory


def load(directory, dtype=torch.float32):
    return load_pipeline(directory, dtype, "cpu")


def rewrite(path, change):
    tensors = load_file(path)
    change(tensors)
    path.unlink()
    save_file(tensors, path)


def refused(directory, *parts):
    with pytest.raises(CheckpointError) as caught:
        load(directory)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("part", WEIGHTS)
def test_a_missing_key_is_named_with_its_file(copy, part):
    path = copy / WEIGHTS[part]
    rewrite(path, lambda tensors: tensors.pop(NEEDED_KEY[part]))
    own_name = NEEDED_KEY[part].removeprefix("language_model.model.")
    own_name = own_name.removeprefix("text_model.transformer.roberta.")
    refused(copy, str(path), "missing", own_name)


@pytest.mark.parametrize("part", WEIGHTS)
def test_an_unexpected_key_is_named_with_its_file(copy, part):
    path = copy / WEIGHTS[part]
    rewrite(path, lambda tensors: tensors.update({"layers.0.surprise": torch.zeros(1)}))
    refused(copy, str(path), "layers.0.surprise", "unexpected")


@pytest.mark.parametrize("part", WEIGHTS)
def test_a_wrong_shape_is_named_with_its_file(copy, part):
    path, key = copy / WEIGHTS[part], NEEDED_KEY[part]
    rewrite(path, lambda tensors: tensors.update({key: tensors[key][:-1].clone()}))
    refused(copy, str(path), key, "shape")


@pytest.mark.parametrize("part", WEIGHTS)
def test_a_truncated_file_is_named(copy, part):
    path = copy / WEIGHTS[part]
    path.write_bytes(path.read_bytes()[:-1000])
    refused(copy, str(path), "damaged")


@pytest.mark.parametrize("part", WEIGHTS)
def test_a_pickle_is_refused_unopened_with_a_way_to_convert_it(copy, part, tmp_path):
    opened = tmp_path / "opened"

    class Trap:
        def __reduce__(self):
            return (opened.touch, ())

    path = copy / WEIGHTS[part]
    path.unlink()
    path.with_suffix(".bin").write_bytes(pickle.dumps(Trap()))
    refused(copy, path.with_suffix(".bin").name, "safetensors.torch.save_file")
    assert not opened.exists()


def test_code_that_a_checkpoint_brings_along_never_runs(copy, tmp_path):
    ran = tmp_path / "ran"
    names = ("AutoConfig", "AutoModel", "AutoTokenizer")
    for folder in ("transformer", "text_encoder", "clip_model", "vae", "scheduler"):
        (copy / folder / "remote.py").write_text(f"open({str(ran)!r}, 'w')\nclass Remote: pass\n")
        for path in (copy / folder).glob("*config.json"):
            config = json.loads(path.read_text())
            config["auto_map"] = dict.fromkeys(names, "remote.Remote")
            path.write_text(json.dumps(config))
    load(copy)
    assert not ran.exists()


@pytest.mark.parametrize("part", ["transformer", "text_encoder", "clip_model", "vae"])
def test_a_folder_that_is_missing_is_named(copy, part):
    shutil.rmtree(copy / part)
    refused(copy, str(copy), part)


@pytest.mark.parametrize("name", ["transformer/config.json", "text_encoder/tokenizer.json"])
def test_a_file_that_is_missing_is_named(copy, name):
    (copy / name).unlink()
    refused(copy, str(copy / name))


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_a_broken_config_is_named(copy, content):
    (copy / "vae" / "config.json").write_text(content)
    refused(copy, str(copy / "vae" / "config.json"))


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"version": "1.0"}'])
def test_a_broken_tokenizer_is_named(copy, content):
    (copy / "clip_model" / "tokenizer.json").write_text(content)
    refused(copy, str(copy / "clip_model" / "tokenizer.json"))


def test_no_folder_at_all_is_named(tmp_path):
    refused(tmp_path / "nowhere", str(tmp_path / "nowhere"))


def test_shards_load_like_one_file_and_a_missing_shard_is_named(copy, pipe):
    path = copy / WEIGHTS["gemma"]
    tensors = load_file(path)
    path.unlink()
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    split = [dict(list(tensors.items())[i::2]) for i in range(2)]
    for name, shard in zip(names, split, strict=True):
        save_file(shard, path.with_name(name))
    weight_map = {key: name for name, part in zip(names, split, strict=True) for key in part}
    index = path.with_name("model.safetensors.index.json")
    index.write_text(json.dumps({"weight_map": weight_map}))
    own = load(copy).text_encoder.state_dict()
    expected = pipe.text_encoder.state_dict()
    assert all(torch.equal(own[key], expected[key]) for key in expected)
    path.with_name(names[1]).unlink()
    refused(copy, str(index), names[1])


def test_a_key_that_two_shards_hold_is_named(copy):
    path = copy / WEIGHTS["gemma"]
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for name in shards:
        shutil.copy(path, path.with_name(name))
    path.unlink()
    index = path.with_name("model.safetensors.index.json")
    index.write_text(json.dumps({"weight_map": {"a": shards[0], "b": shards[1]}}))
    refused(copy, shards[0], shards[1], "embed_tokens.weight")


def test_a_shard_outside_the_folder_is_refused(copy):
    path = copy / WEIGHTS["gemma"]
    path.rename(copy / "model.safetensors")
    index = path.with_name("model.safetensors.index.json")
    index.write_text(json.dumps({"weight_map": {"a": "../model.safetensors"}}))
    refused(copy, str(index), "../model.safetensors")


def test_the_scheduler_folder_may_be_absent(copy, pipe):
    shutil.rmtree(copy / "scheduler")
    assert load(copy).scheduler.config.shift == pipe.scheduler.config.shift == 6.0


def test_captions_widths_come_from_the_weights_when_the_config_leaves_them_out(copy, pipe):
    path = copy / "transformer" / "config.json"
    config = json.loads(path.read_text())
    del config["cap_feat_dim"], config["clip_text_dim"]
    path.write_text(json.dumps({**config, "model_type": "nextdit_clip"}))
    assert load(copy).transformer.config.cap_feat_dim == pipe.transformer.config.cap_feat_dim


def test_weights_are_converted_to_the_wanted_type_and_frozen(tiny_checkpoint):
    loaded = load(tiny_checkpoint, torch.bfloat16)
    for name in ("transformer", "vae", "text_encoder", "text_encoder_2"):
        for parameter in getattr(loaded, name).parameters():
            assert parameter.dtype == torch.bfloat16
            assert not parameter.requires_grad


def test_gemmas_last_layer_and_norm_are_never_loaded(pipe, tiny_checkpoint):
    stored = load_file(tiny_checkpoint / WEIGHTS["gemma"])
    assert "language_model.model.norm.weight" in stored
    assert any(".layers.3." in key for key in stored)
    assert len(pipe.text_encoder.layers) == 3
    assert not list(pipe.text_encoder.norm.parameters())


def test_the_hash_tells_checkpoints_apart_and_forgets_where_they_lie(
    tiny_checkpoint, copy, tmp_path
):
    assert model_hash(copy) == model_hash(tiny_checkpoint)
    make_tiny(tmp_path / "other", seed=1)
    assert model_hash(tmp_path / "other") != model_hash(tiny_checkpoint)
    rewrite(copy / WEIGHTS["transformer"], lambda tensors: [t.mul_(1.01) for t in tensors.values()])
    assert model_hash(copy) != model_hash(tiny_checkpoint)


def test_the_hash_sees_a_changed_config(copy, tiny_checkpoint):
    path = copy / "scheduler" / "scheduler_config.json"
    path.write_text(path.read_text().replace("6.0", "3.0"))
    assert model_hash(copy) != model_hash(tiny_checkpoint)


def test_a_folder_without_weights_has_no_hash(tmp_path):
    with pytest.raises(CheckpointError, match="no safetensors"):
        model_hash(tmp_path)


def test_a_model_is_named_after_its_folder_or_its_repository(tmp_path):
    snapshot = tmp_path / "models--NewBie-AI--NewBie-image-Exp0.1" / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    assert model_name(snapshot) == "NewBie-image-Exp0.1"
    assert model_name(tmp_path / "newbie-tiny") == "newbie-tiny"
