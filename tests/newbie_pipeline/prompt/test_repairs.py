"""Every repair: what the model is shown then, and what the member is told."""

from pathlib import Path

import pytest

from newbie_pipeline.prompt.errors import Code
from newbie_pipeline.prompt.numbering import assign
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.source import MAX_WARNINGS_OF_A_CODE
from tests.newbie_pipeline.prompt.fuzz import hold

REPAIRS = Path(__file__).parents[2] / "data" / "prompts" / "repair"

REPAIRED_FILES = {
    "blanks_in_tags.xml": [
        *((Code.TAG_REPAIRED, 1, 1), (Code.TAG_REPAIRED, 2, 1)),
        *((Code.TAG_REPAIRED, 2, 10), (Code.TAG_REPAIRED, 4, 1)),
    ],
    "case_of_end_tag.xml": [(Code.END_RENAMED, 2, 8), (Code.END_RENAMED, 3, 1)],
    "copied_end_tag.xml": [(Code.END_RENAMED, 6, 1)],
    "declared_gbk_but_utf8.xml": [(Code.DECLARATION_WRONG, 1, 1)],
    "declared_utf8_but_gbk.xml": [(Code.DECLARATION_WRONG, 1, 1)],
    "declared_utf8_but_shift_jis.xml": [(Code.DECLARATION_WRONG, 1, 1)],
    "either_gbk_or_shift_jis.txt": [(Code.ENCODING_AMBIGUOUS, None, None)],
    "end_tag_twice.xml": [(Code.END_REMOVED, 2, 12)],
    "ends_swapped.xml": [(Code.ENDS_SWAPPED, 3, 1)],
    "full_width_tags.xml": [
        (Code.FULL_WIDTH_TAG, line, column)
        for line, column in ((1, 1), (2, 1), (2, 8), (3, 1), (3, 20), (4, 1))
    ],
    "gap_in_numbers.xml": [(Code.RENUMBERED, 5, 1)],
    "missing_sign.xml": [(Code.TAG_REPAIRED, 1, 1), (Code.TAG_REPAIRED, 2, 8)],
    "missing_slash.xml": [(Code.TAG_REPAIRED, 2, 8), (Code.TAG_REPAIRED, 3, 14)],
    "misspelt_end.xml": [(Code.END_RENAMED, 2, 35)],
    "nested_characters.xml": [(Code.NESTED, 3, 1)],
    "no_numbers.xml": [(Code.RENUMBERED, 1, 1), (Code.RENUMBERED, 4, 1)],
    "same_number_twice.xml": [(Code.MANY_CHARACTERS, None, None), (Code.RENUMBERED, 4, 1)],
    "unclosed_at_the_end.xml": [(Code.CLOSED_FOR_YOU, 1, 1)],
    "unclosed_character.xml": [(Code.CLOSED_FOR_YOU, 1, 1)],
    "unclosed_field.xml": [(Code.CLOSED_FOR_YOU, 3, 3)],
    "undeclared_gbk.txt": [(Code.ENCODING_GUESSED, None, None)],
    "undeclared_gbk.xml": [(Code.ENCODING_GUESSED, None, None)],
    "undeclared_shift_jis.txt": [(Code.ENCODING_GUESSED, None, None)],
    "undeclared_shift_jis.xml": [(Code.ENCODING_GUESSED, None, None)],
    "utf16_without_mark.xml": [(Code.ENCODING_GUESSED, None, None)],
}


@pytest.mark.parametrize("name", sorted(REPAIRED_FILES))
def test_a_file_is_accepted_with_warnings_at_their_exact_places(name: str) -> None:
    warnings = parse((REPAIRS / name).read_bytes()).warnings
    assert [(each.code, each.line, each.column) for each in warnings] == REPAIRED_FILES[name]


def test_every_repaired_file_is_in_the_table() -> None:
    assert {file.name for file in REPAIRS.iterdir()} == set(REPAIRED_FILES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("undeclared_gbk.xml", "<n>洛天依</n>"),
        ("undeclared_gbk.txt", "1girl,\n初音"),
        ("undeclared_shift_jis.xml", "<n>初音ミク</n>"),
        ("undeclared_shift_jis.txt", "青い髪の少女、笑顔"),
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
