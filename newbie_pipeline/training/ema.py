"""A moving average of the weights, which draws better than the weights of any one step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


class Ema:
    """Averages a module's trainable parameters, in float32, over about 1 / (1 - decay) steps.

    In the beginning the average is over a tenth of the steps so far, so that it soon forgets the
    weights of the start: the decay at step n is the smaller of `decay` and (1 + n) / (10 + n).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._live = {n: p for n, p in module.named_parameters() if p.requires_grad}
        self._average = {n: p.detach().float().clone() for n, p in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights as they are now into the average."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, average in self._average.items():
            average.lerp_(self._live[name].float(), 1.0 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average in the module's place for a while."""
        weights = {name: p.detach().clone() for name, p in self._live.items()}
        self.apply()
        try:
            yield
        finally:
            self._write(weights)

    def apply(self) -> None:
        """Put the average in the module's place for good."""
        self._write(self._average)

    def state_dict(self) -> dict[str, object]:
        """Give the average and how many steps are in it."""
        return {"updates": self.updates, "average": dict(self._average)}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on from what `state_dict` gave; raises KeyError where a parameter is missing."""
        updates, average = state["updates"], state["average"]
        if not isinstance(updates, int) or not isinstance(average, Mapping):
            raise KeyError("average")
        for name, tensor in self._average.items():
            tensor.copy_(average[name])
        self.updates = updates

    @torch.no_grad()
    def _write(self, values: Mapping[str, torch.Tensor]) -> None:
        for name, parameter in self._live.items():
            parameter.copy_(values[name])
