"""Gemma writes: the encoder of the pipeline, with its last layer and head, under a grammar.

- The same weights as for encoding, called as they are for encoding: whatever moves or streams them
  goes on doing so. The last layer lies on the host and is on the device while something is written.
- Tokens that cannot be otherwise (elements, the rest of a tag) are read together with what comes
  next, so the model runs once for each choice.
- Sampling is on the CPU with a generator of its own, at a low temperature: the same seed, weights
  and device give the same text.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch

from newbie_pipeline.expansion.constraints import (
    CaptionGrammar,
    CaptionWords,
    Grammar,
    TagGrammar,
)
from newbie_pipeline.expansion.tokens import GemmaTokens
from newbie_pipeline.expansion.writing import (
    Allowance,
    AllowanceSpent,
    Wanted,
    WantedCaption,
)
from newbie_pipeline.memory.activations import WRITING_CHUNK, WRITING_TOKENS
from newbie_pipeline.models.gemma_language import GemmaLanguageModel, LanguageHead
from newbie_pipeline.models.gemma_text import GemmaTextEncoder
from newbie_pipeline.text_conditioning import SYSTEM_PROMPT, with_system_prompt

logger = logging.getLogger(__name__)

TEMPERATURE = 0.3
HOST = torch.device("cpu")


class GemmaWriter:
    """Gemma as `writing.PromptWriter`; `fits` tells whether the picture's model reads a prompt."""

    def __init__(
        self,
        encoder: GemmaTextEncoder,
        head: LanguageHead,
        tokens: GemmaTokens,
        device: torch.device,
        fits: Callable[[str], bool],
    ) -> None:
        """Take the models as they are; `device` is where the encoder computes."""
        self._encoder, self._head = encoder, head
        self._tokens, self._device = tokens, device
        self.fits = fits

    @contextmanager
    def session(
        self, task: str, text: str, seed: int, allowance: Allowance
    ) -> Iterator["GemmaSession"]:
        """Begin to write; see `writing.PromptWriter`."""
        last_layer: Any = self._head.last_layer
        try:
            last_layer.to(self._device)
            model = GemmaLanguageModel(self._encoder, self._head, self._device)
            ids = self._tokens.conversation(task, text)
            yield GemmaSession(model, self, ids, seed, allowance)
        finally:
            last_layer.to(HOST)

    def grammar(self, wanted: Wanted, end: str) -> Grammar:
        """Make the grammar of a value."""
        if not isinstance(wanted, WantedCaption):
            return TagGrammar(wanted, self._tokens.plain, end)
        return CaptionGrammar(wanted, _caption_words(self._tokens), self._tokens.plain, end)

    def ids(self, text: str) -> Sequence[int]:
        """Tokenise a text in which nothing is a control sign."""
        return self._tokens.plain(text)


def pipeline_writer(pipeline: Any, head: LanguageHead | None) -> GemmaWriter | None:
    """Make a writer of a pipeline's Gemma, or None where it cannot write.

    It cannot without its last layer, and without a tokenizer that knows how turns are written.
    """
    if head is None or not isinstance(pipeline.text_encoder, GemmaTextEncoder):
        return None
    tokens = _tokens_of(pipeline.tokenizer)
    if not tokens.has_turns:
        logger.warning("Gemma's tokenizer knows no turns: there is no help with prompts")
        return None
    limit: int = pipeline.caption_limit(None)

    def fits(prompt: str) -> bool:
        caption = with_system_prompt(prompt, SYSTEM_PROMPT)
        return len(pipeline.tokenizer(caption, verbose=False).input_ids) <= limit

    device = pipeline.component_device("text_encoder")
    return GemmaWriter(pipeline.text_encoder, head, tokens, device, fits)


# Kept between requests: Gemma's tokenizer has 262,144 tokens to look at.
@lru_cache(maxsize=1)
def _tokens_of(tokenizer: Any) -> GemmaTokens:
    return GemmaTokens(tokenizer)


@lru_cache(maxsize=1)
def _caption_words(tokens: GemmaTokens) -> CaptionWords:
    return CaptionWords(tokens.strings())


class GemmaSession:
    """One run of writing."""

    def __init__(
        self,
        model: GemmaLanguageModel,
        writer: GemmaWriter,
        ids: Sequence[int],
        seed: int,
        allowance: Allowance,
    ) -> None:
        self._model, self._writer, self._allowance = model, writer, allowance
        self._generator = torch.Generator("cpu").manual_seed(seed)
        # Known, but not read by the model yet.
        self._pending = list(ids)

    def write(self, lead: str, wanted: Wanted, end: str) -> str:
        """Have one value written; see `writing.Session`."""
        self._pending += self._writer.ids(lead)
        grammar = self._writer.grammar(wanted, end)
        while True:
            self._allowance.take()
            allowed = grammar.allowed()
            if not allowed:  # a tokenizer without the words that a caption needs
                break
            token = allowed[0] if len(allowed) == 1 else self._pick(allowed)
            grammar.advance(token)
            if grammar.is_finished:
                break
            self._pending.append(token)
        self._pending += self._writer.ids(end)
        return grammar.text

    def _pick(self, allowed: Sequence[int]) -> int:
        """Draw the next token from those that are allowed."""
        if self._model.length + len(self._pending) > WRITING_TOKENS:
            raise AllowanceSpent
        while self._pending:
            self._allowance.check()
            self._model.read(self._pending[:WRITING_CHUNK])
            del self._pending[:WRITING_CHUNK]
        chances = torch.softmax(self._model.logits(allowed) / TEMPERATURE, dim=0)
        return allowed[int(torch.multinomial(chances, 1, generator=self._generator))]
