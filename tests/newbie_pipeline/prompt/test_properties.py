"""What holds for every input, and agreement with lxml where both read the same language."""

import re
from pathlib import Path
from xml.sax.saxutils import escape, unescape

from hypothesis import assume, example, given
from hypothesis import strategies as st
from lxml import etree

from newbie_pipeline.prompt.errors import Code, PromptError
from newbie_pipeline.prompt.parse import check_prompt
from newbie_pipeline.prompt.scan import scan
from newbie_pipeline.prompt.source import Source

PROMPTS = Path(__file__).parents[3] / "tests" / "data" / "prompts"
TWO_CHARACTERS = (PROMPTS / "accept" / "two_characters.xml").read_text(encoding="utf-8")

# Whole and broken pieces of markup, so that random texts meet every branch.
PIECES = [
    *("<a>", "</a>", "<b x='1'>", "</b>", "<c/>", "< c>", "</ a>", "<", ">", "/", "&", "=", "'"),
    *("&lt;", "&#65;", "&#x41;", ";", "<!-- n -->", "<![CDATA[ <n> & ]]>", "<?p i?>", "]]>"),
    *(" ", "\n", "miku", "3", ' x="', '"', ">_<", "<3", "初音", "🌸"),
]
WILD_PIECES = [
    *("<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!", "<!DOCTYPE", "<![", "&x;", "&#0;", "&#"),
    *("<_<", "<o>_<o>", "<Prompt Start>", "<lora:a:1>", "<$x$>", "</$x$>", "<character_1>"),
    *("\ufeff", "\r\n", "\r", "\t", "\u3000", "\x85", "\x00", "\u200b", "\ud800"),
]
fragments = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
wild_texts = st.lists(st.sampled_from(PIECES + WILD_PIECES) | st.text(max_size=3), max_size=14).map(
    "".join
)
texts = st.text() | wild_texts
prefixes = st.sampled_from(
    [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b'<?xml encoding="gbk"?>']
)
codecs = st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "gb18030"])
encoded = st.builds(
    lambda prefix, text, codec: prefix + text.encode(codec, "replace"), prefixes, texts, codecs
)


def check(data: bytes | str) -> str | PromptError:
    try:
        return check_prompt(data)
    except PromptError as error:
        return error


@given(texts | st.binary() | encoded)
@example("\ufeff \ufeff\n\ufeff")
@example(b'<?xml encoding="gbk"?>\xff')
def test_no_input_raises_anything_but_a_prompt_error(data: bytes | str) -> None:
    result = check(data)
    if isinstance(result, PromptError):
        assert result.message
        assert (result.line is None) is (result.column is None)
    else:
        result.encode("utf-8")


@given(texts)
def test_a_place_lies_inside_the_text(text: str) -> None:
    error = check(text)
    assume(isinstance(error, PromptError) and error.line is not None)
    lines = re.split(r"\r\n|\r|\n", text.lstrip("\ufeff"))
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1


@given(texts | encoded)
def test_an_accepted_prompt_is_accepted_again_unchanged(data: bytes | str) -> None:
    accepted = check(data)
    assume(isinstance(accepted, str))
    assert check_prompt(accepted) == accepted


@given(texts)
def test_accepted_text_loses_only_marks_and_blank_edges(text: str) -> None:
    accepted = check(text)
    assume(isinstance(accepted, str))
    lines = re.sub("\r\n?", "\n", text)
    before, found, after = lines.partition(accepted)
    assert found
    assert not (before + after).replace("\ufeff", "").strip()
    assert accepted.split("\n")[0].strip()
    assert accepted.split("\n")[-1].strip()
    assert before.replace("\ufeff", "")[-1:] in ("", "\n")
    assert after[:1] in ("", "\n")


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
    assume(isinstance(check(fragment), str))
    tags, text, strict = [], "", ""
    offset = 0
    for piece in scan(Source(fragment)):
        between, markup = fragment[offset : piece.start], fragment[piece.start : piece.end]
        text += unescape(between)
        strict += escape(unescape(between)) + re.sub(r"&(?!lt;|#)", "&amp;", markup)
        if piece.kind == "start":
            tags.append(piece.name)
        elif piece.kind == "number":
            text += "A"
        elif piece.kind == "cdata":
            text += markup[len("<![CDATA[") : -len("]]>")]
            strict = strict.replace("&amp; ]]>", "& ]]>")
        offset = piece.end
    text += unescape(fragment[offset:])
    strict += escape(unescape(fragment[offset:]))
    root = etree.fromstring(f"<root>{strict}</root>")
    assert [element.tag for element in root.iter(etree.Element)] == ["root", *tags]
    assert root.xpath("string()") == text


@given(fragments)
@example("<a>x</a ><c/>")
def test_what_lxml_reads_is_never_refused_as_broken(fragment: str) -> None:
    try:
        etree.fromstring(f"<root>{fragment}</root>")
    except etree.XMLSyntaxError:
        assume(False)
    result = check(fragment)
    assert isinstance(result, str) or result.code in (Code.EMPTY, Code.TOO_DEEP)
