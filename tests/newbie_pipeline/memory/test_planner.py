"""Which plan is taken on which card, and what every plan promises."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory import activations
from newbie_pipeline.memory.activations import WRITING_TOKENS, Picture
from newbie_pipeline.memory.budget import GIB, Budget, card_budget
from newbie_pipeline.memory.plan import Placement, PlanRequest, Stage
from newbie_pipeline.memory.planner import affordable, every_plan, fits, make_plan, next_plan
from newbie_pipeline.memory.published import PUBLISHED
from newbie_pipeline.memory.quantization import QuantizationChoice, parse_quantize
from newbie_pipeline.memory.sizes import Component, Precision
from newbie_pipeline.tokens import MAX_JOINED_TOKENS, MAX_TOKENS

RESIDENT, STREAMED, MOVED = Placement.RESIDENT, Placement.STREAMED, Placement.MOVED
CPU, ABSENT = Placement.CPU, Placement.ABSENT
DIT, GEMMA = Component.TRANSFORMER, Component.TEXT_ENCODER
ANY_QUANTIZE = parse_quantize("gemma:nf4,transformer:int8")


def plan_for(budget, quantize="", **request):
    if not isinstance(budget, Budget):
        budget = Budget(card_budget(budget))
    return make_plan(PUBLISHED, PlanRequest(**request), budget, parse_quantize(quantize))


def placements(plan):
    return tuple(part.placement for part in plan.components)


# Card: DiT, Gemma, CLIP, VAE, and the most that the plan may take in GiB.
CARDS = {
    6: (STREAMED, STREAMED, RESIDENT, RESIDENT, 5.6),
    8: (STREAMED, STREAMED, RESIDENT, RESIDENT, 7.5),
    10: (MOVED, STREAMED, STREAMED, MOVED, 9.2),
    12: (RESIDENT, STREAMED, STREAMED, RESIDENT, 11.0),
    16: (RESIDENT, STREAMED, RESIDENT, RESIDENT, 14.5),
    24: (RESIDENT, RESIDENT, RESIDENT, RESIDENT, 22.0),
    40: (RESIDENT, RESIDENT, RESIDENT, RESIDENT, 22.0),
    80: (RESIDENT, RESIDENT, RESIDENT, RESIDENT, 22.0),
}


@pytest.mark.parametrize("card", CARDS)
def test_each_card_gets_its_plan_with_nothing_quantised(card):
    *expected, most = CARDS[card]
    plan = plan_for(card)
    assert placements(plan) == tuple(expected)
    assert not plan.quantized
    assert plan.peak_bytes <= most * GIB


@pytest.mark.parametrize("tokens", [MAX_TOKENS, MAX_JOINED_TOKENS])
@pytest.mark.parametrize("card", CARDS)
def test_the_promised_peaks_hold_with_help_for_prompts_and_for_joined_captions(card, tokens):
    *expected, most = CARDS[card]
    plan = plan_for(card, picture=Picture(tokens=tokens), writes_prompts=True)
    assert plan.request.writes_prompts
    assert placements(plan) == tuple(expected)
    assert not plan.quantized
    assert plan.cfg_passes == 1
    assert plan.peak_bytes <= most * GIB


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize(("budget", "dit"), [(14.5, RESIDENT), (11.0, RESIDENT), (7.5, STREAMED)])
def test_the_promised_peaks_hold_as_budgets_too(budget, dit, writes):
    plan = plan_for(Budget(int(budget * GIB)), writes_prompts=writes)
    assert plan.component(DIT).placement is dit
    assert plan.peak_bytes <= budget * GIB
    assert not plan.quantized


def test_a_small_card_that_shows_less_than_its_name_keeps_the_dit_resident():
    # 15 GiB in all, half a GiB of it taken by a desktop.
    plan = plan_for(Budget(int(14.5 * GIB)))
    assert plan.component(DIT).placement is RESIDENT


def test_a_plan_holds_for_any_prompt_up_to_its_tokens():
    longest = plan_for(16)
    for tokens in (8, 128, 504):
        shorter = plan_for(16, picture=Picture(tokens=tokens))
        assert shorter.peak_bytes <= longest.peak_bytes
        assert placements(shorter) == placements(longest)


def test_the_order_of_preference_is_kept():
    plans = list(every_plan(PUBLISHED, PlanRequest(), Budget(0), ANY_QUANTIZE))
    pinned = [plan for plan in plans if plan.pinned]

    def first(condition):
        return next(index for index, plan in enumerate(pinned) if condition(plan))

    order = [
        first(lambda p: set(placements(p)) == {RESIDENT}),
        first(lambda p: p.component(GEMMA).placement is STREAMED),
        first(lambda p: p.cfg_passes == 2),
        first(lambda p: p.vae_tile is not None),
        first(lambda p: p.component(DIT).placement is MOVED),
        first(lambda p: p.component(DIT).placement is STREAMED),
        first(lambda p: p.component(GEMMA).placement is CPU),
        first(lambda p: p.quantized),
    ]
    assert order == sorted(order)
    assert len(set(order)) == len(order)


def test_nothing_is_quantised_where_something_else_fits_though_it_is_allowed():
    assert plan_for(8, "gemma:nf4,transformer:int8") == plan_for(8)


def test_an_allowed_quantisation_is_used_where_host_memory_is_short():
    short = Budget(card_budget(8), 13 * GIB)
    with pytest.raises(MemoryPlanError, match=r"quantize=.gemma:"):
        make_plan(PUBLISHED, PlanRequest(), short)
    plan = make_plan(PUBLISHED, PlanRequest(), short, parse_quantize("gemma:nf4"))
    assert plan.component(GEMMA).quantization == "nf4"
    assert plan.component(DIT).quantization is None


@pytest.mark.parametrize("quantize", ["gemma:nf4!", "transformer:int8!", "gemma:nf4!,dit:int8!"])
def test_host_memory_is_counted_for_what_is_loaded_to_be_quantised(quantize):
    choice = parse_quantize(quantize)
    for plan in every_plan(PUBLISHED, PlanRequest(), Budget(0), choice):
        lying = {part.component: part.host_bytes for part in plan.components}
        for component in choice.forced:
            whole = PUBLISHED.weight_bytes(component, Precision.BFLOAT16)
            # Gemma is quantised before anything else lies there.
            beside = sum(lying.values()) - lying[component] if component is DIT else 0
            assert plan.host_bytes >= whole + beside


@pytest.mark.parametrize("card", [8, 12, 24])
def test_a_quantisation_with_an_exclamation_mark_is_used_in_any_case(card):
    plan = plan_for(card, "gemma:nf4!,transformer:int8!")
    assert plan.component(GEMMA).quantization == "nf4"
    assert plan.component(DIT).quantization == "int8"


@pytest.mark.parametrize("kind", ["int8", "nf4"])
def test_a_quantised_gemma_is_on_the_device_or_moved_whole(kind):
    choice = parse_quantize(f"gemma:{kind}!")
    plans = every_plan(PUBLISHED, PlanRequest(), Budget(0), choice)
    assert {plan.component(GEMMA).placement for plan in plans} == {RESIDENT, MOVED}


def test_clip_only_loads_no_gemma():
    plan = plan_for(16, clip_only=True)
    gemma = plan.component(GEMMA)
    assert gemma.placement is ABSENT
    assert (gemma.weight_bytes, gemma.device_bytes, gemma.host_bytes) == (0, 0, 0)
    assert plan.component(DIT).placement is RESIDENT
    assert plan.component(Component.TEXT_ENCODER_2).placement is RESIDENT


@pytest.mark.parametrize("card", [6, 12, 24, None])
def test_a_checkpoint_without_gemma_is_planned_as_one_whose_gemma_is_left_out(card):
    components = {part: size for part, size in PUBLISHED.components.items() if part is not GEMMA}
    bare = replace(PUBLISHED, text_encoder=None, components=components, last_layer=0)
    budget = Budget(None if card is None else card_budget(card), 64 * GIB)
    request = PlanRequest(clip_only=True, writes_prompts=True)
    for quantize in ("", "gemma:nf4,transformer:int8"):
        choice = parse_quantize(quantize)
        plans = every_plan(bare, request, budget, choice)
        assert list(plans) == list(every_plan(PUBLISHED, request, budget, choice))
    with pytest.raises(MemoryPlanError, match="clip_only"):
        make_plan(bare, PlanRequest(), budget)


@pytest.mark.parametrize("card", CARDS)
def test_writing_prompts_costs_no_card_a_better_plan_but_for_the_text_stage(card):
    without, with_it = plan_for(card), plan_for(card, writes_prompts=True)
    assert (with_it.rank, placements(with_it)) == (without.rank, placements(without))
    assert (
        with_it.stage(Stage.DECODE).activation_bytes == without.stage(Stage.DECODE).activation_bytes
    )
    assert with_it.host_bytes > without.host_bytes
    assert with_it.stage(Stage.TEXT).activation_bytes > without.stage(Stage.TEXT).activation_bytes


def test_what_writing_needs_is_the_last_layer_and_room_for_keys_and_values():
    budget, tokens = Budget(80 * GIB), WRITING_TOKENS
    without = next(iter(every_plan(PUBLISHED, PlanRequest(), budget)))
    with_it = next(iter(every_plan(PUBLISHED, PlanRequest(writes_prompts=True), budget)))
    last_layer = 2 * 94_385_152
    assert with_it.host_bytes - without.host_bytes == last_layer
    keys_and_values = 2 * 34 * 4 * 256 * 2 * tokens
    more = with_it.stage(Stage.TEXT).activation_bytes - without.stage(Stage.TEXT).activation_bytes
    assert more > last_layer + keys_and_values
    on_cpu = [
        next(iter(every_plan(PUBLISHED, PlanRequest(writes_prompts=writes), Budget(None))))
        for writes in (False, True)
    ]
    assert on_cpu[1].stage(Stage.DENOISE).resident_bytes == (
        on_cpu[0].stage(Stage.DENOISE).resident_bytes + last_layer
    )


def test_what_writing_needs_never_keeps_a_model_from_being_loaded():
    wants = PlanRequest(writes_prompts=True)
    plans = every_plan(PUBLISHED, PlanRequest(), Budget(80 * GIB))
    least = Budget(80 * GIB, min(plan.host_bytes for plan in plans))
    with pytest.raises(MemoryPlanError):
        make_plan(PUBLISHED, wants, least)
    assert not affordable(PUBLISHED, wants, least).writes_prompts
    make_plan(PUBLISHED, affordable(PUBLISHED, wants, least), least)
    assert affordable(PUBLISHED, wants, Budget(card_budget(16))) == wants
    for nothing in (replace(PUBLISHED, last_layer=0), PUBLISHED):
        request = replace(wants, clip_only=nothing is PUBLISHED)
        assert not affordable(nothing, request, Budget(card_budget(16))).writes_prompts


def test_short_host_memory_gives_up_pinning_before_the_dits_place():
    wide, short = plan_for(12), plan_for(Budget(card_budget(12), 12 * GIB))
    assert wide.pinned
    assert not short.pinned
    assert placements(short) == placements(wide)
    assert short.host_bytes <= 12 * GIB < wide.host_bytes
    assert short.seconds > wide.seconds


def test_without_a_gpu_everything_is_on_the_cpu_and_host_memory_is_the_limit():
    plan = plan_for(Budget(None, 64 * GIB), precision=Precision.FLOAT32)
    assert plan.device == "cpu"
    assert set(placements(plan)) == {CPU}
    assert plan.peak_bytes == plan.host_bytes <= 64 * GIB
    assert plan.cfg_passes == 2
    with pytest.raises(MemoryPlanError, match="host memory would do"):
        plan_for(Budget(None, 16 * GIB), precision=Precision.FLOAT32)
    with pytest.raises(MemoryPlanError, match=r"clip_only \(--text-encoder, .*\) would do"):
        plan_for(Budget(None, 24 * GIB), precision=Precision.FLOAT32)
    with pytest.raises(MemoryPlanError, match="needs a GPU"):
        plan_for(Budget(None, 64 * GIB), "gemma:nf4!")


def test_an_error_names_an_amount_that_is_enough():
    with pytest.raises(MemoryPlanError, match=r"(\d+\.\d) GiB of device memory would do") as caught:
        plan_for(Budget(GIB))
    amount = float(str(caught.value).split(": ")[1].split()[0])
    assert plan_for(Budget(int(amount * GIB))).peak_bytes <= amount * GIB


def test_what_the_allocator_holds_beyond_a_resident_dit_is_in_its_reserve():
    # 42,467,328 bytes of each of w1, w2 and w3 are 40.5 MiB, and it asks for 42: in steps of two.
    rests = 3 * 1.5 + 1.125 + 1.875
    assert activations.rounding_bytes(PUBLISHED.transformer, 2) == 40 * rests * 1024**2
    resident, moved = plan_for(24), plan_for(10)
    assert moved.component(DIT).placement is MOVED
    difference = [plan.stage(Stage.TEXT).reserve_bytes for plan in (resident, moved)]
    streamed = moved.stage(Stage.TEXT)
    slack = activations.ALLOCATOR_SLACK * streamed.transient_bytes
    assert difference[0] - difference[1] == pytest.approx(300 * 1024**2 - slack, abs=1)


def test_streaming_costs_time_and_says_how_much():
    resident, streamed = plan_for(24), plan_for(16)
    assert all(stage.extra_seconds == 0 for stage in resident.stages)
    text = streamed.stage(Stage.TEXT)
    assert text.extra_seconds > 0
    assert text.seconds - text.extra_seconds == pytest.approx(resident.stage(Stage.TEXT).seconds)
    assert streamed.stage(Stage.DENOISE).extra_seconds == 0


@pytest.mark.parametrize("stage", list(Stage))
def test_after_running_out_the_next_plan_needs_less_in_that_stage(stage):
    plan = plan_for(24)
    seen = {plan.rank}
    while True:
        try:
            following = next_plan(plan, PUBLISHED, stage)
        except MemoryPlanError:
            break
        assert following.stage(stage).peak_bytes < plan.stage(stage).peak_bytes
        assert following.rank > plan.rank
        plan = following
        seen.add(plan.rank)
    assert len(seen) > 2


budgets = st.integers(0, 100).map(lambda gib: gib * GIB) | st.integers(0, 100 * GIB)
requests = st.builds(
    PlanRequest,
    picture=st.builds(
        Picture,
        width=st.integers(4, 128).map(lambda n: 16 * n),
        height=st.integers(4, 128).map(lambda n: 16 * n),
        batch=st.integers(1, 8),
        tokens=st.integers(1, 64).map(lambda n: 8 * n),
    ),
    precision=st.sampled_from(Precision),
    cfg=st.booleans(),
    num_inference_steps=st.integers(1, 50),
    clip_only=st.booleans(),
    writes_prompts=st.booleans(),
)
choices = st.sampled_from(
    ["", "gemma:nf4", "gemma:int8!", "transformer:float8", "gemma:nf4!,transformer:int8"]
).map(parse_quantize)


def rank(request, budget, choice):
    try:
        return make_plan(PUBLISHED, request, budget, choice).rank
    except MemoryPlanError:
        return float("inf")


@settings(max_examples=60, deadline=None)
@given(requests, budgets, budgets, st.none() | budgets, choices)
def test_more_memory_never_gives_a_worse_plan(request, one, other, host, choice):
    less, more = sorted((one, other))
    assert rank(request, Budget(more, host), choice) <= rank(request, Budget(less, host), choice)
    if host is not None:
        wider = Budget(less, host + GIB)
        assert rank(request, wider, choice) <= rank(request, Budget(less, host), choice)


@settings(max_examples=60, deadline=None)
@given(requests, budgets, st.none() | budgets, choices)
def test_a_plan_keeps_to_its_budgets(request, device, host, choice):
    try:
        plan = make_plan(PUBLISHED, request, Budget(device, host), choice)
    except MemoryPlanError as error:
        assert "would do" in str(error)
        every = every_plan(PUBLISHED, request, Budget(device, host), choice)
        assert not any(fits(plan) for plan in every)
        return
    assert plan.peak_bytes <= device
    assert host is None or plan.host_bytes <= host


@settings(max_examples=30, deadline=None)
@given(requests, choices, st.booleans())
def test_a_plans_parts_add_up(request, choice, on_cpu):
    if on_cpu:
        choice = QuantizationChoice()
    for plan in every_plan(PUBLISHED, request, Budget(None if on_cpu else 0), choice):
        assert [part.component for part in plan.components] == list(Component)
        assert [part.stage for part in plan.stages] == list(Stage)
        assert plan.peak_bytes == max(stage.peak_bytes for stage in plan.stages)
        resident = sum(part.resident_bytes for part in plan.components)
        for stage in plan.stages:
            parts = (stage.resident_bytes, stage.transient_bytes, stage.activation_bytes)
            assert stage.peak_bytes == sum(parts) + stage.reserve_bytes
            assert min(parts) >= 0 < stage.reserve_bytes
            assert stage.seconds >= stage.extra_seconds >= 0
            if not on_cpu:
                assert stage.resident_bytes == resident
        for part in plan.components:
            if part.placement is RESIDENT:
                assert part.device_bytes >= part.weight_bytes
                assert part.host_bytes == 0
            elif part.placement is not ABSENT:
                assert plan.host_bytes >= part.host_bytes >= part.weight_bytes


@settings(max_examples=60, deadline=None)
@given(requests, st.integers(1, 64), choices)
def test_a_larger_picture_or_batch_never_needs_less(request, more, choice):
    picture = request.picture
    larger = [
        replace(picture, batch=picture.batch + more),
        replace(picture, width=picture.width + 16 * more),
        replace(picture, height=picture.height + 16 * more),
        replace(picture, tokens=picture.tokens + 8 * more),
    ]
    here = list(every_plan(PUBLISHED, request, Budget(0), choice))
    for other in larger:
        there = every_plan(PUBLISHED, replace(request, picture=other), Budget(0), choice)
        for plan, grown in zip(here, there, strict=True):
            for stage in Stage:
                assert grown.stage(stage).peak_bytes >= plan.stage(stage).peak_bytes
