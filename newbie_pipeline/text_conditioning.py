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
from newbie_pipeline.tokens import token_rows

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

    def to(self, device: torch.device, dtype: torch.dtype) -> "TextCondition":
        """Move all parts to a device, and the embeddings into the type that computes with them."""
        return TextCondition(
            self.prompt_embeds.to(device, dtype),
            self.prompt_attention_mask.to(device),
            self.pooled_prompt_embeds.to(device, dtype),
        )

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

    Raises RenderInputError when a part is missing, the parts do not fit each other, or the padding
    is not on the right.
    """
    if embeds is None:
        return None
    if mask is None or pooled is None:
        raise RenderInputError("prompt_embeds needs its attention mask and its pooled vector")
    if embeds.ndim != 3 or mask.shape != embeds.shape[:2] or len(pooled) != len(embeds):
        raise RenderInputError(
            f"prompt_embeds {tuple(embeds.shape)} do not fit their attention mask "
            f"{tuple(mask.shape)} and pooled vectors {tuple(pooled.shape)}"
        )
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

    The warning quotes the text that was cut. Where prompts are private, raise this module's logger
    above warnings.
    """
    rows = token_rows(tokenizer, texts, max_length)
    for row in rows:
        if row.whole > max_length:
            logger.warning(
                "the prompt has %d tokens and only %d are read; this was cut off its end: %r",
                row.whole,
                max_length,
                row.cut,
            )
    width = padded_width(max(len(row.ids) for row in rows))
    ids = torch.full((len(rows), width), tokenizer.pad_token_id or 0, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        mask[index, : len(row.ids)] = 1
    return ids.to(device), mask.to(device)


def padded_width(tokens: int) -> int:
    """Give how many tokens captions are padded to when the longest has so many."""
    return PAD_TO_MULTIPLE_OF * max(1, -(-tokens // PAD_TO_MULTIPLE_OF))


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


def no_caption(
    batch: int, features: int, device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the caption of a model without Gemma: one token of zeros, and its mask.

    The transformer's norm leaves zeros alone, so what it sees is its caption embedder's bias. Then
    only CLIP's vector tells one prompt from another.
    """
    embeds = torch.zeros(batch, 1, features, device=device, dtype=dtype)
    return embeds, torch.ones(batch, 1, device=device, dtype=torch.long)


def pooled_features(
    text_encoder: torch.nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> torch.Tensor:
    """Run Jina CLIP's text tower, or a model like it: the masked mean [batch, hidden]."""
    output = text_encoder(input_ids=input_ids, attention_mask=attention_mask)
    pooled: torch.Tensor | None = getattr(output, "pooled", None)
    if pooled is not None:
        return pooled
    weight = attention_mask.unsqueeze(-1).to(output.last_hidden_state.dtype)
    mean: torch.Tensor = (output.last_hidden_state * weight).sum(dim=1) / weight.sum(dim=1)
    return mean


def joined(first: TextCondition, second: TextCondition) -> TextCondition:
    """Put two conditions into one batch; the shorter captions are padded on the right."""
    width = max(first.prompt_embeds.shape[1], second.prompt_embeds.shape[1])

    def widened(tensor: torch.Tensor) -> torch.Tensor:
        shape = (len(tensor), width - tensor.shape[1], *tensor.shape[2:])
        return torch.cat((tensor, tensor.new_zeros(shape)), dim=1)

    return TextCondition(
        torch.cat((widened(first.prompt_embeds), widened(second.prompt_embeds))),
        torch.cat((widened(first.prompt_attention_mask), widened(second.prompt_attention_mask))),
        torch.cat((first.pooled_prompt_embeds, second.pooled_prompt_embeds)),
    )
