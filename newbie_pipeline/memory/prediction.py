"""What one way to hold the model takes: bytes by stage and use, host memory, seconds."""

from dataclasses import dataclass

from newbie_pipeline.memory import activations, cost
from newbie_pipeline.memory.budget import Budget
from newbie_pipeline.memory.cost import Rates
from newbie_pipeline.memory.ladder import Candidate
from newbie_pipeline.memory.plan import (
    RUNS_IN,
    ComponentPlan,
    MemoryPlan,
    Placement,
    PlanRequest,
    Stage,
    StagePlan,
)
from newbie_pipeline.memory.quantization import scratch_bytes, stored_bytes
from newbie_pipeline.memory.sizes import Component, ModelSizes, Precision, TextShape

# ESTIMATE: the process itself with torch's CUDA libraries, and without a device in use.
HOST_BASE_BYTES = 3 * 1024**3
CPU_BASE_BYTES = 1024**3
# On the device while a streamed component runs: the block that computes and the next one.
STREAMED_BLOCKS = 2


def predict(
    sizes: ModelSizes,
    request: PlanRequest,
    budget: Budget,
    *,
    candidate: Candidate,
    rank: int,
    rates: Rates,
    best: MemoryPlan | None,
) -> MemoryPlan:
    """Predict a candidate; `best` is the plan that extra seconds are counted from."""
    on_cpu = budget.device_bytes is None
    components = tuple(_component(sizes, request, candidate, part) for part in Component)
    builder = _Prediction(sizes, request, candidate, components, rates, on_cpu)
    stages = tuple(builder.stage(stage, best) for stage in Stage)
    host = max(stage.peak_bytes for stage in stages) if on_cpu else builder.host_bytes()
    return MemoryPlan(
        model=sizes.name,
        device="cpu" if on_cpu else "cuda",
        request=request,
        budget_bytes=budget.device_bytes,
        host_budget_bytes=budget.host_bytes,
        components=components,
        stages=stages,
        cfg_passes=candidate.cfg_passes,
        vae_tile=candidate.vae_tile,
        pinned=candidate.pinned,
        host_bytes=host,
        rank=rank,
        adapters=sizes.adapters,
    )


def _component(
    sizes: ModelSizes, request: PlanRequest, candidate: Candidate, component: Component
) -> ComponentPlan:
    placement = candidate.placements[component]
    kind = candidate.quantizations.get(component)
    if placement is Placement.ABSENT:
        return ComponentPlan(component, placement, None, 0, 0, 0)
    size = sizes.components[component]
    blocks, largest, outside = stored_bytes(size, request.precision, kind)
    weights = blocks + outside
    device, host = 0, weights
    if placement is Placement.RESIDENT:
        device, host = weights, 0
    elif placement is Placement.MOVED:
        device = weights
    elif placement is Placement.STREAMED:
        device = outside + min(STREAMED_BLOCKS * largest, blocks)
        if candidate.pinned and kind is None:
            host = outside + size.pinned_parameters * blocks // max(size.block_parameters, 1)
    if placement is not Placement.CPU:
        device += scratch_bytes(size, request.precision, kind) * (device > 0)
    return ComponentPlan(component, placement, kind, weights, device, host)


