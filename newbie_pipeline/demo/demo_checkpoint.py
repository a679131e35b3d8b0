"""The demo checkpoint on disk: the official layout, all weights in bfloat16.

Gemma lacks its last layer and final norm, which conditioning never reads; its config counts that
layer, as the real one's does. A checkpoint without them cannot help with prompts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler
from torch import nn

from newbie_pipeline.checkpoints.writing import (
    MODEL_INDEX,
    TRANSFORMER_CLASS,
    write_json,
    write_part,
)
from newbie_pipeline.demo.model_sizes import DemoSizes, vae_config
from newbie_pipeline.models.gemma_text import GemmaTextEncoder
from newbie_pipeline.models.jina_clip import HF_PREFIX, JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT

MOST_BYTES = 25_000_000
GEMMA_PREFIX = "language_model.model."


@dataclass(frozen=True)
class DemoParts:
    """What a demo checkpoint consists of; `latent_scaling` are entries of the VAE's config."""

    sizes: DemoSizes
    vae: AutoencoderKL
    latent_scaling: Mapping[str, float]
    gemma: GemmaTextEncoder
    jina: JinaClipTextModel
    tokenizers: tuple[Any, Any]
    transformer: NextDiT
    shift: float


def write_demo_checkpoint(directory: Path, parts: DemoParts) -> None:
    """Write all parts into a folder, over what is there."""
    sizes = parts.sizes
    widths = {
        "cap_feat_dim": sizes.gemma["hidden_size"],
        "clip_text_dim": sizes.jina["hidden_size"],
    }
    config: dict[str, Any] = {
        "_class_name": TRANSFORMER_CLASS,
        **sizes.transformer,
        **widths,
        "only_size": sizes.picture,
    }
    write_part(directory, "transformer", config, halved(parts.transformer))
    config = {"_class_name": "AutoencoderKL", **vae_config(sizes), **parts.latent_scaling}
    write_part(directory, "vae", config, halved(parts.vae))
    _write_gemma(directory, parts)
    _write_jina(directory, parts)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=parts.shift)
    scheduler.save_pretrained(str(directory / "scheduler"))
    write_json(directory / "model_index.json", MODEL_INDEX)


def halved(module: nn.Module, prefix: str = "") -> dict[str, torch.Tensor]:
    """Give a model's weights in bfloat16, with a prefix before their names."""
    return {f"{prefix}{key}": value.bfloat16() for key, value in module.state_dict().items()}


def _write_gemma(directory: Path, parts: DemoParts) -> None:
    layers = parts.sizes.gemma["num_hidden_layers"] + 1
    text_config = {
        "model_type": "gemma3_text",
        **parts.sizes.gemma,
        "num_hidden_layers": layers,
        "vocab_size": len(parts.tokenizers[0]),
    }
    config = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": text_config,
    }
    write_part(directory, "text_encoder", config, halved(parts.gemma, GEMMA_PREFIX))
    _write_tokenizer(directory / "text_encoder", parts.tokenizers[0])


def _write_jina(directory: Path, parts: DemoParts) -> None:
    config = {
        "architectures": ["JinaCLIPModel"],
        "model_type": "jina_clip",
        "text_config": {"num_attention_heads": parts.sizes.jina["num_attention_heads"]},
    }
    write_part(directory, "clip_model", config, halved(parts.jina, HF_PREFIX))
    _write_tokenizer(directory / "clip_model", parts.tokenizers[1])


def _write_tokenizer(folder: Path, tokenizer: Any) -> None:
    """Write a tokenizer as it was trained: a call that cuts texts leaves that in its state."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.save_pretrained(str(folder))
