"""The sizes of a checkpoint and of adapters on disk, read from their headers; loads no torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from newbie_pipeline.checkpoints.conversions import official_key
from newbie_pipeline.checkpoints.headers import TensorEntry, read_header
from newbie_pipeline.checkpoints.identity import model_name
from newbie_pipeline.checkpoints.layouts import SAVED, component_entries, find_checkpoint
from newbie_pipeline.checkpoints.sources import Source
from newbie_pipeline.errors import AdapterError, CheckpointError
from newbie_pipeline.lora.adapter_file import AdapterFile, refuse_twice, weight_file
from newbie_pipeline.lora.parts import Shape, parts_by_layer
from newbie_pipeline.memory.adapters import adapter_size, with_adapters
from newbie_pipeline.memory.shapes import model_sizes
from newbie_pipeline.memory.sizes import AdapterSize, Component, ModelSizes


def checkpoint_sizes(
    source: Source, *, clip_only: bool = False, adapters: Sequence[AdapterFile] = ()
) -> ModelSizes:
    """Measure a checkpoint in any layout that can be loaded, with adapters on its transformer.

    With `clip_only` Gemma is not measured and need not be there. Raises CheckpointError, or
    AdapterError for an adapter that does not fit.
    """
    checkpoint = find_checkpoint(source, clip_only=clip_only)
    entries = {
        Component(name): component_entries(part) for name, part in checkpoint.components().items()
    }
    shapes = {
        component: {key: entry.shape for key, entry in tensors.items()}
        for component, tensors in entries.items()
    }
    name = model_name(source) if isinstance(source, Path) else str(source)
    # What the pipeline itself has saved holds Gemma without its last layer already.
    sizes = model_sizes(name, shapes, gemma_is_cut=checkpoint.layout == SAVED, clip_only=clip_only)
    layers = linear_layers(entries[Component.TRANSFORMER], checkpoint.transformer.naming)
    return with_adapters(sizes, read_adapters(adapters, layers))


def read_adapters(
    files: Sequence[AdapterFile], layers: Mapping[str, Shape]
) -> tuple[AdapterSize, ...]:
    """Measure adapter files for a transformer with these linear layers [out, in].

    Raises AdapterError for a file that cannot be read or does not fit, as loading would.
    """
    refuse_twice(files)
    return tuple(_read_adapter(file, layers) for file in files)


def linear_layers(entries: Mapping[str, TensorEntry], naming: str) -> dict[str, Shape]:
    """List a transformer's linear layers [out, in] by their official names."""
    layers: dict[str, Shape] = {}
    for key, entry in entries.items():
        own = official_key(key) if naming == "diffusers" else key
        if own is None or not own.endswith(".weight") or len(entry.shape) != 2:
            continue
        layer = own.removesuffix(".weight")
        # Diffusers has three projections where the official model has one.
        rows = layers[layer][0] if layer in layers else 0
        layers[layer] = (rows + entry.shape[0], entry.shape[1])
    return layers


def _read_adapter(file: AdapterFile, layers: Mapping[str, Shape]) -> AdapterSize:
    path = weight_file(file.path)
    try:
        entries = read_header(path)
    except CheckpointError as error:
        raise AdapterError(str(error)) from error
    if not entries:
        raise AdapterError(f"{path} holds no tensors")
    shapes = {key: entry.shape for key, entry in entries.items()}
    return adapter_size(str(file), parts_by_layer(str(path), shapes, layers))
