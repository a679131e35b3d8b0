"""The one training loop: takes modules, batches and a loss, and knows nothing of what they are.

- Batches are asked for by the number of their step, so they have no state of their own, and one
  that is resumed sees what it would have seen.
- The loss gets a generator on the CPU for all that it draws at random. The generator is part of the
  state: the same seed gives the same numbers, whether or not the run was interrupted.
- What has `requires_grad` is trained and saved; a large frozen model with small adapters costs the
  adapters.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.optim import Optimizer
from tqdm import tqdm  # type: ignore[import-untyped]

from newbie_pipeline.errors import TrainingError, TrainingStopped
from newbie_pipeline.training.ema import Ema
from newbie_pipeline.training.schedules import Trapezoid
from newbie_pipeline.training.state import Trainee, load_state, save_state

Batch = TypeVar("Batch")
# What a loss gives by name; the one called "loss" is made small, the others are shown.
Losses = dict[str, torch.Tensor]
SHOWN_AVERAGE = 0.98
SECONDS_BETWEEN_SAVES = 120.0


@dataclass(frozen=True)
class Run(Generic[Batch]):
    """One training: `module` holds all that is trained, `batches(step)` gives a step's batch.

    `facts` are what must be the same when the run is resumed, such as sizes and seed. Without
    `state` nothing is saved.
    """

    name: str
    module: nn.Module
    optimizers: Sequence[Optimizer]
    batches: Callable[[int], Batch]
    loss: Callable[[Batch, torch.Generator], Losses]
    schedule: Trapezoid
    seed: int
    ema: Ema | None = None
    clip_norm: float = 1.0
    state: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def train(
    run: Run[Batch],
    *,
    stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[int, Mapping[str, float]], None] | None = None,
) -> dict[str, float]:
    """Train to the end, going on from the saved state where there is one; gives the last losses.

    The losses are averages over about the last 50 steps. The module is left with its average, if
    it has one. Raises TrainingStopped, with the state saved, once `stop()` is true between two
    steps, and TrainingError when the loss is no number any more or the state does not fit.
    """
    generator = torch.Generator("cpu").manual_seed(run.seed)
    trainee = Trainee(run.module, run.optimizers, run.ema, generator)
    facts = {**run.facts, "seed": run.seed, "steps": run.schedule.steps}
    done = 0
    if run.state is not None and run.state.exists():
        done = load_state(run.state, trainee, facts)
    run.module.train()
    shown: dict[str, float] = {}
    saved = time.monotonic()
    with tqdm(desc=run.name, total=run.schedule.steps, initial=done, disable=None) as bar:
        for step in range(done, run.schedule.steps):
            if stop():
                _save(run, trainee, step, facts)
                raise TrainingStopped(f"{run.name} was stopped after {step} steps")
            _show(shown, _take_step(run, step, generator))
            bar.set_postfix({name: f"{value:.4f}" for name, value in shown.items()}, refresh=False)
            bar.update()
            if on_step is not None:
                on_step(step, shown)
            if time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                _save(run, trainee, step + 1, facts)
                saved = time.monotonic()
    _save(run, trainee, run.schedule.steps, facts)
    if run.ema is not None:
        run.ema.apply()
    run.module.eval()
    return shown


def _take_step(run: Run[Batch], step: int, generator: torch.Generator) -> dict[str, float]:
    factor = run.schedule.factor(step)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = factor * group.setdefault("level_lr", group["lr"])
        optimizer.zero_grad(set_to_none=True)
    losses = run.loss(run.batches(step), generator)
    losses["loss"].backward()
    values = {name: float(value.detach()) for name, value in losses.items()}
    if not math.isfinite(values["loss"]):
        raise TrainingError(f"{run.name}: the loss is {values['loss']} at step {step}")
    nn.utils.clip_grad_norm_(run.module.parameters(), run.clip_norm)
    for optimizer in run.optimizers:
        optimizer.step()
    if run.ema is not None:
        run.ema.update()
    return values


def _show(shown: dict[str, float], values: Mapping[str, float]) -> None:
    for name, value in values.items():
        shown[name] = value + SHOWN_AVERAGE * (shown.get(name, value) - value)


def _save(run: Run[Any], trainee: Trainee, step: int, facts: Mapping[str, Any]) -> None:
    if run.state is not None:
        save_state(run.state, trainee, step, facts)
