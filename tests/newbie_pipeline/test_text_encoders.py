"""Gemma and Jina CLIP agree with their reference vectors, in every form their weights come in."""

import copy
import json
import logging

import pytest
import torch
from safetensors.torch import load_file

from newbie_pipeline.checkpoints.weight_files import without_storage
from newbie_pipeline.models import gemma_text, jina_clip
from newbie_pipeline.models.gemma_text import GemmaTextEncoder, truncated_config
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.text_conditioning import SYSTEM_PROMPT, tokenize, with_system_prompt

from .conftest import REFERENCE

TOLERANCE = 5e-6
GEMMA_WEIGHTS = "tiny_gemma3_text.safetensors"


def gemma(config_name, prefix=""):
    config = truncated_config(json.loads((REFERENCE / config_name).read_text()))
    model = GemmaTextEncoder(config).eval().requires_grad_(False)
    weights = load_file(REFERENCE / GEMMA_WEIGHTS)
    own = {gemma_text.own_key(prefix + k, config.num_hidden_layers): v for k, v in weights.items()}
    own.pop(None)
    model.load_state_dict(own, strict=True)
    return model


def jina(layout):
    weights = load_file(REFERENCE / f"tiny_jina_{layout}_layout.safetensors")
    model = JinaClipTextModel(
        vocab_size=200,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
    )
    merged = jina_clip.merged_tensors(weights, weights.__getitem__)
    model.load_state_dict({own: tensor for own, _, tensor in merged}, strict=True)
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("config_name", "prefix"),
    [
        ("tiny_gemma3_text_config.json", ""),
        ("tiny_gemma3_text_config_ropelinear8.json", "ropelinear8_"),
    ],
)
def test_gemma_without_its_last_layer_gives_the_last_but_one_output(config_name, prefix):
    case = load_file(REFERENCE / "case_gemma3.safetensors")
    model = gemma(config_name)
    output = model(input_ids=case["ids"], attention_mask=case["mask"]).last_hidden_state
    expected = case[f"{prefix}hidden_states.-2"] if prefix else case["hidden_states.3"]
    counts = case["mask"].bool()
    assert float((output - expected)[counts].abs().max()) <= TOLERANCE
    output = model(input_ids=case["long_ids"], attention_mask=case["long_mask"]).last_hidden_state
    expected = case[f"{prefix}long_hidden_states.-2"]
    assert float((output - expected).abs().max()) <= TOLERANCE


@pytest.mark.parametrize("prefix", ["language_model.model.", "model.language_model.", "model.", ""])
def test_gemma_accepts_every_known_key_prefix(prefix):
    plain = gemma("tiny_gemma3_text_config.json").state_dict()
    prefixed = gemma("tiny_gemma3_text_config.json", prefix).state_dict()
    assert all(torch.equal(plain[key], prefixed[key]) for key in plain)


def test_gemma_leaves_out_what_conditioning_never_needs():
    for key in (
        "model.norm.weight",
        "model.layers.33.mlp.up_proj.weight",
        "vision_tower.vision_model.embeddings.patch_embedding.weight",
        "multi_modal_projector.mm_input_projection_weight",
        "lm_head.weight",
    ):
        assert gemma_text.own_key(key, 33) is None
    own = gemma_text.own_key("language_model.model.layers.3.mlp.up_proj.weight", 33)
    assert own == "layers.3.mlp.up_proj.weight"


def test_the_published_4b_config_gives_the_4b_keys_without_the_last_layer():
    published = {
        "model_type": "gemma3",
        "text_config": {
            "hidden_size": 2560,
            "intermediate_size": 10240,
            "model_type": "gemma3_text",
            "num_hidden_layers": 34,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
            "sliding_window": 1024,
        },
    }
    config = truncated_config(published)
    assert config.rope_parameters["full_attention"]["factor"] == 8.0
    assert [i for i, kind in enumerate(config.layer_types) if kind == "full_attention"] == [
        *range(5, 33, 6)
    ]
    with without_storage():
        model = GemmaTextEncoder(config)
    expected = json.loads((REFERENCE / "gemma3_4b_text_keys.json").read_text())
    expected = {
        own: shape
        for key, shape in expected.items()
        if (own := gemma_text.own_key(key, config.num_hidden_layers)) is not None
    }
    assert {key: list(value.shape) for key, value in model.state_dict().items()} == expected
    assert sum(p.numel() for p in model.parameters()) == 3_785_878_016


