"""Every prompt file of the test data: what is refused, repaired or told, at its exact place.

One table a folder. A file that is not in `ACCEPTED` is accepted without a warning.
"""

from pathlib import Path

import pytest

from newbie_pipeline.prompt.errors import Code, PromptError
from newbie_pipeline.prompt.parse import check_prompt, is_xml, parse

PROMPTS = Path(__file__).parents[2] / "data" / "prompts"
Place = tuple[Code, int | None, int | None]

REFUSED: dict[str, Place] = {
    "archive.7z": (Code.BINARY, None, None),
    "archive.bz2": (Code.BINARY, None, None),
    "archive.gz": (Code.BINARY, None, None),
    "archive.rar": (Code.BINARY, None, None),
    "archive.tar": (Code.BINARY, None, None),
    "archive.xz": (Code.BINARY, None, None),
    "archive.zip": (Code.BINARY, None, None),
    "archive.zst": (Code.BINARY, None, None),
    "attribute_list_declaration.xml": (Code.DTD, 1, 1),
    "attribute_without_quotes.xml": (Code.ATTRIBUTE_WITHOUT_VALUE, 2, 4),
    "billion_laughs.xml": (Code.DTD, 2, 1),
    "blank.txt": (Code.EMPTY, None, None),
    "blank_references_only.xml": (Code.EMPTY, None, None),
    "byte_order_mark_only.txt": (Code.EMPTY, None, None),
    "cdata_without_end.xml": (Code.SECTION_NOT_FINISHED, 2, 1),
    "conditional_section.xml": (Code.DTD, 1, 12),
    "crossed.xml": (Code.CROSSED, 2, 36),
    "crossed_fields.xml": (Code.CROSSED, 2, 24),
    "cut_off.xml": (Code.NEVER_CLOSED, 3, 1),
    "database.sqlite": (Code.BINARY, None, None),
    "delete.txt": (Code.CONTROL_CHARACTER, 1, 12),
    "document.doc": (Code.BINARY, None, None),
    "document.pdf": (Code.BINARY, None, None),
    "document.ps": (Code.BINARY, None, None),
    "document.rtf": (Code.BINARY, None, None),
    "dtd_public.xml": (Code.DTD, 2, 1),
    "dtd_system.xml": (Code.DTD, 1, 1),
    "element_declaration.xml": (Code.DTD, 1, 1),
    "empty.txt": (Code.EMPTY, None, None),
    "empty_elements_only.xml": (Code.EMPTY, None, None),
    "end_tag_without_name.xml": (Code.BAD_END_TAG, 1, 8),
    "entity.xml": (Code.ENTITY, 2, 16),
    "entity_declaration_alone.xml": (Code.DTD, 2, 3),
    "entity_in_attribute.xml": (Code.ENTITY, 2, 7),
    "escape_character.txt": (Code.CONTROL_CHARACTER, 2, 5),
    "external_entity.xml": (Code.DTD, 1, 1),
    "form_feed.txt": (Code.CONTROL_CHARACTER, 2, 5),
    "html_document.xml": (Code.DTD, 1, 1),
    "known_name_in_a_sentence.txt": (Code.UNEXPECTED_IN_TAG, 1, 22),
    "latin1.txt": (Code.UNDECODABLE, 2, 4),
    "lora.txt": (Code.LORA_TAG, 2, 8),
    "next_line_control.txt": (Code.CONTROL_CHARACTER, 1, 10),
    "nine_deep.xml": (Code.TOO_DEEP, 9, 19),
    "no_character.txt": (Code.CONTROL_CHARACTER, 1, 7),
    "notation_declaration.xml": (Code.DTD, 1, 1),
    "nul_in_text.txt": (Code.BINARY, None, None),
    "one_byte_over_64_kib.txt": (Code.TOO_LARGE, None, None),
    "only_comments.xml": (Code.EMPTY, None, None),
    "open_quote.xml": (Code.QUOTE_NOT_CLOSED, 2, 11),
    "parameter_entity.xml": (Code.DTD, 1, 1),
    "picture.bmp": (Code.BINARY, None, None),
    "picture.gif": (Code.BINARY, None, None),
    "picture.jpg": (Code.BINARY, None, None),
    "picture.png": (Code.BINARY, None, None),
    "picture.tiff": (Code.BINARY, None, None),
    "picture.webp": (Code.BINARY, None, None),
    "program.elf": (Code.BINARY, None, None),
    "program.exe": (Code.BINARY, None, None),
    "reference_to_a_control.xml": (Code.BAD_CHARACTER_REFERENCE, 1, 8),
    "repeated_attribute.xml": (Code.REPEATED_ATTRIBUTE, 2, 4),
    "seventeen_characters.xml": (Code.TOO_MANY_CHARACTERS, 17, 1),
    "sound.flac": (Code.BINARY, None, None),
    "sound.mp3": (Code.BINARY, None, None),
    "sound.ogg": (Code.BINARY, None, None),
    "stray_end.xml": (Code.CLOSES_NOTHING, 2, 3),
    "surrogate_in_utf16.txt": (Code.UNDECODABLE, 1, 8),
    "surrogate_in_utf8.txt": (Code.UNDECODABLE, 1, 8),
    "tag_in_a_sentence.txt": (Code.NEVER_CLOSED, 1, 3),
    "tag_without_end.xml": (Code.NEVER_CLOSED, 2, 3),
    "too_many_elements.xml": (Code.TOO_MANY_ELEMENTS, 1025, 1),
    "too_many_mistakes.xml": (Code.TOO_MANY_REPAIRS, 257, 5),
    "truncated_utf16.txt": (Code.UNDECODABLE, 2, 3),
    "unclosed.xml": (Code.NEVER_CLOSED, 3, 3),
    "unclosed_crlf_bom.xml": (Code.NEVER_CLOSED, 2, 1),
    "unclosed_field_in_a_field.xml": (Code.NEVER_CLOSED, 2, 11),
    "unclosed_unknown_element.xml": (Code.NEVER_CLOSED, 3, 3),
    "unclosed_utf16.xml": (Code.NEVER_CLOSED, 3, 3),
    "unfinished_comment.xml": (Code.SECTION_NOT_FINISHED, 2, 2),
    "unfinished_tag_at_the_end.txt": (Code.TAG_NOT_FINISHED, 2, 1),
    "unknown_encoding.xml": (Code.UNKNOWN_ENCODING, 2, 13),
    "video.mp4": (Code.BINARY, None, None),
    "video.webm": (Code.BINARY, None, None),
    "weights.safetensors": (Code.BINARY, None, None),
    "wrong_end.xml": (Code.WRONG_END, 2, 35),
    "zero_width_only.txt": (Code.EMPTY, None, None),
}
ACCEPTED: dict[str, list[Place]] = {
    "eight_deep.xml": [(Code.UNKNOWN_ELEMENT, 1, 1)],
    "exactly_64_kib.txt": [(Code.TOO_LONG, None, None)],
    "image_root_with_attributes.xml": [
        (Code.ATTRIBUTE_UNUSED, 1, 8),
        (Code.ATTRIBUTE_UNUSED, 2, 14),
    ],
    "sixteen_characters.xml": [(Code.MANY_CHARACTERS, None, None)],
    "two_characters.xml": [(Code.TOO_LONG, None, None)],
    "two_characters_crlf_bom.xml": [(Code.TOO_LONG, None, None)],
    "two_characters_utf16be.xml": [(Code.TOO_LONG, None, None)],
    "two_characters_utf16le.xml": [(Code.TOO_LONG, None, None)],
    "xinclude.xml": [
        (Code.ATTRIBUTE_UNUSED, 1, 14),
        (Code.UNKNOWN_ELEMENT, 3, 3),
        (Code.ATTRIBUTE_UNUSED, 3, 15),
    ],
}
REPAIRED: dict[str, list[Place]] = {
    "blanks_in_tags.xml": [
        (Code.TAG_REPAIRED, 1, 1),
        (Code.TAG_REPAIRED, 2, 1),
        (Code.TAG_REPAIRED, 2, 10),
        (Code.TAG_REPAIRED, 4, 1),
    ],
    "case_of_end_tag.xml": [(Code.END_RENAMED, 2, 8), (Code.END_RENAMED, 3, 1)],
    "copied_end_tag.xml": [(Code.END_RENAMED, 6, 1)],
    "crlf_and_a_mistake.xml": [(Code.TAG_REPAIRED, 2, 10)],
    "declaration_without_question_mark.xml": [(Code.TAG_REPAIRED, 1, 1)],
    "declared_gbk_but_utf8.xml": [(Code.DECLARATION_WRONG, 1, 1)],
    "declared_unknown_but_utf8.xml": [(Code.DECLARATION_WRONG, 1, 1)],
    "declared_utf8_but_gbk.xml": [(Code.DECLARATION_WRONG, 1, 1)],
    "declared_utf8_but_shift_jis.xml": [(Code.DECLARATION_WRONG, 1, 1)],
    "either_gbk_or_shift_jis.txt": [(Code.ENCODING_AMBIGUOUS, None, None)],
    "end_tag_twice.xml": [(Code.END_REMOVED, 2, 12)],
    "ends_swapped.xml": [(Code.ENDS_SWAPPED, 3, 1)],
    "full_width_names.xml": [
        (Code.FULL_WIDTH_TAG, 1, 1),
        (Code.FULL_WIDTH_TAG, 2, 1),
        (Code.FULL_WIDTH_TAG, 2, 8),
        (Code.FULL_WIDTH_TAG, 3, 1),
        (Code.FULL_WIDTH_TAG, 4, 1),
        (Code.TAG_REPAIRED, 4, 1),
        (Code.FULL_WIDTH_TAG, 4, 17),
        (Code.TAG_REPAIRED, 4, 17),
    ],
    "full_width_tags.xml": [
        (Code.FULL_WIDTH_TAG, 1, 1),
        (Code.FULL_WIDTH_TAG, 2, 1),
        (Code.FULL_WIDTH_TAG, 2, 8),
        (Code.FULL_WIDTH_TAG, 3, 1),
        (Code.FULL_WIDTH_TAG, 3, 20),
        (Code.FULL_WIDTH_TAG, 4, 1),
    ],
    "gap_in_numbers.xml": [(Code.RENUMBERED, 5, 1)],
    "general_tags_in_two_words.xml": [(Code.TAG_REPAIRED, 1, 1), (Code.TAG_REPAIRED, 3, 1)],
    "missing_sign.xml": [(Code.TAG_REPAIRED, 1, 1), (Code.TAG_REPAIRED, 2, 8)],
    "missing_sign_before_text.xml": [(Code.TAG_REPAIRED, 2, 3), (Code.TAG_REPAIRED, 3, 3)],
    "missing_slash.xml": [(Code.TAG_REPAIRED, 2, 8), (Code.TAG_REPAIRED, 3, 14)],
    "misspelt_end.xml": [(Code.END_RENAMED, 2, 35)],
    "nested_characters.xml": [(Code.NESTED, 3, 1)],
    "no_numbers.xml": [(Code.RENUMBERED, 1, 1), (Code.RENUMBERED, 4, 1)],
    "number_too_long.xml": [(Code.RENUMBERED, 1, 1)],
    "same_number_twice.xml": [(Code.MANY_CHARACTERS, None, None), (Code.RENUMBERED, 4, 1)],
    "unclosed_at_the_end.xml": [(Code.CLOSED_FOR_YOU, 1, 1)],
    "unclosed_character.xml": [(Code.CLOSED_FOR_YOU, 1, 1)],
    "unclosed_field.xml": [(Code.CLOSED_FOR_YOU, 3, 3)],
    "undeclared_big5.txt": [(Code.ENCODING_GUESSED, None, None)],
    "undeclared_big5.xml": [(Code.ENCODING_GUESSED, None, None)],
    "undeclared_gbk.txt": [(Code.ENCODING_GUESSED, None, None)],
    "undeclared_gbk.xml": [(Code.ENCODING_GUESSED, None, None)],
    "undeclared_gbk_with_kana.txt": [(Code.ENCODING_AMBIGUOUS, None, None)],
    "undeclared_shift_jis.txt": [(Code.ENCODING_GUESSED, None, None)],
    "undeclared_shift_jis.xml": [(Code.ENCODING_GUESSED, None, None)],
    "utf16_without_mark.xml": [(Code.ENCODING_GUESSED, None, None)],
    "utf16_without_mark_kanji.txt": [(Code.ENCODING_GUESSED, None, None)],
}
HINTED: dict[str, list[Place]] = {
    "attribute.xml": [(Code.ATTRIBUTE_UNUSED, 1, 14)],
    "count_of_other_gender.xml": [(Code.GENDER_MISMATCH, 10, 10)],
    "count_too_small.xml": [(Code.COUNT_MISMATCH, 8, 10)],
    "field_in_a_field.xml": [(Code.INSIDE_FIELD, 3, 25)],
    "field_in_the_wrong_place.xml": [(Code.MISPLACED, 1, 1), (Code.MISPLACED, 4, 3)],
    "field_twice.xml": [(Code.REPEATED_FIELD, 4, 3)],
    "many_unknown_elements.xml": [
        *((Code.UNKNOWN_ELEMENT, line, 1) for line in range(2, 10)),
        (Code.MORE_OF_THESE, None, None),
    ],
    "misspelt_and_unfinished.xml": [(Code.TAG_AS_TEXT, 3, 3)],
    "more_than_512_tokens.txt": [(Code.TOO_LONG, None, None)],
    "three_characters.xml": [(Code.MANY_CHARACTERS, None, None)],
    "two_eye_colours_in_two_fields.xml": [(Code.CONTRADICTION, 4, 15)],
    "two_hair_colours.xml": [(Code.CONTRADICTION, 3, 15)],
    "two_hair_colours_chinese.xml": [(Code.CONTRADICTION, 3, 15)],
    "unknown_elements.xml": [(Code.UNKNOWN_ELEMENT, 3, 3), (Code.MISSPELT_ELEMENT, 4, 3)],
}
# What is not in UTF-8.
ENCODINGS = {
    "declared_big5.xml": "big5",
    "declared_euc_jp.xml": "euc_jp",
    "declared_gb2312_crlf.xml": "gb2312",
    "declared_gbk.xml": "gbk",
    "declared_shift_jis.xml": "shift_jis",
    "two_characters_utf16be.xml": "utf-16",
    "two_characters_utf16le.xml": "utf-16",
}

