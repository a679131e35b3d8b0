"""Every refusal has its sentence in every language, with its value and its time, and no word."""

from string import Formatter

import pytest

from jobs.admission import Denial, PolicyRefusal
from jobs.errors import BadValue, SettingChanged, TooManySettings
from jobs.guild import WordKind
from jobs.guild_edits import add_words, set_value
from jobs.limits import DEFAULTS, Limit, LimitRefusal, Limits, RequestFacts, UsageFacts, decide
from jobs.rating import RatingRefusal
from jobs.refusals import refusal_sentence, setting_sentence, timestamp
from jobs.settings_table import SETTINGS, Kind, Scope
from jobs.wording import LANGUAGES, catalogue, say
from newbie_pipeline.prompt.assist import AssistMode

NOW = 1_800_000_000.5
LOCALES = ("en-US", "zh-CN", "ja")
CODES = (*Denial, *RatingRefusal)
# What makes each limit refuse: the limit, the request, the usage.
CAPTION = frozenset({AssistMode.CAPTION})
REFUSED_BY = {
    Limit.USE: ({"use": False}, {}, {}),
    Limit.WAITING: ({"waiting": 3}, {}, {"waiting": 3}),
    Limit.RUNNING: ({"waiting": 1, "running": 1}, {}, {"running": 2}),
    Limit.COOLDOWN: ({"cooldown": 300}, {}, {"last_accepted": NOW - 100}),
    Limit.HOURLY_BUDGET: ({"hourly_budget": 10.0}, {}, {}),
    Limit.DAILY_BUDGET: ({"daily_budget": 10.0}, {}, {}),
    Limit.SIZE: ({"size": 1.0}, {"width": 1088}, {}),
    Limit.STEPS: ({"steps": 10}, {}, {}),
    Limit.COUNT: ({"count": 1}, {"count": 2}, {}),
    Limit.CHARACTERS: ({"characters": 1}, {"characters": 2}, {}),
    Limit.PROMPT_LENGTH: ({"prompt_length": 5}, {}, {}),
    Limit.ASSIST: ({"assist": frozenset()}, {"assist": CAPTION}, {}),
    Limit.CAPACITY: ({"capacity": 3}, {}, {"guild_waiting": 3}),
    Limit.TOTAL_CAPACITY: ({"total_capacity": 3}, {}, {"total_waiting": 3}),
}


def refused(limit: Limit) -> LimitRefusal:
    limits, request, usage = REFUSED_BY[limit]
    facts = {"width": 1024, "height": 1024, "steps": 28, "count": 1, "characters": 0}
    refusal = decide(
        RequestFacts(**{**facts, "prompt_length": 10, **request}),
        UsageFacts(**usage),
        Limits(**limits),
        NOW,
    )
    assert refusal is not None
    assert refusal.limit is limit
    return refusal


def test_every_limit_but_the_weight_can_refuse() -> None:
    assert REFUSED_BY.keys() == set(Limit) - {Limit.WEIGHT}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("limit", REFUSED_BY)
def test_a_limits_refusal_is_said_with_its_value_and_its_time(limit: Limit, locale: str) -> None:
    refusal = refused(limit)
    sentence = refusal_sentence(refusal)
    text = sentence.say(locale)
    assert "{" not in text
    assert 5 < len(text) < 400
    if refusal.limit not in (Limit.USE, Limit.ASSIST):
        assert SETTINGS[limit].format(refusal.value) in text
    assert (timestamp(refusal.retry_at) in text) or refusal.retry_at is None
    assert ("<t:" in text) == (refusal.retry_at is not None)


def test_a_limits_refusal_reads_like_this() -> None:
    said = {limit: refusal_sentence(refused(limit)).say("en-US") for limit in REFUSED_BY}
    assert said[Limit.COOLDOWN] == (
        "There have to be 5m between two of your requests. Try again <t:1800000201:R>."
    )
    assert said[Limit.SIZE] == (
        "A picture of 1.07 megapixels is too large for you here; at most 1 are allowed. "
        "Choose a smaller size."
    )
    assert "takes 28 megapixel-steps, and you have 10" in said[Limit.HOURLY_BUDGET]


