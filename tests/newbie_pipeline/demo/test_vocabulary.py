"""The demo model's language: which words mean what, and which it does not know."""

import re
from pathlib import Path

import pytest

from newbie_pipeline.demo.scene import Accessory
from newbie_pipeline.demo.vocabulary import (
    COMPANIONS,
    WORDS,
    known_tags,
    plain,
    tag_of,
    unknown_tags,
    words_of,
)
from newbie_pipeline.prompt.parse import parse

QUOTED = re.compile(r"`([^`]+)`")


@pytest.mark.parametrize("attribute", WORDS)
def test_a_word_means_one_value_of_its_attribute(attribute):
    words = words_of(attribute)

    assert len(words) == len(set(words))
    assert all(word == plain(word) for word in words)


@pytest.mark.parametrize("attribute", WORDS)
def test_every_value_has_words_except_for_wearing_nothing(attribute):
    values = next(iter(WORDS[attribute])).__class__

    assert set(values) - {Accessory.NONE} == set(WORDS[attribute])


def test_no_companion_is_a_word_of_its_own_value():
    for attribute, companions in COMPANIONS.items():
        for value, words in companions.items():
            assert not set(words) & set(WORDS[attribute][value])


def test_what_is_known_is_not_named_in_any_spelling():
    prompt = "1girl, Blue Hair, (long_pink_hair:1.2), {red_dress}, [smile], navy blue hoodie, beach"

    assert unknown_tags(parse(prompt)) == ()


def test_every_word_makes_a_tag_that_is_known():
    tags = {tag_of(attribute, word) for attribute in WORDS for word in words_of(attribute)}

    assert tags <= known_tags()


def test_what_is_unknown_is_named_once_and_as_written():
    prompt = parse(
        "<character_1><n>miku</n><appearance>blue_hair, (Drill_Hair:1.2), halo</appearance>"
        "<action>halo, holding_sword</action></character_1>"
        "<general_tags><artists>someone</artists><background>night, library</background>"
        "</general_tags><caption>A girl with a violin.</caption>"
    )

    assert unknown_tags(prompt) == (
        "(Drill_Hair:1.2)",
        "halo",
        "holding_sword",
        "someone",
        "library",
    )


def test_names_and_sentences_are_no_unknown_tags():
    sentence = "A girl with blue hair walks through an old library at night."

    assert unknown_tags(parse(sentence)) == ()
    assert unknown_tags(parse("<character_1><n>hatsune_miku</n></character_1>")) == ()
    assert unknown_tags(parse("hatsune_miku, 1girl")) == ("hatsune_miku",)


def test_the_guide_lists_every_word_and_no_other():
    guide = (Path(__file__).parents[3] / "docs" / "demo-language.md").read_text(encoding="utf-8")
    listed = {
        word for line in guide.splitlines() if line[:2] == "- " for word in QUOTED.findall(line)
    }
    written = {
        word if attribute == "clothing_color" else tag_of(attribute, word)
        for attribute in WORDS
        for word in words_of(attribute)
    }
    written |= {word for each in COMPANIONS.values() for words in each.values() for word in words}

    assert listed == written
