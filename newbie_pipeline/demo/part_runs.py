"""The runs of the demo checkpoint's three trained parts, each from a seed and a number of steps.

A run is made anew for every number of steps: with the same seed it begins with the same weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import nn

from newbie_pipeline.demo.autoencoder_training import (
    AutoencoderLoss,
    PictureBatch,
    PictureBatches,
)
from newbie_pipeline.demo.caption_batches import CaptionBatch, CaptionBatches
from newbie_pipeline.demo.model_sizes import (
    DemoSizes,
    new_gemma,
    new_jina,
    new_transformer,
    new_vae,
)
from newbie_pipeline.demo.picture_pool import PicturePool
from newbie_pipeline.demo.text_training import CaptionSamples, ReadingLoss, SceneReader
from newbie_pipeline.demo.training_plan import TEXT, TRANSFORMER, VAE, TrainingPlan
from newbie_pipeline.demo.transformer_training import (
    LatentBatches,
    PoolCaptions,
    outside_layers,
)
from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.training.block_compilation import compile_blocks
from newbie_pipeline.training.ema import Ema
from newbie_pipeline.training.flow_matching import FlowBatch, FlowMatchingLoss
from newbie_pipeline.training.loop import Run
from newbie_pipeline.training.optimizers import make_optimizers
from newbie_pipeline.training.schedules import Trapezoid

# Each seed has scenes of its own: first those of the pictures, then those of the captions that the
# text encoders learn from.
SCENES_OF_A_SEED = 100_000_000
FIRST_CAPTION = 1_000_000


@dataclass(frozen=True)
class Settings:
    """What all parts share; `facts` must be the same when a run is resumed."""

    sizes: DemoSizes
    plan: TrainingPlan
    seed: int
    device: torch.device
    compile: bool
    states: Path
    facts: Mapping[str, Any]


def first_scene(seed: int) -> int:
    """Give the number of the first scene that a training with this seed sees."""
    return seed * SCENES_OF_A_SEED


def vae_run(
    settings: Settings, pool: PicturePool, steps: int, *, state: bool = True
) -> tuple[Run[PictureBatch], AutoencoderKL]:
    """Make the run of the VAE over a pool of pictures."""
    part = settings.plan.vae
    torch.manual_seed(settings.seed)
    # A CPU takes a quarter less time over pictures whose channels lie beside each other.
    vae = new_vae(settings.sizes).to(settings.device, memory_format=torch.channels_last)
    batches = PictureBatches(
        pool, steps=steps, batch=part.batch, seed=settings.seed, device=settings.device
    )
    outside = [vae.encoder.conv_in, vae.decoder.conv_out]
    return (
        Run(
            batches=batches,
            loss=AutoencoderLoss(vae),
            **_common(settings, VAE, vae, steps, outside=outside, state=state),
        ),
        vae,
    )


def text_run(
    settings: Settings, tokenizers: tuple[Any, Any], steps: int, *, state: bool = True
) -> tuple[Run[CaptionBatch], SceneReader]:
    """Make the run of both text encoders over captions."""
    part = settings.plan.text
    torch.manual_seed(settings.seed + 1)
    gemma = new_gemma(settings.sizes, len(tokenizers[0]))
    jina = new_jina(settings.sizes, len(tokenizers[1]))
    reader = SceneReader(gemma, jina).to(settings.device)
    samples = CaptionSamples(first_scene(settings.seed) + FIRST_CAPTION)
    batches = CaptionBatches(
        samples, tokenizers, batch=part.batch, seed=settings.seed, device=settings.device
    )
    outside = [reader.keys, reader.summary, reader.pooled[1]]
    return (
        Run(
            batches=batches,
            loss=ReadingLoss(reader),
            **_common(settings, TEXT, reader, steps, outside=outside, state=state),
        ),
        reader,
    )


def transformer_run(
    settings: Settings,
    steps: int,
    *,
    pool: PicturePool,
    latents: torch.Tensor,
    reader: SceneReader,
    tokenizers: tuple[Any, Any],
    state: bool = True,
) -> tuple[Run[FlowBatch], NextDiT]:
    """Make the run of the transformer over scaled latents and captions."""
    plan = settings.plan
    part = plan.transformer
    torch.manual_seed(settings.seed + 2)
    transformer = new_transformer(settings.sizes).to(settings.device)
    outside = outside_layers(transformer)
    common = _common(settings, TRANSFORMER, transformer, steps, outside=outside, state=state)
    if settings.compile and settings.device.type == "cpu":
        compile_blocks(transformer)
    captions = CaptionBatches(
        PoolCaptions(pool, settings.seed),
        tokenizers,
        batch=part.batch,
        seed=settings.seed,
        device=settings.device,
    )
    batches = LatentBatches(captions, latents, reader.gemma, reader.jina)
    loss = FlowMatchingLoss(transformer, plan.shift)
    return Run(batches=batches, loss=loss, **common), transformer


def _common(
    settings: Settings,
    name: str,
    module: nn.Module,
    steps: int,
    *,
    outside: list[nn.Module],
    state: bool,
) -> dict[str, Any]:
    part = settings.plan.part(name)
    optimizers = make_optimizers(module, matrix_lr=part.matrix_lr, lr=part.lr, outside=outside)
    return {
        "name": name,
        "module": module,
        "optimizers": optimizers,
        "schedule": Trapezoid(steps),
        "seed": settings.seed,
        "ema": Ema(module, part.ema),
        "state": settings.states / f"{name}.pt" if state else None,
        "facts": settings.facts,
    }
