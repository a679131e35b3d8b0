"""Passages: what is cut out for each character, what stays in all, and where weights lie then."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.model import Prompt
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.passages import passages_of
from newbie_pipeline.prompt.render import render
from newbie_pipeline.prompt.weights import WeightedText, read_weights
from tests.newbie_pipeline.prompt.strategies import prompts, texts

TWO = """\
<character_1>
  <n>rin</n>
  <interaction>leaning on character_2</interaction>
</character_1>
<character_2>
  <n>len</n>
</character_2>
<general_tags>
  <count>2</count>
</general_tags>
<caption>Two on a roof.</caption>"""
ROOT = """\
<img>
  <character_2>len</character_2>
  <!-- the other one -->

  <character_1>rin</character_1>
  <character_3/>
</img>"""
IN_A_LINE = "1girl, <character_1>rin</character_1> <character_2>len</character_2> smile"
NESTED = """\
<character_1><n>rin</n><character_2><n>len</n></character_2><caption>both</caption></character_1>
<character_3>miku<general_tags><count>3</count></general_tags></character_3>"""
TOUCHING = "a<character_1>b</character_1>c<character_2>d</character_2>e"

# A busy machine is no reason to fail.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Texts with characters in all places, whole and broken.
several = st.lists(
    st.sampled_from(
        [
            *("<character_1>{}</character_1>", "<character_2>{}</character_2>", "{}"),
            *("<character>\n{}\n</character>\n", "<img>{}</img>", "<mood>{}</mood>", "({})"),
            *("<general_tags><count>2</count>{}</general_tags>", "<caption>{}</caption>", "{}\n"),
        ]
    ),
    max_size=5,
)
pieces = st.sampled_from(["", " ", "\n", "a", "(b:2)", "<n>c</n>", "<3", "\\(", "<", "&lt;", "["])


@st.composite
def many_characters(draw: st.DrawFn) -> str:
    text = ""
    for layer in draw(several):
        place = draw(st.sampled_from(["{0}{1}", "{1}{0}", "{0}\n{1}"]))
        inside = draw(pieces | st.just(text))
        text = place.format(layer.format(inside), text) + draw(pieces)
    return text


def per_character(text: str) -> list[str]:
    return [each.text for each in passages_of(text, character_encoding="per_character")]


def weighted(passage: WeightedText) -> list[tuple[str, float]]:
    return [(passage.text[span.start : span.end], span.weight) for span in passage.spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            TWO,
            [
                TWO.replace("<character_2>\n  <n>len</n>\n</character_2>\n", ""),
                TWO[TWO.index("<character_2>\n") :],
            ],
        ),
        (
            ROOT,
            [
                "<img>\n  <character_2>len</character_2>\n  <!-- the other one -->\n\n</img>",
                "<img>\n  <!-- the other one -->\n\n  <character_1>rin</character_1>\n</img>",
                "<img>\n  <!-- the other one -->\n\n  <character_3/>\n</img>",
            ],
        ),
        (
            IN_A_LINE,
            [
                "1girl, <character_1>rin</character_1> smile",
                "1girl, <character_2>len</character_2> smile",
            ],
        ),
        (
            NESTED,
            [
                "<character_1><n>rin</n><caption>both</caption></character_1>\n"
                "<general_tags><count>3</count></general_tags>",
                "<character_2><n>len</n></character_2><caption>both</caption>"
                "<general_tags><count>3</count></general_tags>",
                "<caption>both</caption>\n"
                "<character_3>miku<general_tags><count>3</count></general_tags></character_3>",
            ],
        ),
        (TOUCHING, ["a<character_1>b</character_1>c\ne", "a\nc<character_2>d</character_2>e"]),
    ],
)
def test_a_passage_is_the_prompt_without_the_other_characters(
    text: str, expected: list[str]
) -> None:
    assert per_character(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1girl, (smile:1.2), \\(a\\)",
        "黄昏的车站，一个女孩在等电车。",
        "<character_1><n>(miku)</n></character_1>\r\n\r\n<caption>[x]</caption>\n",
        "<general_tags><count>2girls</count></general_tags>",
        "<character_1>a</character_1><character_2>b <broken",
        "<appearance>red <character_1>a</character_1> <character_2>b</character_2></appearance>",
    ],
)
def test_what_has_no_two_characters_is_one_passage_and_read_as_a_whole(text: str) -> None:
    assert passages_of(text, character_encoding="per_character") == (read_weights(text),)
    assert passages_of(text) == (read_weights(text),)
    assert passages_of(text, prompt_weights=False) == (WeightedText(text, ()),)


def test_the_whole_is_the_default_and_one_passage() -> None:
    assert passages_of(TWO) == (WeightedText(TWO, ()),)


def test_a_repaired_prompt_is_cut_where_the_repairs_put_its_tags() -> None:
    text = "<character_1><n>rin</n>\n<character_5><n>len</N></character_5>"
    assert per_character(text) == [
        "<character_1><n>rin</n></character_1>",
        "<character_2><n>len</n></character_2>",
    ]


def test_weights_lie_on_their_words_in_each_passage() -> None:
    text = TWO.replace("rin", "(rin:1.3)").replace("len", "[len]").replace("roof", "{roof}")
    first, second = passages_of(text, character_encoding="per_character")
    assert weighted(first) == [("rin", 1.3), ("roof", 1.2)]
    assert weighted(second) == [("len", 0.9), ("roof", 1.2)]
    assert [first.text, second.text] == per_character(TWO)


def test_brackets_do_not_pair_across_a_character_that_was_cut_out() -> None:
    text = "(a <character_1>x</character_1> b) <character_2>(y)</character_2> <3"
    assert weighted(read_weights(text)) == [("y", 1.1)]
    first, second = passages_of(text, character_encoding="per_character")
    assert weighted(first) == []
    assert weighted(second) == [("y", 1.1)]
    assert second.text == "(a b) <character_2>y</character_2> <3"


def test_without_weights_a_passage_is_as_it_was_written() -> None:
    text = TWO.replace("rin", r"(rin:1.3)_\(x\)")
    passages = passages_of(text, prompt_weights=False, character_encoding="per_character")
    assert all(not passage.spans for passage in passages)
    assert r"<n>(rin:1.3)_\(x\)</n>" in passages[0].text


@untimed
@given(texts | many_characters(), st.booleans())
def test_any_text_has_a_passage_for_each_character_and_at_least_one(
    text: str, prompt_weights: bool
) -> None:
    passages = passages_of(text, prompt_weights=prompt_weights, character_encoding="per_character")
    try:
        characters = len(parse(text, max_bytes=None).characters)
    except PromptError:
        characters = 1
    assert len(passages) == max(1, characters)
    for passage in passages:
        end = 0
        for span in passage.spans:
            assert end <= span.start < span.end <= len(passage.text)
            end = span.end
        assert prompt_weights or not passage.spans


@untimed
@given(many_characters())
def test_a_passage_holds_nothing_that_was_not_written(text: str) -> None:
    passages = passages_of(text, prompt_weights=False, character_encoding="per_character")
    if len(passages) == 1:
        assert passages[0].text == text
        return
    source = parse(text, max_bytes=None).source
    for passage in passages:
        signs = iter(source)
        # In the order of the source; blanks may come where a character was.
        assert all(sign in signs for sign in passage.text if not sign.isspace())


@settings(untimed, max_examples=40, suppress_health_check=list(HealthCheck))
@given(prompts)
def test_a_passage_reads_as_its_character_with_all_that_is_about_the_whole_picture(
    prompt: Prompt,
) -> None:
    written = render(prompt)
    whole = parse(written, max_bytes=None)
    passages = passages_of(written, prompt_weights=False, character_encoding="per_character")
    if len(whole.characters) < 2:
        assert [passage.text for passage in passages] == [written]
        return
    for character, passage in zip(whole.characters, passages, strict=True):
        alone = Prompt((character,), whole.general_tags, whole.caption, whole.text, whole.extras)
        read = parse(passage.text, max_bytes=None)
        # A character that is alone is the first one, and what names it is changed with it.
        assert _numberless(read) == _numberless(alone)


def _numberless(prompt: Prompt) -> str:
    return re.sub(r"character_\d+", "character", render(prompt))
