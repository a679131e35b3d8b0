"""How long a step of the transformer takes against diffusers' Lumina 2, the same backbone.

Both run in one process, in turn, on random weights of equal size. Ours runs as the pipeline runs
it: what does not depend on t is handed back in.
"""

import statistics
import time
from collections.abc import Callable

import torch
from diffusers import Lumina2Transformer2DModel

from benchmarks.record import Table, add_row
from newbie_pipeline.models.next_dit import NextDiT

DIM, LAYERS, HEADS, KV_HEADS, AXES = 768, 12, 12, 4, (24, 20, 20)
LATENT, CAPTION, CAPTION_WIDTH = 32, 128, 1024
REPEATS = 9

STEP = Table(
    "One CFG step of the transformer against diffusers' Lumina2Transformer2DModel, float32, CPU",
    (
        "our pair",
        "ours (s)",
        "Lumina 2 (s)",
        "ratio, median",
        "ratio, smallest",
        "ratio, largest",
        "repetitions",
    ),
    "make bench",
)
FULL_SIZE = Table(
    "A picture at full size: 1024 x 1024, 28 steps with CFG, bf16, random weights",
    ("seconds", "steps per second", "share of the card's matrix peak", "peak memory (GiB)"),
    "make bench",
)


def ours() -> NextDiT:
    """Make our transformer at the size of the comparison."""
    torch.manual_seed(0)
    model: NextDiT = NextDiT(
        dim=DIM,
        n_layers=LAYERS,
        n_heads=HEADS,
        n_kv_heads=KV_HEADS,
        cap_feat_dim=CAPTION_WIDTH,
        axes_dims=AXES,
    )
    model.requires_grad_(False)
    model.eval()
    return model


def theirs() -> Lumina2Transformer2DModel:
    """Make Lumina 2 at the same size."""
    torch.manual_seed(0)
    model = Lumina2Transformer2DModel(
        hidden_size=DIM,
        num_layers=LAYERS,
        num_attention_heads=HEADS,
        num_kv_heads=KV_HEADS,
        cap_feat_dim=CAPTION_WIDTH,
        axes_dim_rope=AXES,
        axes_lens=(1024, 512, 512),
    )
    return model.eval().requires_grad_(False)


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run() -> list[str]:
    """Measure a step with its two halves as one batch, and one after the other."""
    return compare() + full_size()


@torch.no_grad()
def compare() -> list[str]:
    """Let both models take the same steps in turn and write their ratios."""
    own, other = ours(), theirs()
    latents = torch.randn(2, 16, LATENT, LATENT)
    features = torch.randn(2, CAPTION, CAPTION_WIDTH)
    pooled, mask = torch.randn(2, 1024), torch.ones(2, CAPTION, dtype=torch.bool)
    t = torch.full((2,), 0.5)

    inputs = (latents, t, features, mask)

    def our_step(size: int) -> Callable[[], object]:
        parts = [slice(i, i + size) for i in range(0, 2, size)]
        given = [(*(tensor[part] for tensor in inputs), pooled[part]) for part in parts]
        contexts = [own(*one).caption_context for one in given]
        return lambda: [
            own(*one, caption_context=context) for one, context in zip(given, contexts, strict=True)
        ]

    together, in_turn = our_step(2), our_step(1)

    def reference() -> object:
        # diffusers' pipeline runs both halves as one batch.
        return other(*inputs)

    steps = (together, in_turn, reference)
    for step in steps:
        step()  # the first call warms up
    rounds = [tuple(timed(step) for step in steps) for _ in range(REPEATS)]
    return [
        add_row(STEP, (name, *summary([(times[index], times[2]) for times in rounds])))
        for index, name in enumerate(("one batch", "one after the other"))
    ]


def summary(pairs: list[tuple[float, float]]) -> tuple[str, ...]:
    """Put pairs of seconds into words: medians of both, and the ratio's spread."""
    ratios = [mine / reference for mine, reference in pairs]
    return (
        f"{statistics.median(mine for mine, _ in pairs):.3f}",
        f"{statistics.median(reference for _, reference in pairs):.3f}",
        f"{statistics.median(ratios):.2f}",
        f"{min(ratios):.2f}",
        f"{max(ratios):.2f}",
        str(len(pairs)),
    )


@torch.no_grad()
def full_size() -> list[str]:
    """Draw one picture's steps at full size on a GPU; without one, say so and write no row."""
    if not torch.cuda.is_available():
        print("full size: skipped, no CUDA device", flush=True)
        return []
    steps, tokens, caption = 28, 4096, 256
    with torch.device("cuda"):
        torch.set_default_dtype(torch.bfloat16)
        try:
            model = NextDiT().eval().requires_grad_(False)
        finally:
            torch.set_default_dtype(torch.float32)
        latents = torch.randn(2, 16, 128, 128, dtype=torch.bfloat16)
        features = torch.randn(2, caption, 2560, dtype=torch.bfloat16)
        pooled = torch.randn(2, 1024, dtype=torch.bfloat16)
        t = torch.full((2,), 0.5)
    context = model(latents, t, features, None, pooled).caption_context

    def picture() -> None:
        for _ in range(steps):
            model(latents, t, None, None, pooled, caption_context=context)
        torch.cuda.synchronize()

    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    seconds = min(timed(picture) for _ in range(2))
    # Modulation runs once a sample, not once a token: it does not count.
    matrices = (p for n, p in model.layers.named_parameters() if p.ndim == 2 and "adaLN" not in n)
    weights = sum(matrix.numel() for matrix in matrices)
    length = tokens + caption
    # Two operations a weight and token, and four a pair of tokens and channel in attention.
    operations = 2 * steps * (2 * weights * length + 4 * 36 * 2304 * length**2)
    share = operations / seconds / matrix_peak()
    memory = torch.cuda.max_memory_allocated() / 2**30
    figures = (f"{seconds:.2f}", f"{steps / seconds:.2f}", f"{share:.0%} of measured")
    return [add_row(FULL_SIZE, (*figures, f"{memory:.1f}"))]


def matrix_peak(size: int = 8192) -> float:
    """Measure the operations a second of a large bf16 product on this card."""
    left = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)

    def products() -> None:
        for _ in range(20):
            left @ left
        torch.cuda.synchronize()

    products()
    return 20 * 2 * size**3 / min(timed(products) for _ in range(3))
