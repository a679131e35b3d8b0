"""What a memory plan is: frozen data that the executor carries out and the table shows.

Sizes are bytes, times seconds for one picture batch. A plan's parts add up: a stage's peak is the
sum of its parts, and the plan's peak that of its worst stage.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from newbie_pipeline.memory.activations import Picture
from newbie_pipeline.memory.quantization import Quantization
from newbie_pipeline.memory.sizes import AdapterSize, Component, Precision


class Placement(StrEnum):
    """Where a component's weights are.

    RESIDENT: on the device for good. STREAMED: on the host; while it runs, the block
    that computes and the next one are on the device, and so is what belongs to no block. MOVED: on
    the host, and whole on the device while it runs. CPU: on the host, and computed there. ABSENT:
    never loaded.
    """

    RESIDENT = "resident"
    STREAMED = "streamed"
    MOVED = "moved"
    CPU = "cpu"
    ABSENT = "absent"


class Stage(StrEnum):
    """The parts of a render, one after the other."""

    TEXT = "text"
    DENOISE = "denoise"
    DECODE = "decode"


RUNS_IN = {
    Component.TEXT_ENCODER: Stage.TEXT,
    Component.TEXT_ENCODER_2: Stage.TEXT,
    Component.TRANSFORMER: Stage.DENOISE,
    Component.VAE: Stage.DECODE,
}


@dataclass(frozen=True)
class PlanRequest:
    """What is to be rendered, and how.

    `cfg` tells whether guidance is on. A plan holds for every prompt of up to `picture.tokens`
    tokens: how many characters it describes changes nothing. `writes_prompts` tells that Gemma also
    writes: its last layer lies on the host, and is on the device while it does.
    """

    picture: Picture = field(default_factory=Picture)
    precision: Precision = Precision.BFLOAT16
    cfg: bool = True
    num_inference_steps: int = 28
    clip_only: bool = False
    writes_prompts: bool = False


@dataclass(frozen=True)
class ComponentPlan:
    """One component: where it is and what that takes.

    `weight_bytes` is the whole component as stored, `device_bytes` the part on the device while it
    runs, `host_bytes` what stays on the host for good.
    """

    component: Component
    placement: Placement
    quantization: Quantization | None
    weight_bytes: int
    device_bytes: int
    host_bytes: int

    @property
    def resident_bytes(self) -> int:
        """Bytes on the device in every stage."""
        return self.device_bytes if self.placement is Placement.RESIDENT else 0


@dataclass(frozen=True)
class StagePlan:
    """The predicted widest point of a stage, in bytes by what they are for, and its seconds.

    `extra_seconds` is what the stage takes beyond the same stage with everything resident.
    """

    stage: Stage
    resident_bytes: int
    transient_bytes: int
    activation_bytes: int
    reserve_bytes: int
    seconds: float
    extra_seconds: float

    @property
    def peak_bytes(self) -> int:
        """The stage's predicted peak, the framework's reserve included."""
        return (
            self.resident_bytes + self.transient_bytes + self.activation_bytes + self.reserve_bytes
        )


@dataclass(frozen=True)
class MemoryPlan:
    """A way to hold the model that fits.

    On `device` "cpu" the stages' bytes are host memory. `vae_tile` is the side of a tile in
    pixels, or None for decoding whole. `pinned` says whether what streams lies in pinned host
    memory (else it is pinned on its way, slowly, and the host needs less). `rank` counts the
    preferred plans that come before it. The DiT's bytes hold those of the `adapters`.
    """

    model: str
    device: str
    request: PlanRequest
    budget_bytes: int | None
    host_budget_bytes: int | None
    components: tuple[ComponentPlan, ...]
    stages: tuple[StagePlan, ...]
    cfg_passes: int
    vae_tile: int | None
    pinned: bool
    host_bytes: int
    rank: int
    adapters: tuple[AdapterSize, ...] = ()

    def component(self, component: Component) -> ComponentPlan:
        """Give one component's part."""
        return next(part for part in self.components if part.component is component)

    def stage(self, stage: Stage) -> StagePlan:
        """Give one stage's part."""
        return next(part for part in self.stages if part.stage is stage)

    @property
    def peak_bytes(self) -> int:
        """Predicted peak of the whole render."""
        return max(stage.peak_bytes for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Predicted seconds of the whole render."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def quantized(self) -> bool:
        """Whether any component is quantised."""
        return any(part.quantization is not None for part in self.components)
