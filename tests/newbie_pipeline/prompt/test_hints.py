"""Hints about prompts that are well formed: each with a twin that is left alone."""

import pytest

from newbie_pipeline.prompt.errors import Code, PromptWarning
from newbie_pipeline.prompt.hints import estimate_tokens
from newbie_pipeline.prompt.parse import parse


def hints(text: str) -> list[PromptWarning]:
    return [each for each in parse(text).warnings if each.code.value.startswith("W4")]


def appearance(tags: str) -> str:
    return f"<character_1>\n<n>a</n>\n<appearance>{tags}</appearance></character_1>"


@pytest.mark.parametrize(
    "tags",
    [
        "blue_hair, red_hair",
        "blue hair, smile, (red_hair:1.2)",
        "red_eyes, {green_eyes}",
        "long_hair, short_hair",
        "蓝发，红发",
        "青い髪、赤い髪",
        "緑の目、赤目",
        "黑色头发，金色头发",
        "long_hair, SHORT_HAIR",
    ],
)
def test_tags_that_contradict_each_other_are_told_with_their_place(tags: str) -> None:
    (hint,) = hints(appearance(tags))
    assert (hint.code, hint.line, hint.column) == (Code.CONTRADICTION, 3, 13)


@pytest.mark.parametrize(
    "tags",
    [
        "blue_hair, long_hair, red_eyes",
        "blue_hair, red_hair, multicolored_hair",
        "red_eyes, blue_eyes, heterochromia",
        "silver_hair, grey_hair",
        "long_hair, very_long_hair",
        "blue_hair, gradient_hair, purple_hair",
        "青い髪、赤い目",
        "red_hair_ribbon, blue_hair",
    ],
)
def test_tags_that_go_together_are_left_alone(tags: str) -> None:
    assert hints(appearance(tags)) == []


def test_two_characters_may_differ() -> None:
    text = "<character_1><appearance>red_hair</appearance></character_1>"
    assert hints(text + text.replace("_1", "_2").replace("red", "blue")) == []


@pytest.mark.parametrize(
    ("count", "characters", "expected"),
    [
        ("1girl, solo", 1, False),
        ("solo", 1, False),
        ("2girls", 2, False),
        ("1girl, 1boy", 2, False),
        ("2人", 2, False),
        ("6+girls", 2, False),
        ("multiple_girls", 2, False),
        ("group", 2, False),
        ("2girls", 1, True),
        ("1girl", 2, True),
        ("1girl, 1boy", 1, True),
        ("solo", 2, True),
        ("三人", 2, False),
        ("3人", 2, True),
    ],
)
def test_the_count_is_compared_with_the_characters(
    count: str, characters: int, expected: bool
) -> None:
    text = "".join(f"<character_{k}>a</character_{k}>" for k in range(1, characters + 1))
    found = hints(f"{text}<general_tags><count>{count}</count></general_tags>")
    assert [each.code for each in found] == [Code.COUNT_MISMATCH] * expected


def test_more_than_two_characters_are_told() -> None:
    text = "".join(f"<character_{k}>a</character_{k}>" for k in range(1, 4))
    assert [each.code for each in hints(text)] == [Code.MANY_CHARACTERS]
    assert hints(text.replace("<character_3>a</character_3>", "")) == []


def test_a_prompt_that_gemma_would_cut_is_told() -> None:
    assert [each.code for each in hints("blue_hair, " * 200)] == [Code.TOO_LONG]
    assert hints("blue_hair, " * 20) == []


def test_the_estimate_grows_with_the_text() -> None:
    assert estimate_tokens("a, " * 20_000) == pytest.approx(40_000, rel=0.05)
    assert estimate_tokens("初音" * 100) == estimate_tokens("初音") + 198
