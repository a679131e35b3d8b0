"""How a training of the demo checkpoint divides its time: pictures, steps and batches of each part.

The shares come from trials: reading captions needs least, the transformer gains most from more.
"""

from dataclasses import dataclass, replace

VAE, TEXT, TRANSFORMER = "vae", "text", "transformer"
# Shares of the hours; the rest goes into drawing, encoding and writing.
SHARES = {VAE: 0.14, TEXT: 0.14, TRANSFORMER: 0.66}


@dataclass(frozen=True)
class PartPlan:
    """Steps and batch of one part, and the rates of Muon and AdamW."""

    steps: int
    batch: int
    matrix_lr: float
    lr: float
    ema: float


@dataclass(frozen=True)
class TrainingPlan:
    """All of a training; `shift` is that of the times, in training and in the scheduler."""

    pictures: int
    vae: PartPlan
    text: PartPlan
    transformer: PartPlan
    shift: float = 3.0

    def part(self, name: str) -> PartPlan:
        """Give the plan of a part by its name."""
        part: PartPlan = getattr(self, name)
        return part

    def with_steps(self, name: str, steps: int) -> "TrainingPlan":
        """Give a plan that differs in the steps of one part."""
        return replace(self, **{name: replace(self.part(name), steps=steps)})  # type: ignore[arg-type]


# 66 minutes on two CPU cores, for pictures of 128 x 128.
DEFAULT_PLAN = TrainingPlan(
    pictures=6144,
    vae=PartPlan(steps=2843, batch=16, matrix_lr=3e-3, lr=3e-3, ema=0.99),
    text=PartPlan(steps=1278, batch=64, matrix_lr=3e-3, lr=3e-3, ema=0.99),
    transformer=PartPlan(steps=3284, batch=32, matrix_lr=3e-3, lr=2e-3, ema=0.995),
)


def seconds_of(hours: float, part: str) -> float:
    """Give how many of the hours' seconds a part gets."""
    return 3600.0 * hours * SHARES[part]
