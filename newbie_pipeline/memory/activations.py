"""Bytes that a forward pass needs beside the weights: every formula and estimate in one place.

Each formula counts the tensors that are alive at the widest point of eager code without gradients,
per token or per pixel; the layers are `models/next_dit_layers.py`, transformers' Gemma 3,
`models/jina_clip.py` and diffusers' decoder. They lean to the high side: tests count the tensors
that are alive in the real layers on the CPU and compare. A constant whose comment says ESTIMATE
was not measured on a GPU and is to be confirmed there.
"""

from dataclasses import dataclass

from newbie_pipeline.memory.sizes import Precision, TextShape, TransformerShape, VaeShape

MIB = 1024**2
FLOAT32 = 4

# ESTIMATE: driver context and loaded kernels of one process.
CONTEXT_BYTES = 480 * MIB
# ESTIMATE: workspaces of cuBLAS and cuDNN, which torch keeps (32 MiB a handle on recent cards).
WORKSPACE_BYTES = 96 * MIB
# ESTIMATE: what the caching allocator holds beyond what is in use, as a share of what comes and
# goes in a stage (activations and weights that are not resident).
ALLOCATOR_SLACK = 0.10
# torch's caching allocator asks the driver for a tensor of 10 MiB or more by itself, in steps of
# 2 MiB (kMinLargeAlloc and kRoundLarge in c10's CUDACachingAllocator).
OWN_SEGMENT = 10 * MIB
SEGMENT_STEP = 2 * MIB
# Pixels along one side of a tile of the VAE: at full size its tiles are 1024, which saves nothing.
VAE_TILE = 512
# diffusers' tile_overlap_factor: a quarter of each tile is decoded twice in each direction.
VAE_TILE_OVERLAP = 0.25
PICTURE_CHANNELS = 3
# While Gemma writes: the tokens that it has in front of it at most (the task, a prompt of 512
# tokens and what it has written), and how many it reads at once.
WRITING_TOKENS = 1_536
WRITING_CHUNK = 512


@dataclass(frozen=True)
class Picture:
    """What is asked of one forward pass; sizes in pixels, `tokens` are the caption's."""

    width: int = 1024
    height: int = 1024
    batch: int = 1
    tokens: int = 512

    @property
    def pixels(self) -> int:
        """Pixels of one picture."""
        return self.width * self.height


