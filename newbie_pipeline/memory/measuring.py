"""Measures what a render takes, stage by stage, to stand beside what its plan predicted.

On CUDA a figure is what the card holds for it at its peak: all that torch's allocator has reserved,
and everything else on the card (the context, and other programs, if there are any). On the CPU it
is the peak of the process's resident memory, files that are mapped included. A component's own
figure is by how much loading it let that grow.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from newbie_pipeline.memory import machine
from newbie_pipeline.memory.activations import CONTEXT_BYTES, WORKSPACE_BYTES
from newbie_pipeline.memory.plan import MemoryPlan, Placement, Stage
from newbie_pipeline.memory.prediction import CPU_BASE_BYTES
from newbie_pipeline.memory.sizes import TITLES, Component
from newbie_pipeline.memory.table import gib, plan_data

PROCESS_START = "process start"
STAGE_TITLES = {
    Stage.TEXT: "text stage",
    Stage.DENOISE: "first step",
    Stage.DECODE: "VAE decode",
}
# The order in which they come about.
COMPONENTS = (Component.TRANSFORMER, Component.TEXT_ENCODER_2, Component.TEXT_ENCODER)
ROWS = (PROCESS_START, *(TITLES[part] for part in COMPONENTS), *STAGE_TITLES.values())


@dataclass(frozen=True)
class Measured:
    """Bytes and seconds of one row."""

    bytes: int
    seconds: float


class Meter:
    """Measures one load and one render on a device; `rows` are by the titles in ROWS."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.rows: dict[str, Measured] = {}
        self._began = 0.0

    @property
    def on_cuda(self) -> bool:
        """Whether the figures are the card's."""
        return self.device.type == "cuda"

    @property
    def is_complete(self) -> bool:
        """Whether a whole render was measured."""
        return all(title in self.rows for title in STAGE_TITLES.values())

    def process_start(self) -> None:
        """Take what is there before anything is loaded."""
        if self.on_cuda:
            torch.cuda.init()
            # The first product makes cuBLAS's handle and workspace.
            one = torch.ones(8, 8, device=self.device)
            product = one @ one
            torch.cuda.synchronize(self.device)
            del one, product
        self._note(PROCESS_START, self._now(), 0.0)

    @contextmanager
    def loading(self, component: Component) -> Iterator[None]:
        """Measure by how much the block that loads a component lets memory grow."""
        host, device, began = machine.resident_bytes(), self._allocated(), time.perf_counter()
        yield
        grown = self._allocated() - device
        if grown <= 0:
            grown = max(machine.resident_bytes() - host, 0)
        self._note(TITLES[component], grown, time.perf_counter() - began)

    def begin(self) -> None:
        """Begin a stage: what nobody uses any more is given back first."""
        if self.on_cuda:
            torch.cuda.synchronize(self.device)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            machine.reset_peak_resident()
        self._began = time.perf_counter()

    def end(self, stage: Stage) -> None:
        """Take the peak since `begin`; only the first of each stage counts."""
        if self.on_cuda:
            torch.cuda.synchronize(self.device)
        seconds = time.perf_counter() - self._began
        if STAGE_TITLES[stage] not in self.rows:
            self._note(STAGE_TITLES[stage], self._peak(), seconds)

    def forget_stages(self) -> None:
        """Forget the stages of a render that broke off: the next one measures them anew."""
        for title in STAGE_TITLES.values():
            self.rows.pop(title, None)

    def _note(self, title: str, size: int, seconds: float) -> None:
        self.rows[title] = Measured(size, seconds)

    def _allocated(self) -> int:
        return torch.cuda.memory_allocated(self.device) if self.on_cuda else 0

    def _outside(self) -> int:
        """Bytes on the card that torch's allocator does not hold."""
        free, total = torch.cuda.mem_get_info(self.device)
        return total - free - torch.cuda.memory_reserved(self.device)

    def _now(self) -> int:
        if not self.on_cuda:
            return machine.resident_bytes()
        return self._outside() + torch.cuda.memory_reserved(self.device)

    def _peak(self) -> int:
        if not self.on_cuda:
            return machine.peak_resident_bytes()
        return self._outside() + torch.cuda.max_memory_reserved(self.device)


def predicted(plan: MemoryPlan) -> dict[str, int]:
    """Give what a plan says about each row that it says something about."""
    start = CONTEXT_BYTES + WORKSPACE_BYTES if plan.device != "cpu" else CPU_BASE_BYTES
    rows = {PROCESS_START: start}
    for component in COMPONENTS:
        part = plan.component(component)
        if part.placement is not Placement.ABSENT:
            rows[TITLES[component]] = part.weight_bytes
    return rows | {title: plan.stage(stage).peak_bytes for stage, title in STAGE_TITLES.items()}


def measured_lines(plan: MemoryPlan, measured: Mapping[str, Measured], on_cuda: bool) -> list[str]:
    """Show predicted beside measured, a row each."""
    where = "the card" if on_cuda else "this process (host memory, mapped files too)"
    lines = [f"{'':<13} {'predicted':>9} {'measured':>9}   GiB {'seconds':>9}"]
    expected = predicted(plan)
    for title in ROWS:
        size, found = expected.get(title), measured.get(title)
        if size is None and found is None:
            continue
        figures = ("-" if size is None else gib(size), "-" if found is None else gib(found.bytes))
        seconds = "-" if found is None else f"{found.seconds:.2f}"
        lines.append(f"{title:<13} {figures[0]:>9} {figures[1]:>9} {seconds:>15}")
    return [*lines, f"DiT, CLIP, Gemma: growth while loading; else: peak of {where}"]


def measured_data(plan: MemoryPlan, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """Give a plan with what was measured as plain data for JSON; sizes in bytes."""
    expected = predicted(plan)
    rows = {
        title: {
            "predicted_bytes": expected.get(title),
            "measured_bytes": found.bytes,
            "seconds": round(found.seconds, 3),
        }
        for title, found in measured.items()
    }
    return {**plan_data(plan), "measured": rows}
