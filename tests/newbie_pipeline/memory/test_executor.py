"""Every plan that can run without CUDA, carried out with the libraries' real hooks on the CPU."""

from dataclasses import replace

import pytest
import torch
from accelerate.hooks import CpuOffload
from diffusers.hooks.group_offloading import ModuleGroup

from newbie_pipeline.errors import CheckpointError
from newbie_pipeline.memory import executor
from newbie_pipeline.memory.budget import GIB, Budget
from newbie_pipeline.memory.conditioning_cache import ConditioningCache
from newbie_pipeline.memory.loading import load_planned
from newbie_pipeline.memory.plan import MemoryPlan, Placement, Stage
from newbie_pipeline.memory.planner import make_plan
from newbie_pipeline.memory.sizes import Component

from .conftest import HOST, REQUEST, draw, placed

DIT, GEMMA = Component.TRANSFORMER, Component.TEXT_ENCODER
CLIP, VAE = Component.TEXT_ENCODER_2, Component.VAE


def with_placements(plan: MemoryPlan, wanted: dict[Component, Placement]) -> MemoryPlan:
    parts = (
        replace(part, placement=wanted.get(part.component, part.placement))
        for part in plan.components
    )
    return replace(plan, components=tuple(parts))


@pytest.fixture
def events(monkeypatch):
    """What the libraries' hooks do, in order: ("in" or "out", what), still doing it."""
    seen = []

    def watch(cls, method, label, name):
        original = getattr(cls, method)

        def watched(self, *args, **kwargs):
            seen.append((label, name(self, args)))
            return original(self, *args, **kwargs)

        monkeypatch.setattr(cls, method, watched)

    watch(ModuleGroup, "onload_", "in", lambda group, _args: group)
    watch(ModuleGroup, "offload_", "out", lambda group, _args: group)
    watch(CpuOffload, "pre_forward", "in", lambda _hook, args: type(args[0]).__name__)
    watch(CpuOffload, "init_hook", "out", lambda _hook, args: type(args[0]).__name__)
    return seen


def test_a_plan_that_only_moves_weights_gives_the_same_picture_bit_for_bit(pipeline, plans):
    pictures = {}
    for plan in plans:
        pipeline.apply_memory_plan(plan, HOST)
        key = (plan.cfg_passes, plan.vae_tile)
        picture = draw(pipeline)
        assert torch.equal(picture, pictures.setdefault(key, picture)), plan.rank
    assert len(plans) > len(pictures) == 4


def test_guidance_in_two_passes_agrees_with_one_pass(pipeline, plans):
    one, two = (
        next(plan for plan in plans if plan.cfg_passes == passes and plan.vae_tile is None)
        for passes in (1, 2)
    )
    pipeline.apply_memory_plan(one, HOST)
    expected = draw(pipeline, output_type="latent")
    pipeline.apply_memory_plan(two, HOST)
    # The shorter prompt is padded in one pass, and sums come out in another order.
    assert torch.allclose(draw(pipeline, output_type="latent"), expected, atol=1e-4, rtol=1e-4)


def test_a_tiled_vae_agrees_with_a_whole_one(pipeline, plans):
    latents = torch.randn(1, 16, 24, 24, generator=torch.Generator().manual_seed(0))

    def decoded(vae_tile):
        pipeline.apply_memory_plan(replace(plans[0], vae_tile=vae_tile), HOST)
        with torch.no_grad():
            return pipeline._decode(latents, "pt")

    whole, tiled = decoded(None), decoded(512)
    assert not torch.equal(tiled, whole)
    # Norms see one tile at a time and edges lack their neighbours. This VAE sees 16 latents along
    # a tile and has random weights, which is hard on it: a twentieth of the range on average.
    assert (tiled - whole).abs().mean() < 0.05
    assert torch.equal(decoded(None), whole)


