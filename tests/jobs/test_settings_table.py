"""The table of settings: what moderators write, what is stored, what is offered."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import BadValue
from jobs.limits import ASSIST_MODES, DEFAULTS, Limit
from jobs.settings_table import MAX_CHOICES, SETTINGS, Rating, Scope, Setting, names
from newbie_pipeline.prompt.assist import AssistMode

some_setting = st.sampled_from(list(SETTINGS.values()))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("steps", "30", 30),
        ("steps", " ３０ ", 30),
        ("steps", "unlimited", None),
        ("steps", "Unlimited", None),
        ("steps", "无限", None),
        ("steps", "無制限", None),
        ("capacity", "1,000", 1000),
        ("capacity", "1_000", 1000),
        ("cooldown", "90", 90),
        ("cooldown", "90s", 90),
        ("cooldown", "5m", 300),
        ("cooldown", "2 hours", 7200),
        ("cooldown", "1d", 86_400),
        ("cooldown", "5分钟", 300),
        ("cooldown", "2時間", 7200),
        ("cooldown", "none", 0),
        ("size", "1.5", 1.5),
        ("hourly_budget", "2,240.5", 2240.5),
        ("weight", "3", 3.0),
        ("use", "no", False),
        ("use", "はい", True),
        ("assist", "caption, complete", frozenset({AssistMode.CAPTION, AssistMode.COMPLETE})),
        ("assist", "caption、complete", frozenset({AssistMode.CAPTION, AssistMode.COMPLETE})),
        ("assist", "all", ASSIST_MODES),
        ("assist", "none", frozenset()),
        ("rating", "Adult", Rating.ADULT),
        ("spoilers", "on", True),
    ],
)
def test_a_value_is_read_as_people_write_it(name: str, text: str, value: object) -> None:
    assert SETTINGS[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("steps", "0", "whole_or_unlimited"),
        ("steps", "61", "whole_or_unlimited"),
        ("steps", "28.5", "whole_or_unlimited"),
        ("steps", "-1", "whole_or_unlimited"),
        ("steps", "", "whole_or_unlimited"),
        ("steps", "many", "whole_or_unlimited"),
        ("steps", "9" * 5000, "whole_or_unlimited"),
        ("size", "nan", "number_or_unlimited"),
        ("size", "inf", "number_or_unlimited"),
        ("size", "1e1", "number_or_unlimited"),
        ("weight", "unlimited", "number"),
        ("weight", "0", "number"),
        ("cooldown", "2d", "seconds"),
        ("cooldown", "soon", "seconds"),
        ("use", "maybe", "switch"),
        ("assist", "caption, everything", "choice"),
        ("assist", "off caption", "choice"),
        ("rating", "teen", "choice"),
    ],
)
def test_what_is_no_value_is_refused_with_the_range(name: str, text: str, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        SETTINGS[name].parse(text)
    assert (refused.value.setting, refused.value.code) == (name, code)
    if code not in ("switch", "choice"):
        assert refused.value.data.keys() == {"low", "high"}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=list(SETTINGS))
def test_both_ends_of_a_range_are_values_and_what_is_beyond_is_not(setting: Setting) -> None:
    if setting.low == setting.high:
        return
    for end in (setting.low, setting.high):
        assert setting.parse(setting.format(end)) == end
    for beyond in (setting.low - 1, setting.high + 1):
        with pytest.raises(BadValue):
            setting.check(beyond)


@given(
    some_setting,
    st.integers(0, 10**7).map(str)
    | st.floats(0, 10**7).map(lambda number: f"{number:.5f}")
    | st.sampled_from(["adult", "general", "yes", "no", "caption complete", "all", "unlimited"]),
)
def test_a_value_is_read_back_from_text_and_from_json(setting: Setting, text: str) -> None:
    try:
        value = setting.parse(text)
    except BadValue:
        return
    assert setting.parse(setting.format(value)) == value
    assert setting.from_json(json.loads(json.dumps(setting.to_json(value)))) == value


def test_every_limit_is_in_the_table_and_its_default_is_a_value() -> None:
    assert {limit.value for limit in Limit} <= set(SETTINGS)
    for limit in Limit:
        assert SETTINGS[limit].check(getattr(DEFAULTS, limit)) == getattr(DEFAULTS, limit)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=list(SETTINGS))
def test_what_autocomplete_offers_are_values(setting: Setting) -> None:
    offered = setting.choices()
    assert 0 < len(offered) <= MAX_CHOICES
    assert len(set(offered)) == len(offered)
    for text in offered:
        setting.parse(text)


def test_autocomplete_offers_what_is_typed_first_where_it_is_a_value() -> None:
    assert SETTINGS["steps"].choices("2") == ["2", "20", "28"]
    assert SETTINGS["steps"].choices("x") == []
    assert SETTINGS["cooldown"].choices("60") == ["1m"]


def test_names_are_offered_by_what_is_typed_and_by_where_they_can_be_set() -> None:
    assert names("c")[:4] == ["cooldown", "count", "characters", "capacity"]
    assert "hourly_budget" in names("budget")
    assert "capacity" not in names(scope=Scope.MEMBER)
    assert "rating" in names(scope=Scope.CHANNEL)
    assert "total_capacity" not in names()
    assert "total_capacity" in names(for_operator=True)
    assert len(names(for_operator=True)) <= MAX_CHOICES


def test_a_mode_of_another_version_is_left_out_and_others_are_kept() -> None:
    assert SETTINGS["assist"].from_json(["caption", "telepathy"]) == {AssistMode.CAPTION}
    with pytest.raises(BadValue):
        SETTINGS["assist"].from_json("caption")
    with pytest.raises(BadValue):
        SETTINGS["steps"].from_json(True)
