"""Each fact about the transformer by itself, against a short formulation of its own."""

import math

import pytest
import torch
from safetensors.torch import load_file

from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.models.next_dit_layers import (
    ContextRefinerBlock,
    FeedForward,
    FinalLayer,
    JointAttention,
    JointTransformerBlock,
    TimestepEmbedder,
)
from newbie_pipeline.models.rope import caption_positions, joint_positions, rotary_table, rotate

from .conftest import REFERENCE

TINY = {
    "dim": 24,
    "n_layers": 1,
    "n_refiner_layers": 1,
    "n_heads": 2,
    "n_kv_heads": 1,
    "multiple_of": 8,
    "cap_feat_dim": 8,
    "clip_text_dim": 8,
    "axes_dims": (4, 4, 4),
    "axes_lens": (32, 8, 8),
}
BLOCK = {
    "dim": 12,
    "n_heads": 2,
    "n_kv_heads": 1,
    "multiple_of": 4,
    "ffn_dim_multiplier": None,
    "norm_eps": 1e-5,
    "qk_norm": True,
}
# Activations of this size make an epsilon weigh as much as the mean square beside it.
FAINT = 1e-3


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def loud(module, scale=1.0):
    """Give a module large random weights, so that no part's effect drowns."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return module.eval()


def noise(*shape, scale=1.0, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def rms(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * weight


def captured(model, name, *args, **kwargs):
    """Run a model and give what went into the module of this name."""
    seen = []
    hook = model.get_submodule(name).register_forward_pre_hook(lambda _m, a: seen.append(a))
    try:
        model(*args, **kwargs)
    finally:
        hook.remove()
    return seen[0]


def still(tokens, head_dim):
    """A table that rotates nothing."""
    return rotary_table(torch.zeros(1, tokens, 1, dtype=torch.long), (head_dim,))


@pytest.mark.parametrize("t", [0.0, 0.37, 1.0])
def test_the_time_embedding_takes_raw_t_with_cosines_first(t):
    (wave,) = captured(TimestepEmbedder(8), "mlp", torch.tensor([t]), torch.float32)
    frequency = [10000 ** (-k / 128) for k in range(128)]
    expected = [math.cos(t * f) for f in frequency] + [math.sin(t * f) for f in frequency]
    torch.testing.assert_close(wave[0], torch.tensor(expected))


def test_noise_is_at_zero_and_the_image_at_one_and_the_sign_is_that_of_data_minus_noise(
    reference_dit,
):
    """Recorded velocities of both ends: a mirrored t or a negated output gives others."""
    case = load_file(REFERENCE / "case_a_b1_8x8_cap13.safetensors")
    for t in (0.0, 1.0):
        inputs = (case["x"], torch.tensor([t]), case["cap_feats"], case["cap_mask"])
        velocity = reference_dit(*inputs, case["clip_text_pooled"]).sample
        assert float((velocity - case[f"out_t{t}_pooled"]).abs().max()) <= 5e-6
        assert float((velocity - case[f"out_t{1 - t}_pooled"]).abs().max()) > 5e-5


def test_rotation_turns_neighbouring_channels_by_the_position_over_a_power_of_theta():
    x = noise(1, 2, 3, 8)
    positions = torch.tensor([[[3, 5], [700, 2]]])
    rotated = rotate(x, rotary_table(positions, (4, 4)))
    for token, (axis, k) in ((n, p) for n in (0, 1) for p in ((0, 0), (0, 1), (1, 0), (1, 1))):
        angle = float(positions[0, token, axis]) * 10000 ** (-2 * k / 4)
        one, two = 4 * axis + 2 * k, 4 * axis + 2 * k + 1
        a, b = x[0, token, :, one], x[0, token, :, two]
        cos, sin = math.cos(angle), math.sin(angle)
        # The angle is rounded to float32, which shows at a position of hundreds.
        close = {"atol": 2e-4, "rtol": 0.0} if token else {"atol": 1e-6, "rtol": 0.0}
        torch.testing.assert_close(rotated[0, token, :, one], a * cos - b * sin, **close)
        torch.testing.assert_close(rotated[0, token, :, two], a * sin + b * cos, **close)


def test_image_tokens_stand_at_their_own_captions_length_then_row_then_column():
    positions, _ = joint_positions(torch.tensor([2, 4]), 4 + 6, rows=2, columns=3)
    grid = [(row, column) for row in range(2) for column in range(3)]
    for sample, length in ((0, 2), (1, 4)):
        expected = [[n, 0, 0] for n in range(length)] + [[length, *place] for place in grid]
        assert positions[sample, : length + 6].tolist() == expected
    assert caption_positions(3, torch.device("cpu")).tolist() == [[0, 0, 0], [1, 0, 0], [2, 0, 0]]


def test_patch_features_go_by_row_in_the_patch_then_column_then_channel():
    model = NextDiT(**TINY)
    latents = torch.arange(16 * 4 * 6, dtype=torch.float32).reshape(1, 16, 4, 6)
    (patches,) = captured(model, "x_embedder", latents, torch.zeros(1), torch.ones(1, 3, 8))
    for patch, (row, column) in enumerate((r, c) for r in range(2) for c in range(3)):
        expected = [
            float(latents[0, channel, 2 * row + y, 2 * column + x])
            for y in range(2)
            for x in range(2)
            for channel in range(16)
        ]
        assert patches[0, patch].tolist() == expected
    assert torch.equal(model._unpatchify(patches, 2, 3), latents)


def test_more_columns_than_positions_are_an_error():
    model = NextDiT(**TINY)
    with pytest.raises(ValueError, match="positions"):
        model(torch.zeros(1, 16, 2, 18), torch.zeros(1), torch.ones(1, 3, 8))
    model(torch.zeros(1, 16, 2, 16), torch.zeros(1), torch.ones(1, 3, 8))


@pytest.mark.parametrize(("name", "eps"), [("cap_embedder", 1e-5), ("clip_text_pooled_proj", 1e-6)])
def test_embedders_of_captions_keep_their_own_epsilon(name, eps):
    norm, linear = loud(NextDiT(**TINY, norm_eps=1e-2).get_submodule(name))
    x = noise(3, 8, scale=FAINT)
    expected = linear(rms(x, norm.weight, eps))
    torch.testing.assert_close(linear(norm(x)), expected, atol=1e-5, rtol=1e-4)


def test_the_final_layer_norms_and_scales_by_one_plus_the_time_embeddings_scale():
    layer, x, time = loud(FinalLayer(12, 8, 6)), noise(2, 5, 12, scale=FAINT), noise(2, 6)
    centred = x - x.mean(-1, keepdim=True)
    normed = centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    scale = layer.adaLN_modulation[1](time / (1 + (-time).exp()))
    expected = (normed * (1 + scale[:, None])) @ layer.linear.weight.T + layer.linear.bias
    torch.testing.assert_close(layer(x, time), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("qk_norm", [True, False])
@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 2), (6, 2), (2, 2)])
def test_attention_norms_queries_and_keys_and_shares_keys_among_neighbouring_heads(
    heads, kv_heads, qk_norm
):
    width, tokens = 4, 5
    attention = loud(JointAttention(heads * width, heads, kv_heads, qk_norm))
    # Without norms faint keys would make every softmax flat.
    x = noise(2, tokens, heads * width, scale=FAINT if qk_norm else 0.3)
    rows = attention.qkv.weight.split([heads * width, kv_heads * width, kv_heads * width])
    q, k, v = ((x @ part.T).unflatten(-1, (-1, width)) for part in rows)
    if qk_norm:
        q, k = rms(q, attention.q_norm.weight, 1e-6), rms(k, attention.k_norm.weight, 1e-6)
    parts = []
    for head in range(heads):
        shared = head // (heads // kv_heads)
        scores = q[:, :, head] @ k[:, :, shared].transpose(1, 2) / math.sqrt(width)
        parts.append(scores.softmax(-1) @ v[:, :, shared])
    expected = torch.cat(parts, -1) @ attention.out.weight.T
    torch.testing.assert_close(
        attention(x, still(tokens, width)), expected, atol=1e-6 if qk_norm else 1e-4, rtol=1e-4
    )
    assert ("q_norm.weight" in attention.state_dict()) is qk_norm


def test_queries_and_keys_are_rotated_after_their_norms_and_values_are_not():
    attention, x = loud(JointAttention(8, 2, 2, True)), noise(1, 3, 8)
    table = rotary_table(torch.arange(3).reshape(1, 3, 1), (4,))
    q, k, v = (part.unflatten(-1, (2, 4)) for part in attention.qkv(x).split(8, -1))
    q = rotate(rms(q, attention.q_norm.weight, 1e-6), table)
    k = rotate(rms(k, attention.k_norm.weight, 1e-6), table)
    weights = (torch.einsum("bqhd,bkhd->bhqk", q, k) / 2).softmax(-1)
    expected = attention.out(torch.einsum("bhqk,bkhd->bqhd", weights, v).flatten(2))
    torch.testing.assert_close(attention(x, table), expected, atol=1e-5, rtol=1e-4)


def test_the_feed_forward_gates_w3_by_the_silu_of_w1_and_ends_with_w2():
    layer, x = loud(FeedForward(6, 4, None)), noise(2, 3, 6)
    gate = x @ layer.w1.weight.T
    expected = (gate / (1 + (-gate).exp()) * (x @ layer.w3.weight.T)) @ layer.w2.weight.T
    torch.testing.assert_close(layer(x), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("dim", "multiple_of", "multiplier", "hidden"),
    [
        (6, 4, None, 24),
        (6, 10, None, 30),
        (6, 4, 1.3, 32),
        (6, 4, 0.5, 12),
        (2304, 256, None, 9216),
    ],
)
def test_the_hidden_width_is_four_times_the_multiplier_rounded_up(
    dim, multiple_of, multiplier, hidden
):
    with torch.device("meta"):
        layer = FeedForward(dim, multiple_of, multiplier)
    assert layer.w1.weight.shape == layer.w3.weight.shape == (hidden, dim)
    assert layer.w2.weight.shape == (dim, hidden)


def expected_block(block, x, scale_msa, gate_msa, scale_mlp, gate_mlp):
    """One block by the book, around the block's own attention and feed-forward."""
    inner = rms(x, block.attention_norm1.weight, 1e-5) * (1 + scale_msa)
    attended = block.attention(inner, still(x.shape[1], 6))
    x = x + gate_msa * rms(attended, block.attention_norm2.weight, 1e-5)
    fed = block.feed_forward(rms(x, block.ffn_norm1.weight, 1e-5) * (1 + scale_mlp))
    return x + gate_mlp * rms(fed, block.ffn_norm2.weight, 1e-5)


