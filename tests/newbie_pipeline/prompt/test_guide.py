"""The prompt guide and the example files say what is true."""

import re
from pathlib import Path

import pytest

from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.prompt.errors import CATALOGUE, Code, PromptError
from newbie_pipeline.prompt.hints import MAX_GEMMA_TOKENS, estimate_tokens
from newbie_pipeline.prompt.insertion import with_values
from newbie_pipeline.prompt.open_fields import open_slots, value_of
from newbie_pipeline.prompt.parse import MAX_CHARACTERS, MAX_DEPTH, MAX_ELEMENTS, parse
from newbie_pipeline.prompt.passages import passages_of
from newbie_pipeline.prompt.schema import CHARACTER_FIELDS, GENERAL_FIELDS
from newbie_pipeline.prompt.structuring import structure_tags
from newbie_pipeline.prompt.vocabulary import passes
from newbie_pipeline.prompt.weights import read_weights

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "prompt-guide.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: ([\w ]+))?\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)

REPAIRS = re.findall(r"^\| `(<.*|＜.*)` \| `(<.*)` \|$", GUIDE, re.MULTILINE)


def blocks(mark: str) -> list[str]:
    return [text for _, found, text in BLOCKS if found == mark]


@pytest.mark.parametrize("text", blocks(""))
def test_an_example_of_the_guide_is_a_prompt_without_warnings(text: str) -> None:
    prompt = parse(text)
    assert prompt.warnings == ()
    assert prompt.source == text.strip("\n")


@pytest.mark.parametrize(
    ("text", "shown"), [*zip(blocks("weighted"), blocks("shown"), strict=True)]
)
def test_an_example_of_weights_is_shown_to_the_model_as_the_guide_says(
    text: str, shown: str
) -> None:
    prompt = parse(text)
    assert prompt.warnings == ()
    (passage,) = passages_of(prompt.source)
    assert passage.spans
    assert passage.text == shown.strip("\n")


@pytest.mark.parametrize(
    ("written", "read", "weights"),
    re.findall(r"^\| `(.+?)` \| `(.+?)` \| ([\d., ]+) \|$", GUIDE, re.MULTILINE),
)
def test_a_row_of_the_guides_weights_is_true(written: str, read: str, weights: str) -> None:
    plain, spans = read_weights(written)
    assert plain == read
    assert [round(span.weight, 4) for span in spans] == [
        float(weight) for weight in weights.split(", ") if weight != "1"
    ]


def test_the_guide_has_examples_of_weights() -> None:
    assert blocks("weighted")
    assert "| `(smile:1.3)` | `smile` | 1.3 |" in GUIDE


def test_the_guides_passages_are_those_of_its_two_characters() -> None:
    (example,) = (text for text in blocks("") if "<character_2>" in text)
    passages = passages_of(example, character_encoding="per_character")
    assert len(passages) == 2
    assert [passage.text for passage in passages] == [
        text.strip("\n") for text in blocks("passage")
    ]


@pytest.mark.parametrize("text", blocks("repaired"))
def test_an_example_of_a_repair_is_repaired(text: str) -> None:
    warnings = parse(text).warnings
    assert warnings
    assert all(warning.code.is_repair for warning in warnings)


@pytest.mark.parametrize("text", blocks("refused"))
def test_an_example_of_a_refusal_is_refused(text: str) -> None:
    with pytest.raises(PromptError):
        parse(text)


@pytest.mark.parametrize("text", blocks("assisted complete"))
def test_an_example_of_completing_adds_tags_of_the_vocabulary_and_nothing_else(text: str) -> None:
    prompt, (result, _) = parse(text), blocks("added")
    slots = open_slots(prompt, AssistMode.COMPLETE)
    values = [(slot, value_of(parse(result), slot).text) for slot in slots]
    assert all(passes(slot.element, value, slot.character, 1) for slot, value in values)
    assert with_values(prompt, values).source == result.strip("\n")


@pytest.mark.parametrize("text", blocks("assisted structure"))
def test_an_example_of_structuring_comes_out_as_shown(text: str) -> None:
    made = structure_tags(parse(text), {})
    assert made.prompt.source == blocks("added")[1].strip("\n")
    assert {addition.place for addition in made.additions} == {
        "character_1/gender",
        "character_2/gender",
    }


def test_the_guide_has_examples_of_every_kind() -> None:
    assert len(blocks("")) >= 5
    assert blocks("assisted complete")
    assert blocks("assisted structure")
    assert blocks("repaired")
    assert blocks("refused")
    assert len(REPAIRS) >= 5
    assert blocks("weighted")
    assert len(blocks("passage")) == 2
    assert "| `(smile:1.3)` |" in GUIDE


@pytest.mark.parametrize("file", sorted((DOCS / "examples").glob("*.xml")), ids=lambda f: f.name)
def test_an_example_file_has_no_warnings(file: Path) -> None:
    assert parse(file.read_bytes()).warnings == ()


def row(code: Code) -> str:
    """The line about a code in the guide's table."""
    example = CATALOGUE[code].example
    shown = f"`--explain {code.value}`"
    if isinstance(example, str) and example.isprintable() and len(example) <= 90:
        shown = f"`{example}`"
    message = re.sub(r"\{\w+\}", "…", CATALOGUE[code].message)
    # Tags and references would vanish from the page.
    message = re.sub(r"(&\w+;|<\w*>?)", r"`\1`", message)
    return f"| {code.value} | {message} | {shown} |"


@pytest.mark.parametrize("code", Code)
def test_every_code_has_its_row_in_the_guide(code: Code) -> None:
    assert row(code) in GUIDE.splitlines()


def test_the_guide_names_the_fields_and_limits() -> None:
    for name in (*CHARACTER_FIELDS.values(), *GENERAL_FIELDS):
        assert f"`{name}`" in GUIDE or f"`<{name}>`" in GUIDE
    limits = f"{MAX_CHARACTERS} characters, {MAX_ELEMENTS:,} elements and {MAX_DEPTH} elements"
    assert limits in " ".join(GUIDE.split())


@pytest.mark.parametrize(("written", "read"), REPAIRS)
def test_a_repair_of_the_guide_is_what_it_says(written: str, read: str) -> None:
    prompt = parse(written)
    assert prompt.source == read
    assert any(warning.code.is_repair for warning in prompt.warnings)


@pytest.mark.parametrize(
    "text",
    [
        "A singer on a stage at night, small lights around her; she holds a microphone. " * 23,
        "blue_hair, " * 140,
        "红色的伞" * 150,
    ],
    ids=["words", "tags", "characters"],
)
def test_the_rule_of_thumb_for_the_length_holds(text: str) -> None:
    assert abs(estimate_tokens(text) - MAX_GEMMA_TOKENS) < 0.25 * MAX_GEMMA_TOKENS
    assert "350 words of English, 140 tags, or 600 Chinese" in " ".join(GUIDE.split())
