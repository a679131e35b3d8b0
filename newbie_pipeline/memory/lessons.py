"""Which plan a picture of a size is drawn under: the best that fits, and what was learnt; pure.

A size at which memory ran out, and every larger one, starts from the plan that came after. Sizes
up to the one that the model was loaded for share its plan, so that nothing is moved in between.
"""

from dataclasses import replace

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory.budget import Budget
from newbie_pipeline.memory.plan import MemoryPlan, PlanRequest, Stage
from newbie_pipeline.memory.planner import NOTHING_QUANTIZED, every_plan, fits, make_plan, next_plan
from newbie_pipeline.memory.quantization import QuantizationChoice
from newbie_pipeline.memory.sizes import ModelSizes

MOST_LESSONS = 64


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
            if plan.rank >= least and fits(plan) and _usable(plan):
                return plan
        # Either nothing fits, and this says what would, or what fits was seen to run out.
        make_plan(self.sizes, request, self.budget, self.quantize)
        raise MemoryPlanError(f"memory ran out before with {width} x {height} under the last plan")

    def fall(self, plan: MemoryPlan, width: int, height: int, stage: Stage | None) -> MemoryPlan:
        """Give the next plan that needs less in a stage, and remember to start from it.

        Raises MemoryPlanError when there is none.
        """
        other = next_plan(plan, self.sizes, stage, self.quantize)
        while not _usable(other):
            beyond = replace(plan, rank=other.rank)
            other = next_plan(beyond, self.sizes, stage, self.quantize)
        pixels = width * height
        self._lessons[pixels] = max(other.rank, self._lessons.get(pixels, 0))
        if len(self._lessons) > MOST_LESSONS:
            # What a smaller size taught as well is implied by it; otherwise the largest goes.
            del self._lessons[max(self._lessons)]
        return other

    def _least_rank(self, pixels: int) -> int:
        return max((rank for size, rank in self._lessons.items() if size <= pixels), default=0)


def _usable(plan: MemoryPlan) -> bool:
    """On the CPU both halves of guidance go one after the other, which needs no padding."""
    return plan.device != "cpu" or not plan.request.cfg or plan.cfg_passes == 2