# In which the file is no prompt, whatever it is named.
KINDS = {
    "archive.7z": "a 7z archive",
    "archive.bz2": "a bzip2 archive",
    "archive.gz": "a gzip archive",
    "archive.rar": "a RAR archive",
    "archive.tar": "a binary file",
    "archive.xz": "an xz archive",
    "archive.zip": "a ZIP archive or an office document",
    "archive.zst": "a Zstandard archive",
    "database.sqlite": "an SQLite database",
    "document.doc": "an old office document",
    "document.pdf": "a PDF document",
    "document.ps": "a PostScript document",
    "document.rtf": "an RTF document",
    "nul_in_text.txt": "a binary file",
    "picture.bmp": "a BMP picture",
    "picture.gif": "a GIF picture",
    "picture.jpg": "a JPEG picture",
    "picture.png": "a PNG picture",
    "picture.tiff": "a TIFF picture",
    "picture.webp": "a WebP picture or another RIFF file",
    "program.elf": "a Linux program",
    "program.exe": "a Windows program",
    "sound.flac": "a FLAC file",
    "sound.mp3": "an MP3 file",
    "sound.ogg": "an Ogg file",
    "video.mp4": "an MP4 video or an AVIF or HEIC picture",
    "video.webm": "a WebM or Matroska video",
    "weights.safetensors": "a safetensors file",
}


