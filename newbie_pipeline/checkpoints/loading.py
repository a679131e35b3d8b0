"""From a checkpoint on disk, in any layout that users have, to a ready `NewbiePipeline`.

Layouts are found out by looking (`layouts`). Loading is strict, holds one tensor beside the model,
and shows a bar on a terminal.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from newbie_pipeline.checkpoints.components import (
    load_gemma,
    load_jina,
    load_scheduler,
    load_transformer,
    load_vae,
)
from newbie_pipeline.checkpoints.layouts import Checkpoint, find_checkpoint
from newbie_pipeline.checkpoints.sources import GEMMA, GEMMA_PARTS, Source
from newbie_pipeline.checkpoints.tokenizer_files import load_tokenizer
from newbie_pipeline.errors import CheckpointError

if TYPE_CHECKING:
    from newbie_pipeline.pipeline import NewbiePipeline

# Called with the component's name, the bytes of it that are loaded, and all its bytes.
Progress = Callable[[str, int, int], None]

LOADERS: dict[str, Callable[..., Any]] = {
    "transformer": load_transformer,
    "text_encoder": load_gemma,
    "text_encoder_2": load_jina,
    "vae": load_vae,
}
TOKENIZERS = {"tokenizer": "text_encoder", "tokenizer_2": "text_encoder_2"}


def load_pipeline(
    source: Source,
    dtype: torch.dtype,
    device: torch.device | str,
    *,
    progress: Progress | None = None,
    components: Mapping[str, Any] | None = None,
    files: Mapping[str, Path] | None = None,
) -> "NewbiePipeline":
    """Load every component of a checkpoint onto one device in one dtype; see `load_components`."""
    # The pipeline's from_pretrained loads through this module.
    from newbie_pipeline.pipeline import NewbiePipeline  # noqa: PLC0415

    parts = load_components(
        source, dtype, device, progress=progress, components=components, files=files
    )
    return NewbiePipeline(**parts)


def load_components(
    source: Source,
    dtype: torch.dtype,
    device: torch.device | str,
    *,
    progress: Progress | None = None,
    components: Mapping[str, Any] | None = None,
    files: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """Give the pipeline's arguments: four models, two tokenizers, the scheduler.

    `components` are taken as they are instead of being loaded, None included. Where Gemma is None,
    or given with its tokenizer, no file of it need be there. `files` name parts by themselves and
    come before what the source holds. Without `progress`, a bar is shown where
    stderr is a terminal. Raises CheckpointError when a file is missing, truncated or a pickle, two
    could be meant, or a key is missing, unexpected or of the wrong shape. On the device "meta" all
    of that is checked, and no weights are read.
    """
    device = torch.device(device)
    parts = dict(components or {})
    if GEMMA in parts and parts[GEMMA] is None:
        parts.setdefault("tokenizer", None)
    no_gemma = all(name in parts for name in GEMMA_PARTS)
    checkpoint = find_checkpoint(source, files, clip_only=no_gemma)
    with _bar(progress) as report:
        for name, component in checkpoint.components().items():
            if name not in parts:
                parts[name] = LOADERS[name](component, dtype, device, partial(report, name))
    for name, encoder in TOKENIZERS.items():
        if name not in parts:
            parts[name] = load_tokenizer(encoder, checkpoint.components()[encoder])
    if "scheduler" not in parts:
        parts["scheduler"] = load_scheduler(checkpoint.scheduler)
    _check_widths(checkpoint, parts)
    return parts


def _check_widths(checkpoint: Checkpoint, parts: Mapping[str, Any]) -> None:
    """Raise CheckpointError when a text encoder is not as wide as the transformer reads."""
    transformer = parts["transformer"]
    if transformer is None:
        return
    wanted = {
        "text_encoder": transformer.config.cap_feat_dim,
        "text_encoder_2": transformer.config.clip_text_dim,
    }
    for name, width in wanted.items():
        config = getattr(parts[name], "config", None)
        own = width if config is None else getattr(config, "hidden_size", width)
        if own != width:
            component = checkpoint.components().get(name)
            what = name if component is None else component.weights[0]
            raise CheckpointError(f"{what} is {own} wide, but the transformer reads {width}")


@contextmanager
def _bar(progress: Progress | None) -> Iterator[Progress]:
    """Report to `progress`, or else on a bar for each component, where stderr is a terminal."""
    if progress is not None:
        yield progress
        return
    bars: dict[str, Any] = {}

    def show(component: str, done: int, total: int) -> None:
        if component not in bars:
            bars[component] = tqdm(
                desc=component, total=total, unit="B", unit_scale=True, disable=None, leave=False
            )
        bars[component].update(done - bars[component].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()
