"""From what a member pasted or attached to the text of a prompt, without any I/O.

Members share prompts in code blocks, because Discord would otherwise show XML as formatted text.
A block's fence is no part of the prompt.
"""

import re
from typing import Protocol, TypeVar

from bot.errors import Refused
from jobs.models import MAX_PROMPT_BYTES

FILE_ENDINGS = (".xml", ".txt")

# The word after the opening fence names a language only where a line end follows it.
_BLOCK = re.compile(r"```(?:[A-Za-z0-9_+.#-]*[ \t]*\r?\n)?(.*?)```", re.DOTALL)
_INLINE = re.compile(r"(``?)([^`]+)\1")


class FileInfo(Protocol):
    """What Discord says about an attachment."""

    filename: str
    size: int


File = TypeVar("File", bound=FileInfo)


def unwrap(text: str) -> str:
    """Take the fence off a text that is one code block as a whole."""
    stripped = text.strip()
    for fence, group in ((_BLOCK, 1), (_INLINE, 2)):
        match = fence.fullmatch(stripped)
        if match and "```" not in match[group]:
            return match[group]
    return text


def prompt_in_message(text: str) -> str:
    """Find the prompt in a posted message: its one code block, else all of its text.

    Raises:
        Refused: there are several code blocks, and which one is the prompt is anyone's guess.
    """
    blocks = [block for block in _BLOCK.findall(text) if block.strip()]
    if len(blocks) > 1:
        raise Refused("several_blocks", count=len(blocks))
    return blocks[0] if blocks else unwrap(text)


def has_prompt_name(filename: str) -> bool:
    """Tell whether a file's name says that it may hold a prompt."""
    return filename.lower().endswith(FILE_ENDINGS)


def check_file(file: FileInfo) -> None:
    """Refuse a file by its name and size, before anything of it is downloaded.

    Raises:
        Refused: the name ends in neither .xml nor .txt, or the file is too large or empty.
    """
    if not has_prompt_name(file.filename):
        raise Refused("file_type")
    if file.size > MAX_PROMPT_BYTES:
        raise Refused("file_too_large", size=file.size, limit=MAX_PROMPT_BYTES)


def choose_file(files: list[File]) -> File | None:
    """Choose the attachment of a message that holds the prompt: the first with a fitting name."""
    return next((file for file in files if has_prompt_name(file.filename)), None)
