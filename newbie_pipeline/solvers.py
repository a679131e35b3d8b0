"""The solvers by name, each as diffusers' scheduler in its flow form, on the official schedule.

sigma is 1 at noise and 0 at image, the model's t is 1 - sigma. The schedule is u evenly spaced,
shifted once by the scheduler's own shift, so that all solvers visit the same points.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    UniPCMultistepScheduler,
)

from newbie_pipeline.errors import RenderInputError

OFFICIAL_SHIFT = 6.0
TRAIN_TIMESTEPS = 1000
# What makes a multistep scheduler of diffusers integrate a flow down to sigma 0.
FLOW_FORM = {
    "prediction_type": "flow_prediction",
    "use_flow_sigmas": True,
    "final_sigmas_type": "zero",
    "use_dynamic_shifting": False,
}
# At sigma 1 the logarithm of alpha is infinite; only DPM-Solver++ never divides by it.
NEARLY_ONE = 1.0 - 1e-6

_FLOW_MATCH = {"euler": FlowMatchEulerDiscreteScheduler, "heun": FlowMatchHeunDiscreteScheduler}
_MULTISTEP = {"dpmpp_2m": DPMSolverMultistepScheduler, "unipc": UniPCMultistepScheduler}
SOLVERS = (*_FLOW_MATCH, *_MULTISTEP)


def make_scheduler(solver: str, shift: float = OFFICIAL_SHIFT) -> Any:
    """Make diffusers' scheduler for a solver's name; raises RenderInputError for an unknown one."""
    if solver in _FLOW_MATCH:
        return _FLOW_MATCH[solver](num_train_timesteps=TRAIN_TIMESTEPS, shift=shift)
    if solver in _MULTISTEP:
        scheduler = _MULTISTEP[solver](
            num_train_timesteps=TRAIN_TIMESTEPS, flow_shift=shift, solver_order=2, **FLOW_FORM
        )
        # So that `FlowMatchEulerDiscreteScheduler.from_config` of it keeps the shift.
        scheduler.register_to_config(shift=shift)
        return scheduler
    raise RenderInputError(f"there is no solver {solver!r}; choose one of {', '.join(SOLVERS)}")


def shift_of(scheduler: Any) -> float:
    """Read the shift that a scheduler's own config holds."""
    config = scheduler.config
    # A multistep scheduler made from a flow-matching one keeps the other's `shift` in its config.
    names = ("flow_shift", "shift") if config.get("use_flow_sigmas") else ("shift", "flow_shift")
    for name in names:
        if config.get(name) is not None:
            return float(config[name])
    return OFFICIAL_SHIFT


def model_calls(solver: str, num_inference_steps: int) -> int:
    """Count the timesteps of a render, at each of which the model runs and the callback is called.

    Heun runs the model twice in each step but the last.
    """
    return 2 * num_inference_steps - 1 if solver == "heun" else num_inference_steps


def even_sigmas(num_inference_steps: int) -> list[float]:
    """Give the sigmas of each step before the shift: evenly spaced from 1, 0 left out."""
    sigmas: list[float] = np.linspace(1.0, 1.0 / num_inference_steps, num_inference_steps).tolist()
    return sigmas


def check_sigmas(sigmas: list[float]) -> None:
    """Raise RenderInputError unless sigmas fall from at most 1 and stay above 0."""
    falling = all(a > b for a, b in pairwise(sigmas))
    if not sigmas or not falling or sigmas[0] > 1.0 or sigmas[-1] <= 0.0:
        raise RenderInputError(
            "sigmas must fall from at most 1 and stay above 0 (the final 0 is added)"
        )


def set_schedule(scheduler: Any, sigmas: list[float], device: torch.device) -> list[float]:
    """Begin a render: set `sigmas` (before the shift), forget the last one, give each call's t.

    A multistep scheduler that was not set up for flows is put into its flow form. Raises
    RenderInputError for a scheduler that has none.
    """
    name = type(scheduler).__name__
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        # With the dynamic shift's exponent at log(shift), its curve is that of the fixed shift.
        dynamic = scheduler.config.get("use_dynamic_shifting")
        mu = {"mu": math.log(shift_of(scheduler))} if dynamic else {}
        scheduler.set_timesteps(sigmas=list(sigmas), device=device, **mu)
    elif isinstance(scheduler, FlowMatchHeunDiscreteScheduler):
        scheduler.set_timesteps(len(sigmas), device=device)
        shifted = _shifted(sigmas, shift_of(scheduler))
        # Each inner point is visited twice: where a step arrives, and where the next one begins.
        visits = torch.cat((shifted[:1], shifted[1:].repeat_interleave(2)))
        _override(scheduler, torch.cat((visits, torch.zeros(1))), visits, device)
    elif "use_flow_sigmas" in scheduler.config:
        shift = shift_of(scheduler)
        scheduler.register_to_config(**FLOW_FORM, flow_shift=shift)
        scheduler.set_timesteps(len(sigmas), device=device)
        most = 1.0 if "++" in scheduler.config.get("algorithm_type", "") else NEARLY_ONE
        shifted = _shifted(sigmas, shift).clamp_max(most)
        _override(scheduler, torch.cat((shifted, torch.zeros(1))), shifted, device)
    else:
        raise RenderInputError(
            f"{name} cannot integrate a flow; set pipeline.scheduler to one that can, such as "
            f"make_scheduler of {', '.join(SOLVERS)}"
        )
    scheduler.set_begin_index(0)
    # Read once: each read of a tensor on the device waits for the device.
    reached: list[float] = scheduler.sigmas.tolist()
    return [1.0 - sigma for sigma in reached[: len(scheduler.timesteps)]]


def _shifted(sigmas: list[float], shift: float) -> torch.Tensor:
    even = torch.tensor(sigmas, dtype=torch.float64)
    return (shift * even / (1.0 + (shift - 1.0) * even)).float()


def _override(
    scheduler: Any, sigmas: torch.Tensor, visits: torch.Tensor, device: torch.device
) -> None:
    # diffusers' own spacing of these schedulers is another one, and Heun's shifts twice.
    scheduler.sigmas = sigmas
    scheduler.timesteps = (visits * scheduler.config.num_train_timesteps).to(device)
