"""The published model's sizes and linear layers, for a plan without a checkpoint at hand.

Counted from the names and shapes of NewBie-image-Exp0.1's transformer, gemma-3-4b-it, jina-clip-v2
and the FLUX.1 autoencoder; a test counts again.
"""

from newbie_pipeline.memory.sizes import (
    Component,
    ComponentSize,
    ModelSizes,
    TextShape,
    TransformerShape,
    VaeShape,
)

_GEMMA = TextShape(hidden=2560, intermediate=10240, heads=8, kv_heads=4, head_dim=256, layers=33)
PUBLISHED = ModelSizes(
    name="NewBie-image-Exp0.1",
    transformer=TransformerShape(
        dim=2304,
        feed_forward=9216,
        heads=24,
        kv_heads=8,
        head_dim=96,
        latent_channels=16,
        layers=36,
        refiners=4,
    ),
    text_encoder=_GEMMA,
    text_encoder_2=TextShape(
        hidden=1024, intermediate=4096, heads=16, kv_heads=16, head_dim=64, layers=24
    ),
    vae=VaeShape(channels=(128, 256, 512, 512), latent_channels=16),
    components={
        Component.TRANSFORMER: ComponentSize(
            parameters=3_486_636_096,
            blocks=40,
            block_parameters=3_473_610_240,
            largest_block=87_312_576,
            block_matrices=3_472_883_712,
            matrix_rows=1_425_408,
            largest_matrix=21_233_664,
            pinned_parameters=5_671_987_200,
        ),
        Component.TEXT_ENCODER: ComponentSize(
            parameters=3_785_878_016,
            blocks=33,
            block_parameters=3_114_625_536,
            largest_block=94_382_592,
            block_matrices=3_114_270_720,
            matrix_rows=979_968,
            largest_matrix=26_214_400,
            pinned_parameters=4_152_918_528,
        ),
        Component.TEXT_ENCODER_2: ComponentSize(
            parameters=558_314_496,
            blocks=24,
            block_parameters=302_309_376,
            largest_block=12_596_224,
            block_matrices=301_989_888,
            matrix_rows=221_184,
            largest_matrix=4_194_304,
            pinned_parameters=327_499_776,
        ),
        Component.VAE: ComponentSize(parameters=83_819_683),
    },
    last_layer=94_385_152,
)

# Widths of the modulation, of the timestep's sinusoids, and of a patch: 2 x 2 of 16 channels.
_MODULATION, _SINUSOIDS, _PATCH = 1024, 256, 64


def published_layers() -> dict[str, tuple[int, int]]:
    """List the published transformer's linear layers [out, in], which adapters may change."""
    shape, gemma, clip = PUBLISHED.transformer, _GEMMA.hidden, PUBLISHED.text_encoder_2.hidden
    dim, hidden = shape.dim, shape.feed_forward
    block = {
        "attention.qkv": ((shape.heads + 2 * shape.kv_heads) * shape.head_dim, dim),
        "attention.out": (dim, shape.heads * shape.head_dim),
        "feed_forward.w1": (hidden, dim),
        "feed_forward.w2": (dim, hidden),
        "feed_forward.w3": (hidden, dim),
    }
    modulated = {**block, "adaLN_modulation.1": (4 * dim, _MODULATION)}
    kinds = {
        "layers": (shape.layers, modulated),
        "noise_refiner": (shape.refiners // 2, modulated),
        "context_refiner": (shape.refiners // 2, block),
    }
    return {
        "x_embedder": (dim, _PATCH),
        "t_embedder.mlp.0": (_MODULATION, _SINUSOIDS),
        "t_embedder.mlp.2": (_MODULATION, _MODULATION),
        "cap_embedder.1": (dim, gemma),
        "clip_text_pooled_proj.1": (clip, clip),
        "time_text_embed.1": (_MODULATION, _MODULATION + clip),
        "final_layer.linear": (_PATCH, dim),
        "final_layer.adaLN_modulation.1": (dim, _MODULATION),
        **{
            f"{kind}.{number}.{layer}": size
            for kind, (count, layers) in kinds.items()
            for number in range(count)
            for layer, size in layers.items()
        },
    }
