"""Encoder, last layer and head together are the language model that transformers builds."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import Gemma3ForCausalLM

from newbie_pipeline.models.gemma_language import (
    GemmaLanguageModel,
    GemmaLastLayer,
    LanguageHead,
    last_layer_config,
    last_layer_key,
)
from newbie_pipeline.models.gemma_text import (
    GemmaTextEncoder,
    encoder_config,
    full_config,
    own_key,
)

REFERENCE = Path(__file__).parents[1] / "data" / "reference"
WEIGHTS = REFERENCE / "tiny_gemma3_text.safetensors"
CONFIGS = ["tiny_gemma3_text_config.json", "tiny_gemma3_text_config_ropelinear8.json"]
CPU = torch.device("cpu")
# Read in pieces and then token by token; the window is 8 tokens.
PIECES = (20, 7, 1, 1, 1, 6, 1, 1, 1, 1)


def config(name: str, **changes) -> dict:
    return json.loads((REFERENCE / name).read_text()) | changes


def reference(published: dict, head: torch.Tensor | None = None) -> Gemma3ForCausalLM:
    model = Gemma3ForCausalLM(full_config(published)).eval()
    weights = {f"model.{key}": value for key, value in load_file(WEIGHTS).items()}
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"] if head is None else head
    model.load_state_dict(weights)
    return model


def ours(published: dict, head: torch.Tensor | None = None) -> GemmaLanguageModel:
    weights = load_file(WEIGHTS)
    encoder = GemmaTextEncoder(encoder_config(published)).eval()
    last_layer = GemmaLastLayer(last_layer_config(published)).eval()
    layers = encoder.config.num_hidden_layers
    for module, name_of in ((encoder, own_key), (last_layer, last_layer_key)):
        own = {name_of(key, layers): value for key, value in weights.items()}
        module.load_state_dict({key: value for key, value in own.items() if key is not None})
    return GemmaLanguageModel(encoder, LanguageHead(last_layer, head), CPU)


def some_ids(count: int) -> list[int]:
    return torch.randint(0, 300, (count,), generator=torch.Generator().manual_seed(4)).tolist()


@torch.no_grad()
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("last", ["sliding_attention", "full_attention"])
def test_logits_are_those_of_the_whole_model_in_prefill_and_in_cached_steps(name, last):
    layers = ["sliding_attention", "full_attention", "sliding_attention", last]
    published = config(name, layer_types=layers)
    model, ids = ours(published), some_ids(sum(PIECES))
    expected = reference(published)(input_ids=torch.tensor([ids])).logits[0]
    done = 0
    for piece in PIECES:
        model.read(ids[done : done + piece])
        done += piece
        assert model.length == done
        logits = model.logits(range(300))
        torch.testing.assert_close(logits, expected[done - 1], atol=5e-5, rtol=1e-5)


@torch.no_grad()
def test_a_head_of_its_own_and_a_cap_on_logits_are_used():
    published = config(CONFIGS[1], tie_word_embeddings=False, final_logit_softcapping=5.0)
    head = torch.randn(300, 48, generator=torch.Generator().manual_seed(1))
    model, ids = ours(published, head), some_ids(12)
    model.read(ids)
    expected = reference(published, head)(input_ids=torch.tensor([ids])).logits[0, -1]
    torch.testing.assert_close(model.logits(range(300)), expected, atol=5e-5, rtol=1e-5)


def test_logits_of_some_tokens_are_those_of_all_in_their_order(monkeypatch):
    monkeypatch.setattr("newbie_pipeline.models.gemma_language.ROWS_AT_ONCE", 3)
    model = ours(config(CONFIGS[1]))
    model.read(some_ids(9))
    wanted = [250, 3, 77, 78, 3]
    torch.testing.assert_close(model.logits(wanted), model.logits(range(300))[wanted])


def test_before_anything_is_read_there_are_no_logits():
    with pytest.raises(RuntimeError, match="no token"):
        ours(config(CONFIGS[0])).logits([1])


def test_what_the_encoder_itself_has_saved_has_no_last_layer():
    saved = encoder_config(config(CONFIGS[1])).to_dict() | {"architectures": ["GemmaTextEncoder"]}
    assert last_layer_config(saved) is None
    assert last_layer_config(config(CONFIGS[1])).num_hidden_layers == 1
