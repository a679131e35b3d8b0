"""Attention of the Next-DiT over whole or packed sequences, on whatever backend is chosen.

Everything goes through diffusers' dispatcher but one case: its `flash_varlen` packs keys only, so
packed samples go to flash-attn's variable-length function in one call here.
"""

import torch
from diffusers.models.attention_dispatch import (
    AttentionBackendName,
    _AttentionBackendRegistry,
    dispatch_attention_fn,
)

from newbie_pipeline.models.token_layout import Segments

# These compute whole sequences only: samples of different lengths are packed for them. The
# dispatcher's own variable-length forms would compute every padded query.
MASKLESS_BACKENDS = frozenset(
    {
        AttentionBackendName.FLASH,
        AttentionBackendName.FLASH_HUB,
        AttentionBackendName.FLASH_4_HUB,
        AttentionBackendName.FLASH_VARLEN,
        AttentionBackendName.FLASH_VARLEN_HUB,
        AttentionBackendName._FLASH_3,
        AttentionBackendName._FLASH_3_HUB,
        AttentionBackendName._FLASH_VARLEN_3,
        AttentionBackendName._FLASH_3_VARLEN_HUB,
        AttentionBackendName.AITER_FA2_HUB,
        AttentionBackendName._NATIVE_FLASH,
        AttentionBackendName.SAGE,
        AttentionBackendName.SAGE_HUB,
        AttentionBackendName.SAGE_VARLEN,
    }
)

# PyTorch's flash attention has kernels from Ampere on.
FLASH_MAJOR = 8


def active_backend(own: AttentionBackendName | None) -> AttentionBackendName:
    """Name the backend that a processor with this setting uses now."""
    if own is not None:
        return AttentionBackendName(own)
    return AttentionBackendName(_AttentionBackendRegistry.get_active_backend()[0])


def shares_heads(
    kind: str, dtype: torch.dtype, *, masked: bool, capability_major: int | None = None
) -> bool:
    """Tell whether PyTorch's attention has a kernel for fewer key heads than query heads here.

    On CUDA only its flash attention has one: in half precision, without a mask, from Ampere on.
    Anything else would go to the kernel that writes out the scores of every pair of tokens, in
    float32: 8 GB for two samples at 1024 x 1024. Source: `torch.nn.functional`'s notes on
    `enable_gqa`, and the choice of kernels in ATen's `sdp_utils.cpp`.
    """
    if kind != "cuda":
        return True
    half = dtype in (torch.bfloat16, torch.float16)
    return half and not masked and (capability_major or 0) >= FLASH_MAJOR


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    key_mask: torch.Tensor | None,
    segments: Segments | None,
    *,
    backend: AttentionBackendName | None = None,
    parallel_config: object = None,
) -> torch.Tensor:
    """Attend over [batch, tokens, heads, head_dim]; keys and values may have fewer heads.

    `key_mask` [batch, tokens] is True at keys that count. With `segments`, the one row holds
    several samples and each attends to itself alone.
    """
    if segments is None:
        if key.shape[2] != query.shape[2] and not _shares_heads(query, key_mask):
            times = query.shape[2] // key.shape[2]
            key, value = (t.repeat_interleave(times, dim=2) for t in (key, value))
        if backend is AttentionBackendName.FLASH_VARLEN and key_mask is None:
            # Nothing varies here, and `flash` saves what `flash_varlen` spends on finding out.
            backend = AttentionBackendName.FLASH
        attended: torch.Tensor = dispatch_attention_fn(
            query,
            key,
            value,
            # Four dimensions: the form that every backend of the dispatcher takes.
            attn_mask=None if key_mask is None else key_mask[:, None, None, :],
            enable_gqa=key.shape[2] != query.shape[2],
            backend=backend,
            parallel_config=parallel_config,
        )
        return attended
    if active_backend(backend) is AttentionBackendName.FLASH_VARLEN:
        return _flash_varlen(query, key, value, segments)
    samples = zip(*(t.split(segments.lengths, dim=1) for t in (query, key, value)), strict=True)
    parts = [attend(q, k, v, None, None, backend=backend) for q, k, v in samples if q.shape[1]]
    return torch.cat(parts, dim=1)


def _shares_heads(query: torch.Tensor, key_mask: torch.Tensor | None) -> bool:
    device = query.device
    major = torch.cuda.get_device_properties(device).major if device.type == "cuda" else None
    return shares_heads(
        device.type, query.dtype, masked=key_mask is not None, capability_major=major
    )


def _flash_varlen(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Segments
) -> torch.Tensor:
    from flash_attn import flash_attn_varlen_func  # type: ignore[import-not-found]  # noqa: PLC0415

    longest = max(segments.lengths)
    attended: torch.Tensor = flash_attn_varlen_func(
        query[0],
        key[0],
        value[0],
        cu_seqlens_q=segments.offsets,
        cu_seqlens_k=segments.offsets,
        max_seqlen_q=longest,
        max_seqlen_k=longest,
    )
    return attended.unsqueeze(0)
