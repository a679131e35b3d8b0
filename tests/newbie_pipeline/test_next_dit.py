"""The transformer agrees with the recorded outputs of the public reference implementation."""

import json

import pytest
import torch
from safetensors.torch import load_file

from newbie_pipeline.checkpoints.weight_files import without_storage
from newbie_pipeline.models.next_dit import NextDiT

from .conftest import REFERENCE

TOLERANCE = 5e-6
CASES = ("case_a_b1_8x8_cap13", "case_b_b2_8x12_cap7_16")
# An epsilon in these shows only below the tolerance; one layer deep, rounding is smaller still.
EMBEDDERS = ("t_embedder", "cap_embedder", "clip_text_pooled_proj", "time_text_embed")
EMBEDDER_TOLERANCE = 5e-7
CAPTION_ONLY = ("cap_embedder", "context_refiner")
IMAGE_ONLY = ("x_embedder", "noise_refiner")


@pytest.fixture(params=CASES)
def case(request):
    return load_file(REFERENCE / f"{request.param}.safetensors")


def run(model, case, t, pooled=True, **kwargs):
    batch = len(case["x"])
    timestep = t if isinstance(t, torch.Tensor) else torch.full((batch,), t)
    return model(
        case["x"],
        timestep,
        case["cap_feats"],
        case["cap_mask"],
        case["clip_text_pooled"] if pooled else None,
        **kwargs,
    ).sample


def largest_difference(one, other):
    return float((one - other).abs().max())


def test_agrees_with_every_recorded_output(reference_dit, case):
    outputs = [key for key in case if key.startswith("out_t") and "mixed" not in key]
    assert len(outputs) == 6
    for key in outputs:
        _, t, pooled = key.split("_")
        output = run(reference_dit, case, float(t[1:]), pooled == "pooled")
        assert largest_difference(output, case[key]) <= TOLERANCE, key


def test_agrees_when_each_sample_has_its_own_t(reference_dit):
    case = load_file(REFERENCE / f"{CASES[1]}.safetensors")
    output = run(reference_dit, case, case["t_mixed"])
    assert largest_difference(output, case["out_tmixed_pooled"]) <= TOLERANCE


def test_agrees_with_every_recorded_intermediate_at_tokens_that_count(reference_dit, case):
    seen = {}
    hooks = [
        module.register_forward_hook(lambda _m, _a, out, name=name: seen.__setitem__(name, out))
        for name, module in reference_dit.named_modules()
    ]
    try:
        run(reference_dit, case, 0.37)
    finally:
        for hook in hooks:
            hook.remove()
    recorded = {k.removeprefix("mid_t0.37."): v for k, v in case.items() if k.startswith("mid_")}
    assert len(recorded) == 16
    image = case["x"].shape[2] * case["x"].shape[3] // 4
    for name, expected in recorded.items():
        for sample, caption in enumerate(case["cap_mask"].sum(dim=1).tolist()):
            own, other = seen[name][sample], expected[sample]
            if other.ndim == 2:
                tokens = caption + image
                if name.startswith(CAPTION_ONLY):
                    tokens = caption
                elif name.startswith(IMAGE_ONLY):
                    tokens = image
                own, other = own[:tokens], other[:tokens]
            allowed = EMBEDDER_TOLERANCE if name in EMBEDDERS else TOLERANCE
            assert largest_difference(own, other) <= allowed, (name, sample)


def test_a_context_that_is_handed_back_in_gives_the_same_at_another_t(reference_dit, case):
    batch = len(case["x"])
    first = reference_dit(
        case["x"], torch.zeros(batch), case["cap_feats"], case["cap_mask"], case["clip_text_pooled"]
    )
    calls = []
    hook = reference_dit.context_refiner[0].register_forward_hook(lambda *_: calls.append(1))
    try:
        second = reference_dit(
            case["x"],
            torch.full((batch,), 0.37),
            pooled_projections=case["clip_text_pooled"],
            caption_context=first.caption_context,
        )
    finally:
        hook.remove()
    assert largest_difference(second.sample, case["out_t0.37_pooled"]) <= TOLERANCE
    assert not calls


def test_what_stands_in_caption_padding_changes_nothing(reference_dit):
    case = load_file(REFERENCE / f"{CASES[1]}.safetensors")
    expected = run(reference_dit, case, 0.5)
    extra = torch.full((2, 8, case["cap_feats"].shape[2]), 1e3)
    case["cap_feats"] = torch.cat((case["cap_feats"], extra), dim=1)
    case["cap_feats"][0, 7:] = -1e3
    case["cap_mask"] = torch.cat((case["cap_mask"], torch.zeros(2, 8, dtype=torch.long)), dim=1)
    assert torch.equal(run(reference_dit, case, 0.5), expected)


