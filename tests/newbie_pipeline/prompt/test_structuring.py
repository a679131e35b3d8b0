"""Tags and sentences become XML, every tag as written and once, in the element where it belongs."""

import re
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.structuring import (
    COUNTS,
    PLACES,
    can_be_structured,
    structure_sentence,
    structure_tags,
    unknown_tags,
)
from newbie_pipeline.prompt.tag_list import is_sentence, split_tags
from newbie_pipeline.prompt.tag_sorting import element_of, people_of
from tests.newbie_pipeline.prompt.strategies import wild_texts


@pytest.mark.parametrize(
    ("tag", "element"),
    [
        ("1girl", "count"),
        ("2girls", "count"),
        ("6+girls", "count"),
        ("solo", "count"),
        ("no humans", "count"),
        ("一个女孩", "count"),
        ("两个少女", "count"),
        ("女の子1人", "count"),
        ("1人の女の子", "count"),
        ("单人", "count"),
        ("girl", "gender"),
        ("少女", "gender"),
        ("blue_hair", "appearance"),
        ("Blue Hair", "appearance"),
        ("(blue_hair:1.2)", "appearance"),
        ("{{blue hair}}", "appearance"),
        ("iridescent eyes", "appearance"),
        ("蓝发", "appearance"),
        ("蓝色头发", "appearance"),
        ("青い髪", "appearance"),
        ("黒髪", "appearance"),
        ("ツインテール", "appearance"),
        ("红色眼睛", "appearance"),
        ("school uniform", "clothing"),
        ("tattered_red_dress", "clothing"),
        ("校服", "clothing"),
        ("セーラー服", "clothing"),
        ("白いワンピース", "clothing"),
        ("smile", "expression"),
        (">_<", "expression"),
        (";)", "expression"),
        ("微笑", "expression"),
        ("笑顔", "expression"),
        ("sitting", "action"),
        ("holding a torch", "action"),
        ("坐着", "action"),
        ("本を読んでいる", "action"),
        ("holding_hands", "interaction"),
        ("牵手", "interaction"),
        ("on the left", "position"),
        ("artist:someone", "artists"),
        ("by someone", "artists"),
        ("watercolor", "style"),
        ("水彩", "style"),
        ("classroom", "background"),
        ("教室", "background"),
        ("海边", "background"),
        ("night", "environment"),
        ("夜晚", "environment"),
        ("from above", "perspective"),
        ("全身", "perspective"),
        ("cozy", "atmosphere"),
        ("幻想的な雰囲気", "atmosphere"),
        ("moonlight", "lighting"),
        ("逆光", "lighting"),
        ("1024x1536", "resolution"),
        ("8k", "resolution"),
        ("masterpiece", "quality"),
        ("最高画質", "quality"),
        ("score_9", "quality"),
        ("teapot", "objects"),
        ("hatsune_miku", None),
        ("qwertz", None),
        ("🌸", None),
    ],
)
def test_a_tag_belongs_where_the_lists_say(tag, element):
    assert element_of(tag) == element


@pytest.mark.parametrize(
    ("tag", "people"),
    [
        ("1girl", (1, "1girl")),
        ("3boys", (3, "1boy")),
        ("(2girls:1.1)", (2, "1girl")),
        ("两个女孩", (2, "1girl")),
        ("女の子２人", (2, "1girl")),
        ("1人の女の子", (1, "1girl")),
        ("二人の少年", (2, "1boy")),
        ("solo", (1, "")),
        ("2 people", (2, "")),
        ("multiple_girls", None),
        ("blue_hair", None),
    ],
)
def test_a_tag_counts_people_or_does_not(tag, people):
    assert people_of(tag) == people


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("1girl, smile", ("1girl", "smile")),
        ("1girl，smile、hat", ("1girl", "smile", "hat")),
        ("1girl\nsmile,\nhat,", ("1girl", "smile", "hat")),
        ("(a, b:1.2), c", ("(a, b:1.2)", "c")),
        (r"a \(b, c\), d", (r"a \(b", r"c\)", "d")),
        ("a ( b, c", ("a ( b", "c")),
        ("([a, b), c], d", ("([a, b)", "c]", "d")),
        ("1girl, ;), ;d", ("1girl", ";)", ";d")),
        ("1girl; smile", ("1girl", "smile")),
        ("少女。微笑", ("少女", "微笑")),
        ("1girl blue_hair smile", ("1girl", "blue_hair", "smile")),
        ("blue hair", ("blue hair",)),
        ("R&amp;B, &#9829;", ("R&amp;B", "&#9829;")),
    ],
)
def test_a_list_is_parted_into_its_tags(text, tags):
    assert split_tags(text) == tags


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1girl, solo, blue_hair, smile", False),
        ("1girl, solo, blue_hair, smile.", False),
        ("a cat", False),
        ("foo, bar, baz", False),
        ("蓝发，校服，微笑，教室", False),
        ("1girl, smile, she walks along the beach at night", False),
        ("A girl walks along the beach at night.", True),
        ("a girl in a red dress with long hair", True),
        ("Two girls laugh. One holds a cat", True),
        ("黄昏的车站，一个女孩在等电车，手里拿着一把红色的伞。", True),
        ("青い髪の女の子が教室で本を読んでいる", True),
    ],
)
def test_a_sentence_is_told_from_a_list(text, expected):
    assert is_sentence(text) is expected


def structured(text: str, places: dict[str, str] | None = None):
    made = structure_tags(parse(text), places or {})
    assert made is not None
    return made


