"""Captions as the text encoders take them, in batches of like length.

- A run's captions are numbered. What a number stands for depends on the seed alone, and so does a
  step's batch: nothing has to be remembered between steps.
- Several batches are made at once and their captions sorted by length, so that little is padded;
  the batches of such a group then come in random order.
- The texts are what the pipeline gives to the encoders: weights are taken out, Gemma reads the
  system prompt before the caption, Jina the caption alone, both read an empty caption as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from newbie_pipeline.prompt.weights import read_weights
from newbie_pipeline.text_conditioning import SYSTEM_PROMPT, padded_width, with_system_prompt
from newbie_pipeline.tokens import MAX_TOKENS

GROUP = 8


@dataclass(frozen=True)
class Sample:
    """A caption, and what belongs to it: a picture's index, the labels of its scene."""

    text: str
    picture: int = 0
    labels: tuple[int, ...] = ()


@dataclass(frozen=True)
class CaptionBatch:
    """Ids and masks [batch, tokens] for both encoders, right-padded, and the samples."""

    samples: tuple[Sample, ...]
    gemma_ids: torch.Tensor
    gemma_mask: torch.Tensor
    jina_ids: torch.Tensor
    jina_mask: torch.Tensor


class CaptionBatches:
    """Gives a step's batch by its number; `sample(number)` makes the run's samples."""

    def __init__(
        self,
        sample: Callable[[int], Sample],
        tokenizers: tuple[Any, Any],
        *,
        batch: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.sample, self.tokenizers = sample, tokenizers
        self.batch, self.seed, self.device = batch, seed, device
        self._group: tuple[int, list[CaptionBatch]] | None = None

    def __call__(self, step: int) -> CaptionBatch:
        """Give the batch of a step."""
        number, place = divmod(step, GROUP)
        if self._group is None or self._group[0] != number:
            self._group = (number, self._make(number))
        return self._group[1][place]

    def _make(self, number: int) -> list[CaptionBatch]:
        count = GROUP * self.batch
        samples = [self.sample(number * count + place) for place in range(count)]
        gemma, jina = tokenized(self.tokenizers, [sample.text for sample in samples])
        order = sorted(range(count), key=lambda place: len(gemma[place]))
        batches = []
        for start in range(0, count, self.batch):
            places = order[start : start + self.batch]
            rows = ([samples[p] for p in places], [gemma[p] for p in places])
            batches.append(self._batch(*rows, [jina[p] for p in places]))
        random = np.random.default_rng((self.seed, number))
        return [batches[place] for place in random.permutation(GROUP)]

    def _batch(
        self, samples: list[Sample], gemma: list[list[int]], jina: list[list[int]]
    ) -> CaptionBatch:
        pads = [tokenizer.pad_token_id for tokenizer in self.tokenizers]
        return CaptionBatch(
            tuple(samples),
            *padded(gemma, pads[0], self.device),
            *padded(jina, pads[1], self.device),
        )


def tokenized(
    tokenizers: tuple[Any, Any], texts: Sequence[str]
) -> tuple[list[list[int]], list[list[int]]]:
    """Give the ids that Gemma and Jina read of some captions."""
    plain = [read_weights(text).text for text in texts]
    with_system = [with_system_prompt(text, SYSTEM_PROMPT) for text in plain]
    gemma, jina = (
        tokenizer(own, truncation=True, max_length=MAX_TOKENS).input_ids
        for tokenizer, own in zip(tokenizers, (with_system, plain), strict=True)
    )
    return gemma, jina


def padded(
    rows: Sequence[Sequence[int]], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad ids on the right; gives ids and mask [batch, tokens]."""
    width = padded_width(max(len(row) for row in rows))
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    return ids.to(device), mask.to(device)
