"""The tokenizers: every text has tokens, and what stands for the same is read the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newbie_pipeline.checkpoints.component_files import Component
from newbie_pipeline.checkpoints.tokenizer_files import load_tokenizer
from newbie_pipeline.demo.caption_tokenizers import train_tokenizers
from newbie_pipeline.demo.captions import caption
from newbie_pipeline.demo.sampling import sample_scene
from newbie_pipeline.text_conditioning import SYSTEM_PROMPT

UNKNOWN = 3
CAPTIONS = [caption(sample_scene(seed), seed).text for seed in range(600)]
XML = "<character_1><appearance> blue hair, long hair</appearance></character_1>"


@pytest.fixture(scope="module")
def tokenizers():
    return train_tokenizers(CAPTIONS, 2048)


@pytest.fixture(scope="module", params=[0, 1], ids=["gemma", "jina"])
def tokenizer(tokenizers, request):
    return tokenizers[request.param]


def pieces(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_has_tokens_that_mean_the_same_text(tokenizers, text):
    for each in tokenizers:
        ids = each(text).input_ids
        assert UNKNOWN not in ids
        assert each(each.decode(ids, skip_special_tokens=True)).input_ids == ids


@settings(max_examples=200, deadline=None)
@given(words=st.lists(st.from_regex(r"[a-z0-9'é王ミ🎨]{1,9}", fullmatch=True), min_size=1))
def test_a_text_in_normal_form_comes_back_as_it_was(tokenizers, words):
    for text in (" ".join(words), ", ".join(words)):
        for each in tokenizers:
            ids = each(text).input_ids
            assert each.decode(ids, skip_special_tokens=True).strip() == text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Blue_Hair,long_hair", "blue hair, long hair"),
        ("１ｇｉｒｌ，　ｂｌｕｅ ｈａｉｒ", "1girl, blue hair"),
        ("blue hair 、 long\n\thair ", "blue hair, long hair"),
        (
            "<character_1>\n  <appearance>blue_hair, long_hair</appearance>\n</character_1>\n",
            XML,
        ),
    ],
)
def test_how_a_prompt_is_laid_out_changes_nothing(tokenizer, written, meant):
    assert tokenizer(written).input_ids == tokenizer(meant).input_ids


def test_other_words_are_other_tokens(tokenizer):
    assert tokenizer("blue hair").input_ids != tokenizer("pink hair").input_ids


def test_marks_and_the_system_prompt_are_one_token_each(tokenizer):
    text = f"{SYSTEM_PROMPT} <character_2><position>left</position></character_2>"
    assert pieces(tokenizer, text)[1:7] == [
        SYSTEM_PROMPT,
        "<character_2>",
        "<position>",
        "▁left",
        "</position>",
        "</character_2>",
    ]


def test_an_unknown_word_leaves_the_words_around_it_as_they_are(tokenizer):
    known = pieces(tokenizer, "blue hair, red eyes")
    mixed = pieces(tokenizer, "blue hair, xqzwvorn_glub, red eyes")
    assert mixed[:3] == known[:3]
    assert mixed[-2:] == known[-2:]


def test_special_tokens_have_the_ids_of_the_real_ones(tokenizers):
    gemma, jina = tokenizers
    assert gemma("").input_ids == [2]
    assert jina("").input_ids == [0, 2]
    assert (gemma.pad_token_id, gemma.eos_token_id, jina.pad_token_id) == (0, 1, 1)


def test_learning_again_gives_the_same_tokenizers(tokenizers):
    for first, again in zip(tokenizers, train_tokenizers(CAPTIONS, 2048), strict=True):
        assert first.backend_tokenizer.to_str() == again.backend_tokenizer.to_str()


def test_loading_a_saved_one_reads_the_same(tokenizers, tmp_path):
    tokenizers[0].save_pretrained(str(tmp_path))
    component = Component((), "plain", tokenizer=tmp_path / "tokenizer.json")
    loaded = load_tokenizer("text_encoder", component)
    for text in CAPTIONS[:50]:
        assert loaded(text).input_ids == tokenizers[0](text).input_ids
