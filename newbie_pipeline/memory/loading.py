"""Loads a checkpoint so that no more of it reaches the device than its memory plan puts there."""

from typing import Any

import torch
from torch import nn

from newbie_pipeline.checkpoints.components import load_language_head
from newbie_pipeline.checkpoints.layouts import find_checkpoint
from newbie_pipeline.checkpoints.loading import LOADERS, load_components
from newbie_pipeline.checkpoints.sources import Source
from newbie_pipeline.memory.measuring import Meter
from newbie_pipeline.memory.plan import ComponentPlan, MemoryPlan, Placement
from newbie_pipeline.memory.quantizing import check_quantizer, quantize
from newbie_pipeline.memory.sizes import Component
from newbie_pipeline.models.gemma_language import LanguageHead

HOST = torch.device("cpu")


def load_planned(
    source: Source,
    dtype: torch.dtype,
    device: torch.device,
    plan: MemoryPlan,
    meter: Meter | None = None,
) -> Any:
    """Load a pipeline for a plan, which is then to be applied with `apply_memory_plan`.

    What the plan has resident and not quantised goes to `device`, everything else to the host; what
    is absent is not read. A Gemma to be quantised comes first and is so at once: the host need not
    hold all of it beside the other components. The transformer waits, for its adapters. Raises
    CheckpointError, or MemoryPlanError for a missing quantiser.
    """
    from newbie_pipeline.pipeline import NewbiePipeline  # noqa: PLC0415

    parts: dict[str, Any] = {}
    for part in plan.components:
        if part.quantization is not None:
            check_quantizer(part.component)
    quantized = {}
    for part in sorted(plan.components, key=lambda part: not _is_quantized_first(part)):
        name = part.component.value
        if part.placement is Placement.ABSENT:
            parts |= {name: None, "tokenizer": None}
            continue
        with (meter or Meter(HOST)).loading(part.component):
            parts[name] = load_component(source, part.component, dtype, _device(part, device))
            if part.quantization is not None and _is_quantized_first(part):
                quantize(parts[name], part.component, part.quantization, device)
                quantized[name] = part.quantization
    pipeline = NewbiePipeline(**load_components(source, dtype, HOST, components=parts))
    pipeline._quantized = quantized
    return pipeline


def load_component(
    source: Source, component: Component, dtype: torch.dtype, device: torch.device
) -> nn.Module:
    """Load one of the four models onto a device; raises CheckpointError."""
    # Gemma need not be there for the others.
    others = component is not Component.TEXT_ENCODER
    found = find_checkpoint(source, clip_only=others).components()[component.value]
    model: nn.Module = LOADERS[component.value](found, dtype, device)
    return model


def _is_quantized_first(part: ComponentPlan) -> bool:
    return part.component is Component.TEXT_ENCODER and part.quantization is not None


def load_planned_head(source: Source, dtype: torch.dtype) -> LanguageHead | None:
    """Load onto the host what Gemma needs to write; None where the checkpoint has not all of it.

    Raises CheckpointError.
    """
    component = find_checkpoint(source).components()[Component.TEXT_ENCODER.value]
    return load_language_head(component, dtype, HOST)


def _device(part: ComponentPlan, device: torch.device) -> torch.device:
    stays = part.placement is Placement.RESIDENT and part.quantization is None
    return device if stays else HOST
