"""What a prompt holds once it is read: fields, order, places, texts; and its canonical form."""

from dataclasses import fields
from pathlib import Path

import pytest

from newbie_pipeline.prompt.errors import Code
from newbie_pipeline.prompt.model import Character, Element, GeneralTags, Prompt, Text
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.render import render
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS

ROOT = Path(__file__).parents[3]
ACCEPTED = ROOT / "tests" / "data" / "prompts" / "accept"


def codes(prompt: Prompt) -> list[Code]:
    return [warning.code for warning in prompt.warnings]


def test_the_schema_names_the_fields_of_the_classes() -> None:
    rest = {"extras", "text", "line", "column"}
    assert {each.name for each in fields(Character)} == set(CHARACTER_FIELDS) | rest
    assert {each.name for each in fields(GeneralTags)} == set(GENERAL_FIELDS) | rest


def test_a_whole_prompt_is_read_into_its_fields() -> None:
    prompt = parse((ACCEPTED / "community_full.xml").read_bytes())
    assert prompt.warnings == ()
    (character,) = prompt.characters
    assert character.name.text == "$character_1$"
    assert character.appearance.tags[-1] == r"momoko_\(momopoco\)"
    assert character.interaction == Element("interaction")
    assert prompt.general_tags.other.text == "alternate_costume"
    assert prompt.general_tags.artists.tags == ("artist_a", "artist_b")
    assert prompt.caption.text == "A girl reads by the window of an old library."
    assert prompt.text is None
    assert prompt.is_xml


def test_every_value_knows_its_place() -> None:
    prompt = parse("best,\r\n<character_1>\r\n  <n>  初音 </n><gender/>\r\n\tx</character_1>")
    (character,) = prompt.characters
    assert (prompt.text.line, prompt.text.column) == (1, 1)
    assert (character.line, character.column) == (2, 1)
    assert (character.name.line, character.name.column) == (3, 8)
    assert (character.gender.line, character.gender.column) == (3, 15)
    assert (character.text.line, character.text.column) == (4, 2)


def test_two_prompts_that_say_the_same_are_equal_wherever_they_say_it() -> None:
    one = parse("<caption>x</caption>\n\n<character_1><gender>g</gender><n>a</n></character_1>")
    other = parse(
        "<img><character_1><name> a </name><gender>g</gender></character_1>"
        "<caption><![CDATA[x]]></caption></img>"
    )
    assert one == other
    assert render(one) == render(other)


@pytest.mark.parametrize("file", ["japanese_tags.xml", "chinese_tags.xml"])
def test_tags_are_separated_by_the_signs_of_every_script(file: str) -> None:
    prompt = parse((ACCEPTED / file).read_bytes())
    assert len(prompt.characters[0].appearance.tags) == 3
    assert prompt.warnings == ()


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("1girl, blue hair ,smile,", ("1girl", "blue hair", "smile")),
        (
            "１ｇｉｒｌ，　青い髪；笑顔、銀河｜星空。",
            ("１ｇｉｒｌ", "青い髪", "笑顔", "銀河", "星空"),
        ),
        ("a;b\nc", ("a", "b", "c")),
    ],
)
def test_plain_tags_are_text(text: str, tags: tuple[str, ...]) -> None:
    prompt = parse(text)
    assert prompt.text.tags == tags
    assert prompt.source == text
    assert not prompt.is_xml


def test_references_and_sections_are_decoded_and_comments_left_out() -> None:
    prompt = parse("<n>&lt;3 &#x521D;<!-- no -->&amp;<![CDATA[<b>&]]></n>")
    assert prompt.extras[0].text == "<3 初&<b>&"


def test_unknown_elements_are_kept_in_order_with_the_nearest_known_name() -> None:
    prompt = parse(
        "<character_1><n>a</n><zodiac>v</zodiac><apearance>b</apearance></character_1><mood>m</mood>"
    )
    assert [extra.name for extra in prompt.characters[0].extras] == ["zodiac", "apearance"]
    assert [extra.text for extra in prompt.extras] == ["m"]
    assert codes(prompt) == [Code.UNKNOWN_ELEMENT, Code.MISSPELT_ELEMENT, Code.UNKNOWN_ELEMENT]
    assert prompt.warnings[1].values["nearest"] == "<appearance>"


