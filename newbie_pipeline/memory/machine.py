"""How much memory this machine has for a plan, and how much a process has taken of it.

Importing this loads no torch: who asks about a CUDA device has loaded it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from newbie_pipeline.memory.activations import CONTEXT_BYTES
from newbie_pipeline.memory.budget import Budget, free_budget, limited

if TYPE_CHECKING:
    import torch

_CGROUPS = Path("/sys/fs/cgroup")
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

        free, total = torch.cuda.mem_get_info(device)
        # A later plan finds the weights of the one before on the device: they make room. To ask has
        # made this process's context, which every plan counts: it must not count twice.
        free += torch.cuda.memory_reserved(device) + CONTEXT_BYTES
        budget = Budget(free_budget(min(free, total)), available_host_bytes())
    elif device.type != "cpu":
        # Not asked about its memory: it most likely shares the host's.
        budget = Budget(available_host_bytes() or 2**40)
    return limited(budget, memory, max_memory, device.index or 0)


def available_host_bytes() -> int | None:
    """Give what Linux calls available, within a container's limit; None elsewhere."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    own = next((line[3:] for line in lines if line.startswith("0::")), "/")
    rooms = (_field(Path("/proc/meminfo"), "MemAvailable"), cgroup_room(_CGROUPS, own))
    return min((room for room in rooms if room is not None), default=None)


def cgroup_room(root: Path, own: str) -> int | None:
    """Give the bytes that a control group (version 2) and those around it still allow.

    `root` is where they are mounted, `own` the process's group below it. None where none has a
    limit. Cached files count as used there and make way: what is inactive of them counts as free.
    """
    folder = root.joinpath(own.lstrip("/"))
    rooms = []
    for group in (folder, *folder.parents):
        try:
            limit = (group / "memory.max").read_text(encoding="ascii").strip()
            used = int((group / "memory.current").read_text(encoding="ascii"))
            stat = (group / "memory.stat").read_text(encoding="ascii").split()
        except (OSError, ValueError):
            limit = "max"
        if limit != "max":
            counts = dict(zip(stat[::2], stat[1::2], strict=False))
            rooms.append(max(int(limit) - used + int(counts.get("inactive_file", 0)), 0))
        if group == root:
            break
    return min(rooms, default=None)


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
