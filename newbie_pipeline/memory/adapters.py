"""What LoRA and LoKr add to the transformer; pure, loads no torch.

An adapter's tensors are held in the transformer's type, in the layers that they belong to: those
in blocks stream and move with their block, the others lie outside. Quantisers leave them alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from newbie_pipeline.lora.parts import LayerParts
from newbie_pipeline.memory.shapes import TRANSFORMER_BLOCK, measure
from newbie_pipeline.memory.sizes import AdapterSize, Component, ComponentSize, ModelSizes

# The one layer whose adapter makes a block's widest point wider (`activations`).
VALUE = "feed_forward.w3"


def adapter_size(name: str, layers: Mapping[str, LayerParts]) -> AdapterSize:
    """Measure an adapter by what each of its layers gets."""
    held = {
        f"{layer}.{part}": shape
        for layer, parts in layers.items()
        for part, shape in parts.held().items()
    }
    measured = measure(held, TRANSFORMER_BLOCK)
    return AdapterSize(
        name,
        added=replace(measured, block_matrices=0, matrix_rows=0, largest_matrix=0),
        adapts_value=any(layer.endswith(VALUE) for layer in layers),
        unfolded=max((prod(parts.shape) for parts in layers.values() if parts.is_lokr), default=0),
    )


def with_adapters(sizes: ModelSizes, adapters: Sequence[AdapterSize]) -> ModelSizes:
    """Add adapters to a model.

    The largest block is taken to be the one that each adapter adds most to.
    """
    shape, transformer = sizes.transformer, sizes.components[Component.TRANSFORMER]
    for adapter in adapters:
        transformer = _sum(transformer, adapter.added)
        shape = replace(
            shape,
            adapts_value=shape.adapts_value or adapter.adapts_value,
            unfolded=max(shape.unfolded, adapter.unfolded),
        )
    return replace(
        sizes,
        transformer=shape,
        components={**sizes.components, Component.TRANSFORMER: transformer},
        adapters=(*sizes.adapters, *adapters),
    )


def _sum(size: ComponentSize, added: ComponentSize) -> ComponentSize:
    return replace(
        size,
        parameters=size.parameters + added.parameters,
        block_parameters=size.block_parameters + added.block_parameters,
        largest_block=size.largest_block + added.largest_block,
        pinned_parameters=size.pinned_parameters + added.pinned_parameters,
    )
