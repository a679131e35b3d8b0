"""Ages and school years that say that somebody is under 18, where no single word says it.

Read from folded text (`jobs.word_cells.Cells.plain`), so width, case, accents and signs between the
parts make no difference: `12yo`, `12-y/o`, `twelve_year_old`, `age: 9`, `１２歳`, `十二岁`.
"""

import re

from jobs.word_cells import fold

_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen")
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)
# Words that make a larger number with the one after them.
_TENS = (
    *("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
    *("hundred", "hundred and", "thousand", "thousand and"),
)
_NUMBER = (
    r"(?:(?<![0-9])(?:1[0-7]|0?[0-9])(?![0-9])"
    rf"|\b{''.join(f'(?<!{word} )' for word in _TENS)}(?:{'|'.join(_ONES + _TEENS)}))"
)
# 一 to 十七; what stands before must not make it the end of a larger number.
_DIGITS = "一二三四五六七八九"
_KANJI = f"(?<![0-9{_DIGITS}十百千万萬零〇两兩廿卅])(?:十[一二三四五六七]?|[{_DIGITS}两兩])"
_SOME = r"(?<![0-9])[0-9]{1,4}"
_UNITS = r"(?:y ?/? ?o|y(?:ea)?rs? ?olds?|y(?:ea)?rs? of age|years? young)\b"
_MONTHS = r"(?:m|mo|mos|months?|weeks?|days?) olds?\b"
# Years in other languages, in folded letters; 세기 is a century.
_YEARS = "|".join(
    (
        *("anos", "ans", "anni", "jahre", "tahun", "yasinda"),
        *(fold(years).plain for years in ("лет", "года", "годика", "살")),
        "세(?!기)",
    )
)
# What follows a number that is an age, and not one of things or of a length.
_ALONE = r"(?= ?(?:,|$|and\b|nude|naked|today\b|now\b|soon\b|this\b|years?\b|yrs?\b))"
_SEEMS = (
    r"(?:turn(?:s|ed|ing)|only|just"
    r"|(?:is|looks?|looking|appears?|appearing)(?: like| to be| only| just)?)"
)
_SOMEBODY = r"\b[0-9]*(?:girl|boy|kid|lass|lad)"
_ADULTS = r"(?:adults?|wom[ae]n|m[ae]n|lad(?:y|ies)|couple|mother|father|mom|dad)\b|known"

_BLANKS = re.compile("  +")
_UNDER_AGE = re.compile(
    "|".join(
        (
            rf"{_NUMBER}(?: and (?:a|one) half)? ?{_UNITS}",
            rf"{_NUMBER}yrs?\b",
            rf"{_NUMBER} y(?:ea)?rs? ?(?:,|$)",
            rf"{_NUMBER} ?(?:{_YEARS})(?![a-z])",
            rf"{_SOME} ?{_MONTHS}",
            rf"\bage[ds]?(?: of| is| range| group)? ?{_NUMBER}\b",
            rf"\b{_SEEMS} {_NUMBER}{_ALONE}",
            rf"{_SOMEBODY} of {_NUMBER}{_ALONE}",
            # Without a comma it may be a weight, of which ten is the largest.
            rf"{_SOMEBODY}s?(?: ?, ?(?:1[0-7]|[6-9])| 1[1-7]) ?(?:,|$)",
            r"\b(?:not|almost|nearly|barely)(?: yet| quite| even)? (?:18|eighteen)\b",
            r"\bborn (?:in )?20(?:09|[1-9][0-9])\b",
            rf"{_SOMEBODY}s? (?:(?:is|who|that|was) ){{0,2}}(?:young|little)\b(?! ?(?:{_ADULTS}))",
            rf"\b(?:very|so|too) young\b(?! (?:{_ADULTS}))",
            r"\blittle ?, ?[0-9]*(?:girl|boy)s?\b",
            rf"{_SOMEBODY}s? ?, ?little ?(?:,|$)",
            rf"\b(?:turn(?:s|ed|ing)|only|just|looks?(?: like)?|is) {_NUMBER} ?(?:y|yrs?|years?)\b",
            r"\b(?:under|below|younger than|less than) (?:the age of )?(?:1[0-8]|eighteen)\b",
            r"\bu ?1[0-8]\b",
            rf"(?:{_SOME}|{_KANJI}) ?[ゖゕか个個]月(?:大|の|児)",
            rf"(?:{_NUMBER}|{_KANJI}) ?(?:歳|才|岁|歲|さい|周岁|周歲)",
            rf"(?:年龄|年齡|年齢) ?(?:は|是|为|為)? ?{_NUMBER}",
            rf"\b(?:{'|'.join(_ORDINALS)}|(?:1st|2nd|3rd|[4-9]th|1[0-2]th)) grade(?:rs?)?\b",
            r"\b(?:[1-9]|1[0-7])(?:st|nd|rd|th) birthday\b",
            r"\byounge?r? (?:\w+ ){1,2}(?:girl|boy)s?\b",
            r"\bgrade (?:1[0-2]|[1-9])(?![0-9])",
            r"\bj[sck] ?[1-6]\b",
            rf"(?<!大学)(?<!大學)(?:[1-9]|{_KANJI}) ?年[级級]",
            r"(?:小学|小學|中学|中學|高校|初|小|中|高)[一二三四五六1-6](?:年生|年级|年級|女生|の女)",
        )
    )
)


def is_under_age(plain: str) -> bool:
    """Tell whether a folded text gives somebody an age under 18, or a year at school."""
    return _UNDER_AGE.search(_BLANKS.sub(" ", plain)) is not None
