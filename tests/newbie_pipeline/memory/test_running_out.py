"""What counts as running out, and which plan a size is drawn under after it."""

import pytest
import torch

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory.activations import Picture
from newbie_pipeline.memory.budget import GIB, Budget
from newbie_pipeline.memory.lessons import PlanKeeper
from newbie_pipeline.memory.plan import PlanRequest, Stage
from newbie_pipeline.memory.planner import every_plan, make_plan
from newbie_pipeline.memory.published import PUBLISHED
from newbie_pipeline.memory.running_out import Shortage, is_out_of_memory, what_ran_out

CARD = Budget(int(14.5 * GIB))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be ..."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(h)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
        RuntimeError(
            "FIND was unable to find an engine to execute this computation after trying 3"
        ),
        RuntimeError("CUDA driver error: out of memory"),
        RuntimeError("Triton Error [CUDA]: out of memory"),
        RuntimeError("Error: CUDA Error: out of memory at line 90 in file ops.cu"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        MemoryError(),
    ],
)
def test_every_way_of_saying_that_memory_ran_out_is_understood(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("CUBLAS_STATUS_EXECUTION_FAILED"),
        ValueError("CUDA out of memory"),
    ],
)
def test_other_errors_are_not_taken_for_it(error):
    assert not is_out_of_memory(error)


def test_a_real_failed_allocation_is_understood_as_the_hosts():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**58, dtype=torch.uint8)
    assert what_ran_out(caught.value) is Shortage.HOST
    assert what_ran_out(MemoryError()) is Shortage.HOST
    assert what_ran_out(torch.OutOfMemoryError("CUDA out of memory.")) is Shortage.DEVICE


def test_the_first_plan_is_the_planners():
    keeper = PlanKeeper(PUBLISHED, PlanRequest(), CARD)
    assert keeper.first == make_plan(PUBLISHED, PlanRequest(), CARD)


def test_a_lesson_holds_for_its_size_and_larger_ones_and_not_for_smaller_ones():
    keeper = PlanKeeper(PUBLISHED, PlanRequest(Picture(640, 640)), CARD)
    before = keeper.plan_for(1024, 1024)
    after = keeper.fall(before, 1024, 1024, Stage.DENOISE)
    assert after.rank > before.rank
    assert after.stage(Stage.DENOISE).peak_bytes < before.stage(Stage.DENOISE).peak_bytes
    assert keeper.plan_for(1024, 1024).rank == after.rank
    assert keeper.plan_for(1280, 1024).rank >= after.rank
    assert keeper.plan_for(1024, 960).rank == before.rank


@pytest.mark.parametrize(
    ("stage", "on_host"), [(None, False), (Stage.TEXT, False), (Stage.DENOISE, True)]
)
def test_weights_that_found_no_room_are_a_lesson_for_every_size(stage, on_host):
    keeper = PlanKeeper(PUBLISHED, PlanRequest(), CARD)
    after = keeper.fall(keeper.first, 1024, 1024, stage, on_host=on_host)
    assert keeper.plan_for(64, 64).rank == after.rank > keeper.first.rank


def test_a_size_up_to_the_first_plans_needs_no_other_plan():
    keeper = PlanKeeper(PUBLISHED, PlanRequest(), CARD)
    assert keeper.plan_for(512, 512) == keeper.first
    assert keeper.plan_for(1536, 640) == keeper.first


def test_falls_come_to_an_end_with_an_error():
    keeper = PlanKeeper(PUBLISHED, PlanRequest(), CARD)
    plan = keeper.first
    ranks = []
    with pytest.raises(MemoryPlanError, match="no plan needs less"):
        while True:
            plan = keeper.fall(plan, 1024, 1024, Stage.DENOISE)
            ranks.append(plan.rank)
    assert len(ranks) > 1
    assert ranks == sorted(set(ranks))


def test_lessons_are_bounded_by_the_number_of_plans_and_the_latest_is_never_lost():
    keeper = PlanKeeper(PUBLISHED, PlanRequest(), Budget(40 * GIB))
    every = list(every_plan(PUBLISHED, PlanRequest(), keeper.budget))
    for side in range(512, 64, -1):
        keeper.fall(keeper.first, side, side, Stage.DENOISE)
    assert len(keeper._lessons) == 1
    with pytest.raises(MemoryPlanError, match="no plan needs less"):
        for side in range(72, 1024, 8):
            plan = keeper.plan_for(side, side)
            keeper.fall(plan, side, side, Stage.DENOISE)
            assert keeper.plan_for(side, side).rank > plan.rank
    assert 3 < len(keeper._lessons) < len(every)
    assert keeper.plan_for(64, 64).rank == keeper.first.rank


def test_after_the_hosts_memory_ran_out_the_next_plan_needs_less_of_that():
    keeper = PlanKeeper(PUBLISHED, PlanRequest(), CARD)
    before = keeper.first
    after = keeper.fall(before, 1024, 1024, Stage.TEXT, on_host=True)
    assert after.host_bytes < before.host_bytes
    # The same, without pinned memory: nothing else is given up for it.
    assert (before.pinned, after.pinned) == (True, False)
    assert after.components[0].placement is before.components[0].placement
    assert after.peak_bytes == before.peak_bytes
    least = min(every_plan(PUBLISHED, PlanRequest(), CARD), key=lambda plan: plan.host_bytes)
    with pytest.raises(MemoryPlanError, match="less host memory"):
        keeper.fall(least, 1024, 1024, None, on_host=True)


def test_on_the_cpu_guidance_takes_two_passes_under_every_plan():
    keeper = PlanKeeper(PUBLISHED, PlanRequest(), Budget(None))
    assert keeper.first.cfg_passes == 2
    assert keeper.fall(keeper.first, 1024, 1024, Stage.DECODE).cfg_passes == 2
    assert PlanKeeper(PUBLISHED, PlanRequest(cfg=False), Budget(None)).first.cfg_passes == 1
