"""Hints about prompts that are well formed: each with a twin that is left alone."""

import pytest

from newbie_pipeline.prompt.errors import Code, PromptWarning
from newbie_pipeline.prompt.hints import MAX_GEMMA_TOKENS, estimate_tokens
from newbie_pipeline.prompt.parse import parse


def hints(text: str) -> list[PromptWarning]:
    return [each for each in parse(text).warnings if each.code.value.startswith("W4")]


def appearance(tags: str) -> str:
    return f"<character_1>\n<n>a</n>\n<appearance>{tags}</appearance></character_1>"


def counted(count: str, *genders: str) -> str:
    characters = "".join(
        f"<character_{k}><n>a</n><gender>{gender}</gender></character_{k}>"
        for k, gender in enumerate(genders, 1)
    )
    return f"{characters}<general_tags><count>{count}</count></general_tags>"


@pytest.mark.parametrize(
    "tags",
    [
        "blue_hair, red_hair",
        "blue hair, smile, (red_hair:1.2)",
        "blue-hair, Red-Hair",
        "red_eyes, {green_eyes}",
        "aqua_hair, red_hair",
        "light_blue_hair, dark_red_hair",
        "platinum_blonde_hair, black_hair",
        "teal_hair, blue_hair, green_hair",
        "long_hair, short_hair",
        "absurdly_long_hair, very_short_hair",
        "long_hair, SHORT_HAIR",
        "open_mouth, closed_mouth",
        "1girl, 1boy",
        "蓝发，红发",
        "蓝色的头发，红色长发",
        "藍髮，紅色頭髮",
        "青い髪、赤い髪",
        "ピンクの髪、緑髪",
        "緑の目、赤目",
        "黑色头发，金色头发",
        "短发，长发",
        "銀髪、ロングヘア、ショートヘア",
        "multicolored_hair, red_eyes, blue_eyes",
        "heterochromia, blue_hair, red_hair",
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
        "blue_hair, red_hair, two-tone hair",
        "streaked_hair, black_hair, white_hair",
        "red_hair, (blue_hair:0.5), colored_inner_hair",
        "blue_hair, gradient_hair, purple_hair",
        "dyed_ends, red_hair, blue_hair",
        "split-color_hair, red_hair, blue_hair",
        "dual_persona, red_hair, blue_hair",
        "red_eyes, blue_eyes, heterochromia",
        "red_eyes, blue_eyes, gradient_eyes",
        "silver_hair, grey_hair",
        "silver_hair, white_hair",
        "aqua_eyes, green_eyes",
        "light_brown_hair, blonde_hair",
        "dark_blue_hair, black_hair",
        "blue_hair, dark_blue_hair, blue_hair",
        "long_hair, very_long_hair",
        "short_hair_with_long_locks, short_hair, long_hair",
        "青い髪、赤い目",
        "蓝色的头发，长发，红色眼睛",
        "异色瞳，红瞳，蓝瞳",
        "茶髪、黒髪、メッシュ",
        "red_hair_ribbon, blue_hair",
        "blue_hair_ornament, red_hair",
        "1girl, futanari, 1boy",
        "a girl with blue hair, and red hair in her hand",
    ],
)
def test_tags_that_go_together_are_left_alone(tags: str) -> None:
    assert hints(appearance(tags)) == []


def test_each_quality_is_told_once() -> None:
    tags = "blue_hair, red_hair, green_hair, long_hair, short_hair, bald, red_eyes, green_eyes"
    found = [(each.values["first"], each.values["second"]) for each in hints(appearance(tags))]
    assert found == [
        ("blue_hair", "red_hair"),
        ("long_hair", "short_hair"),
        ("red_eyes", "green_eyes"),
    ]


def test_fields_of_one_character_may_not_differ() -> None:
    text = (
        "<character_1><gender>1girl</gender><appearance>blue_hair</appearance>"
        "<expression>1boy</expression>red_hair</character_1>"
    )
    assert [(each.code, each.values["tag"]) for each in hints(text)] == [
        (Code.CONTRADICTION, "<character_1>"),
        (Code.CONTRADICTION, "<character_1>"),
    ]