def files(folder: str) -> list[Path]:
    return sorted((PROMPTS / folder).iterdir())


def places(file: Path) -> list[Place]:
    return [(each.code, each.line, each.column) for each in parse(file.read_bytes()).warnings]


@pytest.mark.parametrize("file", files("accept"), ids=lambda file: file.name)
def test_a_prompt_file_is_accepted(file: Path) -> None:
    text = check_prompt(file.read_bytes())
    assert text == text.strip("\r\n\ufeff") != ""
    assert is_xml(text) is (file.suffix == ".xml")
    assert places(file) == ACCEPTED.get(file.name, [])


@pytest.mark.parametrize("file", files("accept"), ids=lambda file: file.name)
def test_an_accepted_file_reaches_the_model_unchanged(file: Path) -> None:
    shown = check_prompt(file.read_bytes())
    encoding = ENCODINGS.get(file.name, "utf-8-sig")
    written = file.read_bytes().decode(encoding)
    assert "\n".join(written.splitlines()).strip("\n") == shown


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_at_its_exact_place(name: str) -> None:
    with pytest.raises(PromptError) as refused:
        parse((PROMPTS / "refuse" / name).read_bytes())
    error = refused.value
    assert (error.code, error.line, error.column) == REFUSED[name]
    assert error.values.get("kind") == KINDS.get(name)


@pytest.mark.parametrize("name", REPAIRED)
def test_a_file_is_repaired_with_warnings_at_their_exact_places(name: str) -> None:
    assert places(PROMPTS / "repair" / name) == REPAIRED[name]


@pytest.mark.parametrize("name", HINTED)
def test_a_file_is_accepted_with_a_hint_at_its_exact_place(name: str) -> None:
    file = PROMPTS / "hint" / name
    assert places(file) == HINTED[name]
    assert not any(code.is_repair for code, *_ in places(file))


def test_every_file_is_in_its_table() -> None:
    for folder, table in (("refuse", REFUSED), ("repair", REPAIRED), ("hint", HINTED)):
        assert {file.name for file in files(folder)} == set(table)
    accepted = {file.name for file in files("accept")}
    assert set(ACCEPTED) | set(ENCODINGS) <= accepted


def test_every_code_that_a_prompt_can_get_has_a_file() -> None:
    tables = (*ACCEPTED.values(), *REPAIRED.values(), *HINTED.values())
    found = {code for rows in tables for code, *_ in rows} | {row[0] for row in REFUSED.values()}
    assert set(Code) - found == set()
