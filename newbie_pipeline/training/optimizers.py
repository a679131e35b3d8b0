"""Muon for the matrices of hidden layers, AdamW for everything else.

- A matrix's update is orthogonalised, so all its directions learn alike. That means nothing for
  what is no map from one hidden state to another: embeddings, biases, norms, and the layers that
  read from or write to the outside stay with AdamW.
- Both rates are meant as AdamW's: Muon's step is scaled to the size that AdamW's would have
  ("Muon is Scalable for LLM Training", https://arxiv.org/abs/2502.16982).
- `torch.optim.Muon` iterates in bfloat16, which a CPU without instructions for it emulates seven
  times slower than float32, and takes no convolutions. So this one iterates in float32 on the CPU
  and flattens what has more than two dimensions; where both can run they agree.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

import torch
from torch import nn
from torch.optim import Optimizer

NEWTON_SCHULZ = (3.4445, -4.775, 2.0315)
NEWTON_SCHULZ_STEPS = 5
RMS_OF_ADAMW = 0.2
TINY = 1e-7
MATRIX_LAYERS = (nn.Linear, nn.Conv2d)


class Muon(Optimizer):
    """Momentum whose update is made nearly orthogonal, for parameters of two or more dimensions."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        if any(p.ndim < 2 for group in self.param_groups for p in group["params"]):
            raise ValueError("Muon optimises parameters of two or more dimensions only")

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; gradients that are None are left out."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(
        self, parameter: nn.Parameter, gradient: torch.Tensor, group: dict[str, Any]
    ) -> None:
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        momentum: torch.Tensor = state["momentum_buffer"]
        momentum.lerp_(gradient, 1.0 - group["momentum"])
        update = gradient.lerp(momentum, group["momentum"]).flatten(1)
        scale = RMS_OF_ADAMW * math.sqrt(max(update.shape))
        parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
        direction = orthogonalized(update).view_as(parameter)
        parameter.add_(direction.to(parameter.dtype), alpha=-group["lr"] * scale)


def orthogonalized(matrix: torch.Tensor) -> torch.Tensor:
    """Bring all singular values of a matrix near 1, by five Newton-Schulz iterations.

    They end between about 0.7 and 1.2; the coefficients are Keller Jordan's
    (https://kellerjordan.github.io/posts/muon).
    """
    a, b, c = NEWTON_SCHULZ
    x = matrix.float() if matrix.device.type == "cpu" else matrix.bfloat16()
    wide = x if x.shape[0] <= x.shape[1] else x.T
    x = wide / wide.norm().clamp(min=TINY)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if matrix.shape[0] <= matrix.shape[1] else x.T


def split_parameters(
    module: nn.Module, outside: Sequence[nn.Module] = ()
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Give the trainable parameters as matrices of hidden layers, and the rest.

    `outside` are the layers that read from or write to the outside.
    """
    hidden = {
        layer.weight: None
        for layer in module.modules()
        if isinstance(layer, MATRIX_LAYERS) and layer not in outside
    }
    trainable = [p for p in module.parameters() if p.requires_grad]
    matrices = [p for p in trainable if p in hidden]
    return matrices, [p for p in trainable if p not in hidden]


def make_optimizers(
    module: nn.Module,
    *,
    matrix_lr: float,
    lr: float,
    outside: Sequence[nn.Module] = (),
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.98),
) -> list[Optimizer]:
    """Make Muon for a module's matrices and AdamW for the rest; one that had nothing is left out.

    Weight decay holds for the matrices alone.
    """
    matrices, rest = split_parameters(module, outside)
    optimizers: list[Optimizer] = []
    if matrices:
        optimizers.append(Muon(matrices, lr=matrix_lr, weight_decay=weight_decay))
    if rest:
        optimizers.append(torch.optim.AdamW(rest, lr=lr, betas=betas, weight_decay=0.0))
    return optimizers
