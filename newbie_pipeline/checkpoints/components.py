"""The models of a checkpoint, each from its files: strictly, one tensor at a time.

Nothing from a checkpoint is ever run. What its config leaves out is as in the published model; a
single file has no config, and its sizes are read off the weights (`derived_configs`).
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler
from torch import nn

from newbie_pipeline.checkpoints import conversions, derived_configs
from newbie_pipeline.checkpoints.component_files import Component
from newbie_pipeline.checkpoints.derived_configs import count
from newbie_pipeline.checkpoints.headers import TensorEntry
from newbie_pipeline.checkpoints.weight_files import WeightReader, fill_strictly, without_storage
from newbie_pipeline.checkpoints.weight_lists import read_json
from newbie_pipeline.errors import CheckpointError
from newbie_pipeline.models import gemma_text, jina_clip
from newbie_pipeline.models.gemma_language import (
    HEAD_KEYS,
    GemmaLastLayer,
    LanguageHead,
    last_layer_config,
    last_layer_key,
)
from newbie_pipeline.models.gemma_text import GemmaTextEncoder
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT

OFFICIAL_SHIFT = 6.0
# Lumina2Transformer2DModel's names for the arguments that the official config calls otherwise.
LUMINA_ARGUMENTS = {
    "hidden_size": "dim",
    "num_layers": "n_layers",
    "num_refiner_layers": "n_refiner_layers",
    "num_attention_heads": "n_heads",
    "num_kv_heads": "n_kv_heads",
    "axes_dim_rope": "axes_dims",
}

OnBytes = Callable[[int, int], None]
Tensors = Iterator[tuple[str, str, torch.Tensor]]


def load_transformer(
    component: Component,
    dtype: torch.dtype,
    device: torch.device,
    on_bytes: OnBytes | None = None,
) -> NextDiT:
    """Load the Next-DiT from official or Lumina 2 names."""
    with WeightReader(component.weights, component.prefix, on_bytes, device=device) as reader:
        sources = _transformer_sources(reader, component.naming)
        entries = {own: _joined(reader, keys) for own, keys in sources.items()}
        with _invalid_config(component), without_storage():
            model = NextDiT(**_transformer_arguments(component, entries))
        defaults = {}
        if component.naming == "diffusers":
            # Lumina 2's conversion drops this norm, which is never applied.
            defaults["norm_final.weight"] = torch.ones(model.config.dim)
        tensors = ((own, keys[0], _read_joined(reader, keys)) for own, keys in sources.items())
        fill_strictly(model, tensors, reader, dtype, device, defaults=defaults)
    return _ready(model)


def _transformer_sources(reader: WeightReader, naming: str) -> dict[str, list[str]]:
    """Map each own key to the checkpoint's: one, or q, k and v in this order."""
    if naming == "official":
        return {key: [key] for key in reader.keys}
    sources: dict[str, list[str]] = {}
    for key in reader.keys:
        own = conversions.official_key(key)
        if own is None:
            raise CheckpointError(f"{reader.file_of(key)}: key {key} is unexpected")
        sources.setdefault(own, []).append(key)
    for own, keys in sources.items():
        if own.endswith(conversions.FUSED_QKV):
            head = own.removesuffix(conversions.FUSED_QKV)
            wanted = [f"{head}{part}" for part in conversions.SPLIT_QKV]
            missing = [key for key in wanted if key not in keys]
            if missing:
                raise CheckpointError(f"{reader.file_of(keys[0])}: key {missing[0]} is missing")
            sources[own] = wanted
        elif len(keys) > 1:
            both = " and ".join(keys)
            raise CheckpointError(f"{reader.file_of(keys[0])}: {both} are the same weight")
    return sources


def _joined(reader: WeightReader, keys: list[str]) -> TensorEntry:
    entries = [reader.entries[key] for key in keys]
    rows = sum(entry.shape[0] for entry in entries if entry.shape)
    first = entries[0]
    return replace(first, shape=(rows, *first.shape[1:])) if len(entries) > 1 else first


def _read_joined(reader: WeightReader, keys: list[str]) -> torch.Tensor:
    if len(keys) == 1:
        return reader.read(keys[0])
    parts = [reader.read(key) for key in keys]
    for key, part in zip(keys, parts, strict=True):
        if part.shape[1:] != parts[0].shape[1:] or part.dtype != parts[0].dtype:
            raise CheckpointError(
                f"{reader.file_of(key)}: key {key} has shape {list(part.shape)}, which does not "
                f"go with {keys[0]}"
            )
    return torch.cat(parts)


def _transformer_arguments(
    component: Component, entries: Mapping[str, TensorEntry]
) -> dict[str, Any]:
    if component.config is None:
        arguments = derived_configs.next_dit_config(entries)
    else:
        config = read_json(component.config)
        config = {LUMINA_ARGUMENTS.get(name, name): value for name, value in config.items()}
        if component.naming == "diffusers":
            config["qk_norm"] = True  # not an argument there, and always on
        known = set(inspect.signature(NextDiT.__init__).parameters) - {"self"}
        arguments = {name: value for name, value in config.items() if name in known}
    # The official config says neither width of the captions: the weights do.
    arguments["cap_feat_dim"] = derived_configs.shape(entries, "cap_embedder.0.weight")[0]
    clip = derived_configs.shape(entries, "clip_text_pooled_proj.0.weight")
    arguments["clip_text_dim"] = clip[0]
    return arguments


