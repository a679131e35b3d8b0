"""From sizes, a request and a budget to the best plan that fits; pure, loads no torch.

The ladder's order never depends on the budget, so more memory never gives a worse plan, and every
prediction grows with the picture and the batch. All constants are in `activations` and `cost`.
"""

from collections.abc import Iterator
from dataclasses import replace

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory.budget import GIB, Budget
from newbie_pipeline.memory.cost import Rates
from newbie_pipeline.memory.ladder import Candidate, candidates, cpu_candidates
from newbie_pipeline.memory.plan import MemoryPlan, PlanRequest, Stage
from newbie_pipeline.memory.prediction import predict
from newbie_pipeline.memory.quantization import POSSIBLE, QuantizationChoice
from newbie_pipeline.memory.sizes import ModelSizes

NOTHING_QUANTIZED = QuantizationChoice()


def make_plan(
    sizes: ModelSizes,
    request: PlanRequest,
    budget: Budget,
    quantize: QuantizationChoice = NOTHING_QUANTIZED,
    rates: Rates | None = None,
) -> MemoryPlan:
    """Take the most preferred plan that fits.

    Raises MemoryPlanError, saying what would do, when none fits.
    """
    for plan in every_plan(sizes, request, budget, quantize, rates):
        if fits(plan):
            return plan
    raise MemoryPlanError(_what_would(sizes, request, budget, quantize))


def next_plan(
    plan: MemoryPlan,
    sizes: ModelSizes,
    stage: Stage | None = None,
    quantize: QuantizationChoice = NOTHING_QUANTIZED,
    rates: Rates | None = None,
    *,
    on_host: bool = False,
) -> MemoryPlan:
    """Take the next plan that needs less: in the stage that ran out, else at its peak.

    `on_host` tells that the host's memory ran out beside a device: then the next plan is taken that
    needs less of that. `quantize` and `rates` are those that `plan` was made with. Raises
    MemoryPlanError when there is none.
    """

    def peak(which: MemoryPlan) -> int:
        if on_host:
            return which.host_bytes
        return which.peak_bytes if stage is None else which.stage(stage).peak_bytes

    budget = Budget(plan.budget_bytes, plan.host_budget_bytes)
    for other in every_plan(sizes, plan.request, budget, quantize, rates):
        if other.rank > plan.rank and fits(other) and peak(other) < peak(plan):
            return other
    if on_host:
        raise MemoryPlanError("no plan needs less host memory than the one in use")
    where = "" if stage is None else f" in the {stage.value} stage"
    raise MemoryPlanError(f"no plan needs less memory{where} than the one in use")


def every_plan(
    sizes: ModelSizes,
    request: PlanRequest,
    budget: Budget,
    quantize: QuantizationChoice = NOTHING_QUANTIZED,
    rates: Rates | None = None,
) -> Iterator[MemoryPlan]:
    """Yield all plans, the most preferred first, whether they fit or not."""
    if sizes.text_encoder is None and not request.clip_only:
        raise MemoryPlanError(f"{sizes.name} was measured without Gemma: plan it with clip_only")
    rates = rates or Rates()
    order = _order(request, budget, quantize)
    best: MemoryPlan | None = None
    for rank, candidate in enumerate(order):
        plan = predict(
            sizes, request, budget, candidate=candidate, rank=rank, rates=rates, best=best
        )
        best = best or plan
        yield plan


def fits(plan: MemoryPlan) -> bool:
    """Tell whether a plan keeps to its budgets, on the device and on the host."""
    if plan.budget_bytes is not None and plan.peak_bytes > plan.budget_bytes:
        return False
    return plan.host_budget_bytes is None or plan.host_bytes <= plan.host_budget_bytes


def affordable(
    sizes: ModelSizes,
    request: PlanRequest,
    budget: Budget,
    quantize: QuantizationChoice = NOTHING_QUANTIZED,
) -> PlanRequest:
    """Give the request, but without writing where Gemma is not whole or no plan fits with it.

    Pictures come first: what writing needs never keeps a model from being loaded. Raises
    MemoryPlanError where quantisation is asked for and there is no device.
    """
    if not request.writes_prompts:
        return request
    without = replace(request, writes_prompts=False)
    if request.clip_only or sizes.last_layer == 0:
        return without
    can_write = any(fits(plan) for plan in every_plan(sizes, request, budget, quantize))
    return request if can_write else without


