"""Prompts that people wrote by hand, each with what its picture must show.

A folder holds one file a prompt, and `expected.json`: the file's name and what is wanted, in the
words of `scene`. What is left out is free; figures stand in the order of the prompt.
"""

from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from newbie_pipeline.demo.scene import Wanted

EXPECTED = "expected.json"

_EXPECTED: TypeAdapter[dict[str, Wanted]] = TypeAdapter(dict[str, Wanted])


class HandWritten(NamedTuple):
    """Hold a prompt, the name of its file and what is wanted of its picture."""

    name: str
    text: str
    wanted: Wanted


def read_handwritten(folder: Path) -> tuple[HandWritten, ...]:
    """Read all prompts of a folder, in the order of their names.

    Raises OSError where a file is missing, and pydantic's ValidationError for words that no scene
    has.
    """
    expected = _EXPECTED.validate_json((folder / EXPECTED).read_bytes())
    return tuple(
        HandWritten(name, (folder / name).read_text(encoding="utf-8"), wanted)
        for name, wanted in sorted(expected.items())
    )
