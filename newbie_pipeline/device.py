"""What the card and its driver can do with this build of torch, and CUDA's errors in plain words.

Facts are read in one place (`read_device`); what they mean is decided by pure functions on frozen
dataclasses, so that every verdict can be tested without a card. Importing this loads no torch.
"""

import ctypes
import importlib
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from enum import StrEnum

# Tensor cores compute in bfloat16 from Ampere on.
BF16_CAPABILITY = (8, 0)
# flash-attn 2 has kernels for Ampere and later.
FLASH_ATTN_CAPABILITY = (8, 0)
NVIDIA_SMI_SECONDS = 20


class DeviceProblem(StrEnum):
    """What can be wrong between a card, its driver and the installed packages."""

    NO_DRIVER = "no_driver"
    NO_SUCH_CARD = "no_such_card"
    CPU_BUILD = "cpu_build"
    DRIVER_TOO_OLD = "driver_too_old"
    NO_KERNEL_IMAGE = "no_kernel_image"
    NO_BF16 = "no_bf16"
    FLASH_ATTN_BROKEN = "flash_attn_broken"
    FLASH_ATTN_HARDWARE = "flash_attn_hardware"
    DEVICE_BUSY = "device_busy"
    CONTEXT_LOST = "context_lost"


@dataclass(frozen=True)
class Explanation:
    """One problem in words: what is wrong, and what to do about it."""

    problem: DeviceProblem
    what: str
    fix: str

    def __str__(self) -> str:
        """Write both sentences."""
        return f"{self.what} {self.fix}"


@dataclass(frozen=True)
class DeviceFacts:
    """What is installed and what one card says of itself: number `index` of the `visible` ones.

    `runtime` is the CUDA version that torch was built with, `driver_cuda` the newest one that the
    driver runs, both (major, minor); `capability` is the card's; `architectures` are the ones that
    torch holds kernels for, as `torch.cuda.get_arch_list` names them. Memory is in bytes.
    """

    torch_version: str
    runtime: tuple[int, int] | None
    driver: str | None = None
    driver_cuda: tuple[int, int] | None = None
    architectures: tuple[str, ...] = ()
    name: str | None = None
    capability: tuple[int, int] | None = None
    total_memory: int = 0
    free_memory: int = 0
    flash_attn: str | None = None
    flash_attn_error: str | None = None
    index: int = 0
    visible: int | None = None


def read_device(index: int = 0) -> DeviceFacts:
    """Ask torch, the driver and flash-attn about a card, by torch's number; imports torch."""
    import torch  # noqa: PLC0415

    runtime = _version(torch.version.cuda)
    flash_attn, flash_attn_error = _flash_attn()
    driver, name = _nvidia_smi()
    facts = DeviceFacts(
        torch_version=torch.__version__,
        runtime=runtime,
        driver=driver,
        driver_cuda=_driver_cuda(),
        name=name,
        flash_attn=flash_attn,
        flash_attn_error=flash_attn_error,
        index=index,
    )
    if runtime is None or not torch.cuda.is_available():
        return facts
    facts = replace(facts, visible=torch.cuda.device_count())
    if index >= torch.cuda.device_count():
        return facts
    free, total = torch.cuda.mem_get_info(index)
    return replace(
        facts,
        architectures=tuple(torch.cuda.get_arch_list()),
        name=torch.cuda.get_device_name(index),
        capability=torch.cuda.get_device_capability(index),
        total_memory=total,
        free_memory=free,
    )


def card_of(device: str) -> tuple[str, int] | None:
    """Give the name and the total memory in bytes of a CUDA device in use; None for any other."""
    if not device.startswith("cuda"):
        return None
    import torch  # noqa: PLC0415

    found = torch.cuda.get_device_properties(torch.device(device))
    return found.name, found.total_memory


def has_kernels(architectures: tuple[str, ...], capability: tuple[int, int]) -> bool:
    """Tell whether a build with these architectures runs on a card of this compute capability.

    A binary (`sm_86`) runs on its own major version from its minor version on; one with a letter
    (`sm_90a`) on exactly its own; PTX (`compute_90`) on everything from its version on. Source:
    CUDA C++ Programming Guide, "Binary Compatibility" and "PTX Compatibility".
    """
    for architecture in architectures:
        match = re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", architecture)
        if match is None:
            continue
        kind, version, letter = match[1], (int(match[2]), int(match[3])), match[4]
        if letter == "a":
            fits = version == capability
        elif kind == "compute":
            fits = version <= capability
        else:
            fits = version[0] == capability[0] and version <= capability
        if fits:
            return True
    return False


