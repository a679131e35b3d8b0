"""Encoding prompts: exactly as ever without weights, with them, and character by character."""

import copy
from itertools import pairwise

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import Gemma3TextConfig

from newbie_pipeline.errors import RenderInputError
from newbie_pipeline.memory.activations import Picture, text_bytes
from newbie_pipeline.memory.conditioning_cache import ConditioningCache
from newbie_pipeline.memory.sizes import Precision, TextShape
from newbie_pipeline.models.gemma_text import GemmaTextEncoder
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.pipeline import NewbiePipeline
from newbie_pipeline.prompt.passages import passages_of
from newbie_pipeline.text_conditioning import (
    SYSTEM_PROMPT,
    TextCondition,
    gemma_features,
    pooled_features,
    tokenize,
    with_system_prompt,
)
from newbie_pipeline.tiny_tokenizers import gemma_tokenizer, jina_tokenizer
from newbie_pipeline.tokens import MAX_JOINED_TOKENS
from tests.newbie_pipeline.memory.test_activations import LiveBytes
from tests.newbie_pipeline.prompt.strategies import texts

CPU = torch.device("cpu")
PLAIN = "<character_1> <n>miku</n> <appearance>blue hair, long</appearance> </character_1>"
WEIGHTED = PLAIN.replace("blue hair", "(blue hair:1.4)")
TWO = """\
<character_1>
  <n>miku</n>
  <appearance>blue hair</appearance>
</character_1>
<character_2>
  <n>teto</n>
  <appearance>red hair, short</appearance>
</character_2>
<general_tags>
  <count>2girls</count>
</general_tags>"""


def encoded(pipe, prompt, negative=None, **kwargs) -> TextCondition:
    with torch.no_grad():
        parts = pipe.encode_prompt(prompt, negative is not None, negative, **kwargs)
    return TextCondition(*(parts[:3] if negative is None else parts[3:]))


def encoded_by_hand(pipe, prompts, system_prompt=SYSTEM_PROMPT) -> TextCondition:
    """What the encoders make of texts as they are, with neither weights nor passages."""
    with torch.no_grad():
        captions = [with_system_prompt(prompt, system_prompt) for prompt in prompts]
        ids, mask = tokenize(pipe.tokenizer, captions, 512, CPU)
        features = gemma_features(pipe.text_encoder, ids, mask)
        pooled = pooled_features(
            pipe.text_encoder_2, *tokenize(pipe.tokenizer_2, prompts, 512, CPU)
        )
    return TextCondition(features, mask, pooled)


def same(one: TextCondition, other: TextCondition) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def real(condition: TextCondition, row: int = 0) -> torch.Tensor:
    return condition.prompt_embeds[row, : int(condition.prompt_attention_mask[row].sum())]


# 1. Weights


@pytest.mark.parametrize("prompt", [PLAIN, "", "1girl, 初音ミク <3", TWO])
@pytest.mark.parametrize("prompt_weights", [True, False])
def test_a_prompt_without_weights_is_encoded_exactly_as_it_is_written(pipe, prompt, prompt_weights):
    assert same(
        encoded(pipe, prompt, prompt_weights=prompt_weights), encoded_by_hand(pipe, [prompt])
    )


def test_a_weight_of_one_changes_nothing(pipe):
    assert same(
        encoded(pipe, PLAIN.replace("blue hair", "(blue hair:1.0)")),
        encoded_by_hand(pipe, [PLAIN]),
    )


def test_a_weight_changes_the_features_of_its_words_alone(pipe):
    plain, weighted = encoded(pipe, PLAIN), encoded(pipe, WEIGHTED)
    changed = (weighted.prompt_embeds != plain.prompt_embeds).any(dim=-1)
    assert changed.shape[0] == 1
    names = pipe.tokenizer.convert_ids_to_tokens(
        pipe.tokenizer(with_system_prompt(PLAIN, SYSTEM_PROMPT)).input_ids
    )
    indices = changed[0].nonzero().squeeze(1).tolist()
    assert "".join(names[index] for index in indices) == "blue▁hair"
    assert torch.equal(weighted.pooled_prompt_embeds, plain.pooled_prompt_embeds)
    assert torch.equal(weighted.prompt_attention_mask, plain.prompt_attention_mask)


