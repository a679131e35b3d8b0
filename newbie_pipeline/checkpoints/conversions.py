"""Other names for the same weights: diffusers' Lumina 2 names, and the original autoencoder's.

Each mapping names one own key for one checkpoint's key, or None for a key that it does not know,
so that loading stays strict: diffusers' own converters drop what they do not know.
"""

import re

# Longest first where one is part of another.
_DIT_TOP = (
    ("time_caption_embed.caption_embedder.", "cap_embedder."),
    ("time_caption_embed.timestep_embedder.linear_1.", "t_embedder.mlp.0."),
    ("time_caption_embed.timestep_embedder.linear_2.", "t_embedder.mlp.2."),
    ("time_caption_embed.clip_text_pooled_proj.", "clip_text_pooled_proj."),
    ("time_caption_embed.time_text_embed.", "time_text_embed."),
    ("norm_out.linear_1.", "final_layer.adaLN_modulation.1."),
    ("norm_out.linear_2.", "final_layer.linear."),
)
_DIT_BLOCK = (
    ("norm1.linear.", "adaLN_modulation.1."),
    ("norm1.norm.", "attention_norm1."),
    ("norm1.", "attention_norm1."),
    ("norm2.", "attention_norm2."),
    ("attn.to_out.0.", "attention.out."),
    ("attn.norm_q.", "attention.q_norm."),
    ("attn.norm_k.", "attention.k_norm."),
    ("feed_forward.linear_1.", "feed_forward.w1."),
    ("feed_forward.linear_2.", "feed_forward.w2."),
    ("feed_forward.linear_3.", "feed_forward.w3."),
    ("ffn_norm1.", "ffn_norm1."),
    ("ffn_norm2.", "ffn_norm2."),
)
_DIT_KEPT = ("x_embedder.", "clip_text_pooled_proj.", "time_text_embed.", "norm_final.")
_BLOCK = re.compile(r"((?:layers|noise_refiner|context_refiner)\.\d+\.)(.+)")
# One projection in the official model, three in diffusers', in this order.
SPLIT_QKV = ("attn.to_q.weight", "attn.to_k.weight", "attn.to_v.weight")
FUSED_QKV = "attention.qkv.weight"

_VAE_DOWN = re.compile(r"encoder\.down\.(\d+)\.(?:block\.(\d+)|(downsample)\.conv)\.")
_VAE_UP = re.compile(r"decoder\.up\.(\d+)\.(?:block\.(\d+)|(upsample)\.conv)\.")
_VAE_MID = re.compile(r"(encoder|decoder)\.mid\.(?:block_([12])|(attn_1))\.")
_VAE_ATTENTION = {
    "norm": "group_norm",
    "q": "to_q",
    "k": "to_k",
    "v": "to_v",
    "proj_out": "to_out.0",
}
_VAE_NORM_OUT = re.compile(r"(encoder|decoder)\.norm_out\.")
_VAE_KEPT = re.compile(
    r"(?:(?:encoder|decoder)\.(?:conv_in|conv_out)|quant_conv|post_quant_conv)\.(?:weight|bias)"
)


def official_key(key: str) -> str | None:
    """Give the official name of a Lumina2Transformer2DModel key; q, k and v all give `qkv`.

    How a conversion names the two CLIP parts, which that model has not, is not published: taken
    are the official names `clip_text_pooled_proj.*` and `time_text_embed.*`, at the top or below
    `time_caption_embed.`, with `norm_final.weight` optional.
    """
    for theirs, own in _DIT_TOP:
        if key.startswith(theirs):
            return own + key.removeprefix(theirs)
    if key.startswith(_DIT_KEPT):
        return key
    match = _BLOCK.fullmatch(key)
    if match is None:
        return None
    head, rest = match.groups()
    if rest in SPLIT_QKV:
        return head + FUSED_QKV
    for theirs, own in _DIT_BLOCK:
        if rest.startswith(theirs):
            return head + own + rest.removeprefix(theirs)
    return None


def diffusers_vae_key(key: str, blocks: int) -> str | None:
    """Give diffusers' name of an original autoencoder's key; `blocks` are its resolutions.

    The decoder's blocks are counted from the other end.
    """
    if _VAE_KEPT.fullmatch(key):
        return key
    if match := _VAE_NORM_OUT.match(key):
        return f"{match[1]}.conv_norm_out.{key[match.end() :]}"
    if match := _VAE_MID.match(key):
        side, resnet, _ = match.groups()
        rest = key[match.end() :]
        if resnet:
            return f"{side}.mid_block.resnets.{int(resnet) - 1}.{_shortcut(rest)}"
        layer, _, leaf = rest.rpartition(".")
        own = _VAE_ATTENTION.get(layer)
        return own and f"{side}.mid_block.attentions.0.{own}.{leaf}"
    return _vae_resolution(key, blocks)


def _vae_resolution(key: str, blocks: int) -> str | None:
    if match := _VAE_DOWN.match(key):
        head, sampler = f"encoder.down_blocks.{match[1]}", "downsamplers"
    elif match := _VAE_UP.match(key):
        head, sampler = f"decoder.up_blocks.{blocks - 1 - int(match[1])}", "upsamplers"
    else:
        return None
    part = f"{sampler}.0.conv" if match[3] else f"resnets.{match[2]}"
    return f"{head}.{part}.{_shortcut(key[match.end() :])}"


def _shortcut(rest: str) -> str:
    return rest.replace("nin_shortcut.", "conv_shortcut.")
