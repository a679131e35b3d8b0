"""What moderators are told about a text, and what they are not told."""

import pytest

from bot.admin.word_trial import trial_sentences, try_text
from jobs.admission import Requester
from jobs.guild import GuildSettings, WordKind
from jobs.settings_table import Rating, Scope
from jobs.wording import LANGUAGES

ADULT = GuildSettings(values={Scope.CHANNEL: {"3": {"rating": Rating.ADULT}}})
HERE = Requester("9", channels=("3",), is_age_restricted=True)
SOMEWHERE = Requester("9")
NOTHING = GuildSettings()


def said(
    text: str,
    guild: GuildSettings = NOTHING,
    everywhere: GuildSettings = NOTHING,
    who: Requester = SOMEWHERE,
    language: str = "en",
) -> str:
    return "\n".join(trial_sentences(try_text(guild, everywhere, who, text), language))


def blocking(*words: str) -> GuildSettings:
    return GuildSettings(words={WordKind.BLOCKED: words})


def adult(*words: str) -> GuildSettings:
    return GuildSettings(words={WordKind.ADULT: words})


def test_a_servers_own_word_is_shown_as_it_stands_in_the_text():
    assert "match `T.e.a pot`" in said("a T.e.a pot!", blocking("tea pot"))
    assert "match `bathtub`" in said("a bathtub", adult("bathtub"))


def test_the_operators_word_is_not_shown():
    for everywhere in (blocking("teapot"), adult("teapot")):
        text = said("a teapot", everywhere=everywhere)
        assert "⛔" in text
        assert "teapot" not in text
        assert "owner's" in text


def test_a_word_of_both_lists_is_the_servers_to_see():
    assert "match `teapot`" in said("a teapot", blocking("teapot"), blocking("teapot"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["loli, nude", "<age>12</age> nude", "naked child"])
def test_nothing_of_the_list_that_nothing_opens_is_shown(text: str, language: str):
    for guild in (NOTHING, blocking("loli", "child"), adult("child", "age")):
        answer = said(text, guild, who=HERE, language=language)
        assert "⛔" in answer
        assert "`" not in answer


def test_adult_is_refused_or_told_as_the_channel_is_open_for_it():
    for text, guild in (("nude", NOTHING), ("a bathtub", adult("bathtub"))):
        assert "⛔" in said(text, guild)
    assert said("nude", ADULT, who=HERE).startswith("✅")
    assert "built-in" in said("nude", ADULT, who=HERE)
    open_guild = GuildSettings(values=ADULT.values, words={WordKind.ADULT: ("bathtub",)})
    assert said("a bathtub", open_guild, who=HERE).startswith("✅")
    assert "match `bathtub`" in said("a bathtub", open_guild, who=HERE)
    # What moderators say of a channel is nothing without Discord's own restriction.
    assert "⛔" in said("nude", ADULT, who=Requester("9", channels=("3",)))


def test_what_no_rule_matches_passes_without_more():
    assert said("1girl, teacup", blocking("teapot")) == "✅ No rule about words refuses this here."
    assert "\n" not in said("a cat", ADULT, who=HERE)