@pytest.mark.parametrize("layout", ["hf", "comfy"])
def test_jina_agrees_with_the_reference_in_both_layouts(layout):
    case = load_file(REFERENCE / "case_jina.safetensors")
    output = jina(layout)(case["ids"], case["mask"])
    assert float((output.pooled - case["pooled"]).abs().max()) <= TOLERANCE
    counts = case["mask"].bool()
    difference = (output.last_hidden_state - case["last_hidden_state"])[counts].abs().max()
    assert float(difference) <= TOLERANCE


def test_jina_takes_the_padding_id_for_the_mask_when_none_is_given():
    case = load_file(REFERENCE / "case_jina.safetensors")
    assert (case["mask"] == (case["ids"] != 1)).all()
    model = jina("hf")
    assert torch.equal(model(case["ids"]).pooled, model(case["ids"], case["mask"]).pooled)


def test_the_adapter_changes_the_weights_that_it_is_merged_into():
    weights = load_file(REFERENCE / "tiny_jina_hf_layout.safetensors")
    bare = {key: value for key, value in weights.items() if "lora_" not in key}
    merged = {own: t for own, _, t in jina_clip.merged_tensors(weights, weights.__getitem__)}
    plain = {own: t for own, _, t in jina_clip.merged_tensors(bare, bare.__getitem__)}
    for key in ("embeddings.word_embeddings.weight", "encoder.layers.0.mlp.fc1.weight"):
        assert not torch.equal(merged[key], plain[key])


@pytest.mark.parametrize("layout", ["hf_text_tower_keys", "comfy_keys"])
def test_the_published_jina_keys_are_the_default_models(layout):
    published = json.loads((REFERENCE / "jina_clip_v2_keys.json").read_text())[layout]
    own = {jina_clip.own_key(key) for key in published} - {None}
    with without_storage():
        model = JinaClipTextModel()
    assert own == set(model.state_dict())
    assert jina_clip.own_key("vision_model.blocks.0.attn.q_proj.weight") is None


def test_the_system_prompt_stands_before_a_prompt_and_not_before_an_empty_one():
    assert with_system_prompt("1girl", SYSTEM_PROMPT) == f"{SYSTEM_PROMPT} 1girl"
    assert SYSTEM_PROMPT.endswith("<Prompt Start>")
    assert with_system_prompt("", SYSTEM_PROMPT) == ""


def test_tokens_are_padded_on_the_right_to_a_multiple_of_eight(pipe):
    ids, mask = tokenize(pipe.tokenizer, ["1girl", "a longer one, blue hair"], 512, "cpu")
    assert ids.shape[1] % 8 == 0
    assert bool((mask[:, 1:] <= mask[:, :-1]).all())
    assert ids[0, 0] == pipe.tokenizer.bos_token_id
    assert set(ids[mask == 0].tolist()) == {pipe.tokenizer.pad_token_id}


def test_text_that_does_not_fit_is_cut_with_a_warning_that_shows_what_was_cut(pipe, caplog):
    with caplog.at_level(logging.INFO):
        _, mask = tokenize(pipe.tokenizer, ["red eyes " * 60 + "and blue hair"], 64, "cpu")
    assert mask.sum() == 64
    assert "only 64 are read" in caplog.text
    assert "and blue hair" in caplog.text


def test_text_that_just_fits_is_not_warned_about(pipe, caplog):
    length = len(pipe.tokenizer("blue hair, red eyes").input_ids)
    _, mask = tokenize(pipe.tokenizer, ["blue hair, red eyes"], length, "cpu")
    assert mask.sum() == length
    assert not caplog.records


def test_converting_gemma_keeps_its_rotary_frequencies(pipe):
    gemma = copy.deepcopy(pipe.text_encoder)
    before = dict(gemma.rotary_emb.named_buffers())
    gemma.to(torch.bfloat16)
    assert gemma.layers[0].mlp.up_proj.weight.dtype == torch.bfloat16
    assert before
    for name, buffer in gemma.rotary_emb.named_buffers():
        assert torch.equal(buffer, before[name])
