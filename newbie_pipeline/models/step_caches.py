"""diffusers' caches that skip work between steps, told where the Next-DiT's parts are.

diffusers finds attention and blocks by names of modules that other models have; a cache that finds
nothing by them would do nothing and say nothing.
"""

from dataclasses import replace
from typing import Any

from diffusers import FasterCacheConfig, TaylorSeerCacheConfig

ATTENTION = [r"layers\.\d+\.attention"]
BLOCKS = [r"layers\.\d+", r"noise_refiner\.\d+"]
OUTPUT = ["final_layer"]


def fitting_config(config: Any) -> Any:
    """Fill in the names that a cache's config leaves to diffusers' defaults.

    TaylorSeer predicts the joint layers' attention; in its lite mode it predicts the final layer's
    output and skips the blocks. Raises ValueError for FasterCache: it takes the unconditional half
    to come first and cuts inputs in two by names, which fits neither the order of our halves nor
    the caption context that is handed back in.
    """
    if isinstance(config, FasterCacheConfig):
        raise ValueError(
            "FasterCache does not fit this transformer; take TaylorSeerCacheConfig, "
            "FirstBlockCacheConfig, MagCacheConfig or PyramidAttentionBroadcastConfig"
        )
    if not isinstance(config, TaylorSeerCacheConfig):
        return config
    if config.use_lite_mode:
        return replace(
            config,
            use_lite_mode=False,
            skip_predict_identifiers=BLOCKS,
            cache_identifiers=OUTPUT,
        )
    return replace(config, cache_identifiers=config.cache_identifiers or ATTENTION)
