"""What holds for every input, and agreement with lxml where both read the same language."""

import re
from pathlib import Path
from xml.sax.saxutils import escape, unescape

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from lxml import etree

from newbie_pipeline.prompt.errors import Code, PromptError
from newbie_pipeline.prompt.model import Prompt
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.prompt.render import render
from newbie_pipeline.prompt.scan import scan
from newbie_pipeline.prompt.source import Source
from tests.newbie_pipeline.prompt.strategies import encoded, fragments, mangled, prompts, texts

PROMPTS = Path(__file__).parents[3] / "tests" / "data" / "prompts"
TWO_CHARACTERS = (PROMPTS / "accept" / "two_characters.xml").read_text(encoding="utf-8")

# Most random texts are refused.
many_refused = settings(suppress_health_check=[HealthCheck.filter_too_much])


def check(data: bytes | str) -> Prompt | PromptError:
    try:
        return parse(data)
    except PromptError as error:
        return error


def accepted(data: bytes | str) -> Prompt:
    prompt = check(data)
    assume(isinstance(prompt, Prompt))
    return prompt


def repairs(prompt: Prompt) -> set[Code]:
    return {warning.code for warning in prompt.warnings if warning.code.is_repair}


@given(texts | mangled() | st.binary() | encoded)
@example("\ufeff \ufeff\n\ufeff")
@example(b'<?xml encoding="gbk"?>\xff')
def test_no_input_raises_anything_but_a_prompt_error(data: bytes | str) -> None:
    result = check(data)
    if isinstance(result, PromptError):
        assert result.message
        assert (result.line is None) is (result.column is None)
    else:
        result.source.encode("utf-8")
        assert all(str(warning) and warning.hint for warning in result.warnings)


@given(texts | mangled())
def test_a_place_lies_inside_the_text(text: str) -> None:
    result = check(text)
    found = [result] if isinstance(result, PromptError) else result.warnings
    lines = re.split(r"\r\n|\r|\n", text.lstrip("\ufeff"))
    for each in found:
        if each.line is not None:
            assert 1 <= each.line <= len(lines)
            assert 1 <= each.column <= len(lines[each.line - 1]) + 1


@many_refused
@given(texts | mangled() | encoded)
def test_the_canonical_form_is_the_same_prompt_and_stable(data: bytes | str) -> None:
    prompt = accepted(data)
    canonical = render(prompt)
    again = parse(canonical, max_bytes=None)
    assert again == prompt
    assert render(again) == canonical == again.source
    assert repairs(again) == set()


@given(prompts)
def test_a_prompt_that_a_program_made_is_read_back(prompt: Prompt) -> None:
    again = parse(render(prompt), max_bytes=None)
    assert again == prompt
    assert repairs(again) == set()


@many_refused
@given(texts | mangled() | encoded)
def test_what_the_model_is_shown_is_the_same_prompt_with_nothing_left_to_repair(
    data: bytes | str,
) -> None:
    prompt = accepted(data)
    again = parse(prompt.source, max_bytes=None)
    assert again == prompt
    assert again.source == prompt.source
    assert repairs(again) == set()


@many_refused
@given(texts | mangled())
def test_a_text_without_repairs_loses_only_marks_and_blank_edges(text: str) -> None:
    prompt = accepted(text)
    assume(not repairs(prompt))
    shown = prompt.source
    lines = re.sub("\r\n?", "\n", text)
    before, found, after = lines.partition(shown)
    assert found
    assert not (before + after).replace("\ufeff", "").strip()
    assert shown.split("\n")[0].strip()
    assert shown.split("\n")[-1].strip()
    assert before.replace("\ufeff", "")[-1:] in ("", "\n")
    assert after[:1] in ("", "\n")


@many_refused
@given(texts | mangled())
def test_a_repair_changes_no_text(text: str) -> None:
    prompt = accepted(text)
    assume(Code.RENUMBERED not in repairs(prompt))
    assert words_outside_of_markup(prompt.source) == words_outside_of_markup(text)


def words_outside_of_markup(text: str) -> str:
    source = Source(re.sub("\r\n?", "\n", text.lstrip("\ufeff")))
    offset, found = 0, ""
    for piece in scan(source):
        found += source.text[offset : piece.start]
        offset = piece.end
    return "".join((found + source.text[offset:]).replace("\ufeff", "").split())


@given(st.integers(0, len(TWO_CHARACTERS)), st.sampled_from(["\x01", "&bad;", "</bad>", "<!X"]))
def test_a_fault_is_reported_where_it_was_put(offset: int, fault: str) -> None:
    pieces = list(scan(Source(TWO_CHARACTERS)))
    if any(piece.start < offset < piece.end for piece in pieces):
        fault = "\x01"
    error = check(TWO_CHARACTERS[:offset] + fault + TWO_CHARACTERS[offset:])
    assert isinstance(error, PromptError)
    lines = TWO_CHARACTERS[:offset].split("\n")
    assert (error.line, error.column) == (len(lines), len(lines[-1]) + 1)


@given(fragments)
@example("<a>x</a> <b x='1'>&lt;3 <3 & > ]]></b><![CDATA[ <n> & ]]>")
def test_lxml_reads_the_same_elements_and_text(fragment: str) -> None:
    assume(not repairs(accepted(fragment)))
    tags, text, strict = [], "", ""
    offset = 0
    for piece in scan(Source(fragment)):
        between, markup = decoded(fragment[offset : piece.start]), fragment[piece.start : piece.end]
        text += between
        strict += escape(between) + re.sub(r"&(?!lt;|#)", "&amp;", markup)
        if piece.kind == "start":
            tags.append(piece.name)
        elif piece.kind == "cdata":
            text += markup[len("<![CDATA[") : -len("]]>")]
            strict = strict.replace("&amp; ]]>", "& ]]>")
        offset = piece.end
    text += decoded(fragment[offset:])
    strict += escape(decoded(fragment[offset:]))
    root = etree.fromstring(f"<root>{strict}</root>")
    assert [element.tag for element in root.iter(etree.Element)] == ["root", *tags]
    assert root.xpath("string()") == text


def decoded(text: str) -> str:
    return unescape(re.sub("&#(?:65|x41);", "A", text))


@given(fragments)
@example("<a>x</a ><c/>")
def test_what_lxml_reads_is_never_refused_as_broken(fragment: str) -> None:
    try:
        etree.fromstring(f"<root>{fragment}</root>")
    except etree.XMLSyntaxError:
        assume(False)
    result = check(fragment)
    assert isinstance(result, Prompt) or result.code in (Code.EMPTY, Code.TOO_DEEP)
