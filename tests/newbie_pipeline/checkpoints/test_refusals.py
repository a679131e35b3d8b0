"""What stops a load in the layouts other than the official one, with file and key named."""

import logging
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from newbie_pipeline.checkpoints.headers import read_header
from newbie_pipeline.checkpoints.layouts import find_checkpoint
from newbie_pipeline.checkpoints.loading import load_pipeline
from newbie_pipeline.errors import CheckpointError

from .converted import DIT, GEMMA, JINA, VAE
from .converted import parts as weights_of

LUMINA = "transformer/diffusion_pytorch_model.safetensors"
# (layout, file, a key of it, what the message calls that key when it is missing)
FILES = [
    ("diffusers", LUMINA, "layers.1.attn.to_k.weight", "layers.1.attn.to_k.weight"),
    ("diffusers", LUMINA, "layers.1.norm1.linear.weight", "layers.1.adaLN_modulation.1.weight"),
    ("diffusers", LUMINA, "time_text_embed.1.bias", "time_text_embed.1.bias"),
    ("side by side", DIT, "layers.0.attention.out.weight", "layers.0.attention.out.weight"),
    ("side by side", GEMMA, "model.layers.1.mlp.up_proj.weight", "layers.1.mlp.up_proj.weight"),
    ("side by side", JINA, "model.encoder.layers.1.norm1.weight", "encoder.layers.1.norm1.weight"),
    ("side by side", VAE, "decoder.up.1.block.0.conv1.weight", "up_blocks.4.resnets.0.conv1"),
    ("saved", LUMINA, "layers.0.attention.qkv.weight", "layers.0.attention.qkv.weight"),
    ("saved", "text_encoder/model.safetensors", "layers.2.mlp.up_proj.weight", "layers.2.mlp"),
]
PARTS = {DIT: "transformer", GEMMA: "text_encoder", JINA: "text_encoder_2", VAE: "vae"}
each_file = pytest.mark.parametrize(("layout", "file", "key", "missing"), FILES)


@pytest.fixture
def copied(layouts, tmp_path):
    def copy(layout):
        return shutil.copytree(layouts[layout], tmp_path / "copy")

    return copy


def rewrite(path, change):
    tensors = load_file(path)
    change(tensors)
    path.unlink()
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)


def refused(source, *parts):
    with pytest.raises(CheckpointError) as caught:
        load_pipeline(source, torch.float32, "cpu")
    for part in parts:
        assert str(part) in str(caught.value)


@each_file
def test_a_missing_key_is_named_with_its_file(copied, layout, file, key, missing):
    folder = copied(layout)
    rewrite(folder / file, lambda tensors: tensors.pop(key))
    refused(folder, folder / file, "missing", missing)


@each_file
def test_an_unexpected_key_is_named_with_its_file(copied, layout, file, key, missing):
    folder = copied(layout)
    extra = key.replace("weight", "surprise").replace("bias", "surprise")
    rewrite(folder / file, lambda tensors: tensors.update({extra: torch.zeros(1)}))
    refused(folder, folder / file, extra, "unexpected")


@each_file
def test_a_wrong_shape_is_named_with_its_file(copied, layout, file, key, missing):
    folder = copied(layout)
    rewrite(folder / file, lambda tensors: tensors.update({key: tensors[key][:-1].clone()}))
    refused(folder, folder / file, "shape", key.replace("to_k", "to_q"))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1, 1)])
@pytest.mark.parametrize("name", [DIT, GEMMA, JINA, VAE])
def test_no_shape_of_any_tensor_breaks_the_reading_of_sizes(copied, pipe, name, shape):
    folder = copied("side by side")
    part = PARTS[name]
    others = {one: getattr(pipe, one) for one in PARTS.values() if one != part}
    original = load_file(folder / name)
    (folder / name).with_suffix(".config.json").unlink()
    signs = ("cap_embedder", "x_embedder", "layers.0.", "embed", "conv", "up.0.", "clip_text")
    for key in [key for key in original if any(sign in key for sign in signs)][:25]:
        if key.startswith(("vision_model.", "multi_modal")):
            continue
        (folder / name).unlink()
        save_file({**original, key: torch.zeros(shape)}, folder / name)
        with pytest.raises(CheckpointError):
            load_pipeline(folder, torch.float32, "cpu", components=others)


@each_file
def test_a_truncated_file_is_named(copied, layout, file, key, missing):
    folder = copied(layout)
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: len(data) // 2])
    refused(folder, folder / file, "damaged")


@pytest.mark.parametrize("name", [DIT, GEMMA, JINA, VAE])
def test_a_missing_file_is_named_with_the_way_to_name_another(copied, name):
    folder = copied("side by side")
    (folder / name).unlink()
    refused(folder, folder, name, "=PATH")


@pytest.mark.parametrize("name", [DIT, GEMMA, JINA, VAE])
def test_two_files_that_could_be_the_same_part_are_both_named(copied, name):
    folder = copied("models folder")
    (path,) = folder.rglob(name)
    other = path.with_name("other.safetensors")
    shutil.copy(path, other)
    shutil.copy(path.with_suffix(".config.json"), other.with_suffix(".config.json"))
    refused(folder, path, other, "=PATH")
    part = PARTS[name]
    chosen = find_checkpoint(f"{folder},{part}={other}")
    assert getattr(chosen, part).weights == (other,)


def test_two_folders_of_the_same_part_are_both_named(copied):
    folder = copied("official")
    shutil.copytree(folder / "clip_model", folder / "text_encoder_2")
    refused(folder, "clip_model", "text_encoder_2")


