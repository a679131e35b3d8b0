"""The catalogue of codes and what a refusal says."""

import pickle
import re

import pytest

from newbie_pipeline.prompt.errors import CATALOGUE, Code, PromptError, PromptWarning, quote
from newbie_pipeline.prompt.parse import parse


def finding(code: Code) -> PromptError | PromptWarning:
    """What the catalogue's example gives."""
    example = CATALOGUE[code].example
    if code.is_warning:
        return next(each for each in parse(example).warnings if each.code is code)
    with pytest.raises(PromptError) as refused:
        parse(example)
    return refused.value


def test_every_code_is_in_the_catalogue() -> None:
    assert set(CATALOGUE) == set(Code)
    assert all(re.fullmatch(r"[EW][1-4]\d\d", code) for code in Code)


@pytest.mark.parametrize("code", Code, ids=lambda code: code.name)
def test_the_example_of_a_code_gives_it(code: Code) -> None:
    assert finding(code).code is code


@pytest.mark.parametrize("code", Code, ids=lambda code: code.name)
def test_a_finding_says_what_is_wrong_and_what_to_write(code: Code) -> None:
    found = finding(code)
    for sentence in (found.message, found.hint, str(found)):
        assert sentence[-1] in ".?"
        assert "\n" not in sentence
        assert "{" not in sentence
    if found.line is not None:
        assert str(found)[:-1].endswith(f" (line {found.line}, column {found.column})")
    else:
        assert found.column is None
        assert str(found) == found.message


@pytest.mark.parametrize(
    "text",
    [
        "<{q}>miku",
        "<{q}1>miku</{q}2>",
        "<a><{q}>miku</a>x</{q}>",
        "miku</{q}>",
        "<{q}</{q}>",
        "<{q} {q}></{q}>",
        "<{q} {q}='></{q}>",
        "<{q} {q}='1' {q}='2'/>",
        "<{q} =</{q}>",
        "<lora:{q}:1>",
        "<!{q}>",
        "&{q};",
        "&#x{q};",
        "<a><a><a><a><a><a><a><a><{q}>",
    ],
)
def test_a_refusal_repeats_little_of_the_prompt(text: str) -> None:
    with pytest.raises(PromptError) as refused:
        parse(text.replace("{q}", "f" * 5000))
    assert "ffff" in str(refused.value) or refused.value.code is Code.DTD
    assert str(refused.value).count("f") + refused.value.hint.count("f") < 90
    assert "f" * 20 not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "<{q}>miku</{q}>",
        "<character_1 {q}='1'>miku</character_1>",
        "<character_1>x</character_1><general_tags><count>2girls, {q}</count></general_tags>",
        "<character_1>x<appearance>blue_hair,red_hair, {q}</appearance></character_1>",
        "<{q}>x</{q}s><n>miku</n>",
        "<n>a<n {q}='x'><gender>b</gender>",
    ],
)
def test_a_warning_repeats_little_of_the_prompt(text: str) -> None:
    warnings = parse(text.replace("{q}", "f" * 22)).warnings
    assert warnings
    for warning in warnings:
        assert "f" * 20 not in str(warning) + warning.hint


@pytest.mark.parametrize(
    ("fragment", "shown"),
    [
        ("<n\n  a='1'>", "<n a='1'>"),
        ("a\u202eb\u200b", "a\ufffdb\ufffd"),
        ("  x \u3000 y ", "x y"),
        ("初音ミク 🌸", "初音ミク 🌸"),
        ("x" * 18, "x" * 18),
        ("x" * 19, "x" * 17 + "…"),
        ("x\n" * 5_000, "x x x x x x x x x…"),
    ],
)
def test_a_quote_is_short_on_one_line_and_shows_what_is_invisible(
    fragment: str, shown: str
) -> None:
    assert quote(fragment) == shown


def test_a_refusal_survives_a_process_boundary() -> None:
    error = PromptError(Code.CROSSED, line=3, column=7, found="</a>", expected="</b>")
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, ValueError)
    assert (copy.code, copy.line, copy.column, copy.values) == (
        error.code,
        error.line,
        error.column,
        error.values,
    )
    assert (str(copy), copy.hint) == (str(error), error.hint)
