"""The sizes of a checkpoint on disk, read from its files' headers; loads no torch."""

from pathlib import Path

from newbie_pipeline.checkpoints.identity import model_name
from newbie_pipeline.checkpoints.layouts import SAVED, component_entries, find_checkpoint
from newbie_pipeline.checkpoints.sources import Source
from newbie_pipeline.memory.shapes import model_sizes
from newbie_pipeline.memory.sizes import Component, ModelSizes


def checkpoint_sizes(source: Source) -> ModelSizes:
    """Measure a checkpoint in any layout that can be loaded; raises CheckpointError."""
    checkpoint = find_checkpoint(source)
    parts = checkpoint.components()
    shapes = {
        component: {
            key: entry.shape for key, entry in component_entries(parts[component.value]).items()
        }
        for component in Component
    }
    name = model_name(source) if isinstance(source, Path) else str(source)
    # What the pipeline itself has saved holds Gemma without its last layer already.
    return model_sizes(name, shapes, gemma_is_cut=checkpoint.layout == SAVED)
