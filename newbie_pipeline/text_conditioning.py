"""What the text encoders make of a prompt, as the Next-DiT takes it.

Gemma reads the system prompt and the prompt, right-padded; Jina CLIP reads the prompt alone. An
empty prompt goes to both as the empty string, without the system prompt.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any

import torch

from newbie_pipeline.errors import RenderInputError
from newbie_pipeline.models.gemma_text import GemmaTextEncoder

logger = logging.getLogger(__name__)

# The one that the model was trained with.
SYSTEM_PROMPT = (
    "You are an assistant designed to generate high-quality anime images with the highest degree "
    "of image-text alignment based on textual prompts. <Prompt Start>"
)
PAD_TO_MULTIPLE_OF = 8


@dataclass(frozen=True)
class TextCondition:
    """One batch of encoded prompts.

    `prompt_embeds` [batch, tokens, features] are Gemma's, `prompt_attention_mask` [batch, tokens]
    is 1 at real tokens, `pooled_prompt_embeds` [batch, features] is Jina CLIP's vector.
    """

    prompt_embeds: torch.Tensor
    prompt_attention_mask: torch.Tensor
    pooled_prompt_embeds: torch.Tensor

    def repeat(self, times: int) -> "TextCondition":
        """Repeat each prompt for its pictures: all of the first prompt's, then the next one's."""
        return replace(
            self,
            prompt_embeds=self.prompt_embeds.repeat_interleave(times, dim=0),
            prompt_attention_mask=self.prompt_attention_mask.repeat_interleave(times, dim=0),
            pooled_prompt_embeds=self.pooled_prompt_embeds.repeat_interleave(times, dim=0),
        )


def given_condition(
    embeds: torch.Tensor | None, mask: torch.Tensor | None, pooled: torch.Tensor | None
) -> TextCondition | None:
    """Take prompts that were encoded before, if there are any.

    Raises RenderInputError when a part is missing or the padding is not on the right.
    """
    if embeds is None:
        return None
    if mask is None or pooled is None:
        raise RenderInputError("prompt_embeds needs its attention mask and its pooled vector")
    # The transformer counts a caption from its start: padding on the left would shift it.
    if bool((mask[:, 1:] > mask[:, :-1]).any()):
        raise RenderInputError("prompt_embeds must be padded on the right")
    return TextCondition(embeds, mask, pooled)


def as_arguments(prefix: str, condition: TextCondition | None) -> dict[str, torch.Tensor]:
    """Name a condition's parts as the pipeline's call does; no condition has none."""
    if condition is None:
        return {}
    return {
        f"{prefix}prompt_embeds": condition.prompt_embeds,
        f"{prefix}prompt_attention_mask": condition.prompt_attention_mask,
        f"{prefix}pooled_prompt_embeds": condition.pooled_prompt_embeds,
    }


def with_system_prompt(prompt: str, system_prompt: str) -> str:
    """Put the system prompt before a prompt; an empty one stays empty."""
    return f"{system_prompt} {prompt}" if prompt and system_prompt else prompt


def tokenize(
    tokenizer: Any, texts: list[str], max_length: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give ids and mask [batch, tokens], right-padded; what does not fit is cut with a warning.

    The warning says how much was cut; the text itself is private and shows at debug level only.
    """
    rows: list[list[int]] = tokenizer(texts, truncation=True, max_length=max_length).input_ids
    for text, row in zip(texts, rows, strict=True):
        if len(row) < max_length:
            continue
        everything = tokenizer(text).input_ids
        if len(everything) > max_length:
            cut = tokenizer.decode(everything[max_length - 1 :], skip_special_tokens=True)
            logger.warning("a prompt was cut to %d tokens of %d", max_length, len(everything))
            logger.debug("the part of the prompt that was cut: %r", cut)
    longest = max(len(row) for row in rows)
    width = PAD_TO_MULTIPLE_OF * -(-longest // PAD_TO_MULTIPLE_OF)
    ids = torch.full((len(rows), width), tokenizer.pad_token_id, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    return ids.to(device), mask.to(device)


def gemma_features(
    text_encoder: torch.nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> torch.Tensor:
    """Run Gemma up to the output of its last layer but one: [batch, tokens, hidden]."""
    if isinstance(text_encoder, GemmaTextEncoder):
        output = text_encoder(input_ids=input_ids, attention_mask=attention_mask)
        features: torch.Tensor = output.last_hidden_state
        return features
    output = text_encoder(
        input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
    )
    features = output.hidden_states[-2]
    return features
