"""Which ages and school years are under 18."""

import pytest

from jobs.ages import is_under_age
from jobs.word_cells import fold


def says_under_age(text: str) -> bool:
    return is_under_age(fold(text).plain)


@pytest.mark.parametrize(
    "text",
    [
        *("12yo", "12 yo", "12 y/o", "12 y.o.", "12_yo", "17yo", "0yo", "09yo", "12yrs old"),
        *("12 years old", "12-year-old", "12_year_olds", "12 yr old", "12 years of age"),
        *(
            "twelve years old",
            "twelve-year-old",
            "twelveyearold",
            "seventeen_yo",
            "12yr",
            "a girl, ten years old",
        ),
        *("age 9", "age: 9", "age=9", "aged 12", "ages 9", "age of nine", "(girl, age: 9)"),
        *("6 months old", "3 week old", "turned 12 years", "under 18", "younger than 16", "U18"),
        *(
            "12歳",
            "１２歳",
            "十二歳",
            "5才",
            "12さい",
            "三岁",
            "十七岁",
            "8 歲",
            "年齢は12",
            "3ヶ月の",
        ),
        *("5th grader", "fifth grader", "grade 5", "JS5", "三年级", "小学三年生", "16th birthday"),
        *("12\u200byo", "1\u200b2yo", "12ｙｏ", "12yо", "young blonde girl", "younger looking boy"),
    ],
)
def test_an_age_under_eighteen_is_seen(text: str) -> None:
    assert says_under_age(text)
    assert says_under_age(f"1girl, {text}, smile")


@pytest.mark.parametrize(
    "text",
    [
        *("18yo", "18 y/o", "180 yo", "112yo", "25 years old", "18-year-old", "1000 years old"),
        *(
            "eighteen years old",
            "twenty-five years old",
            "thirty two year old",
            "one hundred and two years old",
        ),
        *("age 18", "age: 35", "aged 40", "ice age 4k", "age of empires", "middle age", "dosage 5"),
        *(
            "under 180 cm",
            "over 18",
            "18 months ago",
            "十八歳",
            "二十歳",
            "二十二岁",
            "百歳",
            "一百零五岁",
        ),
        *("1girl", "2girls", "12 roses", "5 fingers", "4k", "28 steps", "9 lives", "12 oclock"),
        *("大学三年级", "upgrade 5", "high grade", "gradient", "17th century", "young woman"),
        *("young", "girl", "18th birthday", "js", "u2", "a1"),
    ],
)
def test_what_is_no_age_under_eighteen_is_not(text: str) -> None:
    assert not says_under_age(text)
    assert not says_under_age(f"1girl, {text}, smile")
