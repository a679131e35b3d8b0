"""A loaded pipeline that keeps to its plan, and falls to the next one when memory runs out.

A render that runs out is drawn once more under the next plan; what was learnt stays for the life of
the process. Nothing is kept of the failed attempt: an exception's frames would hold its tensors.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from newbie_pipeline.checkpoints.sources import Source
from newbie_pipeline.errors import MemoryPlanError, RenderMemoryError
from newbie_pipeline.memory.activations import Picture
from newbie_pipeline.memory.conditioning_cache import ConditioningCache
from newbie_pipeline.memory.executor import free_memory
from newbie_pipeline.memory.lessons import PlanKeeper
from newbie_pipeline.memory.loading import load_component, load_planned, load_planned_head
from newbie_pipeline.memory.machine import machine_budget
from newbie_pipeline.memory.measuring import Meter, measured_data, measured_lines
from newbie_pipeline.memory.plan import MemoryPlan, PlanRequest, Stage
from newbie_pipeline.memory.planner import affordable
from newbie_pipeline.memory.quantization import parse_quantize
from newbie_pipeline.memory.quantizing import check_quantizer
from newbie_pipeline.memory.reading import checkpoint_sizes
from newbie_pipeline.memory.running_out import Shortage, what_ran_out
from newbie_pipeline.memory.sizes import Component, Precision
from newbie_pipeline.memory.table import plan_lines
from newbie_pipeline.models.gemma_language import LanguageHead
from newbie_pipeline.tokens import most_caption_tokens

if TYPE_CHECKING:
    from newbie_pipeline.render import LoadOptions

logger = logging.getLogger(__name__)

T = TypeVar("T")
# Makes a loaded pipeline ready before its plan is applied, or its transformer when loaded anew.
Prepare = Callable[[Any], None]


def make_keeper(
    source: Source, dtype: torch.dtype, device: torch.device, options: "LoadOptions"
) -> PlanKeeper:
    """Plan for a checkpoint on a device of this machine.

    Raises CheckpointError, AdapterError, or MemoryPlanError when no plan fits, an option cannot be
    read or a quantiser that it names is not installed.
    """
    request = PlanRequest(
        picture=Picture(tokens=most_caption_tokens(options.character_encoding)),
        precision=Precision(str(dtype).removeprefix("torch.")),
        clip_only=options.clip_only,
        writes_prompts=options.assist,
    )
    budget = machine_budget(device, options.memory, options.max_memory)
    quantize = parse_quantize(options.quantize)
    sizes = checkpoint_sizes(source, clip_only=options.clip_only, adapters=options.adapters)
    possible = affordable(sizes, request, budget, quantize)
    if possible != request:
        logger.warning("Gemma is not loaded whole: there is no help with prompts")
    keeper = PlanKeeper(sizes, possible, budget, quantize)
    if budget.device_bytes is not None:
        # Now, and not in the middle of a render that ran out of memory.
        for component in {**quantize.allowed, **quantize.forced}:
            check_quantizer(component)
    return keeper


class PlannedModel:
    """One pipeline under the plans of a keeper."""

    def __init__(
        self,
        source: Source,
        dtype: torch.dtype,
        device: torch.device,
        keeper: PlanKeeper,
        prepare: Prepare,
    ) -> None:
        """Load the pipeline, under the next plan if the first runs out of memory.

        `prepare` gets the pipeline before any plan is applied: adapters are loaded there. Raises
        CheckpointError, MemoryPlanError, RenderMemoryError and whatever `prepare` raises.
        """
        self.source, self.dtype, self.device = source, dtype, device
        if device.type == "cuda" and device.index is not None:
            # diffusers makes its stream on the current card, and waits for that one.
            torch.cuda.set_device(device)
        self.keeper, self._prepare = keeper, prepare
        picture = keeper.request.picture
        plan = keeper.first
        loaded = self._try(lambda: self._load(plan))
        if isinstance(loaded, Shortage):
            plan = self._fall(plan, picture.width, picture.height, None, loaded)
            loaded = self._try(lambda: self._load(plan))
        if isinstance(loaded, Shortage):
            raise RenderMemoryError("memory ran out twice while the model was loaded")
        self.pipeline: Any = loaded[0]
        # The plan in force; not quite, after an error in a render or on the way to a plan.
        self.plan = plan
        self._in_force = True
        # The size of the picture that is being measured.
        self._measured_size = (picture.width, picture.height)
        # Gemma's last layer, where prompts are helped with; on the host.
        self.language_head: LanguageHead | None = None
        if keeper.request.writes_prompts:
            self.language_head = load_planned_head(source, dtype)

    def draw(self, width: int, height: int, render: Callable[[], T]) -> T:
        """Call `render` under the plan for a size, and once more under the next if that runs out.

        Raises RenderMemoryError when memory ran out both times or no plan is left.
        """
        try:
            plan = self.keeper.plan_for(width, height)
        except MemoryPlanError as error:
            raise RenderMemoryError(str(error)) from error
        meter: Meter | None = self.pipeline.meter
        if meter is not None and self._measured_size != (width, height):
            meter.forget_stages()
            self._measured_size = (width, height)
        done = self._attempt(plan, render)
        if isinstance(done, Shortage):
            plan = self._fall(plan, width, height, self.pipeline.stage_reached, done)
            done = self._attempt(plan, render)
        if isinstance(done, Shortage):
            raise self._given_up(plan, width, height, done)
        return done[0]

    def can_hold(self, width: int, height: int) -> bool:
        """Tell whether a plan fits for a picture of a size, after all that was learnt."""
        try:
            self.keeper.plan_for(width, height)
        except MemoryPlanError:
            return False
        return True

    def step_done(self) -> None:
        """Take note of a step: the first one of the first render is measured."""
        if (meter := self.pipeline.meter) is not None:
            meter.end(Stage.DENOISE)

    def take_measured(self) -> tuple[list[str], dict[str, Any]] | None:
        """Give lines and data of the first whole render, once; None before and after."""
        meter: Meter | None = self.pipeline.meter
        if meter is None or not meter.is_complete:
            return None
        self.pipeline.meter = None
        # The plan in force may be made for a larger picture than the one that was measured.
        plan = self.keeper.prediction(self.plan, *self._measured_size)
        return (
            [*plan_lines(plan), "", *measured_lines(plan, meter.rows, meter.on_cuda)],
            measured_data(plan, meter.rows),
        )

    def _attempt(self, plan: MemoryPlan, render: Callable[[], T]) -> tuple[T] | Shortage:
        """Call `render` under a plan; carrying the plan out may run out of memory as well."""

        def attempt() -> T:
            self.pipeline.stage_reached = None
            self._keep_to(plan)
            return render()

        done = self._try(attempt)
        if isinstance(done, Shortage):
            # Weights are where the error left them, and what was measured belongs to no plan.
            self._in_force = False
            if self.pipeline.meter is not None:
                self.pipeline.meter.forget_stages()
        return done

    def _given_up(
        self, plan: MemoryPlan, width: int, height: int, shortage: Shortage
    ) -> RenderMemoryError:
        """Learn for the next render, free what can be freed, and say what happened."""
        stage: Stage | None = self.pipeline.stage_reached
        try:
            self._learn(plan, width, height, stage, shortage)
        except MemoryPlanError:
            logger.warning("no memory plan is left that needs less than the one that ran out")
        free_memory()
        where = "" if stage is None else f" in the {stage.value} stage"
        return RenderMemoryError(
            f"memory ran out twice{where} with {width} x {height}: a smaller size needs less"
        )

    def _load(self, plan: MemoryPlan) -> Any:
        meter = Meter(self.device)
        meter.process_start()
        pipeline = load_planned(self.source, self.dtype, self.device, plan, meter)
        self._prepare(pipeline)
        pipeline.conditioning_cache = ConditioningCache()
        pipeline.meter = meter
        pipeline.apply_memory_plan(plan, self.device, self._reload_into(pipeline))
        return pipeline

    def _reload_into(self, pipeline: Any) -> Callable[[Component], None]:
        def reload(component: Component) -> None:
            model = load_component(self.source, component, self.dtype, torch.device("cpu"))
            setattr(pipeline, component.value, model)
            if component is Component.TRANSFORMER:
                self._prepare(pipeline)

        return reload

    def _keep_to(self, plan: MemoryPlan) -> None:
        if not self._in_force or plan.rank != self.plan.rank:
            self._in_force = False
            reload = self._reload_into(self.pipeline)
            self.pipeline.apply_memory_plan(plan, self.device, reload)
            self._in_force = True
        self.plan = plan

    def _learn(
        self, plan: MemoryPlan, width: int, height: int, stage: Stage | None, shortage: Shortage
    ) -> MemoryPlan:
        # Without a device the stages' bytes are the host's.
        on_host = shortage is Shortage.HOST and plan.device != "cpu"
        return self.keeper.fall(plan, width, height, stage, on_host=on_host)

    def _fall(
        self, plan: MemoryPlan, width: int, height: int, stage: Stage | None, shortage: Shortage
    ) -> MemoryPlan:
        free_memory()
        try:
            other = self._learn(plan, width, height, stage, shortage)
        except MemoryPlanError as error:
            raise RenderMemoryError(f"memory ran out, and {error}") from error
        logger.warning(
            "memory ran out%s: going on with plan %d instead of %d",
            "" if stage is None else f" in the {stage.value} stage",
            other.rank,
            plan.rank,
        )
        return other

    @staticmethod
    def _try(call: Callable[[], T]) -> tuple[T] | Shortage:
        """Call, and tell whose memory ran out if one did; any other error is raised."""
        try:
            return (call(),)
        except Exception as error:
            shortage = what_ran_out(error)
            if shortage is None:
                raise
            logger.warning("%s", str(error).partition("\n")[0] or type(error).__name__)
        return shortage
