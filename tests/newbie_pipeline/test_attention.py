"""The choice of the attention backend, and packed samples against padded ones."""

import itertools
import sys
import types

import pytest
import torch
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from safetensors.torch import load_file

from newbie_pipeline.attention import (
    AttentionBackendError,
    apply_attention_backend,
    available_attention_backends,
    choose_attention_backend,
)
from newbie_pipeline.models import attention as model_attention
from newbie_pipeline.models.attention import shares_heads

from .conftest import REFERENCE

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
TOLERANCE = 5e-6


@pytest.fixture
def dit(reference_dit):
    yield reference_dit
    reference_dit.reset_attention_backend()
    _AttentionBackendRegistry.set_active_backend(AttentionBackendName.NATIVE)


@pytest.fixture
def case():
    """Two captions, of 7 and 16 tokens."""
    return load_file(REFERENCE / "case_b_b2_8x12_cap7_16.safetensors")


def run(model, case, **kwargs):
    inputs = (case["x"], torch.full((2,), 0.37), case["cap_feats"], case["cap_mask"])
    return model(*inputs, case["clip_text_pooled"], **kwargs)


def test_auto_is_flash_attention_where_it_can_run_and_pytorch_elsewhere():
    can = "flash_varlen" in available_attention_backends(DEVICE)
    for wanted in (None, "auto", "AUTO"):
        expected = "flash_varlen" if can else "native"
        assert choose_attention_backend(wanted, DEVICE) == expected
    assert choose_attention_backend("auto", DEVICE, torch.float32) == "native"


@pytest.mark.parametrize("name", ["no-such-thing", "flash_varlen", "sage"])
def test_a_backend_that_cannot_run_here_is_an_error_that_lists_those_that_can(name):
    with pytest.raises(AttentionBackendError, match=r"auto, .*native"):
        choose_attention_backend(name, "cpu")


def test_the_backend_that_was_set_is_returned_and_used(dit):
    assert apply_attention_backend(dit, "_native_math") == "_native_math"
    processors = dit.attn_processors.values()
    assert {p._attention_backend for p in processors} == {AttentionBackendName._NATIVE_MATH}


@pytest.mark.parametrize("backend", [b.value for b in AttentionBackendName])
def test_every_backend_that_runs_here_agrees_with_the_recorded_output(dit, case, backend):
    if backend not in available_attention_backends("cpu", torch.float32):
        pytest.skip("cannot run on the CPU in float32, or its package is missing")
    apply_attention_backend(dit, backend)
    difference = run(dit, case).sample - case["out_t0.37_pooled"]
    assert float(difference.abs().max()) <= TOLERANCE


def test_a_backend_without_masks_computes_no_padding_token(dit, case):
    apply_attention_backend(dit, "_native_flash")
    seen = {}
    modules = {
        "caption": dit.context_refiner[0].feed_forward,
        "joint": dit.layers[0].feed_forward,
        "qkv": dit.layers[0].attention.qkv,
    }
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, n=n: seen.__setitem__(n, out.shape[:2]))
        for n, module in modules.items()
    ]
    try:
        run(dit, case)
    finally:
        for hook in hooks:
            hook.remove()
    assert seen == {"caption": (1, 7 + 16), "joint": (1, 7 + 16 + 48), "qkv": (1, 7 + 16 + 48)}


def test_a_context_survives_a_change_of_backend_and_of_size(dit, case):
    context = run(dit, case).caption_context
    apply_attention_backend(dit, "_native_flash")
    again = run(dit, case, caption_context=context)
    assert float((again.sample - case["out_t0.37_pooled"]).abs().max()) <= TOLERANCE
    assert again.caption_context.layout.segments is not None
    smaller = {**case, "x": case["x"][..., :8]}
    expected = run(dit, smaller).sample
    torch.testing.assert_close(run(dit, smaller, caption_context=context).sample, expected)


def test_flash_attention_gets_packed_samples_in_one_call(dit, case, monkeypatch):
    """The package needs a GPU: a stand-in with its signature attends to each stretch by itself."""
    calls = []

    def varlen(q, k, v, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k):
        calls.append((cu_seqlens_q.tolist(), max_seqlen_q, cu_seqlens_q.dtype))
        assert cu_seqlens_q.tolist() == cu_seqlens_k.tolist()
        assert max_seqlen_q == max_seqlen_k
        bounds = cu_seqlens_q.tolist()
        parts = [
            torch.nn.functional.scaled_dot_product_attention(
                *(t[a:b].transpose(0, 1) for t in (q, k, v)), enable_gqa=True
            ).transpose(0, 1)
            for a, b in itertools.pairwise(bounds)
        ]
        return torch.cat(parts)

    package = types.ModuleType("flash_attn")
    package.flash_attn_varlen_func = varlen
    monkeypatch.setitem(sys.modules, "flash_attn", package)
    dit.set_attention_backend("_native_flash")
    for block in (*dit.context_refiner, *dit.layers):
        block.attention.processor._attention_backend = AttentionBackendName.FLASH_VARLEN
    output = run(dit, case).sample
    assert float((output - case["out_t0.37_pooled"]).abs().max()) <= TOLERANCE
    assert calls[0] == ([0, 7, 23], 16, torch.int32)
    assert calls[-1] == ([0, 31, 71], 40, torch.int32)


@pytest.mark.parametrize(
    ("kind", "dtype", "masked", "major", "shared"),
    [
        ("cuda", torch.bfloat16, False, 8, True),
        ("cuda", torch.float16, False, 12, True),
        ("cuda", torch.bfloat16, True, 8, False),
        ("cuda", torch.float32, False, 9, False),
        ("cuda", torch.float16, False, 7, False),
        ("cpu", torch.float32, True, None, True),
    ],
)
def test_heads_are_shared_only_where_a_kernel_does_without_a_table_of_scores(
    kind, dtype, masked, major, shared
):
    assert shares_heads(kind, dtype, masked=masked, capability_major=major) is shared


def test_keys_repeated_for_every_head_give_the_same_output(dit, case, monkeypatch):
    original, asked = model_attention.dispatch_attention_fn, []

    def watched(query, key, value, **kwargs):
        asked.append((query.shape[2] == key.shape[2], kwargs["enable_gqa"]))
        return original(query, key, value, **kwargs)

    monkeypatch.setattr(model_attention, "dispatch_attention_fn", watched)
    assert float((run(dit, case).sample - case["out_t0.37_pooled"]).abs().max()) <= TOLERANCE
    assert set(asked) == {(False, True)}
    del asked[:]
    monkeypatch.setattr(model_attention, "shares_heads", lambda *_args, **_kwargs: False)
    assert float((run(dit, case).sample - case["out_t0.37_pooled"]).abs().max()) <= TOLERANCE
    assert set(asked) == {(True, False)}
