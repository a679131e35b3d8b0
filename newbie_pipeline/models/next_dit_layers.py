"""The layers that the Next-DiT is stacked from; attribute names are the checkpoint's own."""

import math
from typing import Any

import torch
from diffusers.models.attention import AttentionModuleMixin
from diffusers.models.attention_dispatch import AttentionBackendName
from torch import nn

from newbie_pipeline.models.attention import attend
from newbie_pipeline.models.rope import rotate
from newbie_pipeline.models.token_layout import Segments

QK_NORM_EPS = 1e-6
FINAL_NORM_EPS = 1e-6
TIMESTEP_FREQUENCIES = 256
TIMESTEP_MAX_PERIOD = 10000.0


class NextDiTAttnProcessor:
    """Runs one attention on the backend that diffusers' setting chose for it."""

    _attention_backend: AttentionBackendName | None = None
    _parallel_config: object = None

    def __call__(
        self,
        attn: "JointAttention",
        hidden_states: torch.Tensor,
        rotary: torch.Tensor,
        key_mask: torch.Tensor | None = None,
        segments: Segments | None = None,
    ) -> torch.Tensor:
        """Attend over all tokens [batch, tokens, dim]; `key_mask` is True at tokens that count."""
        projected = attn.qkv(hidden_states).unflatten(-1, (-1, attn.head_dim))
        query, key, value = projected.split((attn.n_heads, attn.n_kv_heads, attn.n_kv_heads), dim=2)
        query = rotate(attn.q_norm(query), rotary)
        key = rotate(attn.k_norm(key), rotary)
        attended = attend(
            query,
            key,
            value,
            key_mask,
            segments,
            backend=self._attention_backend,
            parallel_config=self._parallel_config,
        )
        output: torch.Tensor = attn.out(attended.flatten(2).to(hidden_states.dtype))
        return output


class JointAttention(nn.Module, AttentionModuleMixin):
    """Grouped-query self-attention with normalised queries and keys and one fused projection."""

    _default_processor_cls = NextDiTAttnProcessor
    _available_processors = (NextDiTAttnProcessor,)
    _supports_qkv_fusion = False  # the checkpoint's projection is fused already

    def __init__(self, dim: int, n_heads: int, n_kv_heads: int, qk_norm: bool) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.n_kv_heads = n_kv_heads
        self.head_dim = dim // n_heads
        self.qkv = nn.Linear(dim, (n_heads + 2 * n_kv_heads) * self.head_dim, bias=False)
        self.out = nn.Linear(n_heads * self.head_dim, dim, bias=False)
        self.q_norm = nn.RMSNorm(self.head_dim, QK_NORM_EPS) if qk_norm else nn.Identity()
        self.k_norm = nn.RMSNorm(self.head_dim, QK_NORM_EPS) if qk_norm else nn.Identity()
        self.processor = NextDiTAttnProcessor()

    def forward(
        self,
        hidden_states: torch.Tensor,
        rotary: torch.Tensor,
        key_mask: torch.Tensor | None = None,
        segments: Segments | None = None,
    ) -> torch.Tensor:
        """Mix the tokens of each sample; see the processor for the shapes."""
        return self.processor(self, hidden_states, rotary, key_mask, segments)


