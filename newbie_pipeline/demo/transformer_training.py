"""Training of the demo checkpoint's Next-DiT on latents of drawings and captions of their scenes.

- Every picture is encoded once. Each time it comes up it has another caption, other noise and
  another t.
- The text encoders are trained before and stand still here, so their states cost a pass forward.
- A share of the captions is left out, so that the model also learns what guidance compares with:
  the empty caption, which reaches the encoders as the pipeline's empty negative prompt does.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn

from newbie_pipeline.demo.autoencoder_training import encoded
from newbie_pipeline.demo.caption_batches import CaptionBatch, CaptionBatches, Sample
from newbie_pipeline.demo.captions import caption
from newbie_pipeline.demo.picture_pool import PicturePool
from newbie_pipeline.models.gemma_text import GemmaTextEncoder
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.text_conditioning import TextCondition, gemma_features, pooled_features
from newbie_pipeline.training.flow_matching import FlowBatch

DROPPED_CAPTIONS = 0.1
ENCODED_AT_ONCE = 16


class PoolCaptions:
    """Makes the samples of a run over a pool: every picture once in each round, in random order."""

    def __init__(self, pool: PicturePool, seed: int, dropped: float = DROPPED_CAPTIONS) -> None:
        self.pool, self.seed, self.dropped = pool, seed, dropped
        self._round: tuple[int, Any] | None = None

    def __call__(self, number: int) -> Sample:
        """Give the sample of a number: a picture's index, and a caption or none."""
        turn, place = divmod(number, len(self.pool))
        if self._round is None or self._round[0] != turn:
            order = np.random.default_rng((self.seed, turn)).permutation(len(self.pool))
            self._round = (turn, order)
        picture = int(self._round[1][place])
        random = np.random.default_rng((self.seed, turn, place))
        if random.random() < self.dropped:
            return Sample("", picture)
        text = caption(self.pool.scenes[picture], int(random.integers(2**32))).text
        return Sample(text, picture)


class LatentBatches:
    """Gives a step's latents and what the text encoders make of their captions."""

    def __init__(
        self,
        captions: CaptionBatches,
        latents: torch.Tensor,
        gemma: GemmaTextEncoder,
        jina: JinaClipTextModel,
    ) -> None:
        self.captions, self.latents = captions, latents
        self.gemma, self.jina = gemma, jina

    def __call__(self, step: int) -> FlowBatch:
        """Give the batch of a step."""
        batch = self.captions(step)
        pictures = torch.tensor([sample.picture for sample in batch.samples])
        latents = self.latents[pictures].float().to(batch.gemma_ids.device)
        return FlowBatch(latents, condition_of(self.gemma, self.jina, batch))


@torch.no_grad()
def condition_of(
    gemma: GemmaTextEncoder, jina: JinaClipTextModel, batch: CaptionBatch
) -> TextCondition:
    """Encode a batch's captions as the pipeline does."""
    return TextCondition(
        gemma_features(gemma, batch.gemma_ids, batch.gemma_mask),
        batch.gemma_mask,
        pooled_features(jina, batch.jina_ids, batch.jina_mask),
    )


def encode_pool(
    vae: AutoencoderKL,
    pool: PicturePool,
    device: torch.device,
    on_encoded: Callable[[int], None] = lambda _count: None,
) -> torch.Tensor:
    """Give the latents [pictures, channels, height, width] of a pool, not scaled yet."""
    parts = []
    for start in range(0, len(pool), ENCODED_AT_ONCE):
        pictures = pool.chunk(start, ENCODED_AT_ONCE)
        parts.append(encoded(vae, pictures, device).cpu())
        on_encoded(len(pictures))
    return torch.cat(parts)


def outside_layers(transformer: NextDiT) -> list[nn.Module]:
    """Give the layers that read from or write to the outside, which Muon leaves to AdamW."""
    return [
        transformer.x_embedder,
        transformer.t_embedder.mlp[0],
        transformer.cap_embedder[1],
        transformer.clip_text_pooled_proj[1],
        transformer.final_layer.linear,
    ]