def load_vae(
    component: Component,
    dtype: torch.dtype,
    device: torch.device,
    on_bytes: OnBytes | None = None,
) -> AutoencoderKL:
    """Load diffusers' AutoencoderKL from its own or the original autoencoder's names."""
    with WeightReader(component.weights, component.prefix, on_bytes, device=device) as reader:
        names: dict[str, str] = {key: key for key in reader.keys}
        if component.naming == "ldm":
            blocks = count(reader.entries, "decoder.up.")
            for key in reader.keys:
                own = conversions.diffusers_vae_key(key, blocks)
                if own is None:
                    raise CheckpointError(f"{reader.file_of(key)}: key {key} is unexpected")
                names[key] = own
        entries = {own: reader.entries[key] for key, own in names.items()}
        with _invalid_config(component), without_storage():
            config = (
                derived_configs.vae_config(entries)
                if component.config is None
                else read_json(component.config)
            )
            model = AutoencoderKL.from_config(config)
        tensors = ((own, key, _as_linear(own, reader.read(key))) for key, own in names.items())
        fill_strictly(model, tensors, reader, dtype, device)
    return _ready(model)


def _as_linear(own: str, tensor: torch.Tensor) -> torch.Tensor:
    """Make linear layers of the original attention's 1 x 1 convolutions."""
    if ".attentions." in own and tensor.ndim == 4 and tensor.shape[2:] == (1, 1):
        return tensor[:, :, 0, 0]
    return tensor


def load_gemma(
    component: Component,
    dtype: torch.dtype,
    device: torch.device,
    on_bytes: OnBytes | None = None,
) -> GemmaTextEncoder:
    """Load Gemma 3's text model without its last layer, final norm and vision parts."""
    with WeightReader(component.weights, component.prefix, on_bytes, device=device) as reader:
        with _invalid_config(component), without_storage():
            published = _gemma_config(component, reader.entries)
            config = gemma_text.encoder_config(published)
            model = GemmaTextEncoder(config)
        names = {
            key: own
            for key in reader.keys
            if (own := gemma_text.own_key(key, config.num_hidden_layers)) is not None
        }
        reader.bytes_total = sum(reader.entries[key].length for key in names)
        tensors = ((own, key, reader.read(key)) for key, own in names.items())
        fill_strictly(model, tensors, reader, dtype, device)
    return _ready(model)


def load_language_head(
    component: Component, dtype: torch.dtype, device: torch.device
) -> LanguageHead | None:
    """Load Gemma's last layer, final norm and, where it has one, head.

    None for a checkpoint without final norm, or that this pipeline has saved: it holds what
    conditioning needs. Anything else that is missing or does not fit raises CheckpointError.
    """
    with WeightReader(component.weights, component.prefix, device=device) as reader:
        with _invalid_config(component), without_storage():
            config = last_layer_config(published := _gemma_config(component, reader.entries))
            if config is None:
                return None
            model = GemmaLastLayer(config)
        layers = gemma_text.truncated_config(published).num_hidden_layers
        names = {
            key: own
            for key in reader.keys
            if (text := gemma_text.text_key(key)) is not None
            and (own := last_layer_key(text, layers)) is not None
        }
        if "norm.weight" not in names.values():
            return None
        tensors = ((own, key, reader.read(key)) for key, own in names.items())
        fill_strictly(model, tensors, reader, dtype, device)
        head = next((key for key in HEAD_KEYS if key in reader.keys), None)
        weight = None if head is None else reader.read(head).to(device=device, dtype=dtype)
    return LanguageHead(_ready(model), weight)


def _gemma_config(component: Component, entries: Mapping[str, TensorEntry]) -> dict[str, Any]:
    if component.config is not None:
        return read_json(component.config)
    own = {
        name: entry
        for key, entry in entries.items()
        if (name := gemma_text.text_key(key)) is not None
    }
    return derived_configs.gemma_config(own)


def load_jina(
    component: Component,
    dtype: torch.dtype,
    device: torch.device,
    on_bytes: OnBytes | None = None,
) -> JinaClipTextModel:
    """Load Jina CLIP's text tower; its sizes are read off the weights, which its config omits."""
    config = {} if component.config is None else read_json(component.config)
    with WeightReader(component.weights, component.prefix, on_bytes, device=device) as reader:
        names = {
            key: own
            for key in reader.keys
            if "lora_" not in key and (own := jina_clip.own_key(key)) is not None
        }
        entries = {own: reader.entries[key] for key, own in names.items()}
        with _invalid_config(component), without_storage():
            model = JinaClipTextModel(**derived_configs.jina_config(entries, config))
        used = [key for key in reader.keys if jina_clip.own_key(key) is not None]
        reader.bytes_total = sum(reader.entries[key].length for key in used)
        tensors = jina_clip.merged_tensors(reader.keys, reader.read)
        fill_strictly(model, tensors, reader, dtype, device)
    return _ready(model)


def load_scheduler(config: Path | None) -> FlowMatchEulerDiscreteScheduler:
    """Load the flow-matching Euler scheduler, or the official one where there is no config."""
    if config is None:
        return FlowMatchEulerDiscreteScheduler(shift=OFFICIAL_SHIFT)
    return FlowMatchEulerDiscreteScheduler.from_config(read_json(config))


@contextmanager
def _invalid_config(component: Component) -> Iterator[None]:
    """Name the config, or the weights without one, when a model refuses its sizes."""
    try:
        yield
    except CheckpointError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        source = component.config or component.weights[0]
        raise CheckpointError(
            f"{source}: no model can be built with these sizes: {error}"
        ) from error


def _ready(model: nn.Module) -> Any:
    return model.eval().requires_grad_(False)