def test_a_budget_that_is_used_up_tells_when_and_one_that_is_too_small_does_not() -> None:
    used_up = LimitRefusal(Limit.DAILY_BUDGET, 100.0, 28.0, NOW)
    too_small = LimitRefusal(Limit.DAILY_BUDGET, 10.0, 28.0)
    assert refusal_sentence(used_up).key == "refused.daily_budget"
    assert refusal_sentence(too_small).key == "refused.daily_budget.never"


def test_allowed_kinds_of_help_are_named_where_there_are_any() -> None:
    some = LimitRefusal(Limit.ASSIST, CAPTION, frozenset({AssistMode.STRUCTURE}))
    text = refusal_sentence(some).say("en-US")
    assert text.endswith("structure. Allowed are: caption.")
    assert refusal_sentence(refused(Limit.ASSIST)).key == "refused.assist.none"


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("code", CODES)
def test_every_other_refusal_has_its_sentence(code: Denial | RatingRefusal, locale: str) -> None:
    text = refusal_sentence(PolicyRefusal(code)).say(locale)
    assert 5 < len(text) < 400
    assert "{" not in text


def test_a_block_that_ends_tells_when() -> None:
    ends = PolicyRefusal(Denial.BLOCKED, until=NOW, reason="spam")
    assert "<t:1800000001:R>" in refusal_sentence(ends).say("ja")
    assert "<t:" not in refusal_sentence(PolicyRefusal(Denial.BLOCKED)).say("ja")
    assert say("refused.reason", "en-US", reason="{spam}") == "Reason: {spam}"


def test_a_time_is_rounded_up() -> None:
    assert timestamp(NOW) == "<t:1800000001:R>"
    assert timestamp(1_800_000_000.0) == "<t:1800000000:R>"
    assert timestamp(None) == ""


def bad_values() -> list[BadValue]:
    found = [setting.bad_value() for setting in SETTINGS.values()]
    for make in (
        lambda: set_value("capacity", 5, Scope.ROLE, "1"),
        lambda: add_words(WordKind.BLOCKED, ["a, b"]),
        lambda: add_words(WordKind.BLOCKED, ["a"]),
        lambda: add_words(WordKind.BLOCKED, ["a" * 100]),
    ):
        with pytest.raises(BadValue) as refusal:
            make()
        found.append(refusal.value)
    return found


@pytest.mark.parametrize("locale", LOCALES)
def test_what_a_moderator_did_wrong_is_said_with_what_is_right(locale: str) -> None:
    for error in (*bad_values(), SettingChanged("set:steps", 3), TooManySettings(25)):
        sentence = setting_sentence(error)
        text = sentence.say(locale)
        assert "{" not in text
        for name, value in sentence.data.items():
            assert value in text or (name, value) == ("setting", "words")


def test_every_kind_of_value_has_its_sentence() -> None:
    codes = {error.code.removesuffix("_or_unlimited") for error in bad_values()}
    kinds = {kind.value for kind in Kind} - {"modes"}
    assert kinds | {"scope", "word_short", "word_long", "word_several"} == codes


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_is_described_in_one_line_of_discords(language: str) -> None:
    for setting in SETTINGS.values():
        assert 3 < len(catalogue(language)[setting.description_key]) <= 100


def test_no_sentence_of_this_room_is_left_unused() -> None:
    used = {refusal_sentence(refused(limit)).key for limit in REFUSED_BY}
    used |= {"refused.hourly_budget", "refused.daily_budget", "refused.assist"}
    used |= {"refused.blocked.until", "refused.reason"}
    used |= {f"refused.{code}" for code in CODES}
    used |= {setting.description_key for setting in SETTINGS.values()}
    used |= {f"setting.bad.{error.code}" for error in bad_values()}
    used |= {"setting.changed", "setting.too_many"}
    for language in LANGUAGES:
        ours = {key for key in catalogue(language) if key.startswith(("refused.", "setting."))}
        assert ours == used


def test_sentences_have_the_same_data_in_every_language() -> None:
    english = catalogue("en")
    for language in LANGUAGES:
        for key, text in catalogue(language).items():
            if key.startswith(("refused.", "setting.")):
                assert names_in(text) == names_in(english[key]), key


def names_in(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text)}


def test_defaults_are_shown_as_values() -> None:
    for limit in Limit:
        assert SETTINGS[limit].format(getattr(DEFAULTS, limit))
