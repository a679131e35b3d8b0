"""Only tokens that go on with a value are ever possible."""

import random

import pytest

from newbie_pipeline.expansion.constraints import CaptionGrammar, CaptionWords, TagGrammar
from newbie_pipeline.expansion.tokens import GemmaTokens
from newbie_pipeline.expansion.writing import WantedCaption, WantedTags
from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.prompt.caption_rules import passes_caption
from newbie_pipeline.prompt.open_fields import open_slots
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.vocabulary import MOST_TAGS, passes, tag_choices, vocabulary
from newbie_pipeline.tiny_tokenizers import gemma_tokenizer

END = "</x>\n"


@pytest.fixture(scope="module")
def tokens() -> GemmaTokens:
    return GemmaTokens(gemma_tokenizer())


def written(grammar, choose) -> tuple[str, list[int]]:
    """Write a value with `choose` among the tokens that may come."""
    ids = []
    while not grammar.is_finished:
        ids.append(choose(grammar.allowed()))
        grammar.advance(ids[-1])
    return grammar.text, ids


@pytest.mark.parametrize("element", MOST_TAGS)
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_chosen_a_field_holds_known_tags(tokens, element, seed):
    chance = random.Random(seed)
    options = tag_choices(element, 1, 3)
    wanted = WantedTags(options, MOST_TAGS[element], vocabulary()[element].groups)
    text, ids = written(TagGrammar(wanted, tokens.plain, END), chance.choice)
    assert passes(element, text, 1, 3)
    # What the model has seen of it, but for the end's first token, is the value.
    assert gemma_tokenizer().decode(ids[:-1]) == text
    assert ids[-1] == tokens.plain(END)[0]


def test_any_tag_can_be_written(tokens):
    for element in vocabulary():
        for tag in tag_choices(element, 1, 2)[::3]:
            grammar = TagGrammar(WantedTags(tag_choices(element, 1, 2)), tokens.plain, END)
            for token in tokens.plain(tag):
                assert token in grammar.allowed()
                grammar.advance(token)
            grammar.advance(tokens.plain(END)[0])
            assert grammar.text == tag


def test_a_tag_that_begins_like_another_may_end_or_go_on(tokens):
    wanted = WantedTags(("hat", "hatter", "cap"), most=2)
    close, comma = tokens.plain(END)[0], tokens.plain(", cap")[0]
    for token_text, expected in (("hat", "hat"), ("hatter", "hatter")):
        grammar = TagGrammar(wanted, tokens.plain, END)
        for token in tokens.plain(token_text):
            grammar.advance(token)
        assert {close, comma} <= set(grammar.allowed())
        grammar.advance(close)
        assert grammar.text == expected
    grammar = TagGrammar(wanted, tokens.plain, END)
    for token in (*tokens.plain("hat"), *tokens.plain(", cap")):
        grammar.advance(token)
    assert grammar.allowed() == [close]
    assert grammar.text == "hat"
    grammar.advance(close)
    assert grammar.text == "hat, cap"


def test_of_a_group_one_tag_is_taken_and_none_twice(tokens):
    wanted = WantedTags(("red", "blue", "hat"), 3, {"red": "colour", "blue": "colour"})
    texts = {
        written(TagGrammar(wanted, tokens.plain, END), random.Random(seed).choice)[0]
        for seed in range(60)
    }
    assert texts == {"red", "blue", "hat", "red, hat", "blue, hat", "hat, red", "hat, blue"}


def test_a_field_is_never_left_empty_and_ends_where_nothing_is_left(tokens):
    close = tokens.plain(END)[0]
    grammar = TagGrammar(WantedTags(("hat",), 5), tokens.plain, END)
    assert close not in grammar.allowed()
    for token in tokens.plain("hat"):
        grammar.advance(token)
    assert grammar.allowed() == [close]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_chosen_a_caption_is_made_of_plain_sentences(tokens, seed):
    chance = random.Random(seed)
    wanted = WantedCaption(120, 2)
    grammar = CaptionGrammar(wanted, CaptionWords(tokens.strings()), tokens.plain, END)
    # A model that likes full stops: by chance alone hardly any sentence would end early.
    stops = set(CaptionWords(tokens.strings()).end)

    def choose(allowed):
        wanted_stops = [each for each in allowed if each in stops]
        return chance.choice(wanted_stops if wanted_stops and chance.random() < 0.2 else allowed)

    text, ids = written(grammar, choose)
    assert passes_caption(text), text
    assert len(text) <= 120
    assert gemma_tokenizer().decode(ids[:-1]) == text


def test_a_caption_that_never_ends_by_itself_is_ended(tokens):
    words = CaptionWords(tokens.strings())
    grammar = CaptionGrammar(WantedCaption(100, 3), words, tokens.plain, END)
    text, _ = written(grammar, lambda allowed: allowed[len(allowed) // 2])
    assert passes_caption(text)


def test_no_token_of_markup_is_ever_possible(tokens):
    strings = tokens.strings()
    slots = open_slots(parse("<character_1><n>a</n></character_1>"), AssistMode.COMPLETE)
    assert slots
    for slot in slots:
        grammar = TagGrammar(
            WantedTags(tag_choices(slot.element, 1, 1), 1), tokens.plain, f"</{slot.element}>\n"
        )
        assert not any(set(strings[each]) & set("<>&") for each in grammar.allowed())
    words = CaptionWords(strings)
    for group in (words.first, words.word, words.end, words.anything, words.after_a_word):
        assert group
        assert not any(set(strings[each]) & set("<>&(){}[]\\\n") for each in group)