def patches(shape: TransformerShape, vae: VaeShape, picture: Picture) -> int:
    """Count the patches of one picture, rounded up."""
    side = shape.patch_size * vae.factor
    return -(-picture.width // side) * -(-picture.height // side)


def transformer_bytes(
    shape: TransformerShape, vae: VaeShape, picture: Picture, precision: Precision, samples: int
) -> int:
    """Bytes of one pass of the DiT over `samples` sequences of caption and patches.

    Two points of a block compete. In the feed-forward: the residual, the attention's output and
    the modulated input (dim each), and silu(w1), w3 and their product (feed_forward each). In
    rotating the queries: residual and input, the fused projection, the normed queries (dim), and
    in float32 their copy, the two rotated halves and the stacked result (3 dim). Attention itself
    counts queries, output, and keys and values repeated for every head, for kernels that cannot
    share them. An adapter on w3 makes a third point: residual, input, silu(w1), and the outputs of
    w3, of its adapter and of both. A LoKr multiplies a weight out, and scales it into another one.
    Adapters on other layers stay below these points. Beside a block: the image tokens from before
    the join, the tables of cosines and sines (float32, head_dim together), the modulation, and a
    few latents in float32.
    """
    size = precision.bytes
    image = patches(shape, vae, picture)
    dim, query = shape.dim, shape.heads * shape.head_dim
    projected = query + 2 * shape.kv_heads * shape.head_dim
    feeding = size * (3 * dim + 3 * shape.feed_forward)
    rotating = size * (2 * dim + projected + query) + FLOAT32 * 3 * query
    attending = size * (2 * dim + projected + 4 * query)
    adapting = size * (4 * dim + 4 * shape.feed_forward) if shape.adapts_value else 0
    per_token = max(feeding, rotating, attending, adapting) + FLOAT32 * shape.head_dim
    modulation = size * 8 * dim
    latents = 8 * FLOAT32 * 4 * shape.latent_channels * image
    tokens = picture.tokens + image
    one = tokens * per_token + size * dim * image + modulation + latents
    return samples * one + 2 * size * shape.unfolded


def rounding_bytes(shape: TransformerShape, number: float) -> int:
    """Bytes that the allocator holds for the DiT's resident matrices beyond them.

    `number` is the bytes of one number. The rests are of 1 MiB and more, and little fits into them;
    the text encoders' matrices round to themselves or share a segment.
    """
    query = shape.heads * shape.head_dim
    widths = (*3 * (shape.feed_forward,), query + 2 * shape.kv_heads * shape.head_dim, query)
    beyond = 0
    for width in widths:
        size = int(shape.dim * width * number)
        beyond += -size % SEGMENT_STEP if size >= OWN_SEGMENT else 0
    return (shape.layers + shape.refiners) * beyond


def caption_context_bytes(
    shape: TransformerShape, vae: VaeShape, picture: Picture, precision: Precision, contexts: int
) -> int:
    """Bytes of what is kept between steps: refined caption and rotary tables, once a context."""
    tokens = picture.tokens + patches(shape, vae, picture)
    one = precision.bytes * shape.dim * picture.tokens + FLOAT32 * shape.head_dim * tokens
    return contexts * picture.batch * one


def text_bytes(shape: TextShape, picture: Picture, precision: Precision) -> int:
    """Bytes of one pass of a text encoder over one prompt; positive and negative go one by one.

    Per token the residual stream and normed input (3 hidden, and 3 hidden in float32, in which the
    norms work), three of the MLP's width, and queries, keys and values; per pair of tokens scores
    in float32 and in the working type for each head, and the masks.
    """
    size = precision.bytes
    attention = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
    per_token = size * (3 * shape.hidden + 3 * shape.intermediate + attention)
    per_token += FLOAT32 * 3 * shape.hidden
    scores = picture.tokens**2 * (shape.heads + 2) * (FLOAT32 + size)
    return picture.tokens * per_token + scores


def writing_bytes(shape: TextShape, precision: Precision) -> int:
    """Bytes that writing needs beside the encoder's weights and its last layer's.

    Keys and values of all layers, the last one too, for all tokens; then one chunk as `text_bytes`
    counts it, but with scores and masks over all tokens.
    """
    size = precision.bytes
    kept = 2 * (shape.layers + 1) * shape.kv_heads * shape.head_dim * size * WRITING_TOKENS
    chunk = text_bytes(shape, Picture(tokens=WRITING_CHUNK), precision)
    further = WRITING_CHUNK * (WRITING_TOKENS - WRITING_CHUNK) * (shape.heads + 2)
    return kept + chunk + further * (FLOAT32 + size)


def decode_bytes(
    shape: VaeShape, picture: Picture, precision: Precision, tile: int | None = None
) -> int:
    """Bytes of decoding one picture at a time, whole or in tiles of `tile` pixels a side.

    The widest point is the last upsampling: c channels (those of the second width) at full size
    going in and coming out of a convolution, both once more in the layout that the convolution
    wants (ESTIMATE: cuDNN's copies), the same at half size from before, and what the block was
    given, at half size and of the third width: its caller holds it. Attention in the middle is
    counted without a table of scores (memory-efficient kernels). With tiles, the decoded tiles and
    the rows that are blended of them stay too. The finished pictures of the batch lie in the
    working type twice and in float32 once.
    """
    size = precision.bytes
    channels, given = (shape.channels[min(level, len(shape.channels) - 1)] for level in (1, 2))
    per_pixel = size * (17 * channels + given) // 4
    finished = picture.batch * picture.pixels * PICTURE_CHANNELS * (2 * size + FLOAT32)
    tiled = tile is not None and (picture.width > tile or picture.height > tile)
    if tile is None or not tiled:
        return picture.pixels * per_pixel + finished
    area = min(tile, picture.width) * min(tile, picture.height)
    kept = 4 * picture.pixels * PICTURE_CHANNELS * size
    return area * per_pixel + kept + finished


def tile_overhead(picture: Picture, tile: int) -> float:
    """Give how many times the picture's pixels are decoded in tiles, 1.0 for a single tile."""
    step = int(tile * (1 - VAE_TILE_OVERLAP))
    if picture.width <= tile and picture.height <= tile:
        return 1.0

    def decoded(side: int) -> int:
        return sum(min(tile, side - start) for start in range(0, side, step))

    return decoded(picture.width) * decoded(picture.height) / picture.pixels