class FeedForward(nn.Module):
    """SwiGLU with the hidden width rounded up to a multiple of `multiple_of`."""

    def __init__(self, dim: int, multiple_of: int, ffn_dim_multiplier: float | None) -> None:
        super().__init__()
        wanted = int(4 * dim * (1.0 if ffn_dim_multiplier is None else ffn_dim_multiplier))
        hidden = multiple_of * -(-wanted // multiple_of)
        self.w1 = nn.Linear(dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden, bias=False)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Transform each token by itself."""
        gate, value = self.w1(hidden_states), self.w3(hidden_states)
        activated = nn.functional.silu(gate, inplace=not torch.is_grad_enabled())
        output: torch.Tensor = self.w2(times(activated, value))
        return output


class ContextRefinerBlock(nn.Module):
    """Attention and feed-forward, each between two norms; knows nothing of time."""

    def __init__(
        self,
        *,
        dim: int,
        n_heads: int,
        n_kv_heads: int,
        multiple_of: int,
        ffn_dim_multiplier: float | None,
        norm_eps: float,
        qk_norm: bool,
    ) -> None:
        super().__init__()
        self.attention = JointAttention(dim, n_heads, n_kv_heads, qk_norm)
        self.feed_forward = FeedForward(dim, multiple_of, ffn_dim_multiplier)
        self.attention_norm1 = nn.RMSNorm(dim, norm_eps)
        self.ffn_norm1 = nn.RMSNorm(dim, norm_eps)
        self.attention_norm2 = nn.RMSNorm(dim, norm_eps)
        self.ffn_norm2 = nn.RMSNorm(dim, norm_eps)

    def forward(
        self,
        hidden_states: torch.Tensor,
        rotary: torch.Tensor,
        key_mask: torch.Tensor | None = None,
        segments: Segments | None = None,
    ) -> torch.Tensor:
        """Refine tokens [batch, tokens, dim]."""
        attended = self.attention(self.attention_norm1(hidden_states), rotary, key_mask, segments)
        hidden_states = plus(self.attention_norm2(attended), hidden_states)
        fed = self.feed_forward(self.ffn_norm1(hidden_states))
        return plus(self.ffn_norm2(fed), hidden_states)


class JointTransformerBlock(ContextRefinerBlock):
    """The same block with scales and gates that the time embedding sets."""

    def __init__(self, *, modulation_dim: int, dim: int, **sizes: Any) -> None:
        super().__init__(dim=dim, **sizes)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(modulation_dim, 4 * dim))

    def forward(  # type: ignore[override]
        self,
        hidden_states: torch.Tensor,
        time_embed: torch.Tensor,
        rotary: torch.Tensor,
        key_mask: torch.Tensor | None = None,
        segments: Segments | None = None,
    ) -> torch.Tensor:
        """Refine tokens [batch, tokens, dim] given the time embedding [batch, modulation_dim]."""
        modulation = self.adaLN_modulation(time_embed).chunk(4, dim=-1)
        scale_msa, gate_msa, scale_mlp, gate_mlp = (of_tokens(m, segments) for m in modulation)
        scaled = times(self.attention_norm1(hidden_states), 1 + scale_msa)
        attended = self.attention(scaled, rotary, key_mask, segments)
        gated = times(self.attention_norm2(attended), gate_msa.tanh())
        hidden_states = plus(gated, hidden_states)
        fed = self.feed_forward(times(self.ffn_norm1(hidden_states), 1 + scale_mlp))
        return plus(times(self.ffn_norm2(fed), gate_mlp.tanh()), hidden_states)


class NoiseRefinerBlock(JointTransformerBlock):
    """A joint block that sees the image alone.

    A class of its own, so that compiling the repeated blocks compiles one kind at one shape.
    """


def times(fresh: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Multiply, in place where nothing is lost by it: `fresh` must be nobody else's."""
    return fresh.mul_(factor) if _overwritable(fresh, factor) else fresh * factor


def plus(fresh: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Add, in place where nothing is lost by it: `fresh` must be nobody else's."""
    return fresh.add_(other) if _overwritable(fresh, other) else fresh + other


def _overwritable(fresh: torch.Tensor, other: torch.Tensor) -> bool:
    # Memory just written is still in the cache, and a new tensor's is not even mapped. Gradients
    # need what they were made from; a wider type would be narrowed.
    return not torch.is_grad_enabled() and fresh.dtype == other.dtype


def of_tokens(per_sample: torch.Tensor, segments: Segments | None) -> torch.Tensor:
    """Shape what each sample has [batch, dim] so that it broadcasts over tokens."""
    if segments is None:
        return per_sample.unsqueeze(1)
    return per_sample[segments.sample_of_token].unsqueeze(0)


class FinalLayer(nn.Module):
    """Projects tokens to patches after a norm that only the time embedding scales."""

    def __init__(self, dim: int, patch_features: int, modulation_dim: int) -> None:
        super().__init__()
        self.norm_final = nn.LayerNorm(dim, eps=FINAL_NORM_EPS, elementwise_affine=False)
        self.linear = nn.Linear(dim, patch_features)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(modulation_dim, dim))

    def forward(
        self,
        hidden_states: torch.Tensor,
        time_embed: torch.Tensor,
        segments: Segments | None = None,
    ) -> torch.Tensor:
        """Map tokens [batch, tokens, dim] to patches [batch, tokens, patch_features]."""
        scale = of_tokens(self.adaLN_modulation(time_embed), segments)
        output: torch.Tensor = self.linear(self.norm_final(hidden_states) * (1 + scale))
        return output


class TimestepEmbedder(nn.Module):
    """Sinusoids of the raw t (0 to 1, no factor), cosines first, then a small MLP."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(TIMESTEP_FREQUENCIES, dim), nn.SiLU(), nn.Linear(dim, dim)
        )

    def forward(self, timestep: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Embed timesteps [batch] as [batch, dim]."""
        half = TIMESTEP_FREQUENCIES // 2
        count = torch.arange(half, dtype=torch.float32, device=timestep.device)
        # In this order the rounding is the reference implementation's.
        frequency = torch.exp(-math.log(TIMESTEP_MAX_PERIOD) * count / half)
        angle = timestep.float().unsqueeze(-1) * frequency
        output: torch.Tensor = self.mlp(torch.cat((angle.cos(), angle.sin()), dim=-1).to(dtype))
        return output
