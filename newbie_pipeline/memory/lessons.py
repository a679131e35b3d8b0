"""Which plan a picture of a size is drawn under: the best that fits, and what was learnt; pure.

A size at which memory ran out, and every larger one, starts from the plan that came after. Sizes
up to the one that the model was loaded for share its plan, so that nothing is moved in between.
Only what a smaller size did not teach as well is kept, so there are fewer lessons than plans.
"""

from dataclasses import replace

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory.budget import Budget
from newbie_pipeline.memory.plan import MemoryPlan, PlanRequest, Stage
from newbie_pipeline.memory.planner import NOTHING_QUANTIZED, every_plan, fits, make_plan, next_plan
from newbie_pipeline.memory.quantization import QuantizationChoice
from newbie_pipeline.memory.sizes import ModelSizes


class PlanKeeper:
    """Gives the plan for a size, and remembers where memory ran out."""

    def __init__(
        self,
        sizes: ModelSizes,
        request: PlanRequest,
        budget: Budget,
        quantize: QuantizationChoice = NOTHING_QUANTIZED,
    ) -> None:
        """Make the first plan; raises MemoryPlanError when none fits."""
        self.sizes, self.request, self.budget, self.quantize = sizes, request, budget, quantize
        # Pixels of a picture, and the least rank that it may be drawn under from then on.
        self._lessons: dict[int, int] = {}
        make_plan(sizes, request, budget, quantize)  # its error says what would do
        self.first = self.plan_for(request.picture.width, request.picture.height)

    def plan_for(self, width: int, height: int) -> MemoryPlan:
        """Give the plan for a picture; raises MemoryPlanError when none fits."""
        picture = self.request.picture
        request = self.request
        if width * height > picture.pixels:
            request = replace(request, picture=replace(picture, width=width, height=height))
        least = self._least_rank(width * height)
        for plan in every_plan(self.sizes, request, self.budget, self.quantize):
            if plan.rank >= least and fits(plan):
                return plan
        # Either nothing fits, and this says what would, or what fits was seen to run out.
        make_plan(self.sizes, request, self.budget, self.quantize)
        raise MemoryPlanError(f"memory ran out before with {width} x {height} under the last plan")

    def prediction(self, plan: MemoryPlan, width: int, height: int) -> MemoryPlan:
        """Predict what a picture of a size takes under a plan that may be for a larger one."""
        picture = replace(self.request.picture, width=width, height=height)
        request = replace(self.request, picture=picture)
        every = every_plan(self.sizes, request, self.budget, self.quantize)
        return next(other for other in every if other.rank == plan.rank)

    def fall(
        self,
        plan: MemoryPlan,
        width: int,
        height: int,
        stage: Stage | None,
        *,
        on_host: bool = False,
    ) -> MemoryPlan:
        """Give the next plan that needs less in a stage, and remember to start from it.

        `on_host` tells that the host's memory ran out beside a device. That has nothing to do with
        the picture, and neither has running out in the text stage, or before any stage, while
        weights were placed: it is a lesson for every size. Raises MemoryPlanError when there is no
        such plan.
        """
        other = next_plan(plan, self.sizes, stage, self.quantize, on_host=on_host)
        for_all = on_host or stage in (None, Stage.TEXT)
        pixels = 0 if for_all else width * height
        lessons = {**self._lessons, pixels: max(other.rank, self._lessons.get(pixels, 0))}
        self._lessons = {}
        for size in sorted(lessons):
            if lessons[size] > self._least_rank(size):
                self._lessons[size] = lessons[size]
        return other

    def _least_rank(self, pixels: int) -> int:
        return max((rank for size, rank in self._lessons.items() if size <= pixels), default=0)
