"""Values are put into open fields, and not a sign that the member wrote changes."""

from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.insertion import inserted, insertions, with_values
from newbie_pipeline.prompt.open_fields import CAPTION, Slot, open_slots, value_of
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.render import render
from tests.newbie_pipeline.prompt.strategies import known_texts, prompts, texts


def filled(text: str, mode: AssistMode = AssistMode.COMPLETE, *elements: str) -> str:
    """The text with VALUE in the open fields, or in those that are named."""
    prompt = parse(text)
    slots = [s for s in open_slots(prompt, mode) if not elements or s.element in elements]
    changed = with_values(prompt, [(slot, "VALUE") for slot in slots])
    assert changed is not None
    return changed.source


def test_a_new_field_stands_behind_its_neighbour_on_a_line_of_its_own():
    text = "<character_1>\n\t<n>miku</n>\n\t<action>run</action>\n</character_1>"
    assert filled(text, AssistMode.COMPLETE, "gender", "clothing", "position") == (
        "<character_1>\n\t<n>miku</n>\n\t<gender>VALUE</gender>\n\t<clothing>VALUE</clothing>\n"
        "\t<action>run</action>\n\t<position>VALUE</position>\n</character_1>"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<clothing></clothing>", "<clothing>VALUE</clothing>"),
        ("<clothing/>", "<clothing>VALUE</clothing>"),
        ("<clothing />", "<clothing >VALUE</clothing>"),
        ("<clothing> </clothing>", "<clothing>VALUE </clothing>"),
        ("<clothing><!-- a/b --></clothing>", "<clothing><!-- a/b -->VALUE</clothing>"),
        ("<Clothing></Clothing>", "<Clothing>VALUE</Clothing>"),
        ("<n>x</n>", "<n>x</n><clothing>VALUE</clothing>"),
        ("<n>x</n> <action>y</action>", "<n>x</n><clothing>VALUE</clothing> <action>y</action>"),
        ("<action>y</action>", "<clothing>VALUE</clothing><action>y</action>"),
        ("miku, hat", "miku, hat <clothing>VALUE</clothing>"),
        ("<img><n>x</n></img>", "<img><n>x</n><clothing>VALUE</clothing></img>"),
    ],
)
def test_a_field_is_filled_or_made_where_it_belongs(before, after):
    text = f"<character_1>{before}</character_1>\n<caption>A girl.</caption>"
    expected = f"<character_1>{after}</character_1>\n<caption>A girl.</caption>"
    assert filled(text, AssistMode.COMPLETE, "clothing") == expected


def test_a_character_that_is_one_empty_tag_is_opened():
    text = "<character_1/>\n<caption>A girl.</caption>"
    assert filled(text, AssistMode.COMPLETE, "gender") == (
        "<character_1><gender>VALUE</gender></character_1>\n<caption>A girl.</caption>"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<img>\n <character_1>\n  <n>a</n>\n </character_1>\n</img>",
            "<img>\n <character_1>\n  <n>a</n>\n </character_1>\n <general_tags>\n"
            "   <lighting>VALUE</lighting>\n </general_tags>\n</img>",
        ),
        (
            "<character_1><n>a</n></character_1> and text",
            "<character_1><n>a</n></character_1>\n"
            "<general_tags><lighting>VALUE</lighting></general_tags> and text",
        ),
        (
            "<caption>A girl.</caption>",
            "<general_tags>\n  <lighting>VALUE</lighting>\n</general_tags>\n"
            "<caption>A girl.</caption>",
        ),
    ],
)
def test_general_tags_that_are_missing_come_after_the_characters(text, expected):
    assert filled(text, AssistMode.COMPLETE, "lighting") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1girl, smile", "1girl, smile\n<caption>VALUE</caption>"),
        ("<caption/>\n<n>a</n>", "<caption>VALUE</caption>\n<n>a</n>"),
        (
            "<character_1>a</character_1>\n<general_tags>b</general_tags>\nc",
            "<character_1>a</character_1>\n<general_tags>b</general_tags>\n"
            "<caption>VALUE</caption>\nc",
        ),
    ],
)
def test_a_caption_comes_after_the_general_tags(text, expected):
    assert filled(text, AssistMode.CAPTION) == expected


