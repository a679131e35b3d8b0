"""How large the demo checkpoint's four models are, and models of these sizes with fresh weights.

- All parts together must stay below 25 MB in bfloat16: 12.5 million parameters, tokenizers aside.
- The VAE shrinks pictures by 16 and the transformer reads patches of 2 x 2, so a picture of
  256 x 256 is 64 tokens, and a caption's tokens cost about as much as the picture's.
- Gemma is built as conditioning needs it: without the last layer and the final norm.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import nn
from transformers import Gemma3TextConfig

from newbie_pipeline.models.gemma_text import GemmaTextEncoder
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT

Config = dict[str, Any]


def _transformer() -> Config:
    return {
        "patch_size": 2,
        "in_channels": 16,
        "dim": 192,
        "n_layers": 7,
        "n_refiner_layers": 2,
        "n_heads": 4,
        "n_kv_heads": 2,
        "multiple_of": 32,
        "ffn_dim_multiplier": 0.667,
        "norm_eps": 1e-5,
        "qk_norm": True,
        "axes_dims": [16, 16, 16],
        "axes_lens": [1024, 512, 512],
    }


def _gemma() -> Config:
    return {
        "hidden_size": 160,
        "intermediate_size": 320,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 40,
        "query_pre_attn_scalar": 40,
        "sliding_window": 1024,
    }


def _jina() -> Config:
    return {
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
    }


def _vae() -> Config:
    return {
        "block_out_channels": [8, 16, 32, 64, 96],
        "layers_per_block": 1,
        "latent_channels": 16,
        "norm_num_groups": 4,
    }


@dataclass(frozen=True)
class DemoSizes:
    """The configs of the four models, as far as they differ from what their makers set."""

    picture: int = 256
    vocabulary: int = 4096
    transformer: Config = field(default_factory=_transformer)
    gemma: Config = field(default_factory=_gemma)
    jina: Config = field(default_factory=_jina)
    vae: Config = field(default_factory=_vae)

    def as_data(self) -> Config:
        """Give everything as plain data."""
        return asdict(self)


def sizes_for(picture: int) -> DemoSizes:
    """Give the sizes for pictures of 128 or 256 pixels a side: as many tokens for both."""
    if picture == 256:
        return DemoSizes()
    if picture == 128:
        return DemoSizes(picture=128, vae={**_vae(), "block_out_channels": [16, 32, 64, 96]})
    raise ValueError(f"a demo model draws 128 or 256 pixels a side, not {picture}")


def vae_config(sizes: DemoSizes) -> Config:
    """Give the VAE's whole config."""
    levels = len(sizes.vae["block_out_channels"])
    return {
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "sample_size": sizes.picture,
        "mid_block_add_attention": False,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
        **sizes.vae,
    }


def new_vae(sizes: DemoSizes) -> AutoencoderKL:
    """Make a VAE with torch's initial weights."""
    return AutoencoderKL(**vae_config(sizes))


def new_gemma(sizes: DemoSizes, vocabulary: int) -> GemmaTextEncoder:
    """Make Gemma with transformers' initial weights."""
    config = Gemma3TextConfig(vocab_size=vocabulary, use_cache=False, **sizes.gemma)
    return GemmaTextEncoder(config)


def new_jina(sizes: DemoSizes, vocabulary: int) -> JinaClipTextModel:
    """Make Jina's text tower; embeddings begin small, as in transformers."""
    model = JinaClipTextModel(vocab_size=vocabulary, **sizes.jina)
    nn.init.normal_(model.embeddings.word_embeddings.weight, std=0.02)
    nn.init.zeros_(model.embeddings.token_type_embeddings.weight)
    return model


def new_transformer(sizes: DemoSizes) -> NextDiT:
    """Make a Next-DiT whose blocks begin by passing on what they get.

    The modulations begin at zero and close every gate. `time_text_embed`, which feeds them, must
    then not begin at zero as well, or neither would ever get a gradient; nor must the last layer,
    for the gates' sake.
    """
    widths = {
        "cap_feat_dim": sizes.gemma["hidden_size"],
        "clip_text_dim": sizes.jina["hidden_size"],
    }
    model = NextDiT(**sizes.transformer, **widths)
    for name, parameter in model.named_parameters():
        if "adaLN_modulation" in name or name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.ndim >= 2:
            nn.init.xavier_uniform_(parameter)
    with torch.no_grad():
        model.final_layer.linear.weight.mul_(0.1)
    return model
