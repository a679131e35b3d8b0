"""Guidance agrees with the reference's recorded CFG runs and treats each sample by itself."""

import json

import pytest
import torch
from safetensors.torch import load_file

from newbie_pipeline.guidance import guidance_applies, guided_velocity

from .conftest import REFERENCE

RUNS = json.loads((REFERENCE / "cases.json").read_text())["cases"]["c_cfg"]["runs"]
CASE = load_file(REFERENCE / "case_c_cfg.safetensors")


LIMIT = 5e-6


def halves(model, t, rows):
    batch = len(CASE["x"][rows])
    return model(
        CASE["x"][rows],
        torch.full((batch,), t),
        CASE["cap_feats"][rows],
        CASE["cap_mask"][rows],
        CASE["clip_text_pooled"][rows],
    ).sample


def largest(difference):
    return float(difference.abs().max())


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["key"])
def test_agrees_with_the_recorded_run(reference_dit, run):
    """Both halves in one batch, as they were recorded.

    The scale of 4.5 amplifies what rounding does to the halves, in the recording too: the same run
    in float64 lies 4.0e-6 away from it.
    """
    conditional, unconditional = halves(reference_dit, run["t"], slice(0, 2)).split(1)
    if guidance_applies(run["t"], run["cfg_scale"], run["cfg_trunc"]):
        conditional = guided_velocity(
            conditional, unconditional, run["cfg_scale"], run["renorm_cfg"]
        )
    assert largest(conditional[0] - CASE[run["key"]][0]) <= LIMIT


@pytest.mark.parametrize("t", [0.0, 0.37, 1.0])
def test_halves_that_run_one_after_the_other_agree_with_the_recorded_ones(reference_dit, t):
    """Before the scale amplifies anything, each half by itself stays well below the limit."""
    for row in range(2):
        alone = halves(reference_dit, t, slice(row, row + 1))
        assert largest(alone[0] - CASE[f"raw_cond_uncond_t{t}"][row]) <= LIMIT / 2


def test_each_sample_of_a_batch_is_capped_by_its_own_norm():
    generator = torch.Generator().manual_seed(0)
    conditional = torch.randn(2, 4, 3, 5, generator=generator)
    conditional[1] *= 10
    unconditional = torch.randn(2, 4, 3, 5, generator=generator)
    together = guided_velocity(conditional, unconditional, 4.5, 1.0)
    for sample in range(2):
        rows = slice(sample, sample + 1)
        alone = guided_velocity(conditional[rows], unconditional[rows], 4.5, 1.0)
        torch.testing.assert_close(together[rows], alone)
        assert float(alone.norm()) <= float(conditional[rows].norm()) * (1 + 1e-6)


def test_the_cap_never_lengthens_a_velocity():
    conditional, unconditional = torch.ones(1, 2, 2, 2), torch.full((1, 2, 2, 2), 1.5)
    plain = guided_velocity(conditional, unconditional, 1.5, 0.0)
    assert float(plain.norm()) < float(conditional.norm())
    assert torch.equal(guided_velocity(conditional, unconditional, 1.5, 1.0), plain)


def test_a_velocity_of_zero_stays_zero():
    zero = torch.zeros(1, 2, 2, 2)
    assert torch.equal(guided_velocity(zero, zero, 4.5, 1.0), zero)


def test_guidance_needs_a_scale_above_one_and_a_t_below_the_cut():
    assert guidance_applies(0.5, 4.5, 1.0)
    assert not guidance_applies(0.5, 1.0, 1.0)
    assert not guidance_applies(0.5, 4.5, 0.5)