def _order(
    request: PlanRequest, budget: Budget, quantize: QuantizationChoice
) -> Iterator[Candidate]:
    if budget.device_bytes is not None:
        return candidates(request, quantize)
    if quantize.forced:
        raise MemoryPlanError("quantisation needs a GPU; without one, leave `quantize` out")
    return cpu_candidates(request)


def _what_would(
    sizes: ModelSizes, request: PlanRequest, budget: Budget, quantize: QuantizationChoice
) -> str:
    plans = list(every_plan(sizes, request, budget, quantize))
    picture = request.picture
    what = f"no plan for {picture.width} x {picture.height}, batch {picture.batch}, fits"
    limits, advice = [], []
    if budget.device_bytes is not None:
        limits.append(f"{budget.device_bytes / GIB:.1f} GiB of device memory")
        least = min(plans, key=lambda plan: (plan.peak_bytes, plan.host_bytes))
        advice.append(
            f"{_up(least.peak_bytes)} GiB of device memory would do, "
            f"with {_up(least.host_bytes)} GiB of host memory"
        )
    if budget.host_bytes is not None:
        limits.append(f"{budget.host_bytes / GIB:.1f} GiB of host memory")
        possible = [
            plan
            for plan in plans
            if plan.budget_bytes is None or plan.peak_bytes <= plan.budget_bytes
        ]
        if possible:
            least = min(possible, key=lambda plan: plan.host_bytes)
            device = "" if budget.device_bytes is None else " with this device memory"
            advice = [f"{_up(least.host_bytes)} GiB of host memory would do{device}"]
    if permission := _permission(sizes, request, budget, quantize):
        advice.append(f"allowing quantize={permission!r} would do")
    if not request.clip_only:
        smaller = PlanRequest(
            picture, request.precision, request.cfg, request.num_inference_steps, clip_only=True
        )
        if any(fits(plan) for plan in every_plan(sizes, smaller, budget, quantize)):
            advice.append(
                "clip_only (--text-encoder, NEWBIE_WORKER_TEXT_ENCODER) would do, "
                "at a loss of what prompts say"
            )
    if picture.batch > 1 or picture.width * picture.height > 1024 * 1024:
        advice.append("a smaller batch or picture needs less")
    return f"{what} in {' and '.join(limits)}: {'; '.join(advice)}"


def _permission(
    sizes: ModelSizes, request: PlanRequest, budget: Budget, quantize: QuantizationChoice
) -> str | None:
    """Find the least quantisation that would make a plan fit."""
    if budget.device_bytes is None:
        return None
    for wanted in _permissions():
        if wanted.allowed.keys() & (quantize.allowed.keys() | quantize.forced.keys()):
            continue
        both = QuantizationChoice({**quantize.allowed, **wanted.allowed}, quantize.forced)
        if any(fits(plan) for plan in every_plan(sizes, request, budget, both)):
            return ",".join(f"{_NAME[c]}:{kind.value}" for c, kind in wanted.allowed.items())
    return None


_NAME = dict(zip(POSSIBLE, ("gemma", "transformer"), strict=True))


def _permissions() -> Iterator[QuantizationChoice]:
    (gemma, gemma_kinds), (dit, dit_kinds) = POSSIBLE.items()
    yield QuantizationChoice({gemma: gemma_kinds[0]})
    yield QuantizationChoice({gemma: gemma_kinds[-1]})
    yield QuantizationChoice({dit: dit_kinds[0]})
    yield QuantizationChoice({gemma: gemma_kinds[-1], dit: dit_kinds[0]})


def _up(size: int) -> str:
    """Round up to a tenth of a GiB: what is advised must be enough."""
    return f"{-(-size * 10 // GIB) / 10:.1f}"