def test_elements_inside_a_field_stay_there_in_order() -> None:
    prompt = parse("<caption>A <b>very <i>small</i></b> girl</caption>")
    assert prompt.caption.content == (
        Text("A"),
        Element("b", (Text("very"), Element("i", (Text("small"),)))),
        Text("girl"),
    )
    assert prompt.caption.text == "A very small girl"
    assert render(prompt) == "<caption>A <b>very <i>small</i></b> girl</caption>"


def test_known_elements_inside_a_field_are_told() -> None:
    prompt = parse(
        "<character_1><appearance>a <clothing>b</clothing></appearance></character_1>"
        "<caption>A <character_2><n>c</n></character_2> in <img>a</img> frame <b>d</b></caption>"
    )
    assert prompt.characters[0].appearance.text == "a b"
    assert prompt.characters[0].clothing is None
    assert len(prompt.characters) == 1
    assert codes(prompt) == [Code.INSIDE_FIELD] * 3
    assert prompt.warnings[0].values == {"tag": "<clothing>", "parent": "<appearance>"}


def test_text_that_is_nearly_a_tag_is_told_once_for_each_name() -> None:
    text = "1girl, <clothng shirt, <clothng, <love you, a<b, <captio"
    prompt = parse(text)
    assert (prompt.source, prompt.text.text, prompt.is_xml) == (text, text, False)
    assert codes(prompt) == [Code.TAG_AS_TEXT] * 2
    assert prompt.warnings[0].values == {"tag": "<clothng", "nearest": "<clothing>"}


def test_what_is_said_twice_counts_twice() -> None:
    prompt = parse(
        "<character_1><n>a</n><action>run</action><action>wave</action></character_1>"
        "<general_tags><count>1girl</count></general_tags><caption>x</caption>"
        "<general_tags><style>y</style></general_tags><caption>z</caption>"
    )
    assert prompt.characters[0].action.text == "run, wave"
    assert (prompt.general_tags.count.text, prompt.general_tags.style.text) == ("1girl", "y")
    assert prompt.caption.text == "x\nz"
    assert codes(prompt) == [Code.REPEATED_FIELD, Code.REPEATED_FIELD]


def test_fields_in_a_wrong_place_are_kept_and_told() -> None:
    prompt = parse("<n>a</n><character_1><quality>b</quality></character_1>")
    assert prompt.extras == (Element("n", (Text("a"),)),)
    assert prompt.characters[0].extras == (Element("quality", (Text("b"),)),)
    assert [each.values["parent"] for each in prompt.warnings] == [
        "<character_1>",
        "<general_tags>",
    ]


def test_an_element_around_everything_is_looked_through() -> None:
    prompt = parse("<scene><people><character_1><n>a</n></character_1></people></scene>")
    assert prompt.characters[0].name.text == "a"
    assert codes(prompt) == [Code.UNKNOWN_ELEMENT, Code.UNKNOWN_ELEMENT]
    assert codes(parse("<image><character_1><n>a</n></character_1></image>")) == []


def test_characters_come_in_the_order_of_their_numbers() -> None:
    prompt = parse("<character_2><n>b</n></character_2><character_1><n>a</n></character_1>")
    assert [each.name.text for each in prompt.characters] == ["a", "b"]
    assert prompt.warnings == ()


def test_an_attribute_stays_in_the_text_and_is_told() -> None:
    text = '<n lang="ja">a</n>'
    prompt = parse(text)
    assert prompt.source == text
    assert Code.ATTRIBUTE_UNUSED in codes(prompt)


def test_the_canonical_form_has_one_field_a_line_in_the_order_of_the_schema() -> None:
    text = """best <3 R&amp;B<caption>A &lt;b> girl &amp;lt;</caption><zodiac/><general_tags>
    <style>s</style>free<count>1girl</count></general_tags>
    <character_1>x <gender>1girl</gender><n>a</n></character_1>"""
    assert render(parse(text)) == (
        "best <3 R&B\n"
        "<character_1>\n  x\n  <n>a</n>\n  <gender>1girl</gender>\n</character_1>\n"
        "<general_tags>\n  free\n  <count>1girl</count>\n  <style>s</style>\n</general_tags>\n"
        "<caption>A &lt;b> girl &amp;lt;</caption>\n"
        "<zodiac/>"
    )


@pytest.mark.parametrize(
    "text", [">_<", "<3", "a < b", "R&B", "a &b; c", "<b", "< b", "＜n＞", "<_<", "&#65;", "]]>"]
)
def test_any_text_survives_the_canonical_form(text: str) -> None:
    prompt = Prompt(caption=Element("caption", (Text(text),)), text=Text(text))
    assert parse(render(prompt)) == prompt
