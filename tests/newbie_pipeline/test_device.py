"""Cards, drivers and CUDA's errors are explained in words, without a card to try them on."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from newbie_pipeline.device import (
    DeviceFacts,
    DeviceProblem,
    explain,
    find_problems,
    has_kernels,
    read_device,
)

GIB = 2**30
GOOD = DeviceFacts(
    torch_version="2.13.0+cu130",
    runtime=(13, 0),
    driver="580.65",
    driver_cuda=(13, 0),
    architectures=("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"),
    name="NVIDIA GeForce RTX 4080",
    capability=(8, 9),
    total_memory=16 * GIB,
    free_memory=15 * GIB,
    flash_attn="2.8.3",
)


@pytest.mark.parametrize(
    ("architectures", "capability", "runs"),
    [
        (("sm_80",), (8, 0), True),
        (("sm_80",), (8, 9), True),
        (("sm_86",), (8, 0), False),
        (("sm_80",), (9, 0), False),
        (("sm_90a",), (9, 0), True),
        (("sm_90a",), (9, 1), False),
        (("compute_80",), (12, 0), True),
        (("compute_90",), (8, 9), False),
        (("sm_120",), (12, 0), True),
        (("sm_120",), (12, 1), True),
        (("sm_90", "sm_100"), (12, 0), False),
        ((), (8, 0), False),
        (("gfx90a",), (9, 0), False),
    ],
)
def test_kernels_run_where_the_cuda_guide_says(architectures, capability, runs):
    assert has_kernels(architectures, capability) is runs


def test_a_card_that_fits_has_no_problem():
    assert find_problems(GOOD) == []


@pytest.mark.parametrize(
    ("change", "problem", "words"),
    [
        ({"name": None, "driver": None}, DeviceProblem.NO_DRIVER, "nvidia-smi"),
        ({"runtime": None}, DeviceProblem.CPU_BUILD, "make run GPU=1"),
        ({"driver_cuda": (12, 4)}, DeviceProblem.DRIVER_TOO_OLD, "580.65"),
        ({"capability": (7, 0)}, DeviceProblem.NO_KERNEL_IMAGE, "7.0"),
        ({"capability": (7, 5)}, DeviceProblem.NO_BF16, "NEWBIE_WORKER_DTYPE"),
        ({"capability": (7, 5)}, DeviceProblem.FLASH_ATTN_HARDWARE, "NEWBIE_WORKER_ATTENTION"),
        (
            {"flash_attn": None, "flash_attn_error": "undefined symbol: _ZN3c10"},
            DeviceProblem.FLASH_ATTN_BROKEN,
            "undefined symbol: _ZN3c10",
        ),
    ],
)
def test_each_problem_is_found_and_says_what_to_do(change, problem, words):
    found = {entry.problem: str(entry) for entry in find_problems(replace(GOOD, **change))}
    assert words in found[problem]


def test_a_driver_of_the_same_major_version_is_new_enough():
    older = replace(GOOD, runtime=(12, 9), driver_cuda=(12, 2))
    assert find_problems(older) == []


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (
            "CUDA error: no kernel image is available for execution on the device",
            DeviceProblem.NO_KERNEL_IMAGE,
        ),
        (
            "The NVIDIA driver on your system is too old (found version 11040).",
            DeviceProblem.DRIVER_TOO_OLD,
        ),
        (
            "CUDA error: CUDA driver version is insufficient for CUDA runtime version",
            DeviceProblem.DRIVER_TOO_OLD,
        ),
        ("FlashAttention only supports Ampere GPUs or newer.", DeviceProblem.FLASH_ATTN_HARDWARE),
        (
            "/venv/flash_attn_2_cuda.cpython-311.so: undefined symbol: _ZN3c104cuda9",
            DeviceProblem.FLASH_ATTN_BROKEN,
        ),
        ("Torch not compiled with CUDA enabled", DeviceProblem.CPU_BUILD),
        ("CUDA error: an illegal memory access was encountered", DeviceProblem.CONTEXT_LOST),
        ("CUDA error: device-side assert triggered", DeviceProblem.CONTEXT_LOST),
        (
            "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
            DeviceProblem.DEVICE_BUSY,
        ),
    ],
)
def test_cuda_errors_are_recognised(message, problem):
    explanation = explain(RuntimeError(message))
    assert explanation is not None
    assert explanation.problem is problem


@pytest.mark.parametrize(
    "message",
    ["CUDA out of memory. Tried to allocate 2.00 GiB", "mat1 and mat2 shapes cannot be multiplied"],
)
def test_other_errors_are_left_alone(message):
    assert explain(RuntimeError(message)) is None


def test_what_torch_says_of_a_missing_card_is_recognised():
    if torch.cuda.is_available():
        pytest.skip("there is a card here")
    with pytest.raises((AssertionError, RuntimeError)) as caught:
        torch.zeros(1, device="cuda")
    assert explain(caught.value) is not None


def test_this_machine_can_be_read():
    facts = read_device()
    assert facts.torch_version == torch.__version__
    assert (facts.capability is not None) == torch.cuda.is_available()


def test_importing_it_loads_no_torch():
    program = "import sys, newbie_pipeline.device; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
