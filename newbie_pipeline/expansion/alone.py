"""Loads Gemma and nothing else of a checkpoint, for writing without drawing."""

import logging
from typing import Any

import torch

from newbie_pipeline.checkpoints.components import load_language_head
from newbie_pipeline.checkpoints.layouts import find_checkpoint
from newbie_pipeline.checkpoints.loading import load_components
from newbie_pipeline.checkpoints.sources import Source
from newbie_pipeline.expansion.writer import GemmaWriter, pipeline_writer
from newbie_pipeline.memory.activations import CONTEXT_BYTES, WORKSPACE_BYTES, writing_bytes
from newbie_pipeline.memory.machine import machine_budget
from newbie_pipeline.memory.reading import checkpoint_sizes
from newbie_pipeline.memory.sizes import Component, Precision
from newbie_pipeline.render import choose_device, choose_dtype

logger = logging.getLogger(__name__)

HOST = torch.device("cpu")
NOT_NEEDED = ("transformer", "vae", "text_encoder_2", "tokenizer_2")


def load_gemma_alone(
    source: Source, device: str | None = None, dtype: str | None = None
) -> GemmaWriter | None:
    """Load a checkpoint's Gemma as a writer; None where the checkpoint has not all of it.

    Without a `device` it is the first CUDA device, where that has room for all of Gemma, else the
    CPU. Raises CheckpointError.
    """
    from newbie_pipeline.pipeline import NewbiePipeline  # noqa: PLC0415

    component = find_checkpoint(source).text_encoder
    if component is None:
        return None
    chosen = torch.device(choose_device(device))
    if device is None and chosen.type == "cuda" and not _has_room(source, chosen, dtype):
        logger.warning("the GPU has no room for Gemma: the CPU computes")
        chosen = HOST
    weight_type = choose_dtype(str(chosen), dtype)
    head = load_language_head(component, weight_type, HOST)
    if head is None:
        return None
    parts: dict[str, Any] = dict.fromkeys(NOT_NEEDED)
    loaded = load_components(source, weight_type, chosen, components=parts)
    return pipeline_writer(NewbiePipeline(**loaded), head)


def _has_room(source: Source, device: torch.device, dtype: str | None) -> bool:
    sizes = checkpoint_sizes(source)
    if sizes.text_encoder is None:
        return True
    precision = Precision(str(choose_dtype(str(device), dtype)).removeprefix("torch."))
    need = sizes.weight_bytes(Component.TEXT_ENCODER, precision)
    need += sizes.last_layer * precision.bytes + writing_bytes(sizes.text_encoder, precision)
    budget = machine_budget(device).device_bytes
    return budget is not None and budget >= need + CONTEXT_BYTES + WORKSPACE_BYTES
