"""Quantised components: when they become so, where they go, and what a break leaves behind."""

import importlib.util
from dataclasses import replace

import pytest
import torch

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory import executor, loading
from newbie_pipeline.memory.budget import GIB, Budget
from newbie_pipeline.memory.loading import load_component, load_planned
from newbie_pipeline.memory.plan import MemoryPlan
from newbie_pipeline.memory.planner import every_plan, make_plan
from newbie_pipeline.memory.quantization import Quantization, parse_quantize
from newbie_pipeline.memory.sizes import Component

from .conftest import HOST, REQUEST, draw, placed

DIT = Component.TRANSFORMER


def quantized_plan(sizes, quantize, **wanted) -> MemoryPlan:
    choice = parse_quantize(quantize)
    return placed(list(every_plan(sizes, REQUEST, Budget(80 * GIB), choice)), **wanted)


@pytest.mark.parametrize(("quantization", "stream"), [(None, True), (Quantization.INT8, False)])
def test_what_torchao_quantised_goes_without_a_stream(plans, monkeypatch, quantization, stream):
    asked = []
    monkeypatch.setattr(
        executor, "apply_group_offloading", lambda _module, **kwargs: asked.append(kwargs)
    )
    part = replace(plans[0].component(DIT), quantization=quantization)
    executor._stream(torch.nn.Module(), part, torch.device("cuda", 0), pinned=False)
    assert asked[0]["use_stream"] is stream


def test_everything_that_goes_has_gone_before_anything_is_quantised(
    tiny_checkpoint, sizes, plans, monkeypatch
):
    pipeline = load_planned(tiny_checkpoint, torch.float32, HOST, plans[0])
    pipeline.apply_memory_plan(plans[0], HOST)
    gone = []
    for name in ("transformer", "text_encoder", "text_encoder_2", "vae"):
        module = getattr(pipeline, name)
        to = module.to
        module.to = lambda device, name=name, to=to: (gone.append(name), to(device))[1]
    before = []
    monkeypatch.setattr(executor, "check_quantizer", lambda _component: None)
    monkeypatch.setattr(executor, "quantize", lambda *_args: before.extend(gone))
    plan = quantized_plan(sizes, "gemma:nf4!", transformer="streamed", vae="moved")
    pipeline.apply_memory_plan(plan, HOST)
    assert {"transformer", "text_encoder", "vae"} <= set(before)


