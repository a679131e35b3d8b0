"""This machine's GPU and its memory, asked without loading torch here."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newbie_pipeline.memory.budget import Budget

_MIB = 1024**2
_SECONDS = 60
_QUERY = "--query-gpu=name,memory.total,memory.free"
# In a process of its own: torch takes seconds to load, and its context takes memory on the device.
_ASK_TORCH = """
import json, torch
if torch.cuda.is_available():
    free, total = torch.cuda.mem_get_info()
    print(json.dumps([torch.cuda.get_device_name(), total, free]))
"""


@dataclass(frozen=True)
class Gpu:
    """A GPU as its driver reports it, before anything of ours runs on it."""

    name: str
    total_bytes: int
    free_bytes: int


def find_gpu() -> Gpu | None:
    """Ask the driver's own program for the first visible GPU, or torch where there is none."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return None
    if shutil.which("nvidia-smi") is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
        which = ("-i", visible) if visible else ()
        answer = _output("nvidia-smi", *which, _QUERY, "--format=csv,noheader,nounits")
        if gpu := read_nvidia_smi(answer):
            return gpu
    if find_spec("torch") is None:
        return None
    lines = _output(sys.executable, "-c", _ASK_TORCH).splitlines()
    return Gpu(*json.loads(lines[-1])) if lines else None


def gpu_budget(gpu: Gpu | None) -> "Budget":
    """Give what a plan may use on this machine; without a GPU the CPU computes."""
    from newbie_pipeline.memory.budget import Budget, free_budget
    from newbie_pipeline.memory.machine import available_host_bytes

    device = None if gpu is None else free_budget(gpu.free_bytes)
    return Budget(device, available_host_bytes())


def read_nvidia_smi(answer: str) -> Gpu | None:
    """Read its first line, `name, total, free` in MiB; None when there is no such line."""
    name, *numbers = answer.strip().partition("\n")[0].rsplit(",", 2)
    if len(numbers) != 2 or not all(number.strip().isdecimal() for number in numbers):
        return None
    total, free = (int(number) * _MIB for number in numbers)
    return Gpu(name.strip(), total, free)


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
