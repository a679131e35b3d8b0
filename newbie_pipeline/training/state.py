"""All of a run on disk, so that it goes on as if it had never stopped.

A state holds the step, the trained weights, the optimizers, the average, the generator and torch's
own random numbers, and `facts`: what the run was started with. It is written beside its place and
then moved there, so whatever dies leaves the old one or the new one. What is frozen is not in it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from newbie_pipeline.errors import TrainingError
from newbie_pipeline.training.ema import Ema


@dataclass(frozen=True)
class Trainee:
    """What changes while a model is trained."""

    module: nn.Module
    optimizers: Sequence[Optimizer]
    ema: Ema | None
    generator: torch.Generator


def save_state(path: Path, trainee: Trainee, step: int, facts: Mapping[str, Any]) -> None:
    """Write the state after `step` steps."""
    state = {
        "step": step,
        "facts": dict(facts),
        "weights": trainable_weights(trainee.module),
        "optimizers": [optimizer.state_dict() for optimizer in trainee.optimizers],
        "ema": None if trainee.ema is None else trainee.ema.state_dict(),
        "generator": trainee.generator.get_state(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load_state(path: Path, trainee: Trainee, facts: Mapping[str, Any]) -> int:
    """Go on from a state; gives how many steps are done.

    Raises TrainingError where the file cannot be read, or belongs to a run with other facts.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if differing := _differences(state["facts"], facts):
            raise TrainingError(
                f"{path} belongs to a training with another {', '.join(differing)}; "
                "finish that one, or begin anew in another folder"
            )
        _restore(state, trainee)
        return int(state["step"])
    except TrainingError:
        raise
    except Exception as error:  # torch raises whatever a damaged file runs into
        raise TrainingError(f"{path} cannot be read as a state of a training: {error}") from error


def trainable_weights(module: nn.Module) -> dict[str, torch.Tensor]:
    """Give the parameters that are trained, by name."""
    return {name: p.detach() for name, p in module.named_parameters() if p.requires_grad}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    names = sorted({*before, *now})
    return [name for name in names if before.get(name) != now.get(name)]


def _restore(state: Mapping[str, Any], trainee: Trainee) -> None:
    own = trainable_weights(trainee.module)
    if own.keys() != state["weights"].keys():
        raise KeyError("weights")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(state["weights"][name])
    for optimizer, saved in zip(trainee.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    if trainee.ema is not None:
        trainee.ema.load_state_dict(state["ema"])
    trainee.generator.set_state(state["generator"])
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