def test_quantising_that_breaks_off_leaves_nothing_that_is_half_quantised(
    tiny_checkpoint, sizes, plans, monkeypatch
):
    pipeline = load_planned(tiny_checkpoint, torch.float32, HOST, plans[0])
    pipeline.set_progress_bar_config(disable=True)
    pipeline.apply_memory_plan(plans[0], HOST)
    expected = draw(pipeline)

    def fail(module, *_args):
        module.layers[0].mlp.gate_proj.weight.zero_()
        raise torch.OutOfMemoryError("CUDA out of memory. (injected)")

    def reload(component):
        model = load_component(tiny_checkpoint, component, torch.float32, HOST)
        setattr(pipeline, component.value, model)

    monkeypatch.setattr(executor, "check_quantizer", lambda _component: None)
    monkeypatch.setattr(executor, "quantize", fail)
    plan = quantized_plan(sizes, "gemma:nf4!", transformer="resident")
    with pytest.raises(torch.OutOfMemoryError):
        pipeline.apply_memory_plan(plan, HOST, reload)
    pipeline.apply_memory_plan(plans[0], HOST, reload)
    assert torch.equal(draw(pipeline), expected)


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("kind", ["int8", "nf4"])
def test_a_quantised_gemma_goes_wholly_where_it_is_moved(tiny_checkpoint, sizes, kind, run):
    pytest.importorskip("bitsandbytes")
    plan = quantized_plan(sizes, f"gemma:{kind}!", transformer="resident")
    pipeline = load_planned(tiny_checkpoint, torch.float32, HOST, plan)
    gemma, layer = pipeline.text_encoder, pipeline.text_encoder.layers[0].mlp.gate_proj
    ids = torch.full((1, 8), 7)
    if run:
        gemma(input_ids=ids, attention_mask=torch.ones_like(ids))
    old = {
        tensor.data_ptr()
        for holder in (layer.weight, getattr(layer, "state", None))
        for tensor in (holder, getattr(holder, "CB", None))
        if isinstance(tensor, torch.Tensor)
    }
    # As on the way to another device: each tensor's data are exchanged.
    gemma._apply(lambda tensor: tensor.clone())
    gemma(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert layer.weight.data_ptr() not in old
    if kind == "int8":
        assert layer.state.CB.data_ptr() == layer.weight.data_ptr()


def test_gemma_is_quantised_before_anything_else_is_loaded(tiny_checkpoint, sizes, monkeypatch):
    pytest.importorskip("bitsandbytes")
    order, original = [], loading.quantize
    monkeypatch.setattr(
        loading, "quantize", lambda *args: (order.append("quantised"), original(*args))
    )
    for name, load in loading.LOADERS.items():
        monkeypatch.setitem(
            loading.LOADERS, name, lambda *args, n=name, f=load: (order.append(n), f(*args))[1]
        )
    plan = quantized_plan(sizes, "gemma:nf4!", transformer="resident")
    pipeline = load_planned(tiny_checkpoint, torch.float32, HOST, plan)
    assert order[:2] == ["text_encoder", "quantised"]
    assert order.count("text_encoder") == 1
    pipeline.apply_memory_plan(plan, HOST)  # and is not quantised again
    assert order.count("quantised") == 1


def test_a_quantised_transformer_streams_as_it_computes_in_one_place(tiny_checkpoint, sizes):
    pytest.importorskip("torchao")
    pictures = []
    for where in ("resident", "streamed", "moved"):
        plan = quantized_plan(sizes, "transformer:int8!", transformer=where)
        pipeline = load_planned(tiny_checkpoint, torch.float32, HOST, plan)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.apply_memory_plan(plan, HOST)
        pipeline.cfg_passes = 2
        pictures.append(draw(pipeline, output_type="latent"))
        assert torch.equal(pictures[-1], pictures[0]), where


@pytest.mark.parametrize(
    ("quantize", "tolerance"),
    [("gemma:int8!", 0.02), ("gemma:nf4!", 0.2), ("transformer:int8!", 0.1)],
)
def test_quantised_components_draw_nearly_the_same_picture(
    tiny_checkpoint, sizes, pipeline, plans, quantize, tolerance
):
    pytest.importorskip("bitsandbytes" if "gemma" in quantize else "torchao")
    plan = make_plan(sizes, REQUEST, Budget(80 * GIB), parse_quantize(quantize))
    quantized = load_planned(tiny_checkpoint, torch.float32, HOST, plan)
    quantized.set_progress_bar_config(disable=True)
    quantized.apply_memory_plan(plan, HOST)
    pipeline.apply_memory_plan(plans[0], HOST)
    expected = draw(pipeline, output_type="latent")
    found = draw(quantized, output_type="latent")
    assert not torch.equal(found, expected)
    assert (found - expected).norm() / expected.norm() < tolerance
    # Back to all of its bits takes loading it again.
    with pytest.raises(MemoryPlanError, match="cannot be loaded anew"):
        quantized.apply_memory_plan(plans[0], HOST)


def test_a_missing_quantiser_is_named_before_anything_is_loaded(
    tiny_checkpoint, sizes, monkeypatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    plan = make_plan(sizes, REQUEST, Budget(80 * GIB), parse_quantize("transformer:int8!"))
    with pytest.raises(MemoryPlanError, match="needs torchao"):
        load_planned(tiny_checkpoint, torch.float32, HOST, plan)