def test_two_variants_of_weights_in_one_folder_are_both_named(copied):
    folder = copied("official")
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    variants = [path.with_suffix(f".{name}.safetensors") for name in ("bf16", "fp16")]
    path.rename(variants[0])
    load_pipeline(folder, torch.float32, "cpu")  # one variant alone is clear
    shutil.copy(*variants)
    refused(folder, *(variant.name for variant in variants))


def test_other_models_files_in_a_models_folder_are_left_aside(copied, layouts):
    folder = copied("models folder")
    lumina = load_file(layouts["side by side"] / DIT)
    without_clip = {k: v for k, v in lumina.items() if not k.startswith("clip_text_pooled_proj")}
    save_file(without_clip, folder / "diffusion_models" / "lumina.safetensors")
    narrow = weights_of(layouts["official"])[GEMMA]
    name = "model.layers.0.pre_feedforward_layernorm.weight"
    save_file({**narrow, name: torch.zeros(7)}, folder / "text_encoders" / "gemma_12b.safetensors")
    vae = load_file(layouts["side by side"] / VAE)
    vae["decoder.conv_in.weight"] = torch.zeros(16, 4, 3, 3)
    save_file(vae, folder / "vae" / "sdxl.safetensors")
    save_file({"unet.x": torch.zeros(1)}, folder / "diffusion_models" / "unknown.safetensors")
    found = find_checkpoint(folder)
    names = [component.weights[0].name for component in found.components().values()]
    assert names == [DIT, GEMMA, JINA, VAE]


def test_a_text_encoder_of_another_width_is_named(copied, tmp_path):
    folder = copied("side by side")

    def narrow(tensors):
        for key, value in tensors.items():
            if key.endswith("layernorm.weight") or key == "model.norm.weight":
                tensors[key] = value[:32]
            elif key.startswith("model.layers") and "_norm" not in key:
                is_output = "o_proj" in key or "down_proj" in key
                tensors[key] = value[:32] if is_output else value[:, :32]
        tensors["model.embed_tokens.weight"] = tensors["model.embed_tokens.weight"][:, :32]

    rewrite(folder / GEMMA, narrow)
    (folder / GEMMA).with_suffix(".config.json").unlink()
    refused(folder, folder / GEMMA, "32 wide", "64")


def test_a_file_of_something_else_is_named(tmp_path):
    path = tmp_path / "something.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    refused(path, path, "no part")
    refused(f"vae={path}", path, "holds no vae")


@pytest.mark.parametrize("name", ["model.ckpt", "model.safetensors", "model.bin"])
@pytest.mark.parametrize("torch_save", [False, True])
def test_a_pickle_is_never_opened_whatever_its_name(tmp_path, name, torch_save):
    opened = tmp_path / "opened"

    class Trap:
        def __reduce__(self):
            return (opened.touch, ())

    path = tmp_path / name
    if torch_save:
        torch.save(Trap(), path)
    else:
        path.write_bytes(pickle.dumps(Trap()))
    refused(path, path, "pickle", "safetensors.torch.save_file", "model.safetensors")
    refused(tmp_path, name, "safetensors.torch.save_file")
    assert not opened.exists()


def test_gguf_and_html_are_named(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + bytes(100))
    refused(tmp_path / "x.gguf", "GGUF", "safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"<!DOCTYPE html><html>")
    refused(tmp_path / "x.safetensors", "damaged")


def test_plain_8_bit_weights_are_loaded_with_a_warning(copied, caplog, pipe):
    folder = copied("side by side")
    fp8 = torch.float8_e4m3fn
    rewrite(folder / DIT, lambda w: w.update({k: v.to(fp8) for k, v in w.items() if v.ndim == 2}))
    with caplog.at_level(logging.WARNING):
        own = load_pipeline(folder, torch.float32, "cpu")
    assert DIT in caplog.text
    assert "8-bit" in caplog.text
    expected = pipe.transformer.layers[0].attention.qkv.weight
    assert torch.equal(own.transformer.layers[0].attention.qkv.weight, expected.to(fp8).float())


@pytest.mark.parametrize("key", ["scaled_fp8", "layers.0.attention.qkv.scale_weight"])
def test_scaled_8_bit_weights_are_refused(copied, key):
    folder = copied("side by side")
    rewrite(folder / DIT, lambda weights: weights.update({key: torch.zeros(1)}))
    refused(folder, folder / DIT, key, "bf16")


def test_weights_that_are_whole_numbers_are_refused(copied):
    folder, key = copied("side by side"), "layers.0.attention.qkv.weight"
    rewrite(folder / DIT, lambda weights: weights.update({key: weights[key].to(torch.int8)}))
    refused(folder, folder / DIT, key, "I8")


def test_a_config_that_no_model_fits_is_named(copied):
    folder = copied("official")
    path = folder / "transformer" / "config.json"
    path.write_text(path.read_text().replace('"n_heads": 3', '"n_heads": 5'))
    refused(folder, path)


def test_a_header_lists_types_shapes_and_bytes(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(2, 3, dtype=torch.bfloat16), "b": torch.ones(4)}, path)
    header = read_header(path)
    assert (header["a"].dtype, header["a"].shape, header["a"].length) == ("BF16", (2, 3), 12)
    data = path.read_bytes()
    entry = header["b"]
    assert data[entry.start : entry.start + entry.length] == b"\0\0\x80?" * 4
