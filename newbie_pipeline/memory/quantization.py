"""Which component may be stored in fewer bits, by which library, and what it then weighs.

Gemma is quantised by bitsandbytes (int8, nf4), the DiT by torchao (weights in int8 or float8).
Named by an operator as `gemma:nf4` or `gemma:nf4,transformer:int8`: that allows it, and it is
used only where nothing else fits. An exclamation mark, `gemma:nf4!`, asks for it in any case.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory.sizes import Component, ComponentSize, Precision

_NAMES = {
    "gemma": Component.TEXT_ENCODER,
    "text_encoder": Component.TEXT_ENCODER,
    "dit": Component.TRANSFORMER,
    "transformer": Component.TRANSFORMER,
}


class Quantization(StrEnum):
    """How the weights of linear layers are stored."""

    INT8 = "int8"
    NF4 = "nf4"
    FLOAT8 = "float8"


POSSIBLE = {
    Component.TEXT_ENCODER: (Quantization.INT8, Quantization.NF4),
    Component.TRANSFORMER: (Quantization.INT8, Quantization.FLOAT8),
}
# nf4: half a byte, and a float32 scale for every 64 weights (bitsandbytes' defaults).
_BYTES = {Quantization.INT8: 1.0, Quantization.FLOAT8: 1.0, Quantization.NF4: 0.5 + 4 / 64}
_SCALE_BYTES = 4  # one scale an output channel


@dataclass(frozen=True)
class QuantizationChoice:
    """What the operator said: which quantisation is allowed, and which is asked for in any case."""

    allowed: Mapping[Component, Quantization] = field(default_factory=dict)
    forced: Mapping[Component, Quantization] = field(default_factory=dict)


def parse_quantize(text: str | None) -> QuantizationChoice:
    """Read `gemma:nf4`, `transformer:int8!` or several by comma; raises MemoryPlanError."""
    allowed: dict[Component, Quantization] = {}
    forced: dict[Component, Quantization] = {}
    for piece in (text or "").split(","):
        wanted = piece.strip()
        if not wanted:
            continue
        name, _, kind = wanted.removesuffix("!").partition(":")
        component = _NAMES.get(name.strip().lower())
        if component is None:
            raise MemoryPlanError(
                f"{wanted!r}: only gemma and transformer can be quantised, as in gemma:nf4"
            )
        possible = POSSIBLE[component]
        if kind.strip().lower() not in possible:
            kinds = " or ".join(f"{name}:{kind}" for kind in possible)
            raise MemoryPlanError(f"{wanted!r}: write {kinds}")
        if component in allowed or component in forced:
            raise MemoryPlanError(f"{wanted!r}: {component.value} is named twice")
        chosen = forced if wanted.endswith("!") else allowed
        chosen[component] = Quantization(kind.strip().lower())
    return QuantizationChoice(allowed, forced)


def stored_bytes(
    size: ComponentSize, precision: Precision, quantization: Quantization | None
) -> tuple[int, int, int]:
    """Give the bytes of the blocks, of the largest block, and of everything outside blocks.

    Quantisers take the matrices in blocks; embeddings, norms and biases stay as they are.
    """
    outside = size.outside_blocks * precision.bytes
    if quantization is None:
        return (
            size.block_parameters * precision.bytes,
            size.largest_block * precision.bytes,
            outside,
        )
    rest = (size.block_parameters - size.block_matrices) * precision.bytes
    blocks = (
        int(size.block_matrices * _BYTES[quantization]) + size.matrix_rows * _SCALE_BYTES + rest
    )
    share = blocks / max(size.block_parameters, 1)
    return blocks, int(size.largest_block * share), outside


def scratch_bytes(
    size: ComponentSize, precision: Precision, quantization: Quantization | None
) -> int:
    """Bytes of the one matrix that is unpacked to be multiplied with."""
    return 0 if quantization is None else size.largest_matrix * precision.bytes
