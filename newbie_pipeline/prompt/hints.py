"""What is well formed and yet hardly meant: contradictions, counts, length, many characters.

These warn only where a member would agree at once; what could be meant is left alone.
"""

import re

from newbie_pipeline.prompt.contradictions import find_contradictions
from newbie_pipeline.prompt.counts import compare_count
from newbie_pipeline.prompt.errors import Code
from newbie_pipeline.prompt.model import Prompt
from newbie_pipeline.prompt.source import Source

MAX_GEMMA_TOKENS = 512
# What Gemma reads before the prompt: its start sign and the system prompt.
_SYSTEM_PROMPT_TOKENS = 32
# So much of a prompt tells whether it is too long.
_CHARACTERS_COUNTED = 16_384
_TRAINED_CHARACTERS = 2

# What a piece of text costs, fitted to Gemma 3's own tokenizer: a word one token for every seven
# letters begun, four kanji three, five kana three, and every other sign one. Tags and prose in
# English, Chinese and Japanese come out within a tenth of the true number, XML with names in Latin
# letters up to an eighth below, such names alone a fifth, and a few words up to two fifths above.
_PIECES = (
    (re.compile(r"[A-Za-z]{1,7}"), 1.0),
    (re.compile(r"[\u3400-\u9fff\uf900-\ufaff]"), 0.75),
    (re.compile(r"[\u3041-\u30ff]"), 0.6),
    (re.compile(r"</|[^\sA-Za-z\u3400-\u9fff\uf900-\ufaff\u3041-\u30ff]"), 1.0),
)


def find_hints(source: Source, prompt: Prompt, shown: str) -> None:
    """Note W4xx with `source`; `shown` is the text that the model gets."""
    find_contradictions(source, prompt.characters)
    if len(prompt.characters) > _TRAINED_CHARACTERS:
        source.warn(Code.MANY_CHARACTERS, None, count=len(prompt.characters))
    compare_count(source, prompt)
    tokens = estimate_tokens(shown)
    if tokens > MAX_GEMMA_TOKENS:
        source.warn(Code.TOO_LONG, None, tokens=tokens, limit=MAX_GEMMA_TOKENS)


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens Gemma makes of system prompt and prompt.

    The exact number is known only where the tokenizer is.
    """
    counted = text[:_CHARACTERS_COUNTED]
    pieces = sum(cost * len(piece.findall(counted)) for piece, cost in _PIECES)
    return _SYSTEM_PROMPT_TOKENS + round(pieces * len(text) / max(1, len(counted)))