def test_weights_that_are_turned_off_reach_both_encoders_as_they_were_written(pipe):
    off = encoded(pipe, WEIGHTED, prompt_weights=False)
    assert same(off, encoded_by_hand(pipe, [WEIGHTED]))
    assert not torch.equal(off.pooled_prompt_embeds, encoded(pipe, WEIGHTED).pooled_prompt_embeds)


def test_a_negative_prompt_is_weighted_too(pipe):
    negative = encoded(pipe, PLAIN, "blurry, (red:1.5)")
    assert same(negative, encoded(pipe, "blurry, (red:1.5)"))
    assert not same(negative, encoded(pipe, PLAIN, "blurry, red"))
    assert same(
        encoded(pipe, PLAIN, "blurry, (red:1.5)", prompt_weights=False),
        encoded_by_hand(pipe, ["blurry, (red:1.5)"]),
    )


def test_prompts_with_and_without_weights_can_be_mixed_in_a_batch(pipe):
    plain = encoded(pipe, [PLAIN, "1girl, day", PLAIN])
    mixed = encoded(pipe, [PLAIN, "1girl, day", WEIGHTED])
    for row in (0, 1):
        assert torch.equal(mixed.prompt_embeds[row], plain.prompt_embeds[row])
    torch.testing.assert_close(real(mixed, 2), real(encoded(pipe, WEIGHTED)), rtol=0, atol=1e-4)
    assert not torch.equal(real(mixed, 2), real(plain, 2))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_work_in_half_precision(pipe, dtype):
    parts = {name: copy.deepcopy(pipe.components[name]) for name in pipe.components}
    half = NewbiePipeline(**{**parts, "vae": None}).to(dtype=dtype)
    plain, weighted = encoded(half, PLAIN), encoded(half, WEIGHTED)
    assert weighted.prompt_embeds.dtype == dtype
    difference = (weighted.prompt_embeds != plain.prompt_embeds).any(dim=-1)
    exact = (encoded(pipe, WEIGHTED).prompt_embeds != encoded(pipe, PLAIN).prompt_embeds).any(
        dim=-1
    )
    assert torch.equal(difference, exact)
    assert weighted.prompt_embeds.isfinite().all()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    texts.map(lambda text: text.encode("utf-8", "ignore").decode()),
    st.booleans(),
    st.sampled_from(["whole", "per_character"]),
)
def test_any_text_is_encoded_without_an_error(pipe, text, prompt_weights, character_encoding):
    kwargs = {"prompt_weights": prompt_weights, "character_encoding": character_encoding}
    condition = encoded(pipe, text, **kwargs)
    assert condition.prompt_embeds.isfinite().all()
    count = pipe.count_tokens(text, **kwargs)
    assert count.read == condition.prompt_attention_mask.sum()
    assert (count.read < count.whole) == bool(count.cut)


# 2. Several characters


def test_characters_are_encoded_one_by_one_and_joined_without_padding(pipe):
    joined = encoded(pipe, TWO, character_encoding="per_character")
    alone = [encoded(pipe, each.text) for each in passages(TWO)]
    assert len(alone) == 2
    assert torch.equal(real(joined), torch.cat([real(one) for one in alone]))
    width = joined.prompt_embeds.shape[1]
    assert width % 8 == 0
    assert not joined.prompt_embeds[0, len(real(joined)) :].any()
    mean = torch.stack([one.pooled_prompt_embeds for one in alone]).mean(dim=0)
    torch.testing.assert_close(joined.pooled_prompt_embeds, mean)
    assert not same(joined, encoded(pipe, TWO))


def passages(text):
    return passages_of(text, character_encoding="per_character")


@pytest.mark.parametrize("prompt", [PLAIN, WEIGHTED, "1girl, (smile)", "", "<n>broken"])
def test_a_prompt_with_fewer_than_two_characters_is_encoded_as_a_whole(pipe, prompt):
    one = encoded(pipe, prompt, character_encoding="per_character")
    assert same(one, encoded(pipe, prompt))


