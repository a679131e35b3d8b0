"""Every repair: what the model is shown then, and what the member is told."""

from pathlib import Path

import pytest

from newbie_pipeline.prompt.errors import Code
from newbie_pipeline.prompt.numbering import assign
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.source import MAX_WARNINGS_OF_A_CODE
from tests.newbie_pipeline.prompt.fuzz import hold

REPAIRS = Path(__file__).parents[2] / "data" / "prompts" / "repair"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("undeclared_gbk.xml", "<n>洛天依</n>"),
        ("undeclared_gbk.txt", "1girl,\n初音"),
        ("undeclared_shift_jis.xml", "<n>初音ミク</n>"),
        ("undeclared_shift_jis.txt", "青い髪の少女、笑顔"),
        ("undeclared_big5.txt", "一個女孩，藍色的頭髮"),
        ("undeclared_big5.xml", "<appearance>金色的眼睛"),
        ("undeclared_gbk_with_kana.txt", "初音ミク,蓝色的头发"),
        ("utf16_without_mark_kanji.txt", "黄昏的车站，一个女孩"),
        ("declared_unknown_but_utf8.xml", "<caption>初音</caption>"),
        ("utf16_without_mark.xml", "<n>初音ミク</n>"),
        ("declared_gbk_but_utf8.xml", "<n>洛天依</n>"),
        ("declared_utf8_but_gbk.xml", "<n>洛天依</n>"),
        ("declared_utf8_but_shift_jis.xml", "<n>初音ミク</n>"),
        ("either_gbk_or_shift_jis.txt", "偁偁啊啊"),
    ],
)
def test_an_encoding_is_found_out(name: str, expected: str) -> None:
    assert expected in parse((REPAIRS / name).read_bytes()).source


@pytest.mark.parametrize(
    ("text", "shown", "codes"),
    [
        ("<N>miku</n>", "<N>miku</N>", [Code.END_RENAMED]),
        ("<n>miku</ n>", "<n>miku</n>", [Code.TAG_REPAIRED]),
        ("<n>miku< / n >", "<n>miku</n>", [Code.TAG_REPAIRED]),
        ("<n>miku</n", "<n>miku</n>", [Code.TAG_REPAIRED]),
        ("x<n/ >", "x<n/>", [Code.TAG_REPAIRED]),
        ("x<n a='1'/ >", "x<n a='1'/>", [Code.TAG_REPAIRED]),
        ("< n>a</n>", "<n>a</n>", [Code.TAG_REPAIRED]),
        ("<character 1>a</character 1>", "<character_1>a</character_1>", [Code.TAG_REPAIRED] * 2),
        (
            "<character 7>a</ character 7>",
            "<character_1>a</character_1>",
            [Code.TAG_REPAIRED, Code.RENUMBERED, Code.TAG_REPAIRED],
        ),
        ("<n>miku <gender>x</gender>", "<n>miku</n> <gender>x</gender>", [Code.CLOSED_FOR_YOU]),
        ("<n>miku<n> <gender>x</gender>", "<n>miku</n> <gender>x</gender>", [Code.TAG_REPAIRED]),
        ("<n>a<n>b</n>", "<n>a</n><n>b</n>", [Code.CLOSED_FOR_YOU]),
        ("<img><n>a</n>", "<img><n>a</n></img>", [Code.CLOSED_FOR_YOU]),
        ("<a><b>x</a> </b>", "<a><b>x</b> </a>", [Code.ENDS_SWAPPED]),
        (
            "<character_4><n>x</character_4></n>",
            "<character_1><n>x</n></character_1>",
            [Code.RENUMBERED, Code.ENDS_SWAPPED],
        ),
        (
            "<character_1><n>x <gender>y</gender></Character_1>",
            "<character_1><n>x</n> <gender>y</gender></character_1>",
            [Code.CLOSED_FOR_YOU, Code.END_RENAMED],
        ),
        ("<n>x</n>\n</n>", "<n>x</n>", [Code.END_REMOVED]),
        ("<apearance>x</appearance>", "<appearance>x</appearance>", [Code.TAG_REPAIRED]),
        ("<character_1>a</character_2>", "<character_1>a</character_1>", [Code.END_RENAMED]),
        ("<$character$>a</$character$>", "<$character_1$>a</$character_1$>", [Code.RENUMBERED]),
        ("<Character>a</Character>", "<Character_1>a</Character_1>", [Code.RENUMBERED]),
        ("<character_0/>a", "<character_1/>a", [Code.RENUMBERED]),
        ("＜ｎ＞a＜／ｎ＞", "<n>a</n>", [Code.FULL_WIDTH_TAG] * 2),
        (
            "＜ｃｈａｒａｃｔｅｒ＿１＞a＜／ｃｈａｒａｃｔｅｒ＿１＞",
            "<character_1>a</character_1>",
            [Code.FULL_WIDTH_TAG] * 2,
        ),
        (
            "＜character　１＞a＜／character　１＞",
            "<character_1>a</character_1>",
            [Code.FULL_WIDTH_TAG, Code.TAG_REPAIRED] * 2,
        ),
        ("<n miku</n>", "<n> miku</n>", [Code.TAG_REPAIRED]),
        (
            "<caption\nA girl's hat</caption>",
            "<caption>\nA girl's hat</caption>",
            [Code.TAG_REPAIRED],
        ),
        (
            "<General Tags>a</general_tags>",
            "<General_Tags>a</General_Tags>",
            [Code.TAG_REPAIRED, Code.END_RENAMED],
        ),
        (
            "<general　tags>a</general\ttags>",
            "<general_tags>a</general_tags>",
            [Code.TAG_REPAIRED] * 2,
        ),
        ('<?xml version="1.0">\na ?> b', '<?xml version="1.0"?>\na ?> b', [Code.TAG_REPAIRED]),
        ("<character_99999999999/>a", "<character_1/>a", [Code.RENUMBERED]),
        ("<n>a</n＞", "<n>a</n>", [Code.FULL_WIDTH_TAG]),
    ],
)
def test_a_repair_changes_as_little_as_it_can(text: str, shown: str, codes: list[Code]) -> None:
    prompt = parse(text)
    assert prompt.source == shown
    noticed = {Code.MISPLACED, Code.REPEATED_FIELD, Code.MISSPELT_ELEMENT, Code.ATTRIBUTE_UNUSED}
    noticed |= {Code.UNKNOWN_ELEMENT}
    assert [each.code for each in prompt.warnings if each.code not in noticed] == codes


