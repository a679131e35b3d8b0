"""Whether both halves of guidance go through the transformer at once or one after the other."""

from typing import Any

import torch

from newbie_pipeline.memory.activations import Picture, transformer_bytes
from newbie_pipeline.memory.sizes import Precision, TransformerShape, VaeShape

# Left free beside the estimate: fragments of the allocator and workspaces of kernels.
MARGIN = 1.2


def choose_cfg_passes(
    pipeline: Any, device: torch.device, *, height: int, width: int, batch: int, tokens: int
) -> int:
    """Give 1 where the device has memory for both halves at once, else 2.

    On the CPU they go one after the other, which needs no padding. With a cache of diffusers they
    go at once: some caches keep one state for all batches.
    """
    if pipeline.transformer.is_cache_enabled:
        return 1
    if device.type != "cuda":
        return 2
    free, _ = torch.cuda.mem_get_info(device)
    # What the allocator holds and nobody uses is free for us too.
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    needed = MARGIN * pair_bytes(pipeline, height=height, width=width, batch=batch, tokens=tokens)
    if pipeline.transformer.device.type != device.type:
        # Offloaded: the weights have yet to come.
        needed += pipeline.transformer.get_memory_footprint()
    return 1 if needed <= free else 2


def pair_bytes(pipeline: Any, *, height: int, width: int, batch: int, tokens: int) -> int:
    """Estimate the bytes of activations of one forward of 2 x `batch` samples."""
    transformer, vae = pipeline.transformer, pipeline.vae
    config = transformer.config
    shape = TransformerShape(
        dim=config.dim,
        feed_forward=_feed_forward(config),
        heads=config.n_heads,
        kv_heads=config.n_kv_heads or config.n_heads,
        head_dim=config.dim // config.n_heads,
        latent_channels=config.in_channels,
        layers=config.n_layers,
        refiners=2 * config.n_refiner_layers,
        patch_size=config.patch_size,
    )
    channels = (1,) * 4 if vae is None else tuple(vae.config.block_out_channels)
    wide = transformer.dtype == torch.float32
    precision = Precision.FLOAT32 if wide else Precision.BFLOAT16
    picture = Picture(width=width, height=height, batch=batch, tokens=tokens)
    vae_shape = VaeShape(channels=channels, latent_channels=config.in_channels)
    return transformer_bytes(shape, vae_shape, picture, precision, 2 * batch)


def _feed_forward(config: Any) -> int:
    wanted = int(4 * config.dim * (config.ffn_dim_multiplier or 1.0))
    multiple: int = config.multiple_of
    return multiple * -(-wanted // multiple)
