"""Gemma 3's text model, cut off where the Next-DiT reads it.

The condition is the raw output of the last layer but one (`hidden_states[-2]`), so the last layer
and the final norm are neither built nor loaded: `last_hidden_state` of this class is that output.
"""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import nn
from transformers import Gemma3TextConfig, Gemma3TextModel, PreTrainedModel

# diffusers looks the base class up in this module when it loads a saved pipeline.
__all__ = ["GemmaTextEncoder", "PreTrainedModel", "encoder_config", "truncated_config"]

# A checkpoint may hold the text model alone or inside the multimodal one.
TEXT_PREFIXES = ("language_model.model.", "model.language_model.", "model.", "")
UNUSED_PREFIXES = (
    "vision_tower.",
    "vision_model.",
    "multi_modal_projector.",
    "model.vision_tower.",
    "model.vision_model.",
    "model.multi_modal_projector.",
    "lm_head.",
    "language_model.lm_head.",
)


class GemmaTextEncoder(Gemma3TextModel):
    """Gemma 3 without its last layer and final norm; its config counts the layers that are left."""

    def __init__(self, config: Gemma3TextConfig) -> None:
        super().__init__(config)
        self.norm = nn.Identity()

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        """Convert or move everything, and keep the rotary frequencies in the type they have.

        They decide by which angles later tokens turn; in half precision those would be others.
        """
        rotary = self.rotary_emb
        before = {name: b for name, b in rotary.named_buffers() if not b.is_meta}
        super()._apply(fn, recurse)
        for name, buffer in before.items():
            after = getattr(rotary, name)
            if after.dtype != buffer.dtype:
                setattr(rotary, name, nn.Buffer(buffer.to(after.device), persistent=False))
        return self


def full_config(config: dict[str, Any]) -> Gemma3TextConfig:
    """Make the whole text model's config out of a config.json, multimodal or text only."""
    return Gemma3TextConfig(**_text_config(config))


def truncated_config(config: dict[str, Any]) -> Gemma3TextConfig:
    """Make the encoder's config out of a checkpoint's config.json, multimodal or text only."""
    text = _text_config(config)
    full = Gemma3TextConfig(**text)
    text["num_hidden_layers"] = full.num_hidden_layers - 1
    text["layer_types"] = list(full.layer_types[:-1])
    text["use_cache"] = False
    return Gemma3TextConfig(**text)


def _text_config(config: dict[str, Any]) -> dict[str, Any]:
    text = dict(config.get("text_config", config))
    for key in ("architectures", "model_type", "transformers_version", "dtype", "torch_dtype"):
        text.pop(key, None)
    return text


def encoder_config(config: dict[str, Any]) -> Gemma3TextConfig:
    """Make the encoder's config out of a published one, or take one that this class has saved."""
    if config.get("architectures") == [GemmaTextEncoder.__name__]:
        return Gemma3TextConfig.from_dict(config)
    return truncated_config(config)


def text_key(key: str) -> str | None:
    """Give the text model's own name for a checkpoint's key, or None for another part's."""
    if key.startswith(UNUSED_PREFIXES):
        return None
    return key.removeprefix(next(prefix for prefix in TEXT_PREFIXES if key.startswith(prefix)))


def own_key(key: str, num_layers: int) -> str | None:
    """Give this module's key for a checkpoint's, or None for a part that conditioning never needs.

    `num_layers` is the number of layers kept; the checkpoint has one more.
    """
    own = text_key(key)
    if own is None or own == "norm.weight" or own.startswith(f"layers.{num_layers}."):
        return None
    return own
