"""Weights in prompts: what is one, what is text, and where the spans lie."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newbie_pipeline.prompt.weights import MAX_WEIGHT, read_weights
from tests.newbie_pipeline.prompt.strategies import texts


def weighted(text: str) -> list[tuple[str, float]]:
    """The weighted parts of a text with their weights."""
    plain, spans = read_weights(text)
    return [(plain[span.start : span.end], round(span.weight, 4)) for span in spans]


@pytest.mark.parametrize(
    ("text", "plain", "expected"),
    [
        ("(tag:1.2)", "tag", [("tag", 1.2)]),
        ("(tag)", "tag", [("tag", 1.1)]),
        ("{tag}", "tag", [("tag", 1.2)]),
        ("[tag]", "tag", [("tag", 0.9)]),
        ("((tag))", "tag", [("tag", 1.21)]),
        ("{[tag]}", "tag", [("tag", 1.08)]),
        ("(a, (b:1.5), c:0.8)", "a, b, c", [("a, ", 0.8), ("b", 1.2), (", c", 0.8)]),
        ("a, (b: 1.5 ), (c:.5)", "a, b, c", [("b", 1.5), ("c", 0.5)]),
        ("(time 12:30:1.5)", "time 12:30", [("time 12:30", 1.5)]),
        ("(a)(b)", "ab", [("ab", 1.1)]),
        ("(a:-1), (b:0)", "a, b", [("a", 0.0), ("b", 0.0)]),
        ("(a:99)", "a", [("a", MAX_WEIGHT)]),
        ("(a:" + "9" * 5000 + ")", "a", [("a", MAX_WEIGHT)]),
        ("(" * 200 + "(a:0)" + ")" * 200, "a", [("a", 0.0)]),
        (r"(momoko_\(momopoco\):1.3)", "momoko_(momopoco)", [("momoko_(momopoco)", 1.3)]),
        ("<n>(miku:1.3), <3</n> [x]", "<n>miku, <3</n> x", [("miku", 1.3), ("x", 0.9)]),
        ("(初音ミク:1.2)、青い髪", "初音ミク、青い髪", [("初音ミク", 1.2)]),
    ],
)
def test_weights_are_read(text: str, plain: str, expected: list[tuple[str, float]]) -> None:
    assert read_weights(text).text == plain
    assert weighted(text) == expected


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1girl, blue_hair", "1girl, blue_hair"),
        (":) :( (a", ":) :( (a"),
        ("() {} [ ]", "() {} [ ]"),
        ("(:1.2)", "(:1.2)"),
        ("(a] b", "(a] b"),
        ("a:1.2, 12:30", "a:1.2, 12:30"),
        (r"x_\(y\) \{ \] \\ \n", r"x_(y) { ] \ \n"),
        ("<n>(a</n><gender>b)</gender>", "<n>(a</n><gender>b)</gender>"),
        ("<!-- (a) --><n b='(c)'>d</n>", "<!-- (a) --><n b='(c)'>d</n>"),
        ("（tag：1.2）", "（tag：1.2）"),
    ],
)
def test_what_is_no_weight_is_text(text: str, plain: str) -> None:
    assert read_weights(text) == (plain, ())


def test_the_weight_one_leaves_no_span() -> None:
    assert read_weights("(a:1.0), (b:1)") == ("a, b", ())


@given(texts)
def test_spans_lie_in_order_inside_the_text(text: str) -> None:
    plain, spans = read_weights(text)
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(plain)
        assert 0 <= span.weight <= MAX_WEIGHT
        assert span.weight != 1.0
        end = span.end


@given(texts)
def test_a_text_whose_brackets_are_escaped_comes_back_without_weights(text: str) -> None:
    text = re.sub(r"[<&\\]", "", text)
    escaped = re.sub(r"([()\[\]{}])", r"\\\1", text)
    assert read_weights(escaped) == (text, ())


@given(st.text(alphabet="abc ,", min_size=1).filter(str.strip), st.sampled_from("({["))
def test_a_weight_changes_no_other_character(text: str, bracket: str) -> None:
    closing = {"(": ")", "{": "}", "[": "]"}[bracket]
    plain, spans = read_weights(f"x {bracket}{text}{closing} y")
    assert plain == f"x {text} y"
    assert [(span.start, span.end) for span in spans] == [(2, 2 + len(text))]
