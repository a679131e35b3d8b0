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
        (
            "CUDA error: the provided PTX was compiled with an unsupported toolchain.",
            DeviceProblem.DRIVER_TOO_OLD,
        ),
        ("CUDA error: invalid device function", DeviceProblem.NO_KERNEL_IMAGE),
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


@pytest.mark.parametrize(("visible", "words"), [(1, "one card, number 0"), (2, "2 cards, 0 to 1")])
def test_a_card_that_is_not_there_is_told_before_anything_else(visible, words):
    [found] = find_problems(replace(GOOD, index=2, visible=visible, capability=None))
    assert found.problem is DeviceProblem.NO_SUCH_CARD
    assert words in found.what
    assert find_problems(replace(GOOD, index=visible - 1, visible=visible)) == []


def test_the_card_that_is_asked_about_is_the_one_that_is_read(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    answers = {
        "is_available": lambda: True,
        "device_count": lambda: 2,
        "get_arch_list": lambda: ["sm_80", "sm_90"],
        "get_device_name": ["old", "new"].__getitem__,
        "get_device_capability": [(7, 5), (9, 0)].__getitem__,
        "mem_get_info": [(1, 2), (3, 4)].__getitem__,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    old, new, none = read_device(), read_device(1), read_device(2)
    assert (old.name, old.capability, old.free_memory) == ("old", (7, 5), 1)
    assert (new.name, new.capability, new.total_memory) == ("new", (9, 0), 4)
    assert (none.capability, none.index, none.visible) == (None, 2, 2)


def test_importing_it_loads_no_torch():
    program = "import sys, newbie_pipeline.device; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
