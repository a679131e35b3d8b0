"""Recognises that memory ran out, whoever says so: torch, cuBLAS, cuDNN, bitsandbytes, the host."""

import re
from enum import StrEnum

import torch

_DEVICE = re.compile(
    # "CUDA out of memory", "CUDA error: ...", "CUDA driver error: ...", "Triton Error [CUDA]: ..."
    r"\bCUDA\b[^\n]{0,20}out of memory|cudaErrorMemoryAllocation"
    r"|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED"
    r"|CUDNN_STATUS_INTERNAL_ERROR_(HOST|DEVICE)_ALLOCATION_FAILED"
    # cuBLAS and cuDNN cannot make their handle: on a card that works, for want of memory.
    r"|CUBLAS_STATUS_NOT_INITIALIZED.*cublasCreate|CUDNN_STATUS_NOT_INITIALIZED"
    # torch tries all of cuDNN's ways to convolve, and keeps to itself that each ran out of memory.
    r"|unable to find an engine to execute this computation",
    re.IGNORECASE | re.DOTALL,
)
_HOST = re.compile(r"DefaultCPUAllocator: (not enough|can't allocate) memory", re.IGNORECASE)


class Shortage(StrEnum):
    """Whose memory ran out."""

    DEVICE = "device"
    HOST = "host"


def what_ran_out(error: BaseException) -> Shortage | None:
    """Tell whose memory an error says to have run out; None for any other error."""
    if isinstance(error, torch.OutOfMemoryError):
        return Shortage.DEVICE
    if isinstance(error, MemoryError):
        return Shortage.HOST
    if not isinstance(error, RuntimeError):
        return None
    if _HOST.search(str(error)):
        return Shortage.HOST
    return Shortage.DEVICE if _DEVICE.search(str(error)) else None


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that device or host memory ran out."""
    return what_ran_out(error) is not None
