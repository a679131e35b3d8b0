"""Writing a checkpoint in the official repository's layout, part by part."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

TRANSFORMER_CLASS = "NextDiT_3B_GQA_patch2_Adaln_Refiner_WHIT_CLIP"
MODEL_INDEX = {
    "_class_name": "NewbiePipeline",
    "transformer": ["models", TRANSFORMER_CLASS],
    "text_encoder": ["transformers", "Gemma3ForConditionalGeneration"],
    "clip_model": ["transformers", "JinaCLIPModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
}
# Folder of each part, and the stem of its weights.
PARTS = {
    "transformer": "diffusion_pytorch_model",
    "text_encoder": "model",
    "clip_model": "model",
    "vae": "diffusion_pytorch_model",
}


def write_part(
    directory: Path, part: str, config: Mapping[str, Any], weights: Mapping[str, torch.Tensor]
) -> None:
    """Write a part's config and weights into its folder of the checkpoint."""
    folder = directory / part
    write_json(folder / "config.json", config)
    write_weights(folder / f"{PARTS[part]}.safetensors", weights)


def write_weights(path: Path, weights: Mapping[str, torch.Tensor]) -> None:
    """Write tensors as one safetensors file that everybody may read."""
    contiguous = {key: value.detach().contiguous() for key, value in weights.items()}
    save_file(contiguous, path, metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors makes it readable for its owner only


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, and its folder if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