def find_problems(facts: DeviceFacts) -> list[Explanation]:
    """List what will go wrong on this card, worst first; an empty list means that it fits."""
    if facts.visible is not None and facts.index >= facts.visible:
        return [_no_such_card(facts.index, facts.visible)]
    if facts.name is None:
        return [_no_driver()]
    if facts.runtime is None:
        return [_cpu_build(facts.torch_version)]
    if facts.driver_cuda is not None and facts.driver_cuda[0] < facts.runtime[0]:
        return [_driver_too_old(facts.driver, facts.runtime)]
    problems = []
    if facts.capability is not None:
        if not has_kernels(facts.architectures, facts.capability):
            problems.append(_no_kernel_image(facts.name, facts.capability))
        if facts.capability < BF16_CAPABILITY:
            problems.append(_no_bf16(facts.name))
        if facts.flash_attn is not None and facts.capability < FLASH_ATTN_CAPABILITY:
            problems.append(_flash_attn_hardware())
    if facts.flash_attn_error is not None:
        problems.append(_flash_attn_broken(facts.flash_attn_error))
    return problems


def explain(error: BaseException) -> Explanation | None:
    """Recognise an error of CUDA, its driver or flash-attn; None for anything else.

    Out of memory is not among them: it is no fault of the machine, and is handled by the plan.
    """
    text = str(error)
    for pattern, explanation in _KNOWN_ERRORS:
        if re.search(pattern, text, re.IGNORECASE):
            return explanation
    return None


def _no_driver() -> Explanation:
    return Explanation(
        DeviceProblem.NO_DRIVER,
        "No NVIDIA card can be seen.",
        "If there is one, install its driver (nvidia-smi must list the card); in a container, "
        "start it with the NVIDIA container toolkit.",
    )


def _no_such_card(index: int, visible: int) -> Explanation:
    cards = "one card, number 0" if visible == 1 else f"{visible} cards, 0 to {visible - 1}"
    return Explanation(
        DeviceProblem.NO_SUCH_CARD,
        f"There is no card number {index}: this process sees {cards}.",
        "Set NEWBIE_WORKER_DEVICE to one of these; CUDA_VISIBLE_DEVICES may hide others.",
    )


def _cpu_build(torch_version: str) -> Explanation:
    return Explanation(
        DeviceProblem.CPU_BUILD,
        f"torch {torch_version} is a CPU build and does not use the card.",
        "Run `make run GPU=1`, which installs the CUDA build.",
    )


def _driver_too_old(driver: str | None, runtime: tuple[int, int] | None) -> Explanation:
    name = f"The NVIDIA driver {driver}" if driver else "The NVIDIA driver"
    needs = f"CUDA {runtime[0]}.{runtime[1]}" if runtime else "the CUDA version"
    return Explanation(
        DeviceProblem.DRIVER_TOO_OLD,
        f"{name} is older than {needs} that torch was built with.",
        "Update the driver, or install a torch build for an older CUDA version.",
    )


def _no_kernel_image(
    name: str | None = None, capability: tuple[int, int] | None = None
) -> Explanation:
    card = f"the {name}" if name else "this card"
    version = f" (compute capability {capability[0]}.{capability[1]})" if capability else ""
    return Explanation(
        DeviceProblem.NO_KERNEL_IMAGE,
        f"This build of torch, or of a package beside it, has no kernels for {card}{version}.",
        "Install a torch build that names this compute capability: for a new card a newer CUDA "
        "version, for an old one an older version of torch.",
    )


def _no_bf16(name: str | None) -> Explanation:
    return Explanation(
        DeviceProblem.NO_BF16,
        f"The {name or 'card'} does not compute in bfloat16.",
        "Set NEWBIE_WORKER_DTYPE=float32, which needs twice the memory; float16 is accepted, but "
        "this model can overflow in it.",
    )


