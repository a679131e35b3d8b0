"""What a training of the demo checkpoint did, kept beside its states and told in its README."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from newbie_pipeline.demo.training_plan import TrainingPlan
from newbie_pipeline.errors import TrainingError

README = """# NewBie demo checkpoint

A small model that draws flat anime-like characters, trained from nothing by this project's own code
on pictures that its own code draws: `newbie demo train`. It is no part of NewBie-image-Exp0.1 and
knows nothing of its weights. Licence: Apache-2.0, like the code.

Native size: {size} x {size}. Seed {seed}. All parts: {megabytes:.1f} MB.

| part | steps | minutes | figures at the end |
|---|---|---|---|
{rows}
| in all | | {minutes:.1f} | |

On: {machine}.
"""


@dataclass
class PartRecord:
    """How many steps a part had, how long it took so far, and what came out."""

    steps: int = 0
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    finished: bool = False


class TrainingRecord:
    """The parts of a training by name, in a JSON file that is written after every change."""

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Take up the file that is there; raises TrainingError where it has other facts."""
        self._path = path
        self._facts = dict(facts)
        self.parts: dict[str, PartRecord] = {}
        if not path.exists():
            return
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            self.parts = {name: PartRecord(**part) for name, part in content["parts"].items()}
        except (ValueError, TypeError, KeyError) as error:
            raise TrainingError(f"{path} cannot be read: {error}") from error
        if content["facts"] != json.loads(json.dumps(self._facts)):
            raise TrainingError(
                f"{path.parent} holds a training with other settings; finish that one with its "
                "own settings, or begin anew in another folder"
            )

    def part(self, name: str) -> PartRecord:
        """Give a part's record, a new one where there is none."""
        return self.parts.setdefault(name, PartRecord())

    def save(self) -> None:
        """Write the file."""
        content = {
            "facts": self._facts,
            "parts": {name: asdict(part) for name, part in self.parts.items()},
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_name(f"{self._path.name}.unfinished")
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(self._path)

    def readme(self, *, size: int, seed: int, megabytes: float, device: torch.device) -> str:
        """Tell the training in the words of the checkpoint's README."""
        rows = "\n".join(
            f"| {name} | {part.steps or ''} | {part.seconds / 60:.1f} | {_figures(part)} |"
            for name, part in self.parts.items()
        )
        minutes = sum(part.seconds for part in self.parts.values()) / 60
        return README.format(
            size=size,
            seed=seed,
            megabytes=megabytes,
            rows=rows,
            minutes=minutes,
            machine=machine(device),
        )


def plan_facts(plan: TrainingPlan) -> dict[str, Any]:
    """Give what of a plan must be the same when a training is resumed: all but the steps."""
    facts = asdict(plan)
    for part in ("vae", "text", "transformer"):
        del facts[part]["steps"]
    return facts


def machine(device: torch.device) -> str:
    """Name what was computed on."""
    version = f"PyTorch {torch.__version__}"
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {version}"
    return f"{_processor()}, {torch.get_num_threads()} of {os.cpu_count()} threads, {version}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _figures(part: PartRecord) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in part.figures.items())