def test_a_negative_prompt_is_encoded_as_a_whole(pipe):
    negative = encoded(pipe, TWO, TWO, character_encoding="per_character")
    assert same(negative, encoded(pipe, TWO))


def test_weights_work_in_each_characters_own_part(pipe):
    text = TWO.replace("red hair", "(red hair:1.5)").replace("2girls", "[2girls]")
    plain = encoded(pipe, TWO, character_encoding="per_character")
    weighted = encoded(pipe, text, character_encoding="per_character")
    alone = [encoded(pipe, passage.text) for passage in passages(TWO)]
    first = len(real(alone[0]))
    changed = (real(weighted) != real(plain)).any(dim=-1)
    names = [
        name
        for passage in passages(TWO)
        for name in pipe.tokenizer.convert_ids_to_tokens(
            pipe.tokenizer(with_system_prompt(passage.text, SYSTEM_PROMPT)).input_ids
        )
    ]
    found = [
        "".join(n for n, c in zip(names[part], changed[part], strict=True) if c)
        for part in (slice(0, first), slice(first, None))
    ]
    assert found == ["2girls", "red▁hair2girls"]


def test_prompts_of_one_and_of_several_characters_can_be_mixed_in_a_batch(pipe):
    mixed = encoded(pipe, [PLAIN, TWO, "1girl"], character_encoding="per_character")
    together = encoded(pipe, [PLAIN, "1girl"])
    assert torch.equal(real(mixed, 0), real(together, 0))
    assert torch.equal(real(mixed, 2), real(together, 1))
    alone = encoded(pipe, TWO, character_encoding="per_character")
    assert torch.equal(real(mixed, 1), real(alone))
    assert torch.equal(mixed.pooled_prompt_embeds[[0, 2]], together.pooled_prompt_embeds)
    assert torch.equal(mixed.pooled_prompt_embeds[1:2], alone.pooled_prompt_embeds)


def test_a_picture_is_drawn_of_characters_that_were_encoded_one_by_one(pipe):
    arguments = {"height": 128, "width": 128, "num_inference_steps": 2, "output_type": "pt"}
    pictures = [
        pipe(
            TWO,
            generator=torch.Generator().manual_seed(1),
            character_encoding=character_encoding,
            **arguments,
        ).images
        for character_encoding in ("whole", "per_character", "per_character")
    ]
    assert torch.equal(pictures[1], pictures[2])
    assert not torch.equal(pictures[0], pictures[1])


def characters(count: int, words: int) -> str:
    return "\n".join(
        f"<character_{k}>{'blue ' * words}{k:02}</character_{k}>" for k in range(1, count + 1)
    )


def test_many_long_characters_are_cut_to_what_one_caption_has_room_for(pipe):
    text = characters(6, 200)
    joined = encoded(pipe, text, character_encoding="per_character")
    count = pipe.count_tokens(text, character_encoding="per_character")
    assert joined.prompt_attention_mask.sum() == count.read == MAX_JOINED_TOKENS
    assert joined.prompt_embeds.shape[1] == MAX_JOINED_TOKENS
    assert count.whole > 6 * 200
    # Each has its share, so each is cut at its end.
    assert all(f"blue {k:02}</character_{k}>" in count.cut for k in range(1, 7))
    assert pipe(
        prompt_embeds=joined.prompt_embeds,
        prompt_attention_mask=joined.prompt_attention_mask,
        pooled_prompt_embeds=joined.pooled_prompt_embeds,
        height=64,
        width=64,
        num_inference_steps=1,
        guidance_scale=1.0,
    ).images


def test_each_character_has_at_most_the_tokens_of_one_pass(pipe):
    text = characters(2, 300)
    condition = encoded(pipe, text, character_encoding="per_character", max_sequence_length=64)
    assert condition.prompt_attention_mask.sum() == 128


