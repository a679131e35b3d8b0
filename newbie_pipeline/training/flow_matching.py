"""Flow matching as the Next-DiT's makers describe it: what the model sees, and what it is to say.

- t = 0 is noise and t = 1 is image; in between, a sample lies on the straight line of both.
- The model is to say the velocity along that line, data minus noise. It is the same at every t.
- t is drawn evenly and then shifted towards noise, by the formula of the sampler's schedule.
- All randomness comes from a generator on the CPU: a seed means the same on every device.
"""

from dataclasses import dataclass

import torch
from torch import nn

from newbie_pipeline.solvers import OFFICIAL_SHIFT
from newbie_pipeline.text_conditioning import TextCondition


@dataclass(frozen=True)
class FlowBatch:
    """Latents [batch, channels, height, width], scaled as the model knows them, and captions."""

    latents: torch.Tensor
    condition: TextCondition


class FlowMatchingLoss:
    """Shows a Next-DiT noisy latents and compares what it says with the velocity."""

    def __init__(self, transformer: nn.Module, shift: float = OFFICIAL_SHIFT) -> None:
        self.transformer = transformer
        self.shift = shift

    def __call__(self, batch: FlowBatch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Give the mean squared error of the velocities as `loss`."""
        latents = batch.latents
        t = sample_times(len(latents), self.shift, generator).to(latents)
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        velocity = self.transformer(
            hidden_states=noised(latents, noise, t),
            timestep=t,
            encoder_hidden_states=batch.condition.prompt_embeds,
            encoder_attention_mask=batch.condition.prompt_attention_mask,
            pooled_projections=batch.condition.pooled_prompt_embeds,
        ).sample
        return {"loss": nn.functional.mse_loss(velocity, velocity_target(latents, noise))}


def shifted(u: torch.Tensor, shift: float) -> torch.Tensor:
    """Shift times in 0 to 1 towards noise: u / (u + s - s u), the official schedule's formula."""
    return u / (u + shift - shift * u)


def sample_times(count: int, shift: float, generator: torch.Generator) -> torch.Tensor:
    """Draw one t for each of `count` samples.

    Before the shift each lies in a slice of its own of 0 to 1, in random order: a batch covers all
    of it, and its loss varies less than with independent draws.
    """
    slices = torch.randperm(count, generator=generator)
    u = (slices + torch.rand(count, generator=generator)) / count
    return shifted(u, shift)


def noised(latents: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Give the points on the lines from noise to latents at t [batch]."""
    share = t.view(-1, *(1,) * (latents.ndim - 1))
    return share * latents + (1.0 - share) * noise


def velocity_target(latents: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Give what the model is to say: data minus noise."""
    return latents - noise