def test_tags_of_one_character_are_sorted_and_kept_as_written():
    made = structured("masterpiece, 1girl, (Blue Hair:1.2), {smile}, school uniform, 教室, night")
    assert made.prompt.source == (
        "<character_1>\n"
        "  <gender>1girl</gender>\n"
        "  <appearance>(Blue Hair:1.2)</appearance>\n"
        "  <clothing>school uniform</clothing>\n"
        "  <expression>{smile}</expression>\n"
        "</character_1>\n"
        "<general_tags>\n"
        "  <count>1girl</count>\n"
        "  <background>教室</background>\n"
        "  <environment>night</environment>\n"
        "  <quality>masterpiece</quality>\n"
        "</general_tags>"
    )
    assert [(each.place, each.text) for each in made.additions] == [("character_1/gender", "1girl")]


def test_a_second_hair_colour_begins_the_next_character():
    prompt = structured("1girl, 1boy, 蓝发, hat, black_hair, suit, 握手").prompt
    first, second = prompt.characters
    assert (first.gender.text, first.appearance.text, first.clothing.text) == (
        *("1girl", "蓝发", "hat"),
    )
    assert (second.gender.text, second.appearance.text, second.clothing.text) == (
        *("1boy", "black_hair", "suit"),
    )
    assert second.interaction.text == "握手"
    assert prompt.general_tags.count.text == "1girl, 1boy"


@pytest.mark.parametrize(
    ("tags", "first"),
    [
        ("blue hair, red hair", "blue hair"),
        ("红色长发, 黑发", "红色长发"),
        ("水色の髪, 赤い髪", "水色の髪"),
        ("long hair, short hair", "long hair"),
        ("blue hair, gradient hair", "blue hair, gradient hair"),
        ("long hair, very long hair", "long hair, very long hair"),
        ("aqua hair, green hair", "aqua hair, green hair"),
        ("red eyes, heterochromia, red hair", "red eyes, heterochromia, red hair"),
    ],
)
def test_what_one_character_can_have_together_stays_with_it(tags, first):
    characters = structured(f"2girls, {tags}").prompt.characters
    assert characters[0].appearance.text == first
    rest = "".join(tags.removeprefix(first)).removeprefix(", ")
    assert (characters[1].appearance.text if rest else "") == rest


def test_a_gender_that_the_member_wrote_is_not_written_again():
    made = structured("solo, girl, smile")
    assert made.prompt.characters[0].gender.text == "girl"
    assert made.additions == ()


def test_a_picture_without_people_has_no_character():
    prompt = structured("no_humans, forest, river, full_moon").prompt
    assert prompt.characters == ()
    assert prompt.general_tags.background.text == "forest, river, full_moon"


def test_what_no_list_knows_goes_where_it_is_said_or_under_other():
    text = "1girl, hatsune_miku, qwertz, smile"
    assert unknown_tags(text) == ("hatsune_miku", "qwertz")
    prompt = structured(text, {"hatsune_miku": "n", "qwertz": "</n>"}).prompt
    assert prompt.characters[0].name.text == "hatsune_miku"
    assert prompt.general_tags.other.text == "qwertz"


def test_a_phrase_among_tags_becomes_the_caption():
    prompt = structured("1girl, smile, she walks along the beach at night, hat").prompt
    assert prompt.caption.text == "she walks along the beach at night"
    assert prompt.characters[0].clothing.text == "hat"


@pytest.mark.parametrize("count", COUNTS)
def test_a_sentence_becomes_the_caption_beside_its_characters(count):
    text = "A girl & a boy <3 walk along the beach, talking."
    made = structure_sentence(parse(text), count)
    assert made.prompt.source.endswith(f"<caption>{text}</caption>")
    assert made.prompt.caption.text == text
    assert made.prompt.general_tags.count.text == count
    assert tuple(each.gender.text for each in made.prompt.characters) == COUNTS[count]
    assert {each.place for each in made.additions} == {
        "general_tags/count",
        *(f"character_{k}/gender" for k in range(1, len(COUNTS[count]) + 1)),
    }
    assert not any(warning.code.is_repair for warning in made.prompt.warnings)


@pytest.mark.parametrize("text", ["<n>miku</n>", "1girl <!-- a note, --> smile"])
def test_elements_and_comments_are_left_where_they_are(text):
    assert not can_be_structured(parse(text))
    assert can_be_structured(parse("1girl, smile <3"))


SIGNS = [
    *("1girl", "2boys", "blue_hair", "红发", "smile", "foo", "a girl stands in the rain today"),
    *(", ", "，", "、", ";", "\n", " ", "(", ")", "{", "}", "[", "]", "\\", "&lt;", "&", "<3"),
    *(">_<", ":1.2", "。", ".", "<", "style", "n >", "/"),
]


@settings(max_examples=60)
@given(
    st.text() | wild_texts | st.lists(st.sampled_from(SIGNS), max_size=16).map("".join),
    st.sampled_from(PLACES),
)
def test_every_tag_comes_through_exactly_once_or_there_is_no_result(text, place):
    try:
        prompt = parse(text)
    except PromptError:
        return
    if not can_be_structured(prompt):
        return
    tags = split_tags(prompt.source)
    made = structure_tags(prompt, dict.fromkeys(unknown_tags(prompt.source), place))
    if made is None:
        return
    written = re.findall(r"<(?!character_|general_)(\w+)>(.*?)</\1>", made.prompt.source, re.DOTALL)
    contents = [content for _, content in written]
    for each in made.additions:
        contents.remove(each.text)
    assert all(any(tag in content for content in contents) for tag in tags)
    assert signs(contents) == signs(tags)


def signs(texts: Iterable[str]) -> Counter[str]:
    """Count the signs of texts but those that part tags, which may be others than before."""
    return Counter("".join(texts)) - Counter(dict.fromkeys(",，、 ", 10**6))