@dataclass(frozen=True)
class _Prediction:
    """The numbers of one candidate, stage by stage."""

    sizes: ModelSizes
    request: PlanRequest
    candidate: Candidate
    components: tuple[ComponentPlan, ...]
    rates: Rates
    on_cpu: bool

    def stage(self, stage: Stage, best: MemoryPlan | None) -> StagePlan:
        """Find the widest run of a stage: its two text encoders work one after the other."""
        parts = [part for part in self.components if RUNS_IN[part.component] is stage]
        widest = max((self._run(part) for part in parts), key=sum)
        transient, activation = widest
        resident = sum(part.resident_bytes for part in self.components)
        reserve = activations.CONTEXT_BYTES + activations.WORKSPACE_BYTES
        if self.on_cpu:
            resident = sum(part.weight_bytes for part in self.components) + self._writing_weights()
            reserve = CPU_BASE_BYTES
        else:
            reserve += self._rounding_bytes()
        reserve += int(activations.ALLOCATOR_SLACK * (transient + activation))
        seconds = sum(self._seconds(part) for part in parts)
        baseline = seconds if best is None else best.stage(stage).seconds
        return StagePlan(
            stage, resident, transient, activation, reserve, seconds, max(seconds - baseline, 0.0)
        )

    def host_bytes(self) -> int:
        """Host memory beside a device: what lies there, and what comes on top while loading.

        That is one pageable copy of what is being pinned. What is quantised passes through the host
        as it was: Gemma before anything else is loaded, the DiT when everything else is there.
        """
        lying = sum(part.host_bytes for part in self.components)
        most = lying
        for part in self.components:
            if part.placement is Placement.ABSENT:
                continue
            whole = self.sizes.weight_bytes(part.component, self.request.precision)
            if part.quantization is not None:
                is_first = part.component is Component.TEXT_ENCODER
                most = max(most, whole if is_first else lying - part.host_bytes + whole)
            elif part.placement is Placement.STREAMED and self.candidate.pinned:
                most = max(most, lying + whole)
        return HOST_BASE_BYTES + most + self._writing_weights()

    def _rounding_bytes(self) -> int:
        """Bytes that the allocator holds beyond the weights that stay on the device."""
        placement = self.candidate.placements[Component.TRANSFORMER]
        if placement is not Placement.RESIDENT:
            return 0  # what comes and goes has its slack
        kind = self.candidate.quantizations.get(Component.TRANSFORMER)
        number = self.request.precision.bytes if kind is None else 1
        return activations.rounding_bytes(self.sizes.transformer, number)

    def _run(self, part: ComponentPlan) -> tuple[int, int]:
        """Give the transient weights and the activations of a component at work."""
        picture, precision = self.request.picture, self.request.precision
        features = self._condition_bytes()
        if part.placement is Placement.ABSENT:
            return 0, features
        if part.placement is Placement.CPU and not self.on_cpu:
            return 0, features
        transient = part.device_bytes - part.resident_bytes
        if part.component is Component.VAE:
            tile = self.candidate.vae_tile
            decoding = activations.decode_bytes(self.sizes.vae, picture, precision, tile)
            return transient, decoding + features
        if part.component is Component.TRANSFORMER:
            return transient, features + self._denoising_bytes()
        shape = self._text_shape(part.component)
        encoding = activations.text_bytes(shape, picture, precision)
        if part.component is Component.TEXT_ENCODER and self.request.writes_prompts:
            last_layer = 0 if self.on_cpu else self.sizes.last_layer * precision.bytes
            writing = activations.writing_bytes(shape, precision)
            # The features of the prompt do not exist yet while it is written.
            return transient, max(features + encoding, last_layer + writing)
        return transient, features + encoding

    def _writing_weights(self) -> int:
        """Bytes of what only writing needs, which lies on the host."""
        request = self.request
        if not request.writes_prompts or request.clip_only:
            return 0
        return (self.sizes.last_layer + self.sizes.head) * request.precision.bytes

    def _denoising_bytes(self) -> int:
        request, shape, vae = self.request, self.sizes.transformer, self.sizes.vae
        halves = 2 if request.cfg else 1
        samples = request.picture.batch * halves // self.candidate.cfg_passes
        run = activations.transformer_bytes(shape, vae, request.picture, request.precision, samples)
        return run + activations.caption_context_bytes(
            shape, vae, request.picture, request.precision, halves
        )

    def _condition_bytes(self) -> int:
        """Bytes of the encoded prompts, positive and negative."""
        request, gemma = self.request, self.sizes.text_encoder
        if gemma is None or request.clip_only:
            return 0  # the caption is one token of zeros
        one = request.picture.tokens * gemma.hidden * request.precision.bytes
        return one * request.picture.batch * (2 if request.cfg else 1)

    def _seconds(self, part: ComponentPlan) -> float:
        request, rates = self.request, self.rates
        if part.placement is Placement.ABSENT:
            return 0.0
        operations, passes = self._work(part.component)
        on_cpu = part.placement is Placement.CPU
        flops = rates.cpu_flops if on_cpu else rates.device_flops
        if request.precision is Precision.FLOAT32 and not on_cpu:
            flops *= rates.float32_share
        slowdown = 1.0 if part.quantization is None else rates.quantized_slowdown
        compute = operations / flops * slowdown
        size = self.sizes.components[part.component]
        blocks, _, outside = stored_bytes(size, request.precision, part.quantization)
        return cost.component_seconds(
            part.placement,
            pinned=self.candidate.pinned and part.quantization is None,
            blocks=blocks,
            outside=outside,
            compute=compute,
            passes=passes,
            rates=rates,
        )

    def _work(self, component: Component) -> tuple[float, int]:
        """Give the operations of a component in one render, and how often its weights pass."""
        sizes, request, picture = self.sizes, self.request, self.request.picture
        size = sizes.components[component]
        halves = 2 if request.cfg else 1
        if component is Component.VAE:
            return cost.decode_work(sizes.vae, picture, self.candidate.vae_tile), picture.batch
        if component is Component.TRANSFORMER:
            one = cost.transformer_flops(sizes, size, picture)
            passes = request.num_inference_steps * self.candidate.cfg_passes
            slower = self.rates.two_pass_slowdown if self.candidate.cfg_passes > 1 else 1.0
            steps = request.num_inference_steps * halves * picture.batch
            return one * steps * slower, passes
        return cost.text_flops(self._text_shape(component), size, picture) * halves, halves

    def _text_shape(self, component: Component) -> TextShape:
        gemma, clip = self.sizes.text_encoder, self.sizes.text_encoder_2
        return clip if gemma is None or component is Component.TEXT_ENCODER_2 else gemma
