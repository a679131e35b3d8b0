"""Adapter files that cannot be used: refused with file, key and reason, and nothing is changed."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from newbie_pipeline.errors import AdapterError
from newbie_pipeline.lora.adapter_file import (
    AdapterFile,
    parse_adapter_file,
    parse_adapter_files,
)
from newbie_pipeline.lora.loader import NewbieLoraLoaderMixin, load_adapters
from newbie_pipeline.lora.reading import source_from_tensors
from newbie_pipeline.lora.resolving import linear_layers, resolve_adapter
from newbie_pipeline.pipeline import NewbiePipeline

QKV = "layers.0.attention.qkv"  # [120, 72] in the tiny model
GOOD = {
    f"base_model.model.{QKV}.lora_A.weight": torch.ones(4, 72),
    f"base_model.model.{QKV}.lora_B.weight": torch.ones(120, 4),
}


class AdaptablePipeline(NewbiePipeline, NewbieLoraLoaderMixin):
    """The pipeline with its adapter methods, whether or not it brings them along itself."""


@pytest.fixture(scope="module")
def pipeline(pipe):
    return AdaptablePipeline(**pipe.components)


def refusal(pipeline, tensors, tmp_path):
    path = tmp_path / "style.safetensors"
    save_file(tensors, path)
    before = [(name, type(module)) for name, module in pipeline.transformer.named_modules()]
    with pytest.raises(AdapterError) as caught:
        pipeline.load_lora_weights(path)
    after = [(name, type(module)) for name, module in pipeline.transformer.named_modules()]
    assert before == after
    assert not hasattr(pipeline.transformer, "peft_config")
    assert str(path) in str(caught.value)
    return str(caught.value)


def one(name, tensor=None):
    return {name: torch.ones(2, 2) if tensor is None else tensor}


def test_the_good_file_of_these_tests_loads(pipeline, tmp_path):
    save_file(GOOD, tmp_path / "style.safetensors")
    pipeline.load_lora_weights(tmp_path / "style.safetensors")
    assert pipeline.get_active_adapters() == ["default_0"]
    pipeline.unload_lora_weights()


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (f"lycoris_{QKV.replace('.', '_')}.dora_scale", "DoRA"),
        (f"base_model.model.{QKV}.lora_magnitude_vector", "DoRA"),
        (f"lycoris_{QKV.replace('.', '_')}.hada_w1_a", "LoHa"),
        (f"lycoris_{QKV.replace('.', '_')}.oft_blocks", "OFT"),
        (f"lycoris_{QKV.replace('.', '_')}.lokr_t2", "convolutions"),
        (f"lycoris_{QKV.replace('.', '_')}.diff", "full difference"),
        ("lycoris_layers_0_attention_norm1.w_norm", "train_norm"),
    ],
)
def test_other_kinds_of_adapters_are_named(pipeline, tmp_path, key, kind):
    message = refusal(pipeline, {**GOOD, **one(key)}, tmp_path)
    assert kind in message
    assert key in message


@pytest.mark.parametrize(
    "key",
    ["lora_te1_text_model_encoder.lora_down.weight", "text_encoder.layers.0.lora_A.weight"],
)
def test_weights_for_text_encoders_have_a_sentence_of_their_own(pipeline, tmp_path, key):
    assert "text encoder" in refusal(pipeline, {**GOOD, **one(key)}, tmp_path)


def test_a_file_for_another_model_fits_nothing(pipeline, tmp_path):
    key = "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight"
    message = refusal(pipeline, one(key), tmp_path)
    assert "fits nothing" in message
    assert key in message


def test_keys_that_fit_nothing_are_named_even_beside_good_ones(pipeline, tmp_path):
    key = "base_model.model.layers.99.attention.qkv.lora_A.weight"
    message = refusal(pipeline, {**GOOD, **one(key)}, tmp_path)
    assert "1 keys fit nothing" in message
    assert key in message


@pytest.mark.parametrize("prefix", ["transformer.layers.0.", "lora_unet_layers_0_"])
def test_split_attention_names_are_refused_with_what_to_do(pipeline, tmp_path, prefix):
    name = "attn_to_q" if prefix.endswith("_") else "attn.to_q"
    message = refusal(pipeline, one(f"{prefix}{name}.lora_A.weight"), tmp_path)
    assert "official layer names" in message


@pytest.mark.parametrize(
    ("part", "shape"), [("lora_A", (4, 71)), ("lora_B", (119, 4)), ("lora_B", (120, 5))]
)
def test_a_wrong_shape_names_key_and_both_shapes(pipeline, tmp_path, part, shape):
    key = f"base_model.model.{QKV}.{part}.weight"
    message = refusal(pipeline, {**GOOD, key: torch.ones(shape)}, tmp_path)
    right = GOOD[key].shape
    assert f"{key} has shape {list(shape)}" in message
    assert f"needs {list(right)}" in message


def test_lokr_factors_that_make_another_shape_are_refused(pipeline, tmp_path):
    state = {f"{QKV}.lokr_w1": torch.ones(8, 8), f"{QKV}.lokr_w2": torch.ones(15, 8)}
    message = refusal(pipeline, state, tmp_path)
    assert "make [120, 64]" in message
    assert "is [120, 72]" in message


def test_lokr_layers_with_different_factors_are_refused(pipeline, tmp_path):
    state = {
        f"{QKV}.lokr_w1": torch.ones(4, 4),
        f"{QKV}.lokr_w2": torch.ones(30, 18),
        "layers.0.attention.out.lokr_w1": torch.ones(8, 8),
        "layers.0.attention.out.lokr_w2": torch.ones(9, 9),
    }
    assert "different decomposition factors" in refusal(pipeline, state, tmp_path)


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({f"{QKV}.lora_A.weight": torch.ones(4, 72)}, "needs both"),
        ({f"{QKV}.lokr_w1": torch.ones(8, 8)}, "not one complete"),
        (
            {f"{QKV}.lokr_w1_a": torch.ones(8, 2), f"{QKV}.lokr_w2": torch.ones(15, 9)},
            "not one complete",
        ),
        ({f"{QKV}.alpha": torch.tensor(1.0)}, "needs both"),
        ({**GOOD, f"{QKV}.lora_A.weight": torch.ones(4, 72)}, "mean the same weight"),
        ({**GOOD, f"{QKV}.alpha": torch.tensor(float("nan"))}, "no finite number"),
        (
            {
                f"{QKV}.lora_A.one.weight": torch.ones(4, 72),
                f"{QKV}.lora_B.two.weight": torch.ones(120, 4),
            },
            "several adapters",
        ),
        (
            {
                **GOOD,
                "layers.1.attention.out.lokr_w1": torch.ones(8, 8),
                "layers.1.attention.out.lokr_w2": torch.ones(9, 9),
            },
            "mixes LoRA",
        ),
        (
            {
                **GOOD,
                f"{QKV}.lokr_w1": torch.ones(8, 8),
                f"{QKV}.lokr_w2": torch.ones(15, 9),
            },
            "LoRA and LoKr",
        ),
        (
            {
                f"{QKV}.lora_A.weight": torch.ones(4, 72, dtype=torch.int32),
                f"{QKV}.lora_B.weight": torch.ones(120, 4),
            },
            "floating-point",
        ),
    ],
    ids=[
        "half-lora",
        "half-lokr",
        "half-factor",
        "alpha-alone",
        "one-weight-by-two-names",
        "nan-alpha",
        "two-adapters",
        "both-kinds",
        "both-kinds-on-one-layer",
        "integers",
    ],
)
def test_what_is_not_one_whole_adapter_is_refused(pipeline, tmp_path, tensors, reason):
    assert reason in refusal(pipeline, tensors, tmp_path)


@pytest.mark.parametrize("name", ["style.bin", "style.pt", "style.ckpt", "style.PTH"])
def test_a_pickle_is_refused_unopened_with_how_to_convert_it(pipeline, tmp_path, name):
    path = tmp_path / name
    torch.save(GOOD, path)
    with pytest.raises(AdapterError, match=r"save_file") as caught:
        pipeline.load_lora_weights(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "text", "pickle-inside", "empty"])
def test_a_file_that_is_no_whole_safetensors_is_refused(pipeline, tmp_path, damage):
    path = tmp_path / "style.safetensors"
    save_file(GOOD, path)
    content = path.read_bytes()
    if damage == "pickle-inside":
        torch.save(GOOD, path)
    else:
        path.write_bytes({"cut": content[:-5], "text": b"<html>not found", "empty": b""}[damage])
    with pytest.raises(AdapterError, match="damaged") as caught:
        pipeline.load_lora_weights(path)
    assert str(path) in str(caught.value)


def test_missing_files_and_unclear_folders_are_refused(pipeline, tmp_path):
    with pytest.raises(AdapterError, match="does not exist"):
        pipeline.load_lora_weights(tmp_path / "style.safetensors")
    with pytest.raises(AdapterError, match="0 safetensors"):
        pipeline.load_lora_weights(tmp_path)
    for name in ("a.safetensors", "b.safetensors"):
        save_file(GOOD, tmp_path / name)
    with pytest.raises(AdapterError, match="2 safetensors"):
        pipeline.load_lora_weights(tmp_path)
    pipeline.load_lora_weights(tmp_path, weight_name="a.safetensors")
    pipeline.unload_lora_weights()


def test_one_file_twice_is_refused(pipeline, tmp_path):
    path = tmp_path / "style.safetensors"
    save_file(GOOD, path)
    with pytest.raises(AdapterError, match="more than once"):
        load_adapters(pipeline, [AdapterFile(path), AdapterFile(tmp_path / "." / path.name, 0.5)])


def test_a_name_that_peft_cannot_hold_is_refused(pipeline):
    with pytest.raises(AdapterError, match="has a dot"):
        pipeline.load_lora_weights(GOOD, adapter_name="a.b")


def test_a_flattened_name_with_two_meanings_is_refused():
    layers = {"a_b.c": (4, 4), "a.b_c": (4, 4)}
    source = source_from_tensors({"lycoris_a_b_c.lora_down.weight": torch.ones(1, 4)}, None)
    with pytest.raises(AdapterError, match=r"a_b\.c, a\.b_c"):
        resolve_adapter(source, layers)


def test_no_flattened_name_of_the_model_has_two_meanings(pipeline):
    layers = linear_layers(pipeline.transformer)
    assert len({name.replace(".", "_") for name in layers}) == len(layers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("styles/a.safetensors", AdapterFile(Path("styles/a.safetensors"))),
        ("styles/a.safetensors:0.8", AdapterFile(Path("styles/a.safetensors"), 0.8)),
        ("/peft folder:-1", AdapterFile(Path("/peft folder"), -1.0)),
        (r"C:\styles\a.safetensors", AdapterFile(Path(r"C:\styles\a.safetensors"))),
        (r"C:\styles\a.safetensors:2", AdapterFile(Path(r"C:\styles\a.safetensors"), 2.0)),
        ("a:b.safetensors", AdapterFile(Path("a:b.safetensors"))),
    ],
)
def test_a_path_may_end_in_a_weight(text, expected):
    assert parse_adapter_file(text) == expected


@pytest.mark.parametrize("text", ["", ":0.5", "a.safetensors:strong", "a:nan", "a:inf", "a:"])
def test_a_text_that_is_no_path_and_weight_is_refused(text):
    with pytest.raises(AdapterError, match=r"PATH"):
        parse_adapter_file(text)


def test_several_files_are_separated_by_commas():
    assert parse_adapter_files("a:0.5, b,") == [AdapterFile(Path("a"), 0.5), AdapterFile(Path("b"))]
    assert parse_adapter_files("") == []


def test_reading_a_setting_loads_no_torch():
    code = "import newbie_pipeline.lora.adapter_file, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
