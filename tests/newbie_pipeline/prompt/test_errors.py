"""The catalogue of codes and what a refusal says."""

import pickle
import re

import pytest

from newbie_pipeline.prompt.errors import CATALOGUE, Code, PromptError
from newbie_pipeline.prompt.parse import check_prompt


def test_every_code_is_in_the_catalogue() -> None:
    assert list(CATALOGUE) == list(Code)
    assert all(re.fullmatch(r"E[1-4]\d\d", code) for code in Code)


@pytest.mark.parametrize("code", Code, ids=lambda code: code.name)
def test_the_example_of_a_code_raises_it(code: Code) -> None:
    with pytest.raises(PromptError) as refused:
        check_prompt(CATALOGUE[code].example)
    assert refused.value.code is code


@pytest.mark.parametrize("code", Code, ids=lambda code: code.name)
def test_a_refusal_says_what_is_wrong_and_what_to_write(code: Code) -> None:
    with pytest.raises(PromptError) as refused:
        check_prompt(CATALOGUE[code].example)
    error = refused.value
    for sentence in (error.message, error.hint, str(error)):
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert "{" not in sentence
    if error.line is not None:
        assert str(error).endswith(f" (line {error.line}, column {error.column}).")
    else:
        assert error.column is None
        assert str(error) == error.message


@pytest.mark.parametrize(
    "text",
    [
        "<{q}>miku",
        "<{q}1>miku</{q}2>",
        "<a><{q}>miku</a></{q}>",
        "miku</{q}>",
        "<{q}",
        "<{q} {q}>",
        "<{q} {q}='>",
        "<{q} {q}='1' {q}='2'/>",
        "<{q} =",
        "<lora:{q}:1>",
        "<!{q}>",
        "&{q};",
        "&#x{q};",
        "<a><a><a><a><a><a><a><a><{q}>",
    ],
)
def test_a_refusal_repeats_little_of_the_prompt(text: str) -> None:
    with pytest.raises(PromptError) as refused:
        check_prompt(text.replace("{q}", "f" * 5000))
    assert "ffff" in str(refused.value) or refused.value.code is Code.DTD
    assert str(refused.value).count("f") + refused.value.hint.count("f") < 90
    assert "f" * 20 not in str(refused.value) + refused.value.hint


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
