"""Jina CLIP v2's text tower: the encoder, its pooled vector, and the names its weights come under.

XLM-RoBERTa's shape with rotary positions and norms after each residual. Two layouts are known: the
Hugging Face one, where every linear layer and embedding carries a rank-4 adapter that is active by
default and is added into the weight here, and ComfyUI's single file, which holds the merged
weights. Both become this module's own keys; no code from a checkpoint is ever run.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput
from torch import nn

HF_PREFIX = "text_model.transformer.roberta."
COMFY_PREFIX = "model."
PAD_TOKEN_ID = 1
PARAMETRIZED = ".parametrizations.weight."


def rotate_half(hidden_states: torch.Tensor, base: float) -> torch.Tensor:
    """Rotate [batch, heads, tokens, head_dim] by token index, channel k paired with k + half."""
    tokens, width = hidden_states.shape[-2:]
    device = hidden_states.device
    inverse = base ** -(torch.arange(0, width, 2, dtype=torch.float32, device=device) / width)
    angle = torch.outer(torch.arange(tokens, dtype=torch.float32, device=device), inverse)
    cos, sin = angle.cos(), angle.sin()
    first, second = hidden_states.float().chunk(2, dim=-1)
    rotated = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return rotated.to(hidden_states.dtype)


class JinaMixer(nn.Module):
    """Self-attention with one fused projection and a bias."""

    def __init__(self, hidden_size: int, num_heads: int, rotary_base: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.rotary_base = rotary_base
        self.Wqkv = nn.Linear(hidden_size, 3 * hidden_size)
        self.out_proj = nn.Linear(hidden_size, hidden_size)

    def forward(self, hidden_states: torch.Tensor, key_mask: torch.Tensor) -> torch.Tensor:
        """Attend over [batch, tokens, hidden] to the keys that `key_mask` [batch, tokens] keeps."""
        projected = self.Wqkv(hidden_states).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = projected.permute(2, 0, 3, 1, 4).unbind(0)
        attended = nn.functional.scaled_dot_product_attention(
            rotate_half(query, self.rotary_base),
            rotate_half(key, self.rotary_base),
            value,
            attn_mask=key_mask[:, None, None, :],
        )
        output: torch.Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return output


class JinaMlp(nn.Module):
    """Two linear layers with exact GELU between them."""

    def __init__(self, hidden_size: int, intermediate_size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Transform each token by itself."""
        output: torch.Tensor = self.fc2(nn.functional.gelu(self.fc1(hidden_states)))
        return output


class JinaLayer(nn.Module):
    """One encoder layer; each norm follows its residual sum."""

    def __init__(
        self,
        hidden_size: int,
        intermediate_size: int,
        num_heads: int,
        rotary_base: float,
        eps: float,
    ) -> None:
        super().__init__()
        self.mixer = JinaMixer(hidden_size, num_heads, rotary_base)
        self.norm1 = nn.LayerNorm(hidden_size, eps=eps)
        self.mlp = JinaMlp(hidden_size, intermediate_size)
        self.norm2 = nn.LayerNorm(hidden_size, eps=eps)

    def forward(self, hidden_states: torch.Tensor, key_mask: torch.Tensor) -> torch.Tensor:
        """Refine [batch, tokens, hidden]."""
        hidden_states = self.norm1(self.mixer(hidden_states, key_mask) + hidden_states)
        output: torch.Tensor = self.norm2(self.mlp(hidden_states) + hidden_states)
        return output


class JinaEmbeddings(nn.Module):
    """Word embeddings plus the one token type; positions enter by rotation later."""

    def __init__(self, vocab_size: int, hidden_size: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, hidden_size)
        self.token_type_embeddings = nn.Embedding(1, hidden_size)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Embed ids [batch, tokens]."""
        # Called, not read: a hook that brings weights to the device runs before a call.
        types: torch.Tensor = self.token_type_embeddings(torch.zeros_like(input_ids))
        return self.word_embeddings(input_ids) + types


class JinaEncoder(nn.Module):
    """The stack of layers."""

    def __init__(self, layers: list[JinaLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, hidden_states: torch.Tensor, key_mask: torch.Tensor) -> torch.Tensor:
        """Refine [batch, tokens, hidden] layer by layer."""
        for layer in self.layers:
            hidden_states = layer(hidden_states, key_mask)
        return hidden_states


@dataclass
class JinaClipTextOutput(BaseOutput):
    """Token states [batch, tokens, hidden] and their masked mean [batch, hidden]."""

    # With a default, as offloading hooks make the output anew out of a plain dictionary.
    last_hidden_state: torch.Tensor
    pooled: torch.Tensor = None  # type: ignore[assignment]


class JinaClipTextModel(ModelMixin, ConfigMixin):
    """The text tower of jina-clip-v2 at its defaults."""

    @register_to_config
    def __init__(
        self,
        *,
        vocab_size: int = 250002,
        hidden_size: int = 1024,
        intermediate_size: int = 4096,
        num_hidden_layers: int = 24,
        num_attention_heads: int = 16,
        rotary_base: float = 20000.0,
        layer_norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.embeddings = JinaEmbeddings(vocab_size, hidden_size)
        self.emb_ln = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        layer = (hidden_size, intermediate_size, num_attention_heads, rotary_base, layer_norm_eps)
        self.encoder = JinaEncoder([JinaLayer(*layer) for _ in range(num_hidden_layers)])

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *,
        return_dict: bool = True,
    ) -> JinaClipTextOutput | tuple[torch.Tensor, torch.Tensor]:
        """Encode ids [batch, tokens]; without a mask, every id but the padding id counts."""
        mask = input_ids != PAD_TOKEN_ID if attention_mask is None else attention_mask.bool()
        hidden_states = self.encoder(self.emb_ln(self.embeddings(input_ids)), mask)
        weight = mask.unsqueeze(-1).to(hidden_states.dtype)
        pooled = (hidden_states * weight).sum(dim=1) / weight.sum(dim=1)
        if not return_dict:
            return (hidden_states, pooled)
        return JinaClipTextOutput(last_hidden_state=hidden_states, pooled=pooled)


def own_key(key: str) -> str | None:
    """Give this module's key for a checkpoint's, or None for what is no part of the text tower.

    The adapter's two factors map to the weight that they are added to.
    """
    if key.startswith(("vision_model.", "visual_projection.")) or key in (
        "logit_scale",
        "spiece_model",
    ):
        return None
    own = key.removeprefix(HF_PREFIX).removeprefix(COMFY_PREFIX)
    head, parametrized, _ = own.partition(PARAMETRIZED)
    return f"{head}.weight" if parametrized else own


def merged_tensors(
    keys: Iterable[str], read: Callable[[str], torch.Tensor]
) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Yield (own key, checkpoint's key, tensor) with each adapter added into its weight.

    Linear layers become W + B @ A, embeddings W + A @ B; adapters are [1, ...] stacks of one. The
    sum is taken in float32 and rounded once.
    """
    present = set(keys)
    for key in sorted(present):
        own = own_key(key)
        head, parametrized, part = key.partition(PARAMETRIZED)
        if own is None or (parametrized and part in ("0.lora_A", "0.lora_B")):
            continue
        weight = read(key)
        factors = [f"{head}{PARAMETRIZED}0.lora_{name}" for name in "AB"]
        if parametrized and all(name in present for name in factors):
            lora_a, lora_b = (read(name)[0].float() for name in factors)
            delta = lora_a @ lora_b if "embeddings" in head else lora_b @ lora_a
            weight = (weight.float() + delta).to(weight.dtype)
        yield own, key, weight
