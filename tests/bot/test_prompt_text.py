"""Unwrapping code blocks and checking files before they are read."""

from dataclasses import dataclass

import pytest

from bot.errors import Refused
from bot.prompt_text import check_file, choose_file, prompt_in_message, unwrap

XML = "<n>miku</n>"


@dataclass
class File:
    filename: str
    size: int = 100


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("1girl, blue_hair", "1girl, blue_hair"),
        (f"```xml\n{XML}\n```", f"{XML}\n"),
        (f"```\n{XML}\n```", f"{XML}\n"),
        (f"```{XML}```", XML),
        (f"  ```XML\r\n{XML}```  \n", XML),
        ("```1girl, solo```", "1girl, solo"),
        (f"`{XML}`", XML),
        (f"``{XML}``", XML),
        ("a `b` c", "a `b` c"),
        ("`a` and `b`", "`a` and `b`"),
        ("```a``` and ```b```", "```a``` and ```b```"),
        (f"see ```xml\n{XML}\n```", f"see ```xml\n{XML}\n```"),
        ("```", "```"),
        ("``````", ""),
        ("", ""),
    ],
)
def test_a_text_that_is_one_code_block_loses_its_fence(text: str, prompt: str):
    assert unwrap(text) == prompt


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (XML, XML),
        (f"look at this:\n```xml\n{XML}\n```\nnice, no?", f"{XML}\n"),
        (f"`{XML}`", XML),
        (f"```\n\n```\n```xml\n{XML}\n```", f"{XML}\n"),
    ],
)
def test_the_prompt_of_a_message_is_its_code_block_or_all_of_it(text: str, prompt: str):
    assert prompt_in_message(text) == prompt


def test_several_code_blocks_are_refused():
    with pytest.raises(Refused) as refused:
        prompt_in_message(f"```xml\n{XML}\n```\nnegative:\n```\nblurry\n```")
    assert (refused.value.code, refused.value.data) == ("several_blocks", {"count": 2})


@pytest.mark.parametrize("name", ["a.xml", "A.XML", "b.txt", "two.dots.xml", ".txt"])
def test_a_file_named_like_a_text_is_taken_up_to_the_limit(name: str):
    check_file(File(name, 65_536))


@pytest.mark.parametrize("name", ["a.png", "xml", "a.xml.exe", "a.txt ", "", "a.xm"])
def test_a_file_of_another_name_is_refused(name: str):
    with pytest.raises(Refused) as refused:
        check_file(File(name))
    assert refused.value.code == "file_type"


def test_a_file_over_the_limit_is_refused():
    with pytest.raises(Refused) as refused:
        check_file(File("a.xml", 65_537))
    assert refused.value.code == "file_too_large"
    assert refused.value.data == {"size": 65_537, "limit": 65_536}


def test_the_first_file_named_like_a_text_is_chosen():
    picture, first, second = File("a.png"), File("b.xml"), File("c.txt")
    assert choose_file([picture, first, second]) is first
    assert choose_file([picture]) is None
    assert choose_file([]) is None
