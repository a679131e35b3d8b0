"""Prompts written by hand: the parser takes them, and what is expected of them can be asked for."""

from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from newbie_pipeline.demo.handwritten import EXPECTED, read_handwritten
from newbie_pipeline.demo.scene import FIGURE_ATTRIBUTES, Position, WantedFigure
from newbie_pipeline.demo.vocabulary import WORDS, unknown_tags
from newbie_pipeline.prompt.parse import parse

FOLDER = Path(__file__).parents[2] / "data" / "prompts" / "demo"
PROMPTS = read_handwritten(FOLDER)
OPPOSITE = {Position.LEFT: Position.RIGHT, Position.RIGHT: Position.LEFT}
every_prompt = pytest.mark.parametrize("prompt", PROMPTS, ids=[each.name for each in PROMPTS])


def is_said(text: str, attribute: str, value: str) -> bool:
    """Tell whether a text holds all parts of one of a value's words."""
    plain = text.lower().replace("_", " ")
    words = (word.replace("_", " ").split() for word in WORDS[attribute][value])
    return any(all(part in plain for part in parts) for parts in words)


def test_there_are_enough_of_every_kind():
    kinds = Counter(prompt.name.split("_")[0] for prompt in PROMPTS)

    assert len(PROMPTS) >= 60
    assert min(kinds["long"], kinds["sparse"], kinds["tags"], kinds["sentence"]) >= 10
    assert sum(len(prompt.wanted.figures) == 2 for prompt in PROMPTS) >= 25


def test_every_file_is_expected_and_every_expectation_has_its_file():
    files = {path.name for path in FOLDER.iterdir()} - {EXPECTED}

    assert files == {prompt.name for prompt in PROMPTS}


@every_prompt
def test_the_parser_takes_it_and_finds_the_figures_that_are_expected(prompt):
    read = parse(prompt.text)

    assert read.is_xml == prompt.name.endswith(".xml")
    if read.characters:
        assert len(read.characters) == len(prompt.wanted.figures)


@every_prompt
def test_everything_that_is_expected_is_asked_for_in_words_that_the_model_knows(prompt):
    wanted = prompt.wanted
    asked = [(name, getattr(each, name)) for each in wanted.figures for name in FIGURE_ATTRIBUTES]
    for name, value in [*asked, ("background", wanted.background)]:
        # That somebody stands on the right is also said by who stands on the left.
        others = (OPPOSITE[value],) if name == "position" and value in OPPOSITE else ()
        if value is not None:
            assert any(is_said(prompt.text, name, each) for each in (value, *others)), (name, value)


@every_prompt
def test_something_is_expected_and_two_figures_do_not_share_a_side(prompt):
    sides = [figure.position for figure in prompt.wanted.figures if figure.position]

    assert prompt.wanted.background or any(
        figure != WantedFigure() for figure in prompt.wanted.figures
    )
    assert len(set(sides)) == len(sides)


def test_the_long_ones_hold_what_the_model_does_not_know():
    for prompt in PROMPTS:
        if prompt.name.startswith("long"):
            assert len(unknown_tags(parse(prompt.text))) >= 5, prompt.name


def test_an_expectation_that_no_picture_can_meet_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("1girl")
    (tmp_path / EXPECTED).write_text('{"a.txt": {"figures": [{"hair_color": "plaid"}]}}')

    with pytest.raises(ValidationError, match="hair_color"):
        read_handwritten(tmp_path)
    (tmp_path / EXPECTED).write_text('{"a.txt": {"figures": [{"hair_color": "blue"}]}}')
    assert read_handwritten(tmp_path)[0].wanted.figures[0].hair_color == "blue"
