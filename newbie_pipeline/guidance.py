"""Classifier-free guidance of flow velocities: the formula, its cut-off in t and its norm cap."""

import torch


def guided_velocity(
    conditional: torch.Tensor,
    unconditional: torch.Tensor,
    guidance_scale: float,
    renorm: float,
) -> torch.Tensor:
    """Combine two velocities [batch, channels, height, width], each sample by itself.

    With `renorm` above 0 the result's norm over channels, height and width is capped at `renorm`
    times the conditional one's, per sample; 0 turns the cap off.
    """
    guided = unconditional + guidance_scale * (conditional - unconditional)
    if renorm <= 0:
        return guided
    axes = tuple(range(1, guided.ndim))
    limit = renorm * torch.linalg.vector_norm(conditional.float(), dim=axes, keepdim=True)
    norm = torch.linalg.vector_norm(guided.float(), dim=axes, keepdim=True)
    # At norm 0 there is nothing to scale; the clamp only keeps 0 / 0 away.
    factor = (limit / norm.clamp_min(torch.finfo(torch.float32).tiny)).clamp_max(1.0)
    return guided * factor.to(guided.dtype)


def guidance_applies(t: float, guidance_scale: float, cfg_trunc: float) -> bool:
    """Tell whether the unconditional half is needed at t (0 noise, 1 image)."""
    return guidance_scale > 1.0 and t < cfg_trunc
