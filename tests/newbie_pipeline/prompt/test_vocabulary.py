"""The limit on what a language model may write: which tags, how many, and which captions."""

import re

import pytest

from newbie_pipeline.prompt.caption_rules import (
    MOST_CAPTION_CHARACTERS,
    passes_caption,
    whole_sentences,
)
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS
from newbie_pipeline.prompt.vocabulary import MOST_TAGS, passes, tag_choices, vocabulary

# What has no place in a list for every audience; parts of words are looked for as well.
UNWANTED = re.compile(
    r"child|\bkid|loli|shota|young|teen|toddler|baby|school|\baged|year|\bold\b|nude|naked|topless"
    r"|breasts|\bass\b|panties|underwear|\bbra\b|lingerie|bikini|swimsuit|cleavage|thigh|crotch|sex"
    r"|bondage|kiss|blood|gore|nsfw|suggestive|\bwet\b"
    r"|see-through|\bundress|spread legs|navel|midriff"
)


def test_every_tag_is_in_underscore_form_in_one_element_and_for_every_audience():
    everything = [tag for found in vocabulary().values() for tag in found.tags]
    assert 300 <= len(everything) <= 1_000
    assert len(everything) == len(set(everything))
    for tag in everything:
        assert re.fullmatch(r"[a-z0-9:_-]+", tag), tag
        assert not UNWANTED.search(tag.replace("_", " ")), tag


def test_only_elements_of_the_language_are_written_and_never_a_name_an_artist_or_a_count():
    assert set(vocabulary()) == set(MOST_TAGS)
    assert set(vocabulary()) < {*CHARACTER_FIELDS, *GENERAL_FIELDS}
    assert not {"name", "artists", "count", "resolution", "other"} & set(vocabulary())


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("appearance", "blue_hair"),
        ("appearance", "blue_hair, long_hair, twintails"),
        ("clothing", "white_shirt, pleated_skirt"),
        ("lighting", "moonlight"),
    ],
)
def test_known_tags_pass(element, value):
    assert passes(element, value)


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("appearance", ""),
        ("appearance", "blue hair"),  # not as the list spells it
        ("appearance", "white_shirt"),  # another field's
        ("appearance", "blue_hair,long_hair"),
        ("appearance", "blue_hair, "),
        ("appearance", "blue_hair, blue_hair"),
        ("appearance", "blue_hair, red_hair"),  # one hair colour a character
        ("appearance", "<b>blue_hair</b>"),
        ("appearance", "blue_hair</appearance>"),
        ("appearance", ", ".join(vocabulary()["appearance"].tags[30:60])),
        ("gender", "1girl, 1boy"),
        ("name", "miku"),
        ("count", "1girl"),
        ("caption", "A girl."),
        ("interaction", "leaning_on"),
    ],
)
def test_what_is_not_in_the_list_of_the_element_does_not_pass(element, value):
    assert not passes(element, value)


def test_an_interaction_names_another_character_that_is_there():
    assert passes("interaction", "leaning_on character_2", 1, 2)
    for value in ("leaning_on character_1", "leaning_on character_3", "blue_hair character_2"):
        assert not passes("interaction", value, 1, 2)
    assert set(tag_choices("interaction", 2, 3)) == {
        f"{tag} character_{other}" for tag in vocabulary()["interaction"].tags for other in (1, 3)
    }


@pytest.mark.parametrize(
    "text",
    [
        "A girl stands in the rain.",
        "Two friends laugh. One of them holds a red umbrella; it's raining!",
        "雨の中に少女が立っている。",
    ],
)
def test_whole_sentences_pass_as_a_caption(text):
    assert passes_caption(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A girl stands in the rain",
        "One. Two. Three. Four.",
        "A girl.\nA boy.",
        "A  girl.",
        " A girl.",
        "A <b>girl</b>.",
        "A (girl:1.2).",
        "A {girl}.",
        "A [girl].",
        "A girl \\ boy.",
        "A girl & a boy.",
        "A girl\x07.",
        "A girl\u202e.",
        "A girl 🌸.",
        "@everyone look.",
        "See https://example.com for more.",
        "See example.com now.",
        "a" * MOST_CAPTION_CHARACTERS + ".",
        "...",
    ],
)
def test_what_is_no_plain_sentence_does_not_pass_as_a_caption(text):
    assert not passes_caption(text)


def test_what_follows_the_last_whole_sentence_can_be_cut_off():
    assert whole_sentences("A girl stands. She is wai") == "A girl stands."
    assert whole_sentences("A girl sta") == ""
