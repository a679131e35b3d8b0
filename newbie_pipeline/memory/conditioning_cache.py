"""Encoded prompts that are kept on the host, so that the same prompt skips the text stage.

Bounded in bytes; what was used longest ago goes first. A cache belongs to one set of encoders:
whoever exchanges or quantises one clears it. Adapters change the transformer alone and matter not.
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch

from newbie_pipeline.prompt.passages import CharacterEncoding
from newbie_pipeline.text_conditioning import TextCondition

# A prompt of 512 tokens at Gemma's width takes 2.5 MiB in bfloat16: about a hundred of them.
MOST_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class ConditioningKey:
    """What the encoding of a batch of texts depends on, beside the encoders."""

    texts: tuple[str, ...]
    system_prompt: str
    max_sequence_length: int
    prompt_weights: bool = True
    character_encoding: CharacterEncoding = "whole"


class ConditioningCache:
    """Conditions by their texts; `hits` and `misses` count the look-ups."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.hits = self.misses = self.bytes = 0
        self._kept: OrderedDict[ConditioningKey, TextCondition] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: ConditioningKey) -> TextCondition | None:
        """Give what was kept, on the host, or None."""
        condition = self._kept.get(key)
        if condition is None:
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return condition

    def put(self, key: ConditioningKey, condition: TextCondition) -> None:
        """Keep a condition, unless it alone is larger than the bound."""
        self._drop(key)
        size = _bytes(condition)
        if size > self.most_bytes:
            return
        # A copy of its own: a view would keep the whole tensor that it is a part of.
        host = torch.device("cpu")
        self._kept[key] = TextCondition(
            condition.prompt_embeds.to(host, copy=True),
            condition.prompt_attention_mask.to(host, copy=True),
            condition.pooled_prompt_embeds.to(host, copy=True),
        )
        self.bytes += size
        while self.bytes > self.most_bytes:
            self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Forget everything; the counts go on."""
        self._kept.clear()
        self.bytes = 0

    def _drop(self, key: ConditioningKey) -> None:
        if (condition := self._kept.pop(key, None)) is not None:
            self.bytes -= _bytes(condition)


def _bytes(condition: TextCondition) -> int:
    return (
        condition.prompt_embeds.nbytes
        + condition.prompt_attention_mask.nbytes
        + condition.pooled_prompt_embeds.nbytes
    )