def test_streaming_brings_each_block_in_and_out_and_leaves_nothing(pipeline, plans, events):
    plan = placed(plans, transformer="streamed", text_encoder="streamed")
    pipeline.apply_memory_plan(plan, HOST)
    del events[:]
    draw(pipeline, num_inference_steps=1)
    inside, most = [], 0
    for what, group in events:
        if what == "in":
            inside.append(group)
        elif group in inside:
            inside.remove(group)
        blocks = [one for one in inside if len(one.modules) == 1]
        most = max(most, len(blocks))
    assert not inside
    config = pipeline.transformer.config
    blocks = config.n_layers + 2 * config.n_refiner_layers
    passed = {id(group) for what, group in events if what == "in"}
    assert len(passed) > blocks + pipeline.text_encoder.config.num_hidden_layers
    assert most <= 2


def test_what_is_moved_goes_when_its_stage_is_over(pipeline, plans, events):
    plan = placed(plans, transformer="moved", vae="moved", text_encoder="streamed")
    pipeline.apply_memory_plan(plan, HOST)
    del events[:]
    draw(pipeline)
    order = [event for event in events if isinstance(event[1], str)]
    order = order[order.index(("in", "NextDiT")) :]
    first_out = order.index(("out", "NextDiT"))
    assert ("in", "AutoencoderKL") in order[first_out:]
    assert ("in", "AutoencoderKL") not in order[:first_out]
    assert order[-1] == ("out", "AutoencoderKL")


def test_a_moved_gemma_comes_once_for_both_prompts_and_goes_before_clip(pipeline, plans, events):
    plan = with_placements(plans[0], {GEMMA: Placement.MOVED, CLIP: Placement.MOVED})
    pipeline.apply_memory_plan(plan, HOST)
    del events[:]
    draw(pipeline)
    gone = events.index(("out", "GemmaTextEncoder"))
    assert events[:gone] == [("in", "GemmaTextEncoder")] * 2
    assert events[gone + 1 : gone + 4] == [
        ("in", "JinaClipTextModel"),
        ("in", "JinaClipTextModel"),
        ("out", "JinaClipTextModel"),
    ]
    assert ("in", "GemmaTextEncoder") not in events[gone:]


def test_text_encoders_on_the_cpu_hand_their_features_to_the_device(pipeline, plans):
    where = {DIT: Placement.MOVED, GEMMA: Placement.CPU, CLIP: Placement.CPU, VAE: Placement.MOVED}
    plan = with_placements(plans[0], where)
    # Nothing but what the text stage hands over ever reaches this device.
    pipeline.apply_memory_plan(plan, torch.device("meta"))
    assert pipeline.component_device("text_encoder") == HOST
    assert next(pipeline.text_encoder.parameters()).device == HOST
    encoded = pipeline.encode_prompt("1girl")
    assert {part.device.type for part in encoded} == {"meta"}


def test_removing_a_plan_leaves_no_hook(pipeline, plans, events):
    pipeline.apply_memory_plan(placed(plans, transformer="moved"), HOST)
    pipeline.apply_memory_plan(placed(plans, transformer="streamed"), HOST)
    pipeline.remove_memory_plan()
    del events[:]
    draw(pipeline)
    assert events == []
    assert pipeline.memory_plan is None
    assert pipeline.cfg_passes is None


def test_adapters_and_streaming_go_together(tiny_checkpoint, plans, pipeline):
    weight = pipeline.transformer.layers[0].attention.out.weight
    pipeline.load_lora_weights(
        {
            "transformer.layers.0.attention.out.lora_A.weight": torch.ones(2, weight.shape[1]),
            "transformer.layers.0.attention.out.lora_B.weight": torch.ones(weight.shape[0], 2),
        }
    )
    try:
        pipeline.apply_memory_plan(plans[0], HOST)
        pipeline.cfg_passes = 1
        expected = draw(pipeline)
        pipeline.apply_memory_plan(placed(plans, transformer="streamed"), HOST)
        pipeline.cfg_passes = 1
        assert torch.equal(draw(pipeline), expected)
    finally:
        pipeline.remove_memory_plan()
        pipeline.unload_lora_weights()


