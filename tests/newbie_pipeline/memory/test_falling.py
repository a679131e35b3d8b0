"""Memory runs out at each stage: the render falls to the next plan, and is drawn once more."""

import importlib.util
from dataclasses import replace

import pytest
import torch

from newbie_pipeline.checkpoints import loading
from newbie_pipeline.errors import MemoryPlanError, RenderMemoryError
from newbie_pipeline.memory import executor
from newbie_pipeline.memory.activations import Picture
from newbie_pipeline.memory.budget import GIB, Budget
from newbie_pipeline.memory.lessons import PlanKeeper
from newbie_pipeline.memory.plan import Placement, PlanRequest, Stage
from newbie_pipeline.memory.planned_model import PlannedModel, make_keeper
from newbie_pipeline.memory.planner import every_plan
from newbie_pipeline.memory.quantization import parse_quantize
from newbie_pipeline.memory.reading import checkpoint_sizes
from newbie_pipeline.memory.sizes import Component, Precision
from newbie_pipeline.render import LoadOptions, Renderer, RendererInfo, RenderSpec

HOST = torch.device("cpu")
SPEC = RenderSpec("1girl, blue hair", "blurry", 128, 128, 2, 4.0, seeds=(5, 6))
PARTS = {Stage.TEXT: "text_encoder", Stage.DENOISE: "transformer", Stage.DECODE: "vae"}
WHOLE_LADDER = Budget(80 * GIB, 80 * GIB)


def make_renderer(checkpoint, budget=WHOLE_LADDER, quantize="", *, clip_only=False) -> Renderer:
    """A renderer that computes on the CPU and plans as for a card, so that there is a ladder."""
    request = PlanRequest(Picture(128, 128), Precision.FLOAT32, clip_only=clip_only)
    sizes = checkpoint_sizes(checkpoint, clip_only=clip_only)
    keeper = PlanKeeper(sizes, request, budget, parse_quantize(quantize))

    def prepare(pipeline):
        pipeline.set_progress_bar_config(disable=True)

    model = PlannedModel(checkpoint, torch.float32, HOST, keeper, prepare)
    return Renderer(model, RendererInfo("tiny", "0", "cpu", "float32", "native", "euler", ()))


@pytest.fixture
def renderer(tiny_checkpoint):
    return make_renderer(tiny_checkpoint)


class Fault:
    """Lets a component run out of memory the next `times` times that it is to compute."""

    def __init__(self, pipeline, name, times, error=None):
        self.times = times
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. (injected)")
        module = getattr(pipeline, name)
        module = module.decoder if name == "vae" else module
        self.handle = module.register_forward_pre_hook(self.fail)

    def fail(self, *_):
        if self.times:
            self.times -= 1
            raise self.error


def draw(renderer, spec=SPEC, on_step=lambda _step, _total: None):
    return [picture.tobytes() for picture in renderer.render(spec, on_step, lambda: False).images]


@pytest.mark.parametrize("stage", Stage)
def test_a_render_that_runs_out_is_drawn_again_under_the_next_plan(renderer, stage):
    before = renderer.plan
    expected = draw(renderer)
    renderer._model.pipeline.conditioning_cache.clear()
    Fault(renderer._model.pipeline, PARTS[stage], times=1)
    steps = []
    assert draw(renderer, on_step=lambda step, _total: steps.append(step)) == expected
    assert renderer.plan.rank > before.rank
    assert renderer.plan.stage(stage).peak_bytes < before.stage(stage).peak_bytes
    assert steps[-4:] == [1, 2, 3, 4]
    # The lesson stays: nothing falls further, and nothing goes back.
    rank = renderer.plan.rank
    assert draw(renderer) == expected
    assert renderer.plan.rank == rank


