"""What makes a language model of `GemmaTextEncoder` again: last layer, final norm, head.

The encoder stays what it is, with whatever moves or streams its weights: it is called as always,
with a cache of keys and values of its own, and what it gives goes through here. Logits are made for
the tokens that are asked for alone, from rows of the embeddings (or of a head of its own) where
those lie, so the head needs no room on the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import DynamicCache, Gemma3TextConfig
from transformers.models.gemma3.modeling_gemma3 import Gemma3RMSNorm

from newbie_pipeline.models.gemma_text import GemmaTextEncoder, full_config

# Rows of the head that are multiplied at once: 40 MiB at Gemma's width in bfloat16.
ROWS_AT_ONCE = 8_192
HEAD_KEYS = ("lm_head.weight", "language_model.lm_head.weight")


class GemmaLastLayer(GemmaTextEncoder):
    """Gemma 3's last layer and final norm; reads what `GemmaTextEncoder` gives."""

    def __init__(self, config: Gemma3TextConfig) -> None:
        super().__init__(config)
        del self.embed_tokens
        self.norm = Gemma3RMSNorm(config.hidden_size, eps=config.rms_norm_eps)


@dataclass
class LanguageHead:
    """The last layer, and the head where the checkpoint has one that is not the embeddings."""

    last_layer: GemmaLastLayer
    weight: torch.Tensor | None = None


class GemmaLanguageModel:
    """Encoder and head together over one text, token by token, with keys and values kept."""

    def __init__(self, encoder: GemmaTextEncoder, head: LanguageHead, device: torch.device) -> None:
        self._encoder, self._head, self._device = encoder, head, device
        self._cache: Any = DynamicCache(config=encoder.config)
        self._last_cache: Any = DynamicCache(config=head.last_layer.config)
        # What comes out at the last token that was read: [1, hidden].
        self._state: torch.Tensor | None = None
        self.length = 0

    @torch.no_grad()
    def read(self, ids: Sequence[int]) -> None:
        """Go on with these tokens, all at once."""
        input_ids = torch.tensor([list(ids)], dtype=torch.long, device=self._device)
        features = self._encoder(
            input_ids=input_ids, past_key_values=self._cache, use_cache=True
        ).last_hidden_state
        output = self._head.last_layer(
            inputs_embeds=features.to(self._device),
            past_key_values=self._last_cache,
            use_cache=True,
        )
        self._state = output.last_hidden_state[:, -1]
        self.length += len(ids)

    @torch.no_grad()
    def logits(self, ids: Sequence[int]) -> torch.Tensor:
        """Give the logits [len(ids)] of these tokens to come next, in float32 on the CPU."""
        if self._state is None:
            raise RuntimeError("no token was read yet")
        weight = self._head.weight
        if weight is None:
            weight = self._encoder.embed_tokens.weight
        rows = torch.tensor(list(ids), dtype=torch.long, device=weight.device)
        state = self._state.to(weight.device)
        parts = [
            nn.functional.linear(state, weight[chunk].to(state.dtype))[0]
            for chunk in rows.split(ROWS_AT_ONCE)
        ]
        logits = torch.cat(parts).to("cpu", torch.float32)
        softcap = self._head.last_layer.config.final_logit_softcapping
        return logits if softcap is None else torch.tanh(logits / softcap) * softcap


def last_layer_config(config: dict[str, Any]) -> Gemma3TextConfig | None:
    """Make the last layer's config out of a checkpoint's config.json.

    None for one that `GemmaTextEncoder` has saved: its last layer is gone.
    """
    if config.get("architectures") == [GemmaTextEncoder.__name__]:
        return None
    full = full_config(config)
    text = full.to_dict()
    text["layer_types"] = [full.layer_types[-1]]
    # One row of embeddings that are thrown away: the layer reads features and no tokens.
    text |= {"num_hidden_layers": 1, "vocab_size": 1, "use_cache": False}
    text |= {"pad_token_id": 0, "bos_token_id": None, "eos_token_id": None}
    return Gemma3TextConfig.from_dict(text)


def last_layer_key(key: str, num_layers: int) -> str | None:
    """Give `GemmaLastLayer`'s key for the text model's own, or None for another part's.

    `num_layers` is the number of layers before it.
    """
    if key == "norm.weight":
        return key
    head = f"layers.{num_layers}."
    return f"layers.0.{key.removeprefix(head)}" if key.startswith(head) else None