def test_a_mask_that_hides_a_real_token_changes_the_output(reference_dit):
    case = load_file(REFERENCE / f"{CASES[0]}.safetensors")
    expected = run(reference_dit, case, 0.5)
    case["cap_mask"][0, -1] = 0
    assert largest_difference(run(reference_dit, case, 0.5), expected) > 100 * TOLERANCE


def test_a_sample_in_a_batch_equals_the_sample_alone(reference_dit):
    case = load_file(REFERENCE / f"{CASES[1]}.safetensors")
    together = run(reference_dit, case, 0.37)
    for sample in range(2):
        alone = {
            key: case[key][sample : sample + 1]
            for key in ("x", "cap_feats", "cap_mask", "clip_text_pooled")
        }
        output = run(reference_dit, alone, 0.37)
        assert largest_difference(output[0], together[sample]) <= TOLERANCE


def test_norm_final_of_the_top_level_is_not_used(reference_dit):
    case = load_file(REFERENCE / f"{CASES[0]}.safetensors")
    before = run(reference_dit, case, 0.37)
    saved = reference_dit.norm_final.weight.clone()
    reference_dit.norm_final.weight.mul_(5)
    try:
        assert torch.equal(run(reference_dit, case, 0.37), before)
    finally:
        reference_dit.norm_final.weight.copy_(saved)


@pytest.mark.parametrize("size", [(9, 8), (8, 7)])
def test_latents_that_do_not_divide_into_patches_are_an_error(reference_dit, size):
    with pytest.raises(ValueError, match="do not divide"):
        reference_dit(torch.zeros(1, 16, *size), torch.zeros(1), torch.zeros(1, 3, 48))


def test_a_caption_must_be_shorter_than_the_first_axis(reference_dit):
    longest = reference_dit.config.axes_lens[0]
    latents, t = torch.zeros(1, 16, 2, 2), torch.zeros(1)
    with pytest.raises(ValueError, match="too long"):
        reference_dit(latents, t, torch.zeros(1, longest, 48))
    reference_dit(latents, t, torch.zeros(1, longest - 1, 48))


def test_more_patches_than_positions_are_an_error(reference_dit):
    rows = reference_dit.config.axes_lens[1]
    with pytest.raises(ValueError, match="positions"):
        reference_dit(torch.zeros(1, 16, 2 * rows + 2, 2), torch.zeros(1), torch.zeros(1, 3, 48))


def test_the_default_model_has_the_official_keys_and_shapes():
    with without_storage():
        model = NextDiT()
    official = json.loads((REFERENCE / "keys.json").read_text())
    assert {key: list(value.shape) for key, value in model.state_dict().items()} == official
    assert sum(p.numel() for p in model.parameters()) == 3_486_636_096


def test_a_tuple_comes_back_when_no_output_class_is_wanted(reference_dit, case):
    batch = len(case["x"])
    inputs = (case["x"], torch.zeros(batch), case["cap_feats"], case["cap_mask"])
    (sample,) = reference_dit(*inputs, return_dict=False)
    assert torch.equal(sample, reference_dit(*inputs).sample)


def test_every_backend_of_the_dispatcher_that_runs_here_agrees(reference_dit, case):
    expected = run(reference_dit, case, 0.37)
    try:
        for backend in ("native", "_native_math", "flex"):
            reference_dit.set_attention_backend(backend)
            assert largest_difference(run(reference_dit, case, 0.37), expected) <= TOLERANCE
    finally:
        reference_dit.set_attention_backend("native")
        reference_dit.reset_attention_backend()


def test_gradients_flow_with_and_without_checkpointing(tiny_dit):
    latents = torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    gradients = []
    for enable in (False, True):
        if enable:
            tiny_dit.enable_gradient_checkpointing()
        tiny_dit.train().zero_grad()
        tiny_dit(latents, torch.zeros(1), torch.ones(1, 3, 8)).sample.square().mean().backward()
        gradients.append(tiny_dit.layers[0].attention.qkv.weight.grad.clone())
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients)


@pytest.fixture
def tiny_dit():
    torch.manual_seed(0)
    return NextDiT(
        dim=24,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=1,
        multiple_of=8,
        cap_feat_dim=8,
        clip_text_dim=8,
        axes_dims=(4, 4, 4),
        axes_lens=(32, 8, 8),
    )