def test_without_gemma_only_the_vectors_of_clip_are_averaged(pipe):
    parts = {**pipe.components, "text_encoder": None, "tokenizer": None, "vae": None}
    clip_only = NewbiePipeline(**parts)
    clip_only.clip_only = True
    condition = encoded(clip_only, TWO, character_encoding="per_character")
    assert condition.prompt_embeds.shape[:2] == (1, 1)
    joined = encoded(pipe, TWO, character_encoding="per_character")
    assert torch.equal(condition.pooled_prompt_embeds, joined.pooled_prompt_embeds)
    assert clip_only.count_tokens(TWO) is None


def test_a_way_to_encode_characters_that_does_not_exist_is_refused(pipe):
    for call in (pipe.encode_prompt, pipe.count_tokens):
        with pytest.raises(RenderInputError, match="whole, per_character"):
            call(TWO, character_encoding="each")


def test_the_cache_tells_apart_what_is_encoded_differently(pipe):
    pipe.conditioning_cache = cache = ConditioningCache()
    ways = [
        {"prompt_weights": weights, "character_encoding": characters}
        for weights in (True, False)
        for characters in ("whole", "per_character")
    ]
    try:
        text = TWO.replace("red", "(red:1.5)")
        fresh = [encoded(pipe, text, **way) for way in ways]
        assert (cache.hits, cache.misses) == (0, 4)
        again = [encoded(pipe, text, **way) for way in ways]
        assert (cache.hits, cache.misses) == (4, 4)
    finally:
        pipe.conditioning_cache = None
    assert all(same(one, other) for one, other in zip(fresh, again, strict=True))
    assert not any(same(fresh[0], other) for other in fresh[1:])


# 3. Memory


@pytest.fixture(scope="module")
def wide():
    """Text encoders whose work takes much more memory than what comes out of it."""
    tokenizer, tokenizer_2 = gemma_tokenizer(), jina_tokenizer()
    torch.manual_seed(0)
    gemma = GemmaTextEncoder(
        Gemma3TextConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=1024,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            use_cache=False,
        )
    )
    clip = JinaClipTextModel(
        vocab_size=len(tokenizer_2),
        hidden_size=32,
        intermediate_size=256,
        num_hidden_layers=1,
        num_attention_heads=1,
    )
    return NewbiePipeline(
        transformer=None,
        scheduler=None,
        vae=None,
        text_encoder=gemma.eval(),
        tokenizer=tokenizer,
        text_encoder_2=clip.eval(),
        tokenizer_2=tokenizer_2,
    )


def peak_of(pipeline, prompt, **kwargs) -> tuple[int, int]:
    """Bytes that are alive at the widest point of encoding, and the tokens that come out."""
    models = nn.ModuleList([pipeline.text_encoder, pipeline.text_encoder_2])
    with torch.no_grad(), LiveBytes(models) as live:
        condition = TextCondition(*pipeline.encode_prompt(prompt, False, **kwargs)[:3])
    return live.peak, int(condition.prompt_attention_mask.sum())


def test_a_further_character_takes_no_memory_but_for_its_own_tokens(wide):
    peaks = [
        peak_of(wide, characters(count, 15), character_encoding="per_character")
        for count in (2, 4, 8)
    ]
    bytes_of_a_token = 32 * 4
    for (less, fewer), (more, tokens) in pairwise(peaks):
        assert tokens == pytest.approx(2 * fewer, rel=0.02)
        assert 0 < more - less <= 1.1 * (tokens - fewer) * bytes_of_a_token
    # All at once would take the work of encoding eight times.
    at_once, _ = peak_of(wide, [passage.text for passage in passages(characters(8, 15))])
    assert at_once > 3 * peaks[-1][0]


def test_the_whole_takes_the_same_memory_however_many_characters_its_tokens_describe(wide):
    found = set()
    for count, words in ((2, 70), (4, 30), (8, 5)):
        text = characters(count, words)
        found.add(peak_of(wide, text + "," * (480 - wide.count_tokens(text).whole)))
    ((_, tokens),) = found
    assert tokens == 480


def test_a_joined_caption_is_within_what_a_plan_for_its_tokens_allows(wide):
    peak, tokens = peak_of(wide, characters(8, 15), character_encoding="per_character")
    shape = TextShape(32, 1024, 2, 1, 16, 2)
    assert peak <= text_bytes(shape, Picture(tokens=tokens), Precision.FLOAT32)
