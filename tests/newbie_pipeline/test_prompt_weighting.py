"""Weights on tokens and on their features: which token has which weight, and what that changes."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import GemmaTokenizer

from newbie_pipeline.prompt.weights import WeightSpan, read_weights
from newbie_pipeline.prompt_weighting import (
    away_from_mean,
    token_weights,
    weighted_features,
    with_norm_of,
)
from newbie_pipeline.tiny_tokenizers import gemma_tokenizer
from newbie_pipeline.tokens import token_offsets
from tests.newbie_pipeline.prompt.strategies import texts

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
# A busy machine is no reason to fail.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def gemma():
    """Gemma's own class, whose tokens hold the space before a word, with a few words."""
    names = [*("<pad>", "<eos>", "<bos>", "<unk>"), *(f"<0x{byte:02X}>" for byte in range(256))]
    names += ["▁", *"abcdefghijklmnopqrstuvwxyz(),:<>/_", "\n"]
    vocabulary = {name: index for index, name in enumerate(names)}
    merges = []
    for word in ("▁blue", "▁hair", "▁▁", "hair", "\n\n"):
        for end in range(2, len(word) + 1):
            merges.append((word[: end - 1], word[end - 1]))
            vocabulary.setdefault(word[:end], len(vocabulary))
    return GemmaTokenizer(vocab=vocabulary, merges=merges)


def weights_of(tokenizer, text):
    """The tokens of a text with their weights, after its weights' signs were taken out."""
    plain, spans = read_weights(text)
    offsets = token_offsets(tokenizer, plain)
    names = tokenizer.convert_ids_to_tokens(tokenizer(plain).input_ids)
    weights = token_weights(plain, offsets, spans)
    return [(name, round(weight, 6)) for name, weight in zip(names, weights, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a (blue:1.5) hair", [("a", 1), ("▁blue", 1.5), ("▁hair", 1)]),
        ("a( blue :1.5) hair", [("a", 1), ("▁blue", 1.5), ("▁", 1.5), ("▁hair", 1)]),
        ("a (bl:1.5)ue", [("a", 1), ("▁blue", 1.25)]),
        ("a (b:2)(l:0)ue", [("a", 1), ("▁blue", 1.0)]),
        ("({a} blue)", [("a", 1.32), ("▁blue", 1.1)]),
        ("(é:2)e", [("<0xC3>", 2), ("<0xA9>", 2), ("e", 1)]),
        ("(é:2)初", [*((f"<0x{b:02X}>", 2) for b in "é".encode())]),
        ("a\n(\nb:2)", [("a", 1), ("\n\n", 1.5), ("b", 2)]),
        ("<n>(hair:2)</n>", [*"<n>", ("hair", 2), *"</n>"]),
    ],
)
def test_a_token_has_the_mean_weight_of_its_characters(gemma, text, expected):
    expected = [(one, 1.0) if isinstance(one, str) else one for one in expected]
    assert weights_of(gemma, text)[: len(expected)] == expected


def test_special_tokens_have_no_weight():
    (name, weight), *rest = weights_of(gemma_tokenizer(), "(miku:1.5)")
    assert (name, weight) == ("<bos>", 1.0)
    assert rest == [("miku", 1.5)]


def test_tokens_that_are_cut_off_take_their_weights_with_them():
    plain, spans = read_weights("blue, (red:2), (sky:3)")
    tokenizer = gemma_tokenizer()
    offsets = token_offsets(tokenizer, plain, 6)
    assert len(offsets) == 6
    every = token_weights(plain, token_offsets(tokenizer, plain), spans)
    assert token_weights(plain, offsets, spans) == every[:6]


@settings(untimed, max_examples=60)
@given(texts.map(lambda text: text.encode("utf-8", "ignore").decode()))
def test_any_text_has_a_weight_between_its_spans_for_each_of_its_tokens(text):
    plain, spans = read_weights(text)
    offsets = token_offsets(TOKENIZER, plain)
    weights = token_weights(plain, offsets, spans)
    assert len(weights) == len(offsets)
    known = [1.0, *(span.weight for span in spans)]
    assert all(min(known) - 1e-9 <= weight <= max(known) + 1e-9 for weight in weights)
    covered = {place for span in spans for place in range(span.start, span.end)}
    for (start, end), weight in zip(offsets, weights, strict=True):
        if covered.isdisjoint(range(start, end)):
            assert weight == 1.0


TOKENIZER = gemma_tokenizer()


def features_of(batch=2, tokens=16, width=24, dtype=torch.float32, scale=30.0):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(batch, tokens, width, generator=generator) * scale + 5
    mask = torch.ones(batch, tokens, dtype=torch.long)
    mask[:, tokens - 3 :] = 0
    return features.to(dtype), mask


