"""What characters are read as."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.word_cells import DIGIT, HIRAGANA, KATAKANA, LETTER, MARK, fold


@pytest.mark.parametrize(
    "text",
    [
        "loli",
        "LOLI",
        "ｌｏｌｉ",
        "ＬＯＬＩ",
        "𝐥𝐨𝐥𝐢",
        "𝓵𝓸𝓵𝓲",
        "ⓛⓞⓛⓘ",
        "🅛🅞🅛🅘",
        "🇱🇴🇱🇮",
        "ĺöłì",
        "l̷o̷l̷i̷",
        "lоli",  # Cyrillic о
        "ꓡꓳꓡꓲ",  # Lisu
        "ʟᴏʟɪ",
        "lοlι",  # Greek ο, ι
        "l\u200bo\u00adl\u2060i\ufe0f",
        "l\U000e0061oli",
    ],
)
def test_disguised_letters_are_read_as_what_they_stand_for(text: str) -> None:
    assert fold(text).plain == "loli"
    assert fold(text).kinds == LETTER * 4


@pytest.mark.parametrize(
    ("text", "plain"), [("ﬁsh", "fish"), ("ß", "ss"), ("Æ", "æ"), ("㎏", "kg")]
)
def test_one_character_can_be_several_letters(text: str, plain: str) -> None:
    cells = fold(text)
    assert cells.plain == plain
    assert list(cells.offsets)[: len(plain) - len(text) + 1] == [0] * (len(plain) - len(text) + 1)


def test_a_digit_is_a_letter_inside_of_a_word_and_can_be_one_at_its_edge() -> None:
    assert fold("l0li").kinds == LETTER * 4
    assert fold("1oli2").kinds == DIGIT + LETTER * 3 + DIGIT
    assert fold("12").kinds == DIGIT * 2
    assert fold("l0li").letters[1] == "0o"
    assert fold("٣").letters == ["3e"]


def test_a_sign_for_a_letter_stays_a_sign() -> None:
    assert fold("@ss").kinds == MARK + LETTER * 2
    assert fold("@ss").plain == " ss"


def test_a_stem_is_i_or_l_by_the_case_of_its_word() -> None:
    assert fold("Iist").letters[0] == "il"
    assert fold("KlD").letters[1] == "li"
    assert fold("LIST").letters[1] == "i"
    assert fold("list").letters[0] == "l"


@pytest.mark.parametrize("text", ["ガール", "ｶﾞｰﾙ", "カ\u3099ール", "カﾞール"])
def test_katakana_is_read_as_hiragana_and_keeps_its_kind(text: str) -> None:
    cells = fold(text)
    assert cells.plain == "がーる"
    assert cells.kinds == KATAKANA * 3
    assert fold("がーる").kinds == HIRAGANA * 3


def test_marks_of_a_script_stay_where_they_make_another_letter() -> None:
    assert fold("が").plain != fold("か").plain
    assert fold("é").plain == fold("e").plain


def test_runs_of_three_are_marked_and_pairs_are_not() -> None:
    assert fold("good").stretched == frozenset()
    assert fold("gooood").stretched == {1, 2, 3, 4}
    assert fold("go0od").stretched == {1, 2, 3}
    assert fold("a   b").stretched == frozenset()


@given(st.text(max_size=40))
def test_every_cell_has_a_place_in_the_text(text: str) -> None:
    cells = fold(text)
    assert len(cells.letters) == len(cells.kinds) == len(cells.offsets) == len(cells.plain)
    assert list(cells.offsets) == sorted(cells.offsets)
    assert all(0 <= offset < len(text) for offset in cells.offsets)


@given(st.text(st.characters(codec="utf-8", exclude_characters="ΟοĿŀ"), max_size=20))
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    once = fold(text).plain
    assert fold(once).plain == once


@given(st.text("abcdefgxyz -_,.", max_size=30))
def test_plain_text_stays_as_it_is(text: str) -> None:
    spaced = text.translate(dict.fromkeys(map(ord, "-_."), " "))
    assert fold(text).plain == spaced


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_full_width_and_mathematical_letters_are_plain_ones(word: str) -> None:
    full_width = "".join(chr(ord(letter) + 0xFEE0) for letter in word)
    bold = "".join(chr(ord(letter) - 97 + 0x1D41A) for letter in word)
    accented = unicodedata.normalize("NFC", "".join(f"{letter}\u0301" for letter in word))
    assert {fold(each).plain for each in (full_width, bold, accented, word.upper())} == {word}
