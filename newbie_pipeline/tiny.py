"""A complete checkpoint of a few megabytes with random weights, in the official layout.

It is for trying and testing everything around the model: pictures are colourful noise that differs
by prompt and by seed. The same seed writes the same bytes. Its VAE shrinks by 32 instead of 8, so a
one-megapixel picture takes about a second on a CPU.
"""

import math
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler
from torch import nn
from transformers import Gemma3TextConfig, Gemma3TextModel

from newbie_pipeline.checkpoints.writing import (
    MODEL_INDEX,
    TRANSFORMER_CLASS,
    write_json,
    write_part,
)
from newbie_pipeline.models.jina_clip import HF_PREFIX, PARAMETRIZED, JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.tiny_tokenizers import gemma_tokenizer, jina_tokenizer

ADAPTER_RANK = 4
# Chosen by eye: the default checkpoint's decoder has several colours instead of one.
VAE_SEED = 8

TRANSFORMER_CONFIG: dict[str, Any] = {
    "patch_size": 2,
    "in_channels": 16,
    "dim": 72,
    "n_layers": 3,
    "n_refiner_layers": 1,
    "n_heads": 3,
    "n_kv_heads": 1,
    "multiple_of": 64,
    "ffn_dim_multiplier": None,
    "norm_eps": 1e-5,
    "qk_norm": True,
    "axes_dims": [8, 8, 8],
    "axes_lens": [1024, 512, 512],
}
GEMMA_CONFIG: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "query_pre_attn_scalar": 16,
    "sliding_window": 1024,
    "sliding_window_pattern": 3,
    "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
}
JINA_SIZES = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
VAE_CONFIG: dict[str, Any] = {
    "block_out_channels": [4, 4, 8, 16, 16, 16],
    "down_block_types": ["DownEncoderBlock2D"] * 6,
    "up_block_types": ["UpDecoderBlock2D"] * 6,
    "layers_per_block": 1,
    "latent_channels": 16,
    "norm_num_groups": 1,
    "sample_size": 1024,
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}


def make_tiny(directory: Path | str, seed: int = 0) -> None:
    """Write a tiny checkpoint into a folder, which is made when it is not there."""
    directory = Path(directory)
    generator = torch.Generator("cpu").manual_seed(seed)
    _write_vae(directory, torch.Generator("cpu").manual_seed(VAE_SEED + seed))
    _write_transformer(directory, generator)
    _write_gemma(directory, generator)
    _write_jina(directory, generator)
    FlowMatchEulerDiscreteScheduler(shift=6.0).save_pretrained(str(directory / "scheduler"))
    write_json(directory / "model_index.json", MODEL_INDEX)


def _write_transformer(directory: Path, generator: torch.Generator) -> None:
    widths = {
        "cap_feat_dim": GEMMA_CONFIG["hidden_size"],
        "clip_text_dim": JINA_SIZES["hidden_size"],
    }
    model = NextDiT(**TRANSFORMER_CONFIG, **widths)
    _fill(model, generator)
    _let_the_prompt_show(model)
    config = {"_class_name": TRANSFORMER_CLASS, **TRANSFORMER_CONFIG, **widths}
    write_part(directory, "transformer", config, model.state_dict())


def _let_the_prompt_show(model: NextDiT) -> None:
    """Make the velocity outweigh the noise, and nearly the same at all four pixels of a patch.

    Else a picture is its noise: every prompt and every seed would look alike.
    """
    with torch.no_grad():
        model.x_embedder.weight.mul_(0.3)
        for name, parameter in model.named_parameters():
            if name.startswith("layers.") and name.endswith("attention_norm2.weight"):
                parameter.mul_(1.5)
        patch = TRANSFORMER_CONFIG["patch_size"] ** 2
        pixels = model.final_layer.linear.weight.view(patch, TRANSFORMER_CONFIG["in_channels"], -1)
        pixels.copy_(3.0 * (2.0 * pixels.mean(dim=0, keepdim=True) + 0.25 * pixels))


def _write_gemma(directory: Path, generator: torch.Generator) -> None:
    tokenizer = gemma_tokenizer()
    text_config = {**GEMMA_CONFIG, "vocab_size": len(tokenizer)}
    model = Gemma3TextModel(Gemma3TextConfig(**text_config))
    _fill(model, generator)
    # Gemma's norms multiply by 1 + weight.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.sub_(1.0)
    config = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": {"model_type": "gemma3_text", **text_config},
    }
    weights = {f"language_model.model.{key}": value for key, value in model.state_dict().items()}
    write_part(directory, "text_encoder", config, weights)
    tokenizer.save_pretrained(str(directory / "text_encoder"))


def _write_jina(directory: Path, generator: torch.Generator) -> None:
    tokenizer = jina_tokenizer()
    model = JinaClipTextModel(vocab_size=len(tokenizer), num_attention_heads=1, **JINA_SIZES)
    _fill(model, generator)
    weights = {"logit_scale": torch.zeros(())}
    for key, value in model.state_dict().items():
        if value.ndim < 2:
            weights[HF_PREFIX + key] = value
            continue
        head = HF_PREFIX + key.removesuffix(".weight") + PARAMETRIZED
        rows, columns = value.shape
        # Linear layers add B @ A, embeddings A @ B.
        shape_a, shape_b = (1, ADAPTER_RANK, columns), (1, rows, ADAPTER_RANK)
        if "embeddings" in key:
            shape_a, shape_b = (1, rows, ADAPTER_RANK), (1, ADAPTER_RANK, columns)
        weights[f"{head}original"] = value
        weights[f"{head}0.lora_A"] = 0.02 * torch.randn(shape_a, generator=generator)
        weights[f"{head}0.lora_B"] = 0.02 * torch.randn(shape_b, generator=generator)
    config = {"architectures": ["JinaCLIPModel"], "model_type": "jina_clip", "text_config": {}}
    write_part(directory, "clip_model", config, weights)
    tokenizer.save_pretrained(str(directory / "clip_model"))


def _write_vae(directory: Path, generator: torch.Generator) -> None:
    model = AutoencoderKL(**VAE_CONFIG)
    _fill(model, generator)
    with torch.no_grad():  # three colours that do not move together
        nn.init.orthogonal_(model.decoder.conv_out.weight, gain=1.5, generator=generator)
    config = {"_class_name": "AutoencoderKL", **VAE_CONFIG}
    write_part(directory, "vae", config, model.state_dict())


def _fill(model: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights from one generator: torch's own initialisation may change with its version.

    Matrices keep their input's variance, norms are near one, biases near zero.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "embed_tokens" in name or "_embeddings" in name:
                parameter.copy_(noise)
            elif parameter.ndim >= 2:
                parameter.copy_(noise / math.sqrt(parameter[0].numel()))
            elif name.endswith("weight"):
                parameter.copy_(1.0 + 0.1 * noise)
            else:
                parameter.copy_(0.1 * noise)