def test_a_value_that_would_be_read_as_markup_gives_nothing():
    prompt = parse("<character_1><n>a</n></character_1>")
    for value in ("</clothing><n>b</n><clothing>", "<n>", "&amp;", "&x;", "", " a", "\x00"):
        assert with_values(prompt, [(Slot("clothing", 1), value)]) is None
    assert with_values(prompt, [(Slot("clothing", 1), "skirt")]) is not None


def test_a_field_that_says_something_is_never_written_to():
    prompt = parse("<character_1><clothing>hat</clothing></character_1>")
    assert with_values(prompt, [(Slot("clothing", 1), "skirt")]) is None


def places(text: str, mode: AssistMode) -> set[str]:
    return {slot.place for slot in open_slots(parse(text), mode)}


def test_which_fields_are_open_depends_on_what_is_asked_for():
    one = "<character_1><n>a</n><clothing>hat</clothing></character_1>"
    own = {"gender", "appearance", "expression", "action", "position"}
    general = {"background", "perspective", "atmosphere", "lighting"}
    assert places(one, AssistMode.COMPLETE) == {
        *(f"character_1/{name}" for name in own),
        *(f"general_tags/{name}" for name in general),
    }
    assert places(one, AssistMode.INTERACTION) == set()
    assert places(one, AssistMode.CAPTION) == {CAPTION}
    assert places(one, AssistMode.STRUCTURE) == places(one, AssistMode.OFF) == set()
    two = one + "<character_2><position>left</position></character_2>"
    assert places(two, AssistMode.INTERACTION) == {
        "character_1/interaction",
        "character_1/position",
        "character_2/interaction",
    }
    assert {f"character_{k}/interaction" for k in (1, 2)} <= places(two, AssistMode.COMPLETE)


def test_a_general_field_beyond_the_usual_ones_is_open_only_where_it_stands_empty():
    empty = "<general_tags><style/><artists/><count></count><lighting>x</lighting></general_tags>"
    found = places(empty + "<caption>x</caption>", AssistMode.COMPLETE)
    assert found == {
        *(f"general_tags/{name}" for name in ("style", "background", "perspective", "atmosphere"))
    }


def test_plain_text_has_no_fields_and_a_sentence_needs_no_caption():
    assert places("1girl, smile", AssistMode.COMPLETE) == set()
    assert places("A girl stands in the rain and smiles.", AssistMode.CAPTION) == set()
    assert places("<caption>A girl.</caption>", AssistMode.CAPTION) == set()


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(
    known_texts | texts | prompts.map(render),
    st.sampled_from([AssistMode.COMPLETE, AssistMode.INTERACTION, AssistMode.CAPTION]),
)
def test_without_what_was_inserted_the_text_is_the_members_own(text, mode):
    try:
        prompt = parse(text, max_bytes=None)
    except PromptError:
        return
    values = [(slot, "VALUE") for slot in open_slots(prompt, mode)]
    changed = with_values(prompt, values)
    assert changed is not None
    assert all(value_of(changed, slot).text == "VALUE" for slot, _ in values)
    pieces = insertions(prompt.source, values)
    assert inserted(prompt.source, pieces) == changed.source
    assert _removed(changed.source, pieces) == prompt.source


def _removed(text: str, pieces: list[tuple[int, str]]) -> str:
    """Take pieces out where their offsets say that they are."""
    kept, done, own = "", 0, 0
    for at, group in groupby(
        sorted(pieces, key=lambda piece: piece[0]), key=lambda piece: piece[0]
    ):
        kept += text[done : done + at - own]
        done += at - own
        own = at
        for _, piece in group:
            assert text[done : done + len(piece)] == piece
            done += len(piece)
    return kept + text[done:]
