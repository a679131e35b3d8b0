"""How learning rates go over a run: up, level, and down to nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trapezoid:
    """Factors of the learning rate: `warmup` and `decay` are shares of the steps, 0 to 1."""

    steps: int
    warmup: float = 0.02
    decay: float = 0.4

    def factor(self, step: int) -> float:
        """Give the factor of a step, counted from 0: above 0, and 1 on the level part."""
        rising = (step + 1) / (self.warmup * self.steps + 1)
        falling = (self.steps - step) / (self.decay * self.steps + 1)
        return max(0.0, min(1.0, rising, falling))
