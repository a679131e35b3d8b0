"""How long a plan takes: a rough model, good for comparing plans and not for promising seconds.

A component computes at the device's rate; what is not resident crosses the bus. Streaming overlaps
the two, so it takes the longer one; moving waits. None of the default rates was measured here:
they stand for a middling card, so that an operator sees what a plan costs beside another.
"""

from dataclasses import dataclass

from newbie_pipeline.memory.activations import Picture, patches, tile_overhead
from newbie_pipeline.memory.plan import Placement
from newbie_pipeline.memory.sizes import ComponentSize, ModelSizes, TextShape, VaeShape


@dataclass(frozen=True)
class Rates:
    """What the machine does in a second; all defaults are ESTIMATES.

    `device_flops` in half precision (float32 at a quarter), `pinned` and `pageable` bytes over the
    bus, `cpu_flops`, and how many times longer quantised weights take to compute with.
    """

    device_flops: float = 40e12
    float32_share: float = 0.25
    pinned: float = 12e9
    pageable: float = 6e9
    cpu_flops: float = 0.3e12
    quantized_slowdown: float = 1.2
    two_pass_slowdown: float = 1.02


def text_flops(shape: TextShape, size: ComponentSize, picture: Picture) -> float:
    """Operations of encoding one prompt: two a weight and token, and attention's two products."""
    attention = 4 * picture.tokens**2 * shape.heads * shape.head_dim * shape.layers
    return 2.0 * size.block_parameters * picture.tokens + attention


def transformer_flops(sizes: ModelSizes, size: ComponentSize, picture: Picture) -> float:
    """Operations of one sequence through the DiT, at the full length in every block."""
    shape = sizes.transformer
    tokens = picture.tokens + patches(shape, sizes.vae, picture)
    attention = 4 * tokens**2 * shape.heads * shape.head_dim * shape.layers
    return 2.0 * size.block_parameters * tokens + attention


def decode_flops(shape: VaeShape, picture: Picture) -> float:
    """Operations of decoding one picture: the 3 x 3 convolutions of each level at its size."""
    per_pixel = 0.0
    above = shape.channels[-1]
    for level in reversed(range(len(shape.channels))):
        width = shape.channels[level]
        convolutions = above * width + 5 * width * width + (width * width if level else 0) * 4
        per_pixel += 18 * convolutions / 4**level
        above = width
    return per_pixel * picture.pixels


def component_seconds(
    placement: Placement,
    *,
    pinned: bool,
    blocks: int,
    outside: int,
    compute: float,
    passes: int,
    rates: Rates,
) -> float:
    """Seconds of `passes` passes that compute for `compute` seconds in all, weights' way included.

    `blocks` and `outside` are bytes. Streaming carries everything in for each pass, and out again
    what lies outside blocks; moving carries it in and out once. Only from `pinned` memory does
    streaming overlap with computing.
    """
    if placement is Placement.STREAMED:
        rest = 2 * passes * outside / rates.pageable
        if not pinned:
            return compute + passes * blocks / rates.pageable + rest
        return max(compute, passes * blocks / rates.pinned) + rest
    if placement is Placement.MOVED:
        return compute + 2 * (blocks + outside) / rates.pageable
    return compute


def decode_work(shape: VaeShape, picture: Picture, tile: int | None) -> float:
    """Operations of decoding a batch, in tiles or whole."""
    again = 1.0 if tile is None else tile_overhead(picture, tile)
    return decode_flops(shape, picture) * picture.batch * again
