"""Read a prompt: what it holds, what is wrong with it, and what the model is shown.

- The model was trained on the XML text itself, so a prompt is not rewritten: `Prompt.source` is the
  member's text without byte order mark, with LF line ends and without blank lines around it.
  Nothing else is changed but what the warnings list as repaired, and that as little as can be.
  Reading it again gives the same prompt, and nothing is left to repair.
- `render` gives the canonical form instead, for prompts that a program puts together.
- Plain tags and sentences are prompts; they are XML without elements.
- Every refusal is a `PromptError` with the place in the member's own text.
- Nothing is fetched or expanded, and time is linear in the length of the text.
"""

from dataclasses import replace

from newbie_pipeline.prompt.errors import PromptError
from newbie_pipeline.prompt.hints import find_hints
from newbie_pipeline.prompt.model import Prompt
from newbie_pipeline.prompt.numbering import renumber
from newbie_pipeline.prompt.reader import read_tree
from newbie_pipeline.prompt.scan import MAX_ELEMENTS, scan
from newbie_pipeline.prompt.source import MAX_BYTES, Source, read, without_blank_edges
from newbie_pipeline.prompt.tree import MAX_CHARACTERS, MAX_DEPTH, build

__all__ = [
    "MAX_BYTES",
    "MAX_CHARACTERS",
    "MAX_DEPTH",
    "MAX_ELEMENTS",
    "PromptError",
    "check_prompt",
    "is_xml",
    "parse",
]


def parse(data: bytes | str, *, max_bytes: int | None = MAX_BYTES) -> Prompt:
    """Read a prompt, or raise PromptError.

    `data` is a file's bytes, in UTF-8, UTF-16, or what its XML declaration names (see `decoding`
    for files that name nothing), or text that is decoded already. `max_bytes` limits its size, as
    given and in UTF-8; None is for text that this module made itself.
    """
    source = read(data, max_bytes)
    tree = build(source)
    numbers, rename = renumber(source, tree)
    prompt = read_tree(source, tree, numbers, rename)
    shown = without_blank_edges(source.repaired)
    find_hints(source, prompt, shown)
    return replace(prompt, source=shown, warnings=source.warnings)


def check_prompt(data: bytes | str) -> str:
    """Give the prompt as the model is shown it, or raise PromptError; see `parse`."""
    return parse(data).source


def is_xml(text: str) -> bool:
    """Tell whether a text that `check_prompt` gave has at least one element."""
    return any(markup.kind == "start" for markup in scan(Source(text)))