def _flash_attn_broken(reason: str | None = None) -> Explanation:
    return Explanation(
        DeviceProblem.FLASH_ATTN_BROKEN,
        "flash-attn is installed but cannot be loaded: it was built for another version of torch."
        + (f" ({reason})" if reason else ""),
        "Build it again: pip install --no-build-isolation --force-reinstall --no-deps flash-attn. "
        "Or set NEWBIE_WORKER_ATTENTION=native.",
    )


def _flash_attn_hardware() -> Explanation:
    return Explanation(
        DeviceProblem.FLASH_ATTN_HARDWARE,
        "flash-attn has no kernels for this card: it needs an Ampere card or a newer one.",
        "Set NEWBIE_WORKER_ATTENTION=native.",
    )


_DEVICE_BUSY = Explanation(
    DeviceProblem.DEVICE_BUSY,
    "The card is in use by another process that does not share it.",
    "End that process (nvidia-smi lists it), or set the card's compute mode to Default.",
)
_CONTEXT_LOST = Explanation(
    DeviceProblem.CONTEXT_LOST,
    "The card failed in the middle of its work, and this process cannot use it any more.",
    "The renderer starts again by itself. If it happens often, look at the kernel log for Xid "
    "messages: heat, memory or the power supply may be at fault.",
)
# First match wins: the special ones stand before the general ones.
_KNOWN_ERRORS: tuple[tuple[str, Explanation], ...] = (
    (r"FlashAttention only supports", _flash_attn_hardware()),
    (r"flash_attn.*undefined symbol|undefined symbol.*flash_attn", _flash_attn_broken()),
    (r"no kernel image is available|invalid device function", _no_kernel_image()),
    (r"driver on your system is too old", _driver_too_old(None, None)),
    (r"driver version is insufficient", _driver_too_old(None, None)),
    (r"PTX was compiled with an unsupported toolchain", _driver_too_old(None, None)),
    (r"forward compatibility was attempted", _driver_too_old(None, None)),
    (r"Found no NVIDIA driver|no CUDA-capable device is detected", _no_driver()),
    (r"Torch not compiled with CUDA", _cpu_build("here")),
    (r"busy or unavailable|exclusive-process", _DEVICE_BUSY),
    (
        r"illegal memory access|device-side assert|unspecified launch failure|misaligned address"
        r"|uncorrectable ECC|illegal instruction|hardware stack error|launch timed out"
        r"|CUBLAS_STATUS_EXECUTION_FAILED|CUDNN_STATUS_EXECUTION_FAILED|GPU is lost"
        r"|CUDA error: unknown error",
        _CONTEXT_LOST,
    ),
)


def _version(text: str | None) -> tuple[int, int] | None:
    match = re.match(r"(\d+)\.(\d+)", text or "")
    return (int(match[1]), int(match[2])) if match else None


def _driver_cuda() -> tuple[int, int] | None:
    """Ask the driver's own library which CUDA version it runs; None where there is no driver."""
    number = ctypes.c_int()
    try:
        ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(number))
    except (OSError, AttributeError):
        return None
    # 12080 means CUDA 12.8.
    return (number.value // 1000, number.value % 1000 // 10) if number.value else None


def _nvidia_smi() -> tuple[str | None, str | None]:
    """Give the driver's version and the first card's name; None where there is no driver."""
    if shutil.which("nvidia-smi") is None:
        return None, None
    try:
        answer = subprocess.run(
            ("nvidia-smi", "--query-gpu=driver_version,name", "--format=csv,noheader"),
            capture_output=True,
            text=True,
            timeout=NVIDIA_SMI_SECONDS,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None, None
    driver, _, name = (answer[0] if answer else "").partition(", ")
    return driver or None, name or None


def _flash_attn() -> tuple[str | None, str | None]:
    """Give flash-attn's version, or the first line of what keeps it from being imported."""
    if importlib.util.find_spec("flash_attn") is None:
        return None, None
    try:
        module = importlib.import_module("flash_attn")
    except (ImportError, OSError, RuntimeError) as error:
        return None, str(error).splitlines()[0][:200]
    return str(getattr(module, "__version__", "unknown")), None
