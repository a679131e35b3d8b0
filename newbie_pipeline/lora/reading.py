"""Adapter files as they lie on disk: tensors by key, and what the trainer said about their scale.

Safetensors only. A scale comes from one of four places: `.alpha` tensors in the file (kohya,
lycoris), diffusers' adapter metadata, the community trainer's `lora_alpha` and `lora_rank` in the
file's metadata, or peft's `adapter_config.json` beside the file. Without any it is 1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY
from safetensors import SafetensorError, safe_open

from newbie_pipeline.errors import AdapterError
from newbie_pipeline.lora.adapter_file import PEFT_WEIGHTS, weight_file

PEFT_CONFIG = "adapter_config.json"


@dataclass(frozen=True)
class AdapterSource:
    """The tensors of one adapter by the file's own keys; `config` is in peft's words or empty."""

    name: str
    tensors: dict[str, torch.Tensor]
    config: dict[str, Any]


def read_adapter(path: Path, weight_name: str | None = None) -> AdapterSource:
    """Read one adapter file, or the one inside a folder.

    Raises AdapterError when it is missing, a pickle, damaged, empty or not safetensors.
    """
    path = weight_file(Path(path), weight_name)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = dict(file.metadata() or {})
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise AdapterError(
            f"{path} is no safetensors file, is damaged or was not copied completely: {error}"
        ) from error
    if not tensors:
        raise AdapterError(f"{path} holds no tensors")
    return AdapterSource(str(path), tensors, _config(path, metadata))


def source_from_tensors(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, Any] | None
) -> AdapterSource:
    """Take tensors that are in memory already, with a peft configuration if there is one."""
    if not tensors:
        raise AdapterError("the given state dict holds no tensors")
    return AdapterSource("the given state dict", dict(tensors), _plain(dict(metadata or {})))


def _config(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    beside = path.with_name(PEFT_CONFIG)
    if LORA_ADAPTER_METADATA_KEY in metadata:
        return _plain(_object(metadata[LORA_ADAPTER_METADATA_KEY], f"{path}: metadata"))
    if "lora_alpha" in metadata:
        rank = metadata.get("lora_rank", metadata.get("r"))
        return {"lora_alpha": metadata["lora_alpha"], "r": rank}
    if path.name == PEFT_WEIGHTS and beside.is_file():
        return _object(beside.read_text(encoding="utf-8"), str(beside))
    return {}


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise AdapterError(f"{where} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise AdapterError(f"{where} is not a JSON object")
    return content


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    # diffusers writes the component's name before each entry.
    return {key.removeprefix("transformer."): value for key, value in config.items()}