@pytest.mark.parametrize("field", ["interaction", "position", "zodiac"])
def test_what_a_character_does_with_another_may_name_its_hair(field: str) -> None:
    text = f"<character_1><appearance>blue_hair</appearance><{field}>red_hair</{field}>"
    assert hints(f"{text}</character_1>") == []


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
        ("1girl and 1boy", 2, False),
        ("2人", 2, False),
        ("两个女孩", 2, False),
        ("女の子2人", 2, False),
        ("一位少女和一位少年", 2, False),
        ("6+girls", 2, False),
        ("multiple_girls", 2, False),
        ("1girl, multiple_boys", 3, False),
        ("group", 2, False),
        ("1girl, 1cat", 2, False),
        ("1girl, 3 cats", 1, False),
        ("100girls", 2, False),
        ("one_piece, 1girl", 1, False),
        ("many people, 1girl", 2, False),
        ("2girls", 1, True),
        ("1girl", 2, True),
        ("1girl, 1boy", 1, True),
        ("solo", 2, True),
        ("two girls", 1, True),
        ("三人", 2, True),
        ("3人", 2, True),
        ("一个女孩", 2, True),
        ("multiple_girls", 1, True),
        ("1girl, multiple_boys", 2, True),
        ("3girls, multiple_girls", 2, True),
    ],
)
def test_the_count_is_compared_with_the_characters(
    count: str, characters: int, expected: bool
) -> None:
    found = [each for each in hints(counted(count, *[""] * characters)) if each.line]
    assert [each.code for each in found] == [Code.COUNT_MISMATCH] * expected


@pytest.mark.parametrize(
    ("count", "genders", "expected"),
    [
        ("2girls", ("1girl", "1girl"), False),
        ("2girls", ("female", "女"), False),
        ("2girls", ("1girl", ""), False),
        ("1girl, 1boy", ("1boy", "1girl"), False),
        ("1girl, 1other", ("1girl", "1boy"), False),
        ("2人", ("1girl", "1boy"), False),
        ("multiple_girls", ("1girl", "1girl"), False),
        ("1girl", ("1girl, 1boy, futanari",), False),
        ("2girls", ("1girl", "1boy"), True),
        ("2girls", ("女孩", "少年"), True),
        ("1girl", ("male",), True),
        ("1girl, 1boy", ("1girl", "1girl"), True),
        ("multiple_girls", ("1girl", "1boy"), True),
    ],
)
def test_the_count_is_compared_with_the_genders(
    count: str, genders: tuple[str, ...], expected: bool
) -> None:
    found = hints(counted(count, *genders))
    assert [each.code for each in found] == [Code.GENDER_MISMATCH] * expected
    if expected:
        assert found[0].values["girls"] + found[0].values["boys"] == len(genders)


def test_more_than_two_characters_are_told() -> None:
    text = "".join(f"<character_{k}>a</character_{k}>" for k in range(1, 4))
    assert [each.code for each in hints(text)] == [Code.MANY_CHARACTERS]
    assert hints(text.replace("<character_3>a</character_3>", "")) == []


def test_a_prompt_that_gemma_would_cut_is_told() -> None:
    assert [each.code for each in hints("blue_hair, " * 200)] == [Code.TOO_LONG]
    assert hints("blue_hair, " * 20) == []


# How many tokens Gemma 3's own tokenizer makes of a text, counted once; start sign and system
# prompt are 32 more.
TAGS = (
    "1girl, solo, long_hair, looking_at_viewer, blush, smile, open_mouth, bangs, blue_eyes, shirt, "
    "skirt, long_sleeves, hat, bow, holding, hair_between_eyes, ribbon, very_long_hair, twintails, "
)
PROSE = "A singer on a stage at night, with small lights around her. She holds a microphone. "
CHINESE = "黄昏的车站，一个女孩在等电车，手里拿着一把红色的伞。"
JAPANESE = "夕暮れの駅で、一人の少女が電車を待っている。手には赤い傘。"
XML = (
    "<character_1>\n  <n>hatsune_miku</n>\n  <appearance>blue_hair, long_hair</appearance>\n"
    "</character_1>\n"
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [(TAGS * 4, 252), (PROSE * 6, 114), (CHINESE * 4, 75), (JAPANESE * 4, 79), (XML * 4, 163)],
    ids=["tags", "prose", "chinese", "japanese", "xml"],
)
def test_the_estimate_is_close_to_what_gemmas_tokenizer_counts(text: str, tokens: int) -> None:
    assert estimate_tokens(text) - estimate_tokens("") == pytest.approx(tokens, rel=0.12)


def test_the_estimate_grows_with_the_text() -> None:
    assert estimate_tokens("a, " * 20_000) == pytest.approx(40_000, rel=0.05)
    assert estimate_tokens("") < MAX_GEMMA_TOKENS / 10
