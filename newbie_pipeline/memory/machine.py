"""How much memory this machine has for a plan, and how much a process has taken of it.

Importing this loads no torch: who asks about a CUDA device has loaded it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from newbie_pipeline.memory.budget import Budget, free_budget, limited

if TYPE_CHECKING:
    import torch

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


def machine_budget(
    device: "torch.device", memory: str | None = None, max_memory: str | None = None
) -> Budget:
    """Read what is free on a device and the host, under the operator's caps.

    Without caps everything may be used when the CPU computes, as there is nothing to fall to.
    `memory` caps the device (the host on the CPU), `max_memory` is accelerate's dictionary or one
    amount. Raises MemoryPlanError for text that is no amount.
    """
    budget = Budget(None, None)
    if device.type == "cuda":
        import torch  # noqa: PLC0415

        free, _ = torch.cuda.mem_get_info(device)
        # A later plan finds the weights of the one before on the device: they make room.
        free += torch.cuda.memory_reserved(device)
        budget = Budget(free_budget(free), available_host_bytes())
    elif device.type != "cpu":
        # Not asked about its memory: it most likely shares the host's.
        budget = Budget(available_host_bytes() or 2**40)
    return limited(budget, memory, max_memory, device.index or 0)


def available_host_bytes() -> int | None:
    """Give what Linux calls available memory, or None elsewhere."""
    return _field(Path("/proc/meminfo"), "MemAvailable")


def resident_bytes() -> int:
    """Give this process's resident memory, 0 where the system does not tell."""
    return _field(_STATUS, "VmRSS") or 0


def peak_resident_bytes() -> int:
    """Give the most resident memory since `reset_peak_resident`, or else since the start."""
    return _field(_STATUS, "VmHWM") or 0


def reset_peak_resident() -> None:
    """Begin to count the peak of resident memory anew, where the system allows it."""
    try:
        _CLEAR_REFS.write_text("5", encoding="ascii")
    except OSError:
        return


def _field(path: Path, name: str) -> int | None:
    try:
        text = path.read_text(encoding="ascii")
    except OSError:
        return None
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return None