@pytest.mark.parametrize(
    "text",
    [
        "<n< n><n>",
        "<n< n></NAME",
        "<n</NAME< n>",
        "<n < n > <gender>x</gender>",
        "<zodiac x, <zodiac>y</zodiak>",
        "< character_2 >, <character_3>x</character_3><character_1>y</character_1>",
        "</foo x <n< /n>",
        "</foo <general tags>x</general tags>",
        "him</her <general tags",
        "<n a</n> <n b</n",
        "<n <n</n>",
        "<n>x <n y</n>",
    ],
)
def test_a_repair_makes_no_markup_out_of_text(text: str) -> None:
    hold(text)


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ([], []),
        ([1, 2], [1, 2]),
        ([2, 1], [2, 1]),
        ([None], [1]),
        ([None, None], [1, 2]),
        ([1, 1, 2], [1, 3, 2]),
        ([None, 2], [1, 2]),
        ([2, None], [2, 1]),
        ([1, 3], [1, 2]),
        ([5, 3], [2, 1]),
        ([0, 1], [1, 2]),
        ([7, None, 7], [3, 1, 2]),
    ],
)
def test_characters_get_numbers_of_their_own(given: list[int | None], numbers: list[int]) -> None:
    assert assign(given) == numbers


def test_texts_that_name_a_renumbered_character_follow_it() -> None:
    prompt = parse((REPAIRS / "gap_in_numbers.xml").read_bytes())
    first, second = prompt.characters
    assert first.interaction.text == "holding hands with character_2"
    assert second.interaction.text == "looking at character_1"
    assert "with character_2<" in prompt.source


def test_texts_that_name_one_of_two_with_the_same_number_stay() -> None:
    text = "<character_1>a</character_1><character_1>b</character_1><caption>character_1</caption>"
    assert parse(text).caption.text == "character_1"


def test_of_one_code_only_the_first_are_listed_and_the_others_counted() -> None:
    warnings = parse("<a>b</a>" * 30).warnings
    assert [each.code for each in warnings] == [
        *[Code.UNKNOWN_ELEMENT] * MAX_WARNINGS_OF_A_CODE,
        Code.MORE_OF_THESE,
    ]
    assert warnings[-1].values == {"code": "W306", "count": 30 - MAX_WARNINGS_OF_A_CODE}
