"""Training steps that are faster on a CPU: compiled blocks, and attention that can be fused.

Each kind of block is compiled by itself, once for all lengths of captions. PyTorch's attention is a
call that the compiler leaves alone, and its way back is slow on a CPU; written as two products, it
is fused with what is around it.
"""

import logging
import shutil

import torch
from torch import nn

from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.models.next_dit_layers import JointAttention, NextDiTAttnProcessor
from newbie_pipeline.models.rope import rotate
from newbie_pipeline.models.token_layout import Segments

logger = logging.getLogger(__name__)

COMPILERS = ("g++", "clang++")
NEVER = -1e9


class ProductAttnProcessor(NextDiTAttnProcessor):
    """Attention as two matrix products with a softmax between them; takes no packed samples."""

    def __call__(
        self,
        attn: JointAttention,
        hidden_states: torch.Tensor,
        rotary: torch.Tensor,
        key_mask: torch.Tensor | None = None,
        segments: Segments | None = None,
    ) -> torch.Tensor:
        """Attend over all tokens [batch, tokens, dim]; `key_mask` is True at tokens that count."""
        if segments is not None:
            raise ValueError("packed samples need an attention backend that takes them")
        projected = attn.qkv(hidden_states).unflatten(-1, (-1, attn.head_dim))
        query, key, value = projected.split((attn.n_heads, attn.n_kv_heads, attn.n_kv_heads), dim=2)
        query = rotate(attn.q_norm(query), rotary).transpose(1, 2) * attn.head_dim**-0.5
        key = rotate(attn.k_norm(key), rotary).transpose(1, 2)
        value = value.transpose(1, 2)
        if (times := attn.n_heads // attn.n_kv_heads) > 1:
            key, value = (t.repeat_interleave(times, dim=1) for t in (key, value))
        scores = query @ key.transpose(2, 3)
        if key_mask is not None:
            scores = scores.masked_fill(~key_mask[:, None, None, :], NEVER)
        attended = scores.softmax(dim=-1) @ value
        output: torch.Tensor = attn.out(attended.transpose(1, 2).flatten(2))
        return output


def compile_blocks(transformer: NextDiT) -> bool:
    """Prepare a transformer on the CPU for training; gives whether its blocks get compiled.

    Without a C++ compiler on the path they are not, and each step takes longer.
    """
    if not any(shutil.which(name) for name in COMPILERS):
        logger.warning("no C++ compiler is here: training steps take about twice as long")
        return False
    transformer.set_attn_processor(ProductAttnProcessor())
    for block in blocks_of(transformer):
        block.compile(dynamic=True)
    return True


def restore_blocks(transformer: NextDiT) -> None:
    """Undo `compile_blocks`."""
    transformer.set_attn_processor(NextDiTAttnProcessor())
    for block in blocks_of(transformer):
        block._compiled_call_impl = None


def blocks_of(transformer: NextDiT) -> list[nn.Module]:
    """Give all blocks that tokens go through."""
    return [*transformer.noise_refiner, *transformer.context_refiner, *transformer.layers]
