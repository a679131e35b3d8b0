"""The graphics card and the disk of this machine."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from newbie_cli.doctor.findings import Finding, failure, ok, skipped, warning

if TYPE_CHECKING:
    from newbie_pipeline.device import DeviceFacts

GIB = 2**30
# Logs, Redis's file and finished pictures that wait; below it an append-only file soon fails.
LEAST_FREE = 2 * GIB
# These keep a model from running on the card at all; the others only make it slower.
FATAL = ("driver_too_old", "no_kernel_image")


def check_card() -> list[Finding]:
    """Look at card, driver, bf16 and flash-attn."""
    if find_spec("torch") is None:
        return [skipped("card", "torch is not installed: this machine cannot be a worker")]
    from newbie_pipeline.device import read_device

    return judge_card(read_device())


def judge_card(facts: "DeviceFacts") -> list[Finding]:
    """Turn what is known of a card into lines."""
    from newbie_pipeline.device import DeviceProblem, find_problems

    problems = find_problems(facts)
    if facts.name is None:
        fix = problems[0].fix
        return [warning("card", "none; pictures are drawn on the processor, slowly", fix)]
    driver = f"driver {facts.driver}" if facts.driver else "driver unknown"
    findings = [ok("card", f"{facts.name}, {facts.total_memory / GIB:.1f} GiB, {driver}")]
    seen = {one.problem for one in problems}
    if facts.capability is not None and DeviceProblem.NO_KERNEL_IMAGE not in seen:
        known = ", ".join(facts.architectures) or "none"
        level = f"{facts.capability[0]}.{facts.capability[1]}"
        findings.append(ok("capability", f"{level}; this torch holds kernels for {known}"))
    findings += [
        (failure if one.problem.value in FATAL else warning)(
            one.problem.value.replace("_", " "), one.what, one.fix
        )
        for one in problems
    ]
    if facts.capability is not None and DeviceProblem.NO_BF16 not in seen:
        findings.append(ok("bf16", "the card computes in bfloat16"))
    if facts.flash_attn is not None and DeviceProblem.FLASH_ATTN_HARDWARE not in seen:
        findings.append(ok("flash-attn", facts.flash_attn))
    elif facts.flash_attn_error is None and facts.capability is not None:
        findings.append(skipped("flash-attn", "not installed; PyTorch's own attention is used"))
    return findings


def check_disk(data_dir: Path) -> list[Finding]:
    """Look at the free space where Redis, logs and models are written."""
    place = data_dir
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{free / GIB:.1f} GiB free at {data_dir}"
    if free < LEAST_FREE:
        return [failure("disk", detail, "Free some space: a full disk stops the queue.")]
    return [ok("disk", detail)]