def test_without_gemma_a_picture_comes_out_that_clip_alone_decides(tiny_checkpoint, sizes):
    request = replace(REQUEST, clip_only=True)
    plan = make_plan(sizes, request, Budget(80 * GIB))
    assert plan.component(GEMMA).placement is Placement.ABSENT
    pipeline = load_planned(tiny_checkpoint, torch.float32, HOST, plan)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.apply_memory_plan(plan, HOST)
    assert pipeline.text_encoder is None
    first, again, other = (draw(pipeline, prompt=text) for text in ("1girl", "1girl", "1boy"))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.isfinite(first).all()


def test_a_prompt_drawn_again_skips_the_text_stage_and_gives_the_same_picture(pipeline, plans):
    pipeline.apply_memory_plan(plans[0], HOST)
    expected = draw(pipeline)
    pipeline.conditioning_cache = ConditioningCache()
    runs = []
    handles = [
        encoder.register_forward_hook(lambda *_: runs.append(1))
        for encoder in (pipeline.text_encoder, pipeline.text_encoder_2)
    ]
    try:
        assert torch.equal(draw(pipeline), expected)
        assert len(runs) == 4  # positive and negative, each by both
        assert torch.equal(draw(pipeline), expected)
        assert len(runs) == 4
        assert not torch.equal(draw(pipeline, prompt="1boy"), expected)
        assert len(runs) == 6  # the negative prompt is known
    finally:
        for handle in handles:
            handle.remove()


def test_stages_come_one_after_the_other(pipeline, plans):
    seen = []
    original = pipeline.enter_stage
    pipeline.__dict__["enter_stage"] = lambda stage: (seen.append(stage), original(stage))
    try:
        draw(pipeline)
    finally:
        del pipeline.__dict__["enter_stage"]
    assert seen == [Stage.TEXT, Stage.DENOISE, Stage.DECODE, None]
    assert pipeline.stage_reached is Stage.DECODE


def test_memory_is_given_back_at_every_change_of_stage(pipeline, plans, monkeypatch):
    emptied = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(pipeline._stage))
    draw(pipeline)
    assert emptied == []  # without a plan nothing is different
    pipeline.apply_memory_plan(plans[0], HOST)
    monkeypatch.setattr(pipeline, "_plan_device", torch.device("cuda", 0))
    stages = [Stage.TEXT, Stage.DENOISE, Stage.DECODE, None]
    for stage in stages:
        pipeline.enter_stage(stage)
    assert emptied == stages


def test_weights_on_their_way_arrive_before_a_plan_is_taken_away(pipeline, plans, monkeypatch):
    pipeline.apply_memory_plan(placed(plans, transformer="streamed"), HOST)
    seen = []
    hooks = pipeline.transformer.layers[0]._diffusers_hook
    monkeypatch.setattr(
        torch.cuda,
        "synchronize",
        lambda device: seen.append((device, hooks.get_hook("group_offloading") is not None)),
    )
    monkeypatch.setattr(pipeline, "_plan_device", torch.device("cuda", 0))
    pipeline.remove_memory_plan()
    assert seen == [(torch.device("cuda", 0), True)]
    pipeline.remove_memory_plan()
    assert len(seen) == 1


def test_memory_that_cannot_be_pinned_is_the_hosts(pipeline, plans, monkeypatch):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(executor, "apply_group_offloading", fail)
    plan = placed(plans, transformer="streamed")
    error = RuntimeError("CUDA error: out of memory")
    with pytest.raises(MemoryError, match="pinned for transformer"):
        pipeline.apply_memory_plan(plan, HOST)
    error = RuntimeError("something else")
    with pytest.raises(RuntimeError, match="something else"):
        pipeline.apply_memory_plan(plan, HOST)


def test_a_plan_for_another_model_is_no_checkpoint(tmp_path, plans):
    with pytest.raises(CheckpointError):
        load_planned(tmp_path, torch.float32, HOST, plans[0])
