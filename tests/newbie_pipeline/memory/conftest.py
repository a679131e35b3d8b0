"""What the tests of executed plans share: the tiny checkpoint's plans, and a small picture."""

import pytest
import torch

from newbie_pipeline.memory.activations import Picture
from newbie_pipeline.memory.budget import GIB, Budget
from newbie_pipeline.memory.loading import load_planned
from newbie_pipeline.memory.plan import MemoryPlan, Placement, PlanRequest
from newbie_pipeline.memory.planner import every_plan
from newbie_pipeline.memory.reading import checkpoint_sizes
from newbie_pipeline.memory.sizes import Component, Precision

HOST = torch.device("cpu")
REQUEST = PlanRequest(Picture(128, 192), Precision.FLOAT32)


@pytest.fixture(scope="module")
def sizes(tiny_checkpoint):
    return checkpoint_sizes(tiny_checkpoint)


@pytest.fixture(scope="module")
def plans(sizes) -> list[MemoryPlan]:
    """All plans for a card with room for everything; pinning needs CUDA."""
    every = every_plan(sizes, REQUEST, Budget(80 * GIB, 80 * GIB))
    streams = Placement.STREAMED
    return [
        plan
        for plan in every
        if not (plan.pinned and any(part.placement is streams for part in plan.components))
    ]


@pytest.fixture(scope="module")
def planned(tiny_checkpoint, plans):
    """One pipeline for all plans: each test applies its own over the last one."""
    pipeline = load_planned(tiny_checkpoint, torch.float32, HOST, plans[0])
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture
def pipeline(planned):
    yield planned
    planned.remove_memory_plan()
    planned.conditioning_cache = None


def draw(pipeline, **changes):
    arguments = {
        "prompt": "1girl, blue hair, a long coat and a hat in the rain",
        "negative_prompt": "blurry",
        "width": 128,
        "height": 192,
        "num_inference_steps": 2,
        "output_type": "pt",
        "generator": torch.Generator().manual_seed(3),
    }
    return pipeline(**(arguments | changes)).images


def placed(plans, **placements) -> MemoryPlan:
    """Find the first plan that places components so."""
    wanted = {Component(name): Placement(value) for name, value in placements.items()}
    return next(
        plan
        for plan in plans
        if all(plan.component(part).placement is where for part, where in wanted.items())
    )
