"""The choice of the attention backend: one setting, found to be usable before anything renders.

Names are diffusers' own (`AttentionBackendName`). "auto" takes flash-attn's variable-length form
where the package, the device and the number format allow it, and PyTorch's own attention elsewhere.
"""

import torch
from diffusers.models.attention_dispatch import (
    AttentionBackendName,
    _check_attention_backend_requirements,
)
from diffusers.models.modeling_utils import ModelMixin

from newbie_pipeline.errors import PipelineError

AUTO = "auto"
FLASH = AttentionBackendName.FLASH_VARLEN.value
NATIVE = AttentionBackendName.NATIVE.value
# What PyTorch brings itself and runs on every device.
ON_ANY_DEVICE = frozenset({NATIVE, AttentionBackendName._NATIVE_MATH.value, "flex"})
ON_CPU = ON_ANY_DEVICE | {AttentionBackendName._NATIVE_FLASH.value}
OTHER_DEVICES = frozenset({"_native_npu", "_native_xla"})


class AttentionBackendError(PipelineError):
    """The wanted attention backend is unknown or cannot run here; the message lists what can."""


def available_attention_backends(
    device: torch.device | str, dtype: torch.dtype = torch.bfloat16
) -> tuple[str, ...]:
    """Name the backends that can run on this device with weights of this type.

    Backends that would first download a kernel from the Hub are left out.
    """
    kind = torch.device(device).type
    names = [backend.value for backend in AttentionBackendName]
    return tuple(sorted(name for name in names if _can_run(name, kind, dtype)))


def choose_attention_backend(
    wanted: str | None, device: torch.device | str, dtype: torch.dtype = torch.bfloat16
) -> str:
    """Give the backend's name for a setting; None and "auto" choose.

    Raises AttentionBackendError for a name that is unknown or cannot run here.
    """
    available = available_attention_backends(device, dtype)
    if wanted is None or wanted.lower() == AUTO:
        return FLASH if FLASH in available else NATIVE
    name = wanted.lower()
    if name not in available:
        raise AttentionBackendError(
            f"attention backend {wanted!r} cannot run on {torch.device(device).type} with {dtype}; "
            f"choose one of: {', '.join((AUTO, *available))}"
        )
    return name


def apply_attention_backend(
    model: ModelMixin, wanted: str | None, device: torch.device | str | None = None
) -> str:
    """Choose a backend for a model and set it; gives the name, for the log.

    Without `device` the model's own counts: hand the render's device in where weights are
    offloaded. Raises AttentionBackendError as `choose_attention_backend` does.
    """
    name = choose_attention_backend(wanted, device or model.device, model.dtype)
    model.set_attention_backend(name)
    return name


def _can_run(name: str, kind: str, dtype: torch.dtype) -> bool:
    if kind != "cuda":
        return name in (ON_CPU if kind == "cpu" else ON_ANY_DEVICE)
    if name in OTHER_DEVICES or "hub" in name:
        return False
    if name not in ON_ANY_DEVICE and dtype not in (torch.bfloat16, torch.float16):
        return False
    try:
        _check_attention_backend_requirements(AttentionBackendName(name))
    except RuntimeError:
        return False
    return True