@pytest.mark.parametrize("inside", [1.0, 1e-3])
def test_a_joint_block_takes_scale_gate_scale_gate_with_gates_through_tanh(inside):
    """Once loud, and once faint within, where the norms after attention and feed-forward show."""
    block = loud(JointTransformerBlock(modulation_dim=6, **BLOCK))
    for weight in (block.attention.out.weight, block.feed_forward.w2.weight):
        weight.mul_(inside)
    x, time = noise(2, 4, 12, scale=3 * FAINT), noise(2, 6)
    modulation = block.adaLN_modulation[1](time / (1 + (-time).exp()))[:, None]
    one, two, three, four = modulation.split(12, dim=-1)
    expected = expected_block(block, x, one, two.tanh(), three, four.tanh())
    torch.testing.assert_close(block(x, time, still(4, 6)), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("inside", [1.0, 1e-3])
def test_a_context_block_has_no_scales_and_no_gates(inside):
    block = loud(ContextRefinerBlock(**BLOCK))
    for weight in (block.attention.out.weight, block.feed_forward.w2.weight):
        weight.mul_(inside)
    x, one = noise(2, 4, 12, scale=3 * FAINT), torch.ones(())
    expected = expected_block(block, x, 0 * one, one, 0 * one, one)
    torch.testing.assert_close(block(x, still(4, 6)), expected, atol=1e-4, rtol=1e-4)


def test_the_pooled_caption_and_time_together_replace_the_time_embedding():
    model = loud(NextDiT(**TINY))
    latents, t, caption, pooled = (
        noise(1, 16, 4, 4),
        torch.tensor([0.4]),
        noise(1, 3, 8),
        noise(1, 8),
    )
    time = model.t_embedder(t, torch.float32)
    mixed = torch.cat((time, model.clip_text_pooled_proj(pooled)), -1)
    fused = model.time_text_embed[1](mixed / (1 + (-mixed).exp()))
    for given, expected in ((pooled, fused), (None, time)):
        for name, place in (("noise_refiner.0", 1), ("layers.0", 1), ("final_layer", 1)):
            seen = captured(model, name, latents, t, caption, None, given)[place]
            torch.testing.assert_close(seen, expected, atol=1e-4, rtol=1e-4)


def test_the_refined_caption_is_the_same_at_every_t_and_with_every_pooled_caption():
    model = loud(NextDiT(**TINY), 0.5)
    latents, caption = noise(1, 16, 4, 4), noise(1, 3, 8)
    runs = [
        model(latents, torch.tensor([t]), caption, None, pooled)
        for t, pooled in ((0.1, None), (0.9, None), (0.9, noise(1, 8)))
    ]
    contexts = [run.caption_context.hidden_states for run in runs]
    assert torch.equal(contexts[0], contexts[1])
    assert torch.equal(contexts[0], contexts[2])
    assert not torch.allclose(runs[0].sample, runs[1].sample)


@pytest.mark.parametrize("backend", ["native", "_native_math", "_native_flash"])
@pytest.mark.parametrize("garbage", [1e30, math.nan, math.inf, -math.inf])
def test_not_even_a_nan_in_caption_padding_leaks(garbage, backend):
    model = loud(NextDiT(**TINY), 0.3)
    model.set_attention_backend(backend)
    caption, mask = noise(2, 5, 8), torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 1, 0]])
    inputs = noise(2, 16, 4, 4), torch.tensor([0.2, 0.7])
    try:
        expected = model(*inputs, caption, mask).sample
        caption[mask == 0] = garbage
        assert torch.equal(model(*inputs, caption, mask).sample, expected)
    finally:
        model.reset_attention_backend()
    assert torch.isfinite(expected).all()


@pytest.mark.parametrize("mask", [[0, 0, 1, 1, 1], [1, 1, 0, 1, 1]])
def test_padding_before_a_real_token_is_refused(mask):
    model = NextDiT(**TINY)
    with pytest.raises(ValueError, match="padded on the right"):
        model(noise(1, 16, 4, 4), torch.zeros(1), noise(1, 5, 8), torch.tensor([mask]))
    model(noise(1, 16, 4, 4), torch.zeros(1), noise(1, 5, 8), torch.tensor([sorted(mask)[::-1]]))


def test_a_caption_of_no_tokens_gives_numbers():
    model = loud(NextDiT(**TINY), 0.3)
    mask = torch.tensor([[0, 0], [1, 1]])
    output = model(noise(2, 16, 4, 4), torch.zeros(2), noise(2, 2, 8), mask).sample
    assert torch.isfinite(output).all()