@pytest.mark.parametrize("component", ["text_encoder_2", "transformer"])
def test_without_gemma_there_are_plans_to_fall_to_as_well(tiny_checkpoint, component):
    renderer = make_renderer(tiny_checkpoint, clip_only=True)
    assert renderer._model.pipeline.text_encoder is None
    expected, rank = draw(renderer), renderer.plan.rank
    renderer._model.pipeline.conditioning_cache.clear()
    Fault(renderer._model.pipeline, component, times=1)
    assert draw(renderer) == expected
    assert renderer.plan.rank > rank


@pytest.mark.parametrize("stage", Stage)
def test_running_out_twice_is_told_and_the_next_render_is_well(renderer, stage):
    expected = draw(renderer)
    renderer._model.pipeline.conditioning_cache.clear()
    fault = Fault(renderer._model.pipeline, PARTS[stage], times=2)
    with pytest.raises(RenderMemoryError, match=f"twice in the {stage.value} stage"):
        draw(renderer)
    assert fault.times == 0
    ranks = renderer.plan.rank
    pictures = draw(renderer)
    assert renderer.plan.rank > ranks  # it learnt from the second time too
    if renderer.plan.cfg_passes == 1 and renderer.plan.vae_tile is None:
        assert pictures == expected


def test_running_out_while_streaming_leaves_nothing_behind(tiny_checkpoint):
    renderer = make_renderer(tiny_checkpoint)
    model = renderer._model
    expected = draw(renderer)
    plan = next(
        plan
        for plan in all_plans(model)
        if plan.component(Component.TRANSFORMER).placement is Placement.STREAMED
        and plan.cfg_passes == 1
        and plan.vae_tile is None
    )
    model._keep_to(plan)
    block = model.pipeline.transformer.layers[1]
    handle = block.register_forward_pre_hook(fail_once())
    with pytest.raises(torch.OutOfMemoryError):
        renderer._draw(SPEC, lambda *_: None, lambda: False)
    handle.remove()
    model._in_force = False
    model._keep_to(plan)
    assert draw_under(model, renderer) == expected


def draw_under(model, renderer):
    pictures = renderer._draw(SPEC, lambda *_: None, lambda: False).images
    assert model.plan.component(Component.TRANSFORMER).placement is Placement.STREAMED
    return [picture.tobytes() for picture in pictures]


def all_plans(model):
    return every_plan(model.keeper.sizes, model.keeper.request, model.keeper.budget)


def fail_once():
    failed = []

    def fail(*_):
        if not failed:
            failed.append(1)
            raise torch.OutOfMemoryError("CUDA out of memory. (injected)")

    return fail


def test_running_out_while_loading_loads_under_the_next_plan(
    tiny_checkpoint, renderer, monkeypatch
):
    original, fail = loading.LOADERS["text_encoder_2"], fail_once()
    monkeypatch.setitem(
        loading.LOADERS, "text_encoder_2", lambda *args: (fail(), original(*args))[1]
    )
    fallen = make_renderer(tiny_checkpoint)
    assert fallen.plan.rank > renderer.plan.rank
    assert draw(fallen) == draw(renderer)


def test_the_card_of_a_model_is_the_current_one(tiny_checkpoint, renderer, monkeypatch):
    seen, card = [], torch.device("cuda", 93)
    monkeypatch.setattr(torch.cuda, "set_device", seen.append)
    keeper = renderer._model.keeper
    with pytest.raises((RuntimeError, AssertionError)):  # there is no such card
        PlannedModel(tiny_checkpoint, torch.float32, card, keeper, lambda _pipeline: None)
    assert seen == [card]


