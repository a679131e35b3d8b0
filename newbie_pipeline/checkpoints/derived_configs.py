"""Sizes of the models read off their weights, for single files, which come without configs.

What weights cannot show is as in the published models, and said at each function. Where that is
wrong, a file `NAME.config.json` beside `NAME.safetensors` is read instead of all this.
"""

from collections.abc import Mapping
from typing import Any

from newbie_pipeline.checkpoints.headers import TensorEntry
from newbie_pipeline.errors import CheckpointError

Entries = Mapping[str, TensorEntry]

HEAD_DIM = 96
AXES_LENS = (1024, 512, 512)
MULTIPLE_OF = 256
PATCH_SIZE = 2
JINA_HEAD_DIM = 64
VAE_GROUPS = 32
# FLUX.1's autoencoder.
VAE_SCALING = {"scaling_factor": 0.3611, "shift_factor": 0.1159}
GEMMA_ROPE_SCALING = {"rope_type": "linear", "factor": 8.0}
GEMMA_SLIDING_WINDOW = 1024
GEMMA_PATTERN = 6


def shape(entries: Entries, key: str) -> tuple[int, ...]:
    """Give a tensor's shape; raises CheckpointError naming file and key when it is missing."""
    if key not in entries:
        files = ", ".join(sorted({str(entry.path) for entry in entries.values()}))
        raise CheckpointError(f"{files}: key {key} is missing")
    return entries[key].shape


def count(entries: Entries, prefix: str) -> int:
    """Count the numbered modules behind a prefix, such as `layers.`."""
    numbers = {
        int(number)
        for key in entries
        if key.startswith(prefix) and (number := key[len(prefix) :].split(".")[0]).isdecimal()
    }
    return max(numbers, default=-1) + 1


def next_dit_config(entries: Entries) -> dict[str, Any]:
    """Derive the Next-DiT's arguments from tensors under official names.

    Assumed: patch size 2, epsilon 1e-5, three equal RoPE axes of lengths 1024, 512, 512, and, where
    the heads' width is not shown by a q_norm, heads of 96.
    """
    file = next(iter(entries.values())).path
    patch_features = shape(entries, "x_embedder.weight")[1]
    dim, hidden = shape(entries, "layers.0.feed_forward.w2.weight")
    qk_norm = "layers.0.attention.q_norm.weight" in entries
    head_dim = shape(entries, "layers.0.attention.q_norm.weight")[0] if qk_norm else HEAD_DIM
    rows = shape(entries, "layers.0.attention.qkv.weight")[0]
    if dim % head_dim or (rows - dim) % (2 * head_dim) or head_dim % 6:
        raise CheckpointError(
            f"{file}: its sizes cannot be read off the weights; put the transformer's config.json "
            f"beside it as {file.stem}.config.json"
        )
    return {
        "patch_size": PATCH_SIZE,
        "in_channels": patch_features // PATCH_SIZE**2,
        "dim": dim,
        "n_layers": count(entries, "layers."),
        "n_refiner_layers": count(entries, "noise_refiner."),
        "n_heads": dim // head_dim,
        "n_kv_heads": (rows - dim) // (2 * head_dim),
        "qk_norm": qk_norm,
        "axes_dims": (head_dim // 3,) * 3,
        "axes_lens": AXES_LENS,
        **_feed_forward(dim, hidden),
    }


def _feed_forward(dim: int, hidden: int) -> dict[str, Any]:
    """Give arguments that make the feed-forward `hidden` wide: the published ones where they do."""
    plain = 4 * dim
    if MULTIPLE_OF * -(-plain // MULTIPLE_OF) == hidden:
        return {"multiple_of": MULTIPLE_OF, "ffn_dim_multiplier": None}
    if plain <= hidden:
        return {"multiple_of": hidden, "ffn_dim_multiplier": None}
    return {"multiple_of": 1, "ffn_dim_multiplier": (hidden + 0.5) / plain}


def gemma_config(entries: Entries) -> dict[str, Any]:
    """Derive Gemma 3's text config from tensors under the text model's own names.

    Assumed, as published for the 4B model: full attention in every sixth layer with linear RoPE
    scaling by 8, a sliding window of 1024 in the others, and scores scaled by the heads' width.
    """
    head_dim = shape(entries, "layers.0.self_attn.q_norm.weight")[0]
    vocab_size, hidden_size = shape(entries, "embed_tokens.weight")
    return {
        "vocab_size": vocab_size,
        "hidden_size": hidden_size,
        "intermediate_size": shape(entries, "layers.0.mlp.gate_proj.weight")[0],
        "num_hidden_layers": count(entries, "layers."),
        "num_attention_heads": shape(entries, "layers.0.self_attn.q_proj.weight")[0] // head_dim,
        "num_key_value_heads": shape(entries, "layers.0.self_attn.k_proj.weight")[0] // head_dim,
        "head_dim": head_dim,
        "query_pre_attn_scalar": head_dim,
        "rope_scaling": GEMMA_ROPE_SCALING,
        "sliding_window": GEMMA_SLIDING_WINDOW,
        "sliding_window_pattern": GEMMA_PATTERN,
    }


def jina_config(entries: Entries, config: Mapping[str, Any]) -> dict[str, Any]:
    """Derive the arguments of Jina CLIP's text tower; its published config leaves most out.

    Assumed where `config` does not say it: heads of 64.
    """
    vocab_size, hidden_size = shape(entries, "embeddings.word_embeddings.weight")
    heads = config.get("num_attention_heads") or config.get("text_config", {}).get(
        "num_attention_heads"
    )
    return {
        "vocab_size": vocab_size,
        "hidden_size": hidden_size,
        "intermediate_size": shape(entries, "encoder.layers.0.mlp.fc1.weight")[0],
        "num_hidden_layers": count(entries, "encoder.layers."),
        "num_attention_heads": heads or hidden_size // JINA_HEAD_DIM,
    }


def vae_config(entries: Entries) -> dict[str, Any]:
    """Derive the autoencoder's config from tensors under diffusers' names.

    Assumed: FLUX.1's scaling and shift, and norms of 32 groups.
    """
    file = next(iter(entries.values())).path
    blocks = count(entries, "encoder.down_blocks.")
    channels = [
        shape(entries, f"encoder.down_blocks.{i}.resnets.0.conv1.weight")[0] for i in range(blocks)
    ]
    if not channels or any(width % VAE_GROUPS for width in channels):
        raise CheckpointError(
            f"{file}: its norms' groups cannot be read off the weights; put the VAE's config.json "
            f"beside it as {file.stem}.config.json"
        )
    return {
        "in_channels": shape(entries, "encoder.conv_in.weight")[1],
        "out_channels": shape(entries, "decoder.conv_out.weight")[0],
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * blocks,
        "up_block_types": ["UpDecoderBlock2D"] * blocks,
        "layers_per_block": count(entries, "encoder.down_blocks.0.resnets."),
        "latent_channels": shape(entries, "decoder.conv_in.weight")[1],
        "norm_num_groups": VAE_GROUPS,
        "sample_size": 1024,
        "use_quant_conv": "quant_conv.weight" in entries,
        "use_post_quant_conv": "post_quant_conv.weight" in entries,
        **VAE_SCALING,
    }
