"""The cache of encoded prompts: what it keeps, how much, and that a hit skips the encoders."""

import pytest
import torch

from newbie_pipeline.memory.conditioning_cache import ConditioningCache, ConditioningKey
from newbie_pipeline.text_conditioning import TextCondition

ONE = 4 * (8 * 16 + 8 + 4)


def key(text):
    return ConditioningKey((text,), "system", 512)


def condition(value=0.0):
    return TextCondition(
        torch.full((1, 8, 16), value),
        torch.ones(1, 8, dtype=torch.int32),
        torch.full((1, 4), value),
    )


def test_what_was_used_longest_ago_goes_first_and_the_bound_holds():
    cache = ConditioningCache(most_bytes=3 * ONE)
    for text in "abc":
        cache.put(key(text), condition())
    assert cache.get(key("a")) is not None
    cache.put(key("d"), condition())
    assert [cache.get(key(text)) is not None for text in "abcd"] == [True, False, True, True]
    assert cache.bytes == 3 * ONE
    assert (len(cache), cache.hits, cache.misses) == (3, 4, 1)


def test_what_is_larger_than_the_bound_is_not_kept_and_drives_nothing_out():
    cache = ConditioningCache(most_bytes=ONE)
    cache.put(key("small"), condition())
    big = TextCondition(torch.zeros(1, 64, 16), torch.ones(1, 64), torch.zeros(1, 4))
    cache.put(key("big"), big)
    assert cache.get(key("big")) is None
    assert cache.get(key("small")) is not None


def test_putting_again_counts_once():
    cache = ConditioningCache()
    cache.put(key("a"), condition(1.0))
    cache.put(key("a"), condition(2.0))
    assert cache.bytes == ONE
    assert cache.get(key("a")).prompt_embeds[0, 0, 0] == 2.0


def test_what_is_kept_is_a_copy_of_its_own():
    whole = torch.zeros(100, 8, 16)
    given = TextCondition(whole[:1], torch.ones(1, 8, dtype=torch.int32), torch.zeros(1, 4))
    cache = ConditioningCache()
    cache.put(key("a"), given)
    whole += 1
    kept = cache.get(key("a"))
    assert kept.prompt_embeds.untyped_storage().nbytes() == kept.prompt_embeds.nbytes
    assert not kept.prompt_embeds.any()


@pytest.mark.parametrize(
    "other",
    [
        ConditioningKey(("b",), "system", 512),
        ConditioningKey(("a",), "other", 512),
        ConditioningKey(("a",), "system", 256),
        ConditioningKey(("a", "a"), "system", 512),
        ConditioningKey(("a",), "system", 512, prompt_weights=False),
        ConditioningKey(("a",), "system", 512, character_encoding="per_character"),
    ],
)
def test_all_that_changes_the_encoding_counts(other):
    cache = ConditioningCache()
    cache.put(key("a"), condition())
    assert cache.get(other) is None
