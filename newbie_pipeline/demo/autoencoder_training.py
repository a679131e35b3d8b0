"""Training of the demo checkpoint's VAE on drawings.

- The loss is the mean absolute error, and counts faces more: eyes are a few pixels of the picture,
  and what members look at first. For the same reason most crops lie around a face.
- Crops are cheaper than whole pictures and show more of what is hard, but a norm's statistics are
  those of what it sees: so the last part of the training sees whole pictures.
- Latents are pulled towards a normal distribution only a little. What scale and shift make of them
  is measured at the end, and written into the config as the real VAE's are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import nn

from newbie_pipeline.demo.picture_pool import PicturePool

FACE_WEIGHT = 3.0
FACE_CROPS = 0.75
KL_WEIGHT = 1e-5
WHOLE_SHARE = 0.3
MEASURED_PICTURES = 256
LEVELS = 255.0


@dataclass(frozen=True)
class PictureBatch:
    """Pictures [batch, 3, height, width] from -1 to 1, and how much each pixel counts."""

    pictures: torch.Tensor
    weights: torch.Tensor


class PictureBatches:
    """Crops of drawings, and whole ones towards the end; a step's batch depends on its number."""

    def __init__(
        self, pool: PicturePool, *, steps: int, batch: int, seed: int, device: torch.device
    ) -> None:
        self.pool = pool
        self.first_whole = round(steps * (1.0 - WHOLE_SHARE))
        self.batch, self.seed, self.device = batch, seed, device

    def __call__(self, step: int) -> PictureBatch:
        """Give the batch of a step; a whole picture takes the place of four crops."""
        random = np.random.default_rng((self.seed, step))
        whole = step >= self.first_whole
        count = max(1, self.batch // 4) if whole else self.batch
        side = self.pool.size if whole else self.pool.size // 2
        pictures, weights = [], []
        for index in random.integers(len(self.pool), size=count):
            top, left = (0, 0) if whole else self._corner(int(index), side, random)
            window = (slice(top, top + side), slice(left, left + side))
            pictures.append(self.pool[int(index)][window])
            weights.append(1.0 + FACE_WEIGHT * self.pool.face_mask(int(index))[window])
        weight = torch.from_numpy(np.stack(weights)).float().unsqueeze(1)
        return PictureBatch(
            as_input(np.stack(pictures)).to(self.device), (weight / weight.mean()).to(self.device)
        )

    def _corner(self, index: int, side: int, random: np.random.Generator) -> tuple[int, int]:
        most = self.pool.size - side
        if random.random() >= FACE_CROPS:
            top, left = random.integers(most + 1, size=2)
            return int(top), int(left)
        boxes = self.pool.faces(index)
        x, y, unit = boxes[random.integers(len(boxes))]
        middle = (
            np.array((y, x)) * self.pool.size + unit * self.pool.size * random.normal(size=2) / 2
        )
        top, left = np.clip(np.round(middle - side / 2), 0, most).astype(int)
        return int(top), int(left)


class AutoencoderLoss:
    """Compares what comes out of the VAE with what went in."""

    def __init__(self, vae: AutoencoderKL) -> None:
        self.vae = vae

    def __call__(self, batch: PictureBatch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give the weighted error with a little of the divergence as `loss`, and the PSNR in dB."""
        posterior = self.vae.encode(batch.pictures).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=generator).to(posterior.mean)
        decoded = self.vae.decode(posterior.mean + posterior.std * noise, return_dict=False)[0]
        error = (batch.weights * (decoded - batch.pictures).abs()).mean()
        divergence = posterior.kl().mean()
        squared = nn.functional.mse_loss(decoded.detach().clamp(-1, 1), batch.pictures)
        return {
            "loss": error + KL_WEIGHT * divergence,
            "psnr": -10.0 * torch.log10(squared / 4.0),
        }


def as_input(pictures: NDArray[np.uint8]) -> torch.Tensor:
    """Bring pictures [batch, height, width, 3] into the VAE's form."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / (LEVELS / 2.0) - 1.0


@torch.no_grad()
def encoded(vae: AutoencoderKL, pictures: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Give the latents of pictures, not scaled yet: the means, without the posterior's noise."""
    mean: torch.Tensor = vae.encode(as_input(pictures).to(device)).latent_dist.mean
    return mean


def latent_scaling(latents: torch.Tensor) -> dict[str, Any]:
    """Give the config's entries that bring latents to mean 0 and deviation 1."""
    return {
        "shift_factor": round(float(latents.mean()), 4),
        "scaling_factor": round(1.0 / float(latents.std()), 4),
    }
