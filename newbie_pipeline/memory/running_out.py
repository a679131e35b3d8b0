"""Recognises that memory ran out, whoever says so: torch, cuBLAS, cuDNN, bitsandbytes, the host."""

import re

import torch

_TEXT = re.compile(
    r"CUDA out of memory|CUDA error: out of memory|CUDA Error.*out of memory"
    r"|cudaErrorMemoryAllocation|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED"
    r"|CUDNN_STATUS_INTERNAL_ERROR_(HOST|DEVICE)_ALLOCATION_FAILED"
    r"|DefaultCPUAllocator: (not enough|can't allocate) memory",
    re.IGNORECASE | re.DOTALL,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that device or host memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _TEXT.search(str(error)) is not None
