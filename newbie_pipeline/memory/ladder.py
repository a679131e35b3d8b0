"""The order of preference: which ways to hold the model are tried, the best first.

Nothing quantised and everything resident; then the text stage streamed; then CFG in two passes and
the VAE in tiles; then the DiT moved in for its stage only (which still steps at full speed), then
streamed; then the text encoders on the CPU; then all of this again with what the operator allowed
to be quantised. Whatever streams is tried from pinned host memory first, then, where the host is
short, without. What the operator asks to be quantised is so in every candidate.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from newbie_pipeline.memory.activations import VAE_TILE
from newbie_pipeline.memory.plan import Placement, PlanRequest
from newbie_pipeline.memory.quantization import Quantization, QuantizationChoice
from newbie_pipeline.memory.sizes import Component

_GEMMA, _CLIP = Component.TEXT_ENCODER, Component.TEXT_ENCODER_2
_DIT, _VAE = Component.TRANSFORMER, Component.VAE


@dataclass(frozen=True)
class Candidate:
    """One way to hold the model; nothing is said yet about whether it fits."""

    placements: Mapping[Component, Placement]
    quantizations: Mapping[Component, Quantization]
    cfg_passes: int
    vae_tile: int | None
    pinned: bool = True


def candidates(request: PlanRequest, choice: QuantizationChoice) -> Iterator[Candidate]:
    """Yield every way to hold the model on a device, the best first."""
    for quantizations in _quantization_sets(request, choice):
        for candidate in _with_quantizations(request, quantizations):
            yield candidate
            if Placement.STREAMED in candidate.placements.values():
                yield replace(candidate, pinned=False)


def cpu_candidates(request: PlanRequest) -> Iterator[Candidate]:
    """Yield the ways to compute everything on the CPU; quantisers need a GPU.

    Both halves of guidance go one after the other there, which needs no padding.
    """
    placements = dict.fromkeys(Component, Placement.CPU)
    if request.clip_only:
        placements[_GEMMA] = Placement.ABSENT
    for vae_tile in (None, VAE_TILE):
        yield Candidate(placements, {}, 2 if request.cfg else 1, vae_tile)


def _quantization_sets(
    request: PlanRequest, choice: QuantizationChoice
) -> Iterator[dict[Component, Quantization]]:
    absent = {_GEMMA} if request.clip_only else set()
    forced = {c: q for c, q in choice.forced.items() if c not in absent}
    allowed = {c: q for c, q in choice.allowed.items() if c not in absent}
    yield forced
    for wanted in ((_GEMMA,), (_DIT,), (_GEMMA, _DIT)):
        if all(component in allowed for component in wanted):
            yield {**forced, **{component: allowed[component] for component in wanted}}


def _with_quantizations(
    request: PlanRequest, quantizations: Mapping[Component, Quantization]
) -> Iterator[Candidate]:
    kind = quantizations.get(_GEMMA)

    def candidate(
        gemma: Placement, clip: Placement, dit: Placement, vae: Placement, saving: _Saving
    ) -> Candidate:
        placements = {_DIT: dit, _GEMMA: gemma, _CLIP: clip, _VAE: vae}
        if request.clip_only:
            placements[_GEMMA] = Placement.ABSENT
        return Candidate(placements, quantizations, *saving)

    first, *others = _savings(request)
    resident, streamed = Placement.RESIDENT, Placement.STREAMED
    yield candidate(resident, resident, resident, resident, first)
    # bitsandbytes moves whole models only (int8 from its version 0.48 on).
    gemma = streamed if kind is None else Placement.MOVED
    if not request.clip_only:
        yield candidate(gemma, resident, resident, resident, first)
    for saving in (first, *others):
        yield candidate(gemma, streamed, resident, resident, saving)
    for dit in (Placement.MOVED, streamed):
        yield candidate(gemma, resident, dit, resident, first)
        for saving in (first, *others):
            yield candidate(gemma, streamed, dit, Placement.MOVED, saving)
    text = Placement.CPU if kind is None else gemma
    for saving in (first, *others):
        yield candidate(text, Placement.CPU, streamed, Placement.MOVED, saving)


_Saving = tuple[int, int | None]


def _savings(request: PlanRequest) -> list[_Saving]:
    """List (passes of CFG, tile of the VAE) from none saved to all."""
    if not request.cfg:
        return [(1, None), (1, VAE_TILE)]
    return [(1, None), (2, None), (1, VAE_TILE), (2, VAE_TILE)]
