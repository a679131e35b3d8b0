"""Sizes from names and shapes: the published model's, other layouts', a checkpoint's on disk."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL

from newbie_pipeline.checkpoints.loading import load_pipeline
from newbie_pipeline.errors import CheckpointError
from newbie_pipeline.memory.published import PUBLISHED
from newbie_pipeline.memory.quantization import Quantization, stored_bytes
from newbie_pipeline.memory.reading import checkpoint_sizes
from newbie_pipeline.memory.shapes import model_sizes
from newbie_pipeline.memory.sizes import Component, Precision

REFERENCE = Path(__file__).parents[2] / "data" / "reference"


def shapes_of(file):
    return {name: tuple(shape) for name, shape in file.items()}


def read(name):
    return json.loads((REFERENCE / name).read_text())


@pytest.fixture(scope="module")
def flux_vae():
    with torch.device("meta"):
        vae = AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            block_out_channels=[128, 256, 512, 512],
            layers_per_block=2,
            latent_channels=16,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    return {name: tuple(value.shape) for name, value in vae.state_dict().items()}


def full(flux_vae, clip_keys="hf_text_tower_keys"):
    return {
        Component.TRANSFORMER: shapes_of(read("keys.json")),
        Component.TEXT_ENCODER: shapes_of(read("gemma3_4b_text_keys.json")),
        Component.TEXT_ENCODER_2: shapes_of(read("jina_clip_v2_keys.json")[clip_keys]),
        Component.VAE: flux_vae,
    }


@pytest.mark.parametrize("clip_keys", ["hf_text_tower_keys", "comfy_keys"])
def test_the_published_sizes_are_those_of_the_published_shapes(flux_vae, clip_keys):
    assert model_sizes(PUBLISHED.name, full(flux_vae, clip_keys)) == PUBLISHED


def test_the_published_bytes_are_the_known_ones():
    known = {
        Component.TRANSFORMER: 6_973_272_192,
        Component.TEXT_ENCODER: 7_571_756_032,
        Component.TEXT_ENCODER_2: 1_116_628_992,
    }
    for component, size in known.items():
        assert PUBLISHED.weight_bytes(component, Precision.BFLOAT16) == size
        assert PUBLISHED.weight_bytes(component, Precision.FLOAT32) == 2 * size


@pytest.mark.parametrize("prefix", ["language_model.model.", "model.language_model.", "model."])
def test_gemma_is_measured_the_same_under_every_prefix_and_without_its_vision_parts(
    flux_vae, prefix
):
    shapes = full(flux_vae)
    gemma = {prefix + name: shape for name, shape in shapes[Component.TEXT_ENCODER].items()}
    gemma["vision_tower.encoder.layers.40.mlp.fc1.weight"] = (4304, 1152)
    gemma["multi_modal_projector.mm_input_projection_weight"] = (1152, 2560)
    gemma["lm_head.weight"] = (262208, 2560)
    # A head beside the embeddings is only needed for writing.
    expected = replace(PUBLISHED, head=262208 * 2560)
    assert model_sizes(PUBLISHED.name, {**shapes, Component.TEXT_ENCODER: gemma}) == expected


def test_a_gemma_that_was_cut_before_keeps_all_its_layers(flux_vae):
    shapes = full(flux_vae)
    gemma = {n: s for n, s in shapes[Component.TEXT_ENCODER].items() if "layers.33." not in n}
    cut = {**shapes, Component.TEXT_ENCODER: gemma}
    expected = replace(PUBLISHED, last_layer=0)
    assert model_sizes(PUBLISHED.name, cut, gemma_is_cut=True) == expected
    assert model_sizes(PUBLISHED.name, cut) not in (expected, PUBLISHED)


def test_the_autoencoders_original_names_tell_the_same_widths(flux_vae):
    shapes = full(flux_vae)
    original = {
        f"decoder.up.{level}.block.0.conv2.weight": (width, width, 3, 3)
        for level, width in enumerate((128, 256, 512, 512))
    }
    original["decoder.conv_in.weight"] = (512, 16, 3, 3)
    sizes = model_sizes("x", {**shapes, Component.VAE: original})
    assert sizes.vae == PUBLISHED.vae


def test_a_missing_component_is_named(flux_vae):
    shapes = full(flux_vae)
    del shapes[Component.VAE]
    with pytest.raises(CheckpointError, match="vae"):
        model_sizes("x", shapes)


def test_a_checkpoint_measures_as_many_parameters_as_are_loaded(tiny_checkpoint):
    sizes = checkpoint_sizes(tiny_checkpoint)
    pipeline = load_pipeline(tiny_checkpoint, torch.float32, "cpu")
    for component in Component:
        module = getattr(pipeline, component.value)
        loaded = sum(parameter.numel() for parameter in module.parameters())
        assert sizes.components[component].parameters == loaded, component
    assert sizes.transformer.layers == len(pipeline.transformer.layers)
    assert sizes.text_encoder.layers == len(pipeline.text_encoder.layers)
    assert sizes.vae.factor == pipeline.vae_scale_factor


def test_what_the_pipeline_saved_measures_the_same(tiny_checkpoint, tmp_path):
    load_pipeline(tiny_checkpoint, torch.float32, "cpu").save_pretrained(tmp_path / "saved")
    saved, first = checkpoint_sizes(tmp_path / "saved"), checkpoint_sizes(tiny_checkpoint)
    assert saved.components == first.components


@pytest.mark.parametrize("component", [Component.TRANSFORMER, Component.TEXT_ENCODER])
def test_quantised_blocks_shrink_and_nothing_else_does(component):
    size = PUBLISHED.components[component]
    plain = stored_bytes(size, Precision.BFLOAT16, None)
    int8 = stored_bytes(size, Precision.BFLOAT16, Quantization.INT8)
    nf4 = stored_bytes(size, Precision.BFLOAT16, Quantization.NF4)
    assert plain[0] + plain[2] == size.parameters * 2
    assert 0.5 < int8[0] / plain[0] < 0.51
    assert 0.25 < nf4[0] / plain[0] < 0.3
    assert plain[2] == int8[2] == nf4[2]
