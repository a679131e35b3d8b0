"""Tokens as the text encoders want them: padded on the right, cut with a warning that says what."""

import logging

import pytest
import torch

from newbie_pipeline.text_conditioning import TextCondition, given_condition, joined, tokenize
from newbie_pipeline.tiny_tokenizers import gemma_tokenizer, jina_tokenizer

CPU = torch.device("cpu")
LONG = "blue sky and " * 40 + "the very end"
LOGGER = "newbie_pipeline.text_conditioning"


@pytest.mark.parametrize("make", [gemma_tokenizer, jina_tokenizer])
def test_rows_are_padded_on_the_right_to_a_multiple_of_8(make):
    ids, mask = tokenize(make(), ["miku", "a much longer prompt, day, sky"], 512, CPU)
    assert ids.shape == mask.shape
    assert ids.shape[1] % 8 == 0
    assert (mask.diff(dim=1) <= 0).all()
    assert mask.sum(dim=1)[0] < mask.sum(dim=1)[1]


@pytest.mark.parametrize("make", [gemma_tokenizer, jina_tokenizer])
def test_a_prompt_that_is_too_long_is_cut_with_a_warning_that_quotes_the_cut_text(make, caplog):
    tokenizer = make()
    count = len(tokenizer(LONG).input_ids)
    with caplog.at_level(logging.WARNING):
        _, mask = tokenize(tokenizer, ["miku", LONG], 24, CPU)
    assert mask.sum(dim=1).tolist()[1] == 24
    (record,) = (r for r in caplog.records if r.name == LOGGER)
    message = record.getMessage()
    assert str(count) in message
    assert "24" in message
    assert "the very end" in message
    kept = tokenizer.decode(tokenizer(LONG, truncation=True, max_length=24).input_ids)
    cut = record.args[2]
    assert len(kept) + len(cut) == pytest.approx(len(LONG), abs=12)  # special tokens


@pytest.mark.parametrize("make", [gemma_tokenizer, jina_tokenizer])
def test_a_prompt_that_just_fits_is_not_warned_of(make, caplog):
    tokenizer = make()
    count = len(tokenizer(LONG).input_ids)
    with caplog.at_level(logging.WARNING):
        tokenize(tokenizer, [LONG], count, CPU)
    assert caplog.records == []


def test_transformers_does_not_warn_of_a_limit_of_its_own(caplog, capfd):
    tokenizer = gemma_tokenizer()
    tokenizer.model_max_length = 8
    tokenize(tokenizer, [LONG], 512, CPU)
    assert caplog.records == []
    assert "longer than" not in capfd.readouterr().err


def test_joined_conditions_pad_the_shorter_caption_on_the_right():
    short = TextCondition(torch.ones(1, 8, 3), torch.ones(1, 8, dtype=torch.long), torch.ones(1, 5))
    long = TextCondition(
        torch.ones(1, 16, 3), torch.ones(1, 16, dtype=torch.long), torch.ones(1, 5)
    )
    both = joined(short, long)
    assert both.prompt_embeds.shape == (2, 16, 3)
    assert both.prompt_attention_mask.sum(dim=1).tolist() == [8, 16]
    assert both.prompt_embeds[0, 8:].abs().sum() == 0
    assert given_condition(
        both.prompt_embeds, both.prompt_attention_mask, both.pooled_prompt_embeds
    )
