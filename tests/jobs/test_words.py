"""Which texts hold a word of a list, and which only look like it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import BadValue
from jobs.words import MAX_ENTRY, Match, WordLists, canonical, find, read

PLAIN = WordLists(
    {
        "blocked": [
            *("loli", "ass", "god", "hell", "blue hair", "sh0p", "1488", "Дурак"),
            *("幼女", "裸", "ロリ", "えろ", "ふたなり", "로리", "🔞"),
        ]
    }
)
STRICT = WordLists({"one": ["loli", "ass"], "two": ["nude", "penis"]}, is_strict=True)


@pytest.mark.parametrize(
    "text",
    [
        *("loli", "a loli, smile", "cute_loli_girl", "LOLI!", "(loli)", "loli's", "#loli", "loli."),
        *("l0li", "l0l1", "1oli", "lol!", "lo|i", "@ss", "a$$", "a55", "Ioli", "LOLl"),
        *("ｌｏｌｉ", "lо\u200bli", "l\u00adoli", "𝓵𝓸𝓵𝓲", "ĺöłı", "lοlι"),
        *("loooli", "lllooollliii", "looooooooooooooooooooooooooli"),
        *("l o l i", "l.o.l.i", "l_o_l_i", "l-o-l-i", "lo-li", "l.oli", "lo/li", "l  o  l  i"),
        *("1loli", "loli2", "3loli's", "萌loli酱"),
        *("(lo:1.2)(li:1.3)", "lo(li)", "{lo}[li]", r"lo\(li\)", "(loli:1.2)"),
        *("blue hair", "blue_hair", "blue-hair", "bluehair", "long_blue_hair", "BLUE  HAIR"),
        *("b l u e h a i r", "blue.hair", "bl.ue ha.ir"),
        *("sh0p", "1488", "88 1488 x", "дурак", "ДУРАК"),
        *("幼女", "幼女戦記", "美しい幼女が", "幼 女", "幼・女", "裸", "a, 裸, b", "(裸:1.2)"),
        *("ロリ", "ﾛﾘ", "ロリ巨乳", "美ロリ", "ロリの服", "ロ.リ"),
        *("えろ", "えろの本", "エロ本", "ふたなりっ子", "かわいいふたなり"),
        *("로리", "로리가", "🔞", "x🔞y"),
    ],
)
def test_a_word_is_found_in_every_disguise(text: str) -> None:
    assert find(text, PLAIN) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("class", "assassin", "glass", "Scunthorpe", "embassy", "cl@ss", "c1ass", "gr4ss"),
        *("lolita", "lolis", "polio", "trololi", "x1oli1x"),
        *("as", "asss_", "good", "he'll", "she'll", "as salt", "as s", "as. s", "a.m. ss"),
        *("lo, li", "l, o, l, i", "lo li", "<n>lo</n><n>li</n>", "lo\nli"),
        *("blue", "blue, hair", "blue_haired", "bluer hair", "blue green hair", "hair blue"),
        *("shop", "14880", "1 488", "14 88 x", "11488"),
        *("裸足", "赤裸々", "全裸", "幼い女", "幼、女"),
        *("カロリー", "ロリポップ", "テロリスト", "ろり", "ホロリ"),
        *("消えろ", "見えろよ", "ピエロ", "えろす", "칼로리"),
        *("", " ", ",", "1girl, smile"),
    ],
)
def test_a_word_is_not_found_in_what_is_another(text: str) -> None:
    assert find(text, PLAIN) is None or text in ("asss_", "ろり")


def test_a_run_of_three_is_any_number_and_hiragana_is_katakana() -> None:
    assert find("asss_", PLAIN) is not None
    assert find("ろり", PLAIN) is not None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "looli",
            "lolli",
            "lo li",
            "l o li",
            "lo_li",
            "l'oli",
            "l, o, l, i",
            "l\no\nl\ni",
            "pe nis",
            "p enis",
        ),
        *("cuteLoli", "loliGirl", "loli4nude", "lolinude", "nudelolinude", "nudeass"),
    ],
)
def test_a_strict_list_finds_what_a_plain_one_lets_through(text: str) -> None:
    assert find(text, STRICT) is not None
    assert find(text, PLAIN) is None


@pytest.mark.parametrize(
    "text",
    [
        *("class", "lolita", "lol i", "as salt", "lo, li", "pen, is", "nudelolix"),
        *("xlolinude", "assemble", "nudes", "lolix.assx"),
    ],
)
def test_a_strict_list_still_wants_whole_words(text: str) -> None:
    assert find(text, STRICT) is None


def test_terms_that_are_written_together_are_all_found() -> None:
    assert {match.list_name for match in STRICT.matches("nudeloli")} == {"one", "two"}


@pytest.mark.parametrize(
    "text",
    [
        "<!-- a loli --> 1girl",
        "<![CDATA[loli]]>",
        "lo<![CDATA[li]]>",
        "lo<!-- x -->li",
        "lo<b/>li",
        "lo<b>li</b>",
        "<loli>a</loli>",
        '<n x="loli">a</n>',
        '<n loli="x">a</n>',
        "<?loli?> a",
        "<character_1><appearance>long_hair, loli</appearance></character_1>",
        "<caption>There is a loli.</caption>",
        "<n>loli",
        "<!-- loli",
        "a < b, loli > c",
        "<a loli",
    ],
)
def test_a_word_is_found_wherever_markup_hides_it(text: str) -> None:
    assert find(text, PLAIN) is not None


@pytest.mark.parametrize(
    "text",
    [
        "l&#111;li",
        "l&#x6f;li",
        "l&#111li",
        "&amp;#108;oli",
        "&amp;amp;#108;oli",
        "l%6Fli",
        "\\u006coli",
        "l\\x6fli",
        "lU+006Fli",
        "l&shy;oli",
        "lo&lt;b&gt;&lt;/b&gt;li",
    ],
)
def test_a_word_is_found_behind_escapes(text: str) -> None:
    assert find(text, PLAIN) is not None


def test_escapes_hide_nothing_that_stands_there_plainly() -> None:
    for text in ("100%adloli", "50%adult", "%61ss", "R&amp;B"):
        assert (find(text, WordLists({"": ["adult"]})) is not None) == ("adult" in text)


def test_names_of_the_prompt_language_are_no_words_of_a_member() -> None:
    words = WordLists({"": ["action", "caption", "character"]})
    assert (
        find("<character_1><action>run</action></character_1><caption>x</caption>", words) is None
    )
    assert find("<n>action</n>", words) is not None


def test_a_match_names_the_list_and_the_place_in_the_text_as_given() -> None:
    assert find("a, ｌo\u200bli, b", PLAIN) == Match("blocked", 3, 8)
    assert find("<n>x</n>, l&#111;li, b", PLAIN) == Match("blocked", 10, 19)
    assert find('<n x="loli">a</n>', PLAIN) == Match("blocked", 6, 10)


def test_nothing_matches_inside_of_an_exception_and_all_beside_it() -> None:
    words = WordLists({"": ["minor", "口交"]}, ["minor key", "口交通"])
    assert find("a minor_key, 路口交通", words) is None
    assert find("minor keys", words) is not None
    assert find("minor key, minor", words) == Match("", 11, 16)
    assert find("minor, minor key", words) == Match("", 0, 5)
    assert find("口交, 口交通", words) == Match("", 0, 2)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("", "word_short"),
        ("...", "word_short"),
        ("a", "word_short"),
        ("7", "word_short"),
        ("\u200b", "word_short"),
        ("a, b", "word_several"),
        ("a\nb", "word_several"),
        ("x" * (MAX_ENTRY + 1), "word_long"),
    ],
)
def test_an_entry_that_cannot_be_looked_for_is_refused(entry: str, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        canonical(entry)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("entry", "letters"),
    [
        ("Blue_Hair", "blue hair"),
        ("x" * MAX_ENTRY, "x" * MAX_ENTRY),
        ("a$$", "ass"),
        ("rock + roll", "rock roll"),
        ("裸", "裸"),
        ("ロリ", "ろり"),
        (" hat, ", "hat"),
    ],
)
def test_an_entry_is_kept_in_folded_letters(entry: str, letters: str) -> None:
    assert canonical(entry) == letters


@given(
    st.lists(st.text("abco", min_size=2, max_size=4), min_size=1, max_size=4),
    st.text("abco ,", max_size=25),
)
def test_plain_text_is_found_as_a_regular_expression_finds_it(words: list[str], text: str) -> None:
    """Against another way to say the same for text without any disguise."""
    expected = any(_occurs(word, text) for word in words)
    assert (find(text, WordLists({"": words})) is not None) == expected


def _occurs(word: str, text: str) -> bool:
    runs = [run[0] for run in re.finditer(r"(.)\1*", word)]
    stretched = "".join(rf"(?:{run}(?!{run[0]})|{run[0]}{{3,}})" for run in runs)
    spelled = " +".join(word)
    whole = [stretched, *([spelled] if len(word) > 2 else [])]
    return any(re.search(rf"(?<![a-z]){each}(?![a-z])", text) for each in whole)


_DISGUISES = (
    str.upper,
    ".".join,
    "_".join,
    " ".join,
    "\u200b".join,
    lambda word: "".join(f"{letter}\u0335" for letter in word),
    lambda word: "".join(letter * 4 for letter in word),
    lambda word: "".join(chr(ord(letter) + 0xFEE0) for letter in word),
    lambda word: "".join(f"&#{ord(letter)};" for letter in word),
    lambda word: word.translate(str.maketrans("aeiost", "4310$7")),
    lambda word: word.translate(str.maketrans("aceiopsxy", "асеіорѕху")),
    lambda word: word[:2] + "<!-- - -->" + word[2:],
    lambda word: f"x,{word}</n>",
)


@given(
    st.from_regex(r"[bcdfgkmp][aeiou][lnrstxy][aeiou]", fullmatch=True),
    st.sampled_from(_DISGUISES),
)
def test_any_word_is_found_in_any_disguise(word: str, disguise: object) -> None:
    text = f"1girl, {disguise(word)}, smile"
    assert find(text, WordLists({"": [word]})) is not None


@given(st.text("l1i!|o0.,_ <>&;#L裸", max_size=40))
def test_no_text_breaks_the_search(text: str) -> None:
    lists = WordLists({"": ["loli", "ll", "裸", "11"]}, ["lol"], is_strict=True)
    for match in lists.matches(text):
        assert 0 <= match.start < match.end <= len(text)


@pytest.mark.parametrize(
    "piece",
    [
        "l",
        "l ",
        "l1",
        "1",
        "1 ",
        "l!",
        "裸",
        "裸,",
        "<",
        "<!--",
        "&#",
        "&amp;",
        "l<a>",
        "ll.",
        ":1)(",
    ],
)
def test_a_long_text_made_to_be_slow_is_searched_for_many_words(piece: str) -> None:
    """Quadratic time would take this from half a second to hours."""
    words = [
        "ll",
        "il",
        "裸",
        "111",
        *("".join(map(chr, (97 + k // 26, 97 + k % 26, 120))) for k in range(600)),
    ]
    lists = WordLists({"": words}, ["ll l"], is_strict=True)
    text = (piece * 16_384)[:16_384]
    assert sum(1 for _ in lists.matches(text)) >= 0
    assert len(read(text)[0].kinds) <= len(text)
