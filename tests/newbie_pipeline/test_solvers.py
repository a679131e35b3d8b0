"""Each solver visits the official points, integrates the flow, and begins each render afresh."""

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    UniPCMultistepScheduler,
)

from newbie_pipeline.errors import RenderInputError
from newbie_pipeline.solvers import (
    SOLVERS,
    check_sigmas,
    even_sigmas,
    make_scheduler,
    model_calls,
    set_schedule,
    shift_of,
)

CPU = torch.device("cpu")
START = torch.tensor([[1.0, 0.3, -2.0]])


def official(steps, shift):
    u = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    return (u / (u + shift - shift * u)).tolist()


def direction(x, sigma):
    """A flow that bends: no solver is exact on it."""
    return torch.sin(3 * x + 2 * sigma) + x / 2


def integrate(scheduler, steps, stop=None):
    ts = set_schedule(scheduler, even_sigmas(steps), CPU)
    x = START
    for call, (timestep, t) in enumerate(zip(scheduler.timesteps, ts, strict=True)):
        if call == stop:
            break
        x = scheduler.step(direction(x, 1 - t), timestep, x, return_dict=False)[0]
    return x


@pytest.fixture(scope="module")
def exact():
    return integrate(make_scheduler("heun", 6.0), 2000)


@pytest.mark.parametrize("shift", [1.0, 6.0])
@pytest.mark.parametrize("steps", [1, 7, 28])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_model_is_asked_at_the_official_times_and_sigma_ends_at_0(solver, steps, shift):
    scheduler = make_scheduler(solver, shift)
    ts = set_schedule(scheduler, even_sigmas(steps), CPU)
    # A step of Heun's asks twice at each point between the first and the last.
    distinct = [t for index, t in enumerate(ts) if index == 0 or t != ts[index - 1]]
    assert distinct == pytest.approx(official(steps, shift)[:-1], abs=2e-6)
    assert float(scheduler.sigmas[-1]) == 0.0
    assert len(ts) == len(scheduler.timesteps) == model_calls(solver, steps)


@pytest.mark.parametrize("solver", SOLVERS)
def test_each_solver_comes_to_the_same_end(solver, exact):
    errors = [float((integrate(make_scheduler(solver), n) - exact).abs().max()) for n in (10, 80)]
    assert errors[1] < 0.02
    assert errors[1] < errors[0] / 5


@pytest.mark.parametrize("solver", [solver for solver in SOLVERS if solver != "euler"])
def test_the_solvers_of_second_order_come_closer_than_euler(solver, exact):
    def error(name):
        return float((integrate(make_scheduler(name), 40) - exact).abs().max())

    assert error(solver) < error("euler") / 2


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_step_is_eulers(solver):
    expected = START - direction(START, 1.0)
    torch.testing.assert_close(integrate(make_scheduler(solver), 1), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("stop", [1, 2, 5])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_render_that_was_broken_off_leaves_no_trace_in_the_next(solver, stop):
    scheduler = make_scheduler(solver)
    fresh = integrate(scheduler, 6)
    integrate(scheduler, 9, stop=stop)
    assert torch.equal(integrate(scheduler, 6), fresh)


@pytest.mark.parametrize(
    "kind",
    [
        FlowMatchHeunDiscreteScheduler,
        DPMSolverMultistepScheduler,
        UniPCMultistepScheduler,
        FlowMatchEulerDiscreteScheduler,
    ],
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_scheduler_made_from_anothers_config_keeps_the_shift_and_the_flow(solver, kind, exact):
    scheduler = kind.from_config(make_scheduler(solver, 6.0).config)
    assert shift_of(scheduler) == 6.0
    assert float((integrate(scheduler, 80) - exact).abs().max()) < 0.02


def test_a_dynamic_shift_in_the_config_becomes_the_fixed_one():
    scheduler = FlowMatchEulerDiscreteScheduler(shift=6.0, use_dynamic_shifting=True)
    ts = set_schedule(scheduler, even_sigmas(7), CPU)
    assert ts == pytest.approx(official(7, 6.0)[:-1], abs=1e-6)


def test_an_unknown_solver_is_an_error_that_lists_the_known_ones():
    with pytest.raises(RenderInputError, match=r"'ddim'.*euler, heun, dpmpp_2m, unipc"):
        make_scheduler("ddim")


def test_a_scheduler_that_knows_no_flow_is_refused():
    with pytest.raises(RenderInputError, match="DDIMScheduler cannot integrate a flow"):
        set_schedule(DDIMScheduler(), even_sigmas(3), CPU)


@pytest.mark.parametrize("sigmas", [[], [0.5, 0.5], [0.2, 0.8], [1.2, 0.5], [1.0, 0.0]])
def test_sigmas_that_do_not_fall_from_1_are_refused(sigmas):
    with pytest.raises(RenderInputError, match="must fall"):
        check_sigmas(sigmas)


def test_sigmas_that_fall_are_taken():
    check_sigmas([1.0, 0.7, 0.1])
