"""How large each part of the model is and what shape its layers have; loads no torch.

Only what is loaded counts: of Gemma neither the last layer nor the final norm nor vision parts, or
nothing at all; of Jina CLIP the text tower with its adapters merged in. Sizes are in parameters; a
`Precision` turns them into bytes. A block is what streaming moves at once: one layer of a
`ModuleList`.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Component(StrEnum):
    """The four parts of the pipeline that have weights, by their names in diffusers."""

    TRANSFORMER = "transformer"
    TEXT_ENCODER = "text_encoder"
    TEXT_ENCODER_2 = "text_encoder_2"
    VAE = "vae"


# What people call them.
TITLES = {
    Component.TRANSFORMER: "DiT",
    Component.TEXT_ENCODER: "Gemma",
    Component.TEXT_ENCODER_2: "CLIP",
    Component.VAE: "VAE",
}


class Precision(StrEnum):
    """The types that weights and activations come in."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"

    @property
    def bytes(self) -> int:
        """Bytes of one number."""
        return 4 if self is Precision.FLOAT32 else 2


@dataclass(frozen=True)
class ComponentSize:
    """Parameters of one component.

    `block_parameters` are those inside the `blocks` that streaming moves one by one
    (`largest_block` each at most); everything else lies on the device while the component runs.
    `block_matrices` are the weights of linear layers in blocks, which is what a quantiser shrinks,
    `matrix_rows` their output channels, `largest_matrix` the largest of them. `pinned_parameters`
    are the block parameters with every tensor rounded up to a power of two, which is how torch's
    allocator of pinned memory hands it out.
    """

    parameters: int
    blocks: int = 0
    block_parameters: int = 0
    largest_block: int = 0
    block_matrices: int = 0
    matrix_rows: int = 0
    largest_matrix: int = 0
    pinned_parameters: int = 0

    @property
    def outside_blocks(self) -> int:
        """Parameters that belong to no block: embeddings, projections."""
        return self.parameters - self.block_parameters


@dataclass(frozen=True)
class TransformerShape:
    """Widths of the Next-DiT; `layers` counts the joint blocks, `refiners` both kinds together.

    Adapters make two things larger while they compute. `adapts_value` tells that one sits on
    `feed_forward.w3`, whose output is then there three times at once. `unfolded` is the largest
    weight, in parameters, that a LoKr's factors are multiplied out to.
    """

    dim: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_dim: int
    latent_channels: int
    layers: int
    refiners: int
    patch_size: int = 2
    adapts_value: bool = False
    unfolded: int = 0


@dataclass(frozen=True)
class TextShape:
    """Widths of a text encoder."""

    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    layers: int


@dataclass(frozen=True)
class VaeShape:
    """Widths of the decoder, the one at full resolution first."""

    channels: tuple[int, ...]
    latent_channels: int

    @property
    def factor(self) -> int:
        """Pixels to one latent, along one side."""
        return int(2 ** (len(self.channels) - 1))


@dataclass(frozen=True)
class AdapterSize:
    """What one LoRA or LoKr adds to the transformer once it is loaded, in the transformer's type.

    `name` tells its weight too. Quantisers leave adapters alone: `added` counts no matrices. For
    `adapts_value` and `unfolded` see `TransformerShape`.
    """

    name: str
    added: ComponentSize
    adapts_value: bool = False
    unfolded: int = 0


@dataclass(frozen=True)
class ModelSizes:
    """Everything that the planner knows about a checkpoint.

    Without Gemma (`clip_only`) `text_encoder` is None and `components` has no entry for it. The
    transformer's size holds that of the `adapters`.
    `last_layer` are the parameters of Gemma's last layer and final norm, which only writing needs;
    0 where the checkpoint does not have them. `head` are those of a head beside the embeddings.
    """

    name: str
    transformer: TransformerShape
    text_encoder: TextShape | None
    text_encoder_2: TextShape
    vae: VaeShape
    components: dict[Component, ComponentSize] = field(hash=False)
    adapters: tuple[AdapterSize, ...] = ()
    last_layer: int = 0
    head: int = 0

    def weight_bytes(self, component: Component, precision: Precision) -> int:
        """Bytes of a component's weights, none quantised."""
        return self.components[component].parameters * precision.bytes
