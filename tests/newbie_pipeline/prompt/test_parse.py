"""What is a prompt and what is not: every accept and refusal, with its exact place."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from newbie_pipeline.prompt.errors import Code, PromptError
from newbie_pipeline.prompt.parse import (
    MAX_BYTES,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    check_prompt,
)
from newbie_pipeline.prompt.source import MAX_REPAIRS

ROOT = Path(__file__).parents[3]
PROMPTS = ROOT / "tests" / "data" / "prompts"


def refusal(data: bytes | str) -> PromptError:
    with pytest.raises(PromptError) as refused:
        check_prompt(data)
    return refused.value


def test_one_prompt_is_the_same_text_in_every_encoding() -> None:
    files = sorted((PROMPTS / "accept").glob("two_characters*"))
    assert len(files) == 4  # UTF-8, UTF-8 with a mark and CRLF, UTF-16 of both orders
    assert len({check_prompt(file.read_bytes()) for file in files}) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("declared_gbk.xml", "初音未来"), ("declared_shift_jis.xml", "初音ミク")],
)
def test_a_declared_encoding_is_read(name: str, expected: str) -> None:
    assert expected in check_prompt((PROMPTS / "accept" / name).read_bytes())


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("declared", ["UTF-8", "utf-16", "GBK", "martian"])
def test_a_byte_order_mark_wins_over_the_declaration(codec: str, declared: str) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?><n>初音</n>'
    assert check_prompt(text.encode(codec)) == text


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_shows_in_its_declaration(codec: str) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><n>初音</n>'
    assert check_prompt(text.encode(codec)) == text


def test_a_utf16_declaration_in_a_utf8_file_is_not_believed() -> None:
    text = "<?xml version='1.0' encoding='utf-16'?>\n<n>初音</n>"
    assert check_prompt(text.encode()) == text


@pytest.mark.parametrize(
    "text",
    [
        "miku",
        "  indented tags",
        "a < b > c << d",
        "I <3 you & me </3 R&B 100% &",
        ">_<, <_<, >_>, <_>, <__>, <o>_<o>, <|>_<|>, :<, <>, <- ->",
        "<n>>_<</n>",
        "<n><_<</n>",
        "<a><b>deep</b>text</a> and more <a/>",
        "<n>a</n ><n >b</n>\n<n\n>c</n\n>",
        "<n a='1' b=\"it's\" c = 'x > y & z'>miku</n>",
        "<a:b>miku</a:b><_x>rin</_x><名前>初音</名前><a-1.2>len</a-1.2>",
        "<$character_1$>miku</$character_1$>",
        "<!-- a -- b <n> &x; --><?pi <n> &x;?>miku",
        "<![CDATA[<n> &x; </a>]]>",
        "&lt;&gt;&amp;&quot;&apos;&#65;&#x1F338;",
        "&#; &#xyz; & amp; &;",
        "]]>",
        "<!> <? > </3 > < n>",
        "You are an assistant. <Prompt Start> 1girl",
        "(tag:1.2) {tag} [tag] a_\\(b\\)",
        "👩‍🎤 family 🌸",
        "１ｇｉｒｌ，　青い髪",
        "<N>miku</N>",
        "<n>&#32;x</n>",
        "a <b and c, x<y, <3, a <b",
        "a < n > b, <, < gender",
        "<https://x.y> <@123> <a@b.c>",
        "1girl, a<b, height<waist, <something, <3 <love you",
        "<caption>if x <y then <z</caption>",
        '<caption>a <word and > b, <word c="x</caption>',
        "him</her, his </ her, </b and c",
        "<a:dance:123456789012345678> <:smile:1234567890123456> <t:1700000000:R> <t:1700000000>",
        "<n>a</n> <a:dance:123456789012345678> <_< <o>_<o>",
        "＜３ ＞＿＜ ＜b＞ ／",
    ],
)
def test_text_reaches_the_model_unchanged(text: str) -> None:
    assert check_prompt(text) == text
    assert check_prompt(text.encode()) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\ufeffmiku", "miku"),
        ("a\r\nb\rc\n", "a\nb\nc"),
        ("\n\n  a\n\n  b  \n \t\n", "  a\n\n  b  "),
        ("\u3000\n\ufeff\n\ufeffa\n\ufeff", "a"),
        ("a", "a"),
    ],
)
def test_only_marks_line_ends_and_blank_edges_are_normalised(text: str, expected: str) -> None:
    assert check_prompt(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", Code.EMPTY, None, None),
        ("\u200b\u00a0\u3000\ufeff\n\u2060", Code.EMPTY, None, None),
        ("<n></n>", Code.EMPTY, None, None),
        ("<n a='miku'/>", Code.EMPTY, None, None),
        ("<!-- miku --><?miku miku?>", Code.EMPTY, None, None),
        ("<![CDATA[  ]]>", Code.EMPTY, None, None),
        ("<n>&#32;&#x200b;</n>", Code.EMPTY, None, None),
        ("a\r\nb\x00", Code.CONTROL_CHARACTER, 2, 2),
        ("a\r\rb\x7f", Code.CONTROL_CHARACTER, 3, 2),
        ("初音\x85", Code.CONTROL_CHARACTER, 1, 3),
        ("🌸🌸\ud800", Code.CONTROL_CHARACTER, 1, 3),
        ("a\uffff", Code.CONTROL_CHARACTER, 1, 2),
        ("\ufeffab\x01", Code.CONTROL_CHARACTER, 1, 3),
        ("\n \n<n>", Code.NEVER_CLOSED, 3, 1),
        ("x <a>y<b>z</a>", Code.NEVER_CLOSED, 1, 7),
        ("<a>x<b>y</a>z</b>", Code.CROSSED, 1, 9),
        ("miku</n>", Code.CLOSES_NOTHING, 1, 5),
        ("<n/>miku</n>", Code.CLOSES_NOTHING, 1, 9),
        ("<n a>miku</n>", Code.ATTRIBUTE_WITHOUT_VALUE, 1, 4),
        ("<n a=>miku</n>", Code.ATTRIBUTE_WITHOUT_VALUE, 1, 4),
        ("<n a='1' b=2>miku</n>", Code.ATTRIBUTE_WITHOUT_VALUE, 1, 10),
        ("<n a='<3'>miku</n>", Code.QUOTE_NOT_CLOSED, 1, 6),
        ("<n a='1>miku", Code.QUOTE_NOT_CLOSED, 1, 6),
        ("<n a='1'b='2'>miku</n>", Code.UNEXPECTED_IN_TAG, 1, 9),
        ("<n\n  !>miku", Code.UNEXPECTED_IN_TAG, 2, 3),
        ("<n b='1'\n a='2' b='3'/>x", Code.REPEATED_ATTRIBUTE, 2, 8),
        ("miku <n", Code.TAG_NOT_FINISHED, 1, 6),
        ("miku <n a='1' ", Code.TAG_NOT_FINISHED, 1, 6),
        ("<c><a>x</c>", Code.NEVER_CLOSED, 1, 4),
        ("<n>a\nb<gender>c</gender>", Code.NEVER_CLOSED, 1, 1),
        ("<n>miku", Code.NEVER_CLOSED, 1, 1),
        ("<character_1>", Code.NEVER_CLOSED, 1, 1),
        ("<character_1>miku", Code.NEVER_CLOSED, 1, 1),
        ("I <love> you", Code.NEVER_CLOSED, 1, 3),
        ("I <love> you, <love> him", Code.NEVER_CLOSED, 1, 15),
        ("size <caption, smile", Code.UNEXPECTED_IN_TAG, 1, 14),
        ("<b>x</b> a<b, c", Code.UNEXPECTED_IN_TAG, 1, 13),
        ("<n>x</n> him</her", Code.CLOSES_NOTHING, 1, 13),
        ("<n>x</n> him</her and", Code.BAD_END_TAG, 1, 13),
        ("him</her>", Code.CLOSES_NOTHING, 1, 4),
        ("<n=miku</n>", Code.UNEXPECTED_IN_TAG, 1, 3),
        ("<n>a <gender>b</n>", Code.NEVER_CLOSED, 1, 6),
        ("<n>a <gender>b</n></gender>", Code.CROSSED, 1, 15),
        ("<caption>a <n>b</caption>", Code.NEVER_CLOSED, 1, 12),
        ("<n>a<character_2><n>b</n></n>", Code.NEVER_CLOSED, 1, 5),
        ("<action>run</position>", Code.WRONG_END, 1, 12),
        ("<n>" + "x" * 50 + "</" + "y" * 50 + ">", Code.WRONG_END, 1, 54),
        ("<b 1>x</b>", Code.UNEXPECTED_IN_TAG, 1, 4),
        ("<n>miku</>", Code.BAD_END_TAG, 1, 8),
        ("<n>miku</n a='1'>", Code.BAD_END_TAG, 1, 8),
        ("x <!-- -- >", Code.SECTION_NOT_FINISHED, 1, 3),
        ("x <![CDATA[ ]]", Code.SECTION_NOT_FINISHED, 1, 3),
        ("x <?a >", Code.SECTION_NOT_FINISHED, 1, 3),
        ("x <!doctype html>", Code.DTD, 1, 3),
        ("x <!ENTITY a 'b'>", Code.DTD, 1, 3),
        ("x <![INCLUDE[ y ]]>", Code.DTD, 1, 3),
        ("AT&T; x", Code.ENTITY, 1, 3),
        ("a &LT; b", Code.ENTITY, 1, 3),
        ("<n a='1' b='&x;'/>", Code.ENTITY, 1, 13),
        ("&#0;", Code.BAD_CHARACTER_REFERENCE, 1, 1),
        ("x&#x1b;", Code.BAD_CHARACTER_REFERENCE, 1, 2),
        ("x&#xD800;", Code.BAD_CHARACTER_REFERENCE, 1, 2),
        ("x&#x110000;", Code.BAD_CHARACTER_REFERENCE, 1, 2),
        ("x&#" + "9" * 5000 + ";", Code.BAD_CHARACTER_REFERENCE, 1, 2),
        ("<n a='&#0;'>x</n>", Code.BAD_CHARACTER_REFERENCE, 1, 7),
        ("a\n<LoRA:x:1>", Code.LORA_TAG, 2, 1),
        ("a\n<lora:my style v2:0.8>", Code.LORA_TAG, 2, 1),
    ],
)
def test_a_text_is_refused_at_its_exact_place(
    text: str, code: Code, line: int | None, column: int | None
) -> None:
    error = refusal(text)
    assert (error.code, error.line, error.column) == (code, line, column)


def test_the_size_limit_counts_bytes_and_is_inclusive() -> None:
    largest = "初" * (MAX_BYTES // 3) + "x"
    assert len(largest.encode()) == MAX_BYTES
    assert check_prompt(largest) == check_prompt(largest.encode()) == largest
    error = refusal(largest + "x")
    assert (error.code, error.values) == (
        Code.TOO_LARGE,
        {"size": MAX_BYTES + 1, "limit": MAX_BYTES},
    )
    assert refusal((largest + "x").encode()).code is Code.TOO_LARGE


def test_the_size_limit_holds_for_the_text_whatever_the_file_was_stored_in() -> None:
    assert refusal(("\ufeff" + "初" * 30_000).encode("utf-16-le")).code is Code.TOO_LARGE


def test_the_depth_limit_is_inclusive() -> None:
    nested = "<a>" * MAX_DEPTH + "miku" + "</a>" * MAX_DEPTH
    assert check_prompt(nested) == nested
    assert refusal(nested.replace("miku", "<b/>miku")).code is Code.TOO_DEEP


@pytest.mark.parametrize("name", ["character_{}", "character", "Character{}", "$character_{}$"])
def test_the_limit_of_characters_is_inclusive(name: str) -> None:
    blocks = ["<{0}>miku</{0}>".format(name.format(number)) for number in range(1, 18)]
    assert check_prompt("".join(blocks[:MAX_CHARACTERS]))
    error = refusal("".join(blocks))
    assert error.code is Code.TOO_MANY_CHARACTERS
    assert error.column == len("".join(blocks[:MAX_CHARACTERS])) + 1


def test_other_elements_are_no_characters() -> None:
    assert check_prompt("<characters>miku</characters>" * 20)


def test_the_limit_of_elements_is_inclusive() -> None:
    assert check_prompt("<n>a</n>" * MAX_ELEMENTS)
    assert refusal("<n>a</n>" * (MAX_ELEMENTS + 1)).code is Code.TOO_MANY_ELEMENTS


def test_the_limit_of_repairs_is_inclusive() -> None:
    assert check_prompt("<n>a</ n>" * MAX_REPAIRS)
    assert refusal("<n>a</ n>" * (MAX_REPAIRS + 1)).code is Code.TOO_MANY_REPAIRS


def test_nothing_is_read_from_the_disk_or_the_net(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was opened")

    hostile = [
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>&x;</a>',
        '<?xml-stylesheet href="http://localhost/x.xsl"?><n>miku</n>',
        '<n xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/>x</n>',
        *(file.read_bytes() for file in sorted((PROMPTS / "refuse").glob("*.xml"))),
    ]
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("socket.socket", refuse)
    for text in hostile:
        with contextlib.suppress(PromptError):
            assert "root:" not in check_prompt(text)


@pytest.mark.parametrize("text", ["GIF89a, pixel_art", "BM", "MZ 髪", "PK, ID3, RIFF", "100% PDF-"])
@pytest.mark.parametrize("codec", ["utf-8", "gbk", "shift_jis"])
def test_text_that_begins_like_a_binary_file_is_text(text: str, codec: str) -> None:
    with contextlib.suppress(PromptError):  # two bytes are too few to guess by
        assert check_prompt(text.encode(codec)) == text
    assert check_prompt(text.encode()) == text


def test_a_picture_that_is_too_large_is_called_a_picture() -> None:
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(MAX_BYTES)
    assert refusal(picture).code is Code.BINARY
    assert refusal(b"1girl, " * MAX_BYTES).code is Code.TOO_LARGE


def test_loading_the_prompt_language_loads_no_other_room() -> None:
    script = (
        "import sys, newbie_pipeline.prompt.parse\n"
        "print([name for name in ('torch', 'diffusers', 'transformers', 'discord', 'redis', 'rq')"
        " if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"