@pytest.mark.parametrize("dtype", DTYPES)
def test_only_weighted_tokens_change_and_they_keep_their_norm(dtype):
    features, mask = features_of(dtype=dtype)
    weights = [(1.0, 1.5, 0.3, 0.0, 10.0, 1.0), None]
    result = weighted_features(features, mask, weights)
    assert result.dtype == dtype
    changed = (result != features).any(dim=-1)
    assert changed.nonzero().tolist() == [[0, 1], [0, 2], [0, 3], [0, 4]]
    before, after = features[0, 1:5].double().norm(dim=-1), result[0, 1:5].double().norm(dim=-1)
    torch.testing.assert_close(after, before, rtol=4 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "weights", [[None, None], [(1.0,) * 13, None], [(), (1.0, 1.0)], [(1.0 + 0.0,), None]]
)
def test_without_a_weight_other_than_one_nothing_is_computed(dtype, weights):
    features, mask = features_of(dtype=dtype)
    assert weighted_features(features, mask, weights) is features


def test_a_weight_moves_a_token_away_from_the_mean_of_its_prompts_real_tokens():
    features, mask = features_of()
    features[:, 13:] = 1e6  # padding is no part of the mean
    result = weighted_features(features, mask, [None, (1.0, 1.7)])
    mean = features[1, :13].double().mean(dim=0)
    moved = mean + 1.7 * (features[1, 1].double() - mean)
    expected = moved / moved.norm() * features[1, 1].double().norm()
    torch.testing.assert_close(result[1, 1].double(), expected, rtol=1e-5, atol=1e-4)


def test_the_features_that_were_given_stay_as_they_were():
    features, mask = features_of()
    before = features.clone()
    weighted_features(features, mask, [(2.0,), (0.5,)])
    assert torch.equal(features, before)


def test_a_prompt_is_weighted_in_a_batch_as_it_is_alone():
    features, mask = features_of()
    together = weighted_features(features, mask, [(1.0, 1.4), (0.2, 1.0, 3.0)])
    for row, weights in enumerate([(1.0, 1.4), (0.2, 1.0, 3.0)]):
        one = slice(row, row + 1)
        assert torch.equal(weighted_features(features[one], mask[one], [weights]), together[one])


@untimed
@given(st.floats(0, 10), st.floats(0, 10))
def test_a_larger_weight_lies_farther_from_the_mean_before_the_norm_is_restored(one, other):
    features, _ = features_of(batch=1)
    mean = features[0].mean(dim=0)
    smaller, larger = (
        away_from_mean(features[0], mean, torch.full((16, 1), weight)) - mean
        for weight in sorted((one, other))
    )
    assert (smaller.norm(dim=-1) <= larger.norm(dim=-1) * (1 + 1e-5) + 1e-4).all()


@settings(untimed, max_examples=50)
@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=13),
    st.sampled_from([0.0, 1e-30, 1e-3, 1.0, 1e3, 2e4]),
    st.sampled_from(DTYPES),
)
def test_finite_features_stay_finite_and_unweighted_ones_untouched(weights, scale, dtype):
    features, mask = features_of(batch=1, dtype=torch.float32)
    features = (features / features.abs().max() * scale).to(dtype)
    result = weighted_features(features, mask, [weights])
    assert result.isfinite().all()
    for index in range(features.shape[1]):
        if index >= len(weights) or weights[index] == 1.0:
            assert torch.equal(result[0, index], features[0, index])


def test_a_norm_that_float16_cannot_hold_in_one_value_is_cut_to_its_range():
    features = torch.full((1, 2, 64), 6e4, dtype=torch.float16)
    features[0, 1] = -6e4
    features[0, 0, 0] = -6e4
    # Weighted so that nearly all of the norm falls to the one value that differs.
    mask = torch.ones(1, 2)
    result = weighted_features(features, mask, [(0.0, 1.0)])
    assert result.isfinite().all()
    assert float(result[0, 0].abs().max()) == torch.finfo(torch.float16).max


def test_what_has_no_direction_stays_zero():
    zeros = torch.zeros(1, 4)
    assert torch.equal(with_norm_of(torch.ones(1, 4), zeros), zeros)


def test_spans_beside_a_token_do_not_count():
    spans = [WeightSpan(0, 2, 3.0), WeightSpan(2, 4, 5.0), WeightSpan(6, 8, 7.0)]
    assert token_weights("abcdefgh", [(0, 2), (2, 4), (4, 6), (6, 8)], spans) == (3, 5, 1, 7)
    assert token_weights("abcdefgh", [(0, 8), (1, 3)], spans)[1] == 4.0