def test_running_out_twice_while_loading_is_an_error(tiny_checkpoint, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. (injected)")

    monkeypatch.setitem(loading.LOADERS, "vae", fail)
    with pytest.raises(RenderMemoryError, match="twice while the model was loaded"):
        make_renderer(tiny_checkpoint)


def test_running_out_on_the_way_to_a_plan_falls_as_a_render_does(renderer):
    expected = draw(renderer)
    model = renderer._model
    apply, fail = model.pipeline.apply_memory_plan, fail_once()
    model.pipeline.__dict__["apply_memory_plan"] = lambda *args: (apply(*args), fail())
    before = renderer.plan
    model.keeper.fall(before, 128, 128, Stage.TEXT)  # so that another plan is due
    assert draw(renderer) == expected
    due = model.keeper.plan_for(128, 128)
    assert renderer.plan.rank == due.rank > before.rank + 1


def test_a_plan_that_could_not_be_carried_out_is_carried_out_before_the_next_render(renderer):
    expected = draw(renderer)
    model = renderer._model
    apply, left = model.pipeline.apply_memory_plan, [MemoryPlanError("no quantiser")]

    def refuse(*args):
        model.pipeline.remove_memory_plan()
        if left:
            raise left.pop()
        apply(*args)

    model.pipeline.__dict__["apply_memory_plan"] = refuse
    model.keeper.fall(renderer.plan, 128, 128, Stage.DENOISE)
    with pytest.raises(MemoryPlanError):
        draw(renderer)
    assert draw(renderer, replace(SPEC, width=64))  # as before, but no hook was left
    assert model.pipeline.memory_plan is not None
    assert draw(renderer) == expected


def test_host_memory_that_cannot_be_pinned_gives_up_pinning_and_nothing_else(
    tiny_checkpoint, monkeypatch
):
    original = executor.apply_group_offloading

    def apply(module, low_cpu_mem_usage, **kwargs):
        if not low_cpu_mem_usage:
            raise RuntimeError("CUDA error: out of memory")
        original(module, low_cpu_mem_usage=low_cpu_mem_usage, **kwargs)

    monkeypatch.setattr(executor, "apply_group_offloading", apply)
    sizes = checkpoint_sizes(tiny_checkpoint)
    resident, streamed, unpinned, *_ = every_plan(
        sizes, PlanRequest(Picture(128, 128), Precision.FLOAT32), WHOLE_LADDER
    )
    budget = Budget(resident.peak_bytes - 1, 80 * GIB)
    renderer = make_renderer(tiny_checkpoint, budget)
    assert (streamed.pinned, unpinned.pinned) == (True, False)
    assert renderer.plan.rank == unpinned.rank
    assert draw(renderer)


def test_what_was_measured_before_a_fall_does_not_stand_beside_the_plan_after_it(renderer):
    meter = renderer._model.pipeline.meter
    Fault(renderer._model.pipeline, "vae", times=1)
    draw(renderer)
    # The second attempt found its prompts encoded: that stage is measured when it is entered again.
    assert "text stage" not in meter.rows
    assert {"first step", "VAE decode"} < set(meter.rows)
    draw(renderer, replace(SPEC, prompt="1boy"))
    assert meter.is_complete
    assert renderer.take_measured()[1]["rank"] == renderer.plan.rank


def test_what_was_measured_stands_beside_the_prediction_for_its_size(renderer):
    draw(renderer, replace(SPEC, width=64, height=64))
    _, data = renderer.take_measured()
    request = data["request"]
    assert (request["width"], request["height"]) == (64, 64)
    decode = data["measured"]["VAE decode"]["predicted_bytes"]
    assert decode == data["stages"]["decode"]["peak_bytes"]
    assert decode < renderer.plan.stage(Stage.DECODE).peak_bytes


def test_a_quantiser_that_is_missing_is_told_before_anything_is_loaded(
    tiny_checkpoint, monkeypatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    device = torch.device("mps")  # any device: nothing is asked of it
    with pytest.raises(MemoryPlanError, match="needs torchao"):
        make_keeper(
            tiny_checkpoint, torch.float32, device, LoadOptions(quantize="transformer:int8")
        )
    assert make_keeper(tiny_checkpoint, torch.float32, device, LoadOptions())
    # Without a device nothing is ever quantised.
    options = LoadOptions(quantize="transformer:int8")
    assert make_keeper(tiny_checkpoint, torch.float32, HOST, options)


def test_other_errors_pass_through_and_change_no_plan(renderer):
    rank = renderer.plan.rank
    error = RuntimeError("CUDA error: an illegal memory access was encountered")
    Fault(renderer._model.pipeline, "transformer", times=1, error=error)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        draw(renderer)
    assert renderer.plan.rank == rank
    assert draw(renderer)


def test_without_a_plan_that_needs_less_it_is_told_at_once(tiny_checkpoint):
    renderer = make_renderer(tiny_checkpoint, Budget(None))
    fault = Fault(renderer._model.pipeline, "text_encoder", times=2)
    with pytest.raises(RenderMemoryError, match="no plan needs less memory in the text stage"):
        draw(renderer)
    assert fault.times == 1
    fault.times = 0
    assert draw(renderer)


def test_a_size_that_no_plan_fits_is_told_without_trying(tiny_checkpoint, renderer):
    least = min(all_plans(renderer._model), key=lambda plan: plan.peak_bytes)
    tight = make_renderer(tiny_checkpoint, Budget(least.peak_bytes + 2**20, 80 * GIB))
    with pytest.raises(RenderMemoryError, match="no plan for 4096 x 4096"):
        draw(tight, replace(SPEC, width=4096, height=4096))
    assert draw(tight)


def test_a_second_render_of_a_prompt_skips_the_text_stage(renderer):
    expected = draw(renderer)
    Fault(renderer._model.pipeline, "text_encoder", times=9)  # would fail if it were asked
    assert draw(renderer) == expected
    cache = renderer._model.pipeline.conditioning_cache
    assert (cache.hits, cache.misses) == (2, 2)


def test_the_first_render_is_measured_beside_its_plan(renderer):
    assert renderer.take_measured() is None
    draw(renderer)
    lines, data = renderer.take_measured()
    titles = ["process start", "DiT", "CLIP", "Gemma", "text stage", "first step", "VAE decode"]
    assert [line[:13].strip() for line in lines[-8:-1]] == titles
    assert sorted(data["measured"]) == sorted([*titles, "VAE"])
    for row in data["measured"].values():
        assert row["measured_bytes"] >= 0
        assert row["seconds"] >= 0
    assert data["measured"]["first step"]["measured_bytes"] > 0
    draw(renderer)
    assert renderer.take_measured() is None


def test_on_the_cpu_everything_is_resident_by_default(tiny_checkpoint):
    renderer = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu"))
    assert {part.placement for part in renderer.plan.components} == {Placement.CPU}
    assert (renderer.plan.cfg_passes, renderer.plan.vae_tile) == (2, None)


def test_options_reach_the_planner(tiny_checkpoint):
    clip_only = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", clip_only=True))
    assert clip_only.plan.component(Component.TEXT_ENCODER).placement is Placement.ABSENT
    assert draw(clip_only)
    with pytest.raises(MemoryPlanError, match="quantisation needs a GPU"):
        Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", quantize="gemma:nf4!"))
    for limit in ({"memory": "16MiB"}, {"max_memory": '{"cpu": "16MiB"}'}):
        with pytest.raises(MemoryPlanError, match="host memory would do"):
            Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", **limit))


def test_a_fall_to_a_quantised_plan_and_back_draws_what_it_did(tiny_checkpoint):
    pytest.importorskip("bitsandbytes")
    renderer = make_renderer(tiny_checkpoint, quantize="gemma:nf4")
    model = renderer._model
    expected = draw(renderer)
    quantized = next(
        plan
        for plan in every_plan(
            model.keeper.sizes, model.keeper.request, WHOLE_LADDER, model.keeper.quantize
        )
        if plan.quantized
    )
    model._keep_to(quantized)
    pictures = renderer._draw(SPEC, lambda *_: None, lambda: False).images
    assert [picture.tobytes() for picture in pictures] != expected
    assert draw(renderer) == expected
