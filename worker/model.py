"""Loads the renderer's model as the settings say; what keeps it from loading is logged in words."""

from typing import TYPE_CHECKING

import structlog

from newbie_pipeline.device import (
    DeviceProblem,
    Explanation,
    explain,
    find_problems,
    read_device,
)
from worker.settings import WorkerSettings

if TYPE_CHECKING:
    from newbie_pipeline.render import LoadOptions, Renderer

log = structlog.get_logger("renderer")

# With these nothing can be drawn on the card.
FATAL = {
    DeviceProblem.NO_DRIVER,
    DeviceProblem.NO_SUCH_CARD,
    DeviceProblem.CPU_BUILD,
    DeviceProblem.DRIVER_TOO_OLD,
    DeviceProblem.NO_KERNEL_IMAGE,
}


def load_model(settings: WorkerSettings) -> "Renderer | None":
    """Load the checkpoint; None, with the reason in the log, when that cannot be done."""
    from newbie_pipeline.checkpoints.sources import parse_source  # noqa: PLC0415
    from newbie_pipeline.errors import PipelineError  # noqa: PLC0415
    from newbie_pipeline.render import Renderer  # noqa: PLC0415

    try:
        if not _device_will_do(settings):
            return None
        renderer = Renderer.load(parse_source(settings.model), options_of(settings))
    except PipelineError as error:
        log.error("model_not_loaded", model=settings.model, reason=str(error))
        return None
    except Exception as error:  # the edge of the process: what we know of gets words
        explanation = explain(error)
        if explanation is None:
            raise
        _log_problem("model_not_loaded", explanation)
        return None
    return renderer


def options_of(settings: WorkerSettings) -> "LoadOptions":
    """Write the settings as what the pipeline takes."""
    from newbie_pipeline.lora.adapter_file import parse_adapter_files  # noqa: PLC0415
    from newbie_pipeline.render import LoadOptions  # noqa: PLC0415

    return LoadOptions(
        device=settings.device,
        dtype=settings.dtype,
        attention=settings.attention,
        solver=settings.solver,
        adapters=tuple(parse_adapter_files(settings.loras or "")),
        clip_only=settings.text_encoder == "clip_only",
        quantize=settings.quantize or "",
        memory=settings.memory,
        max_memory=settings.max_memory,
    )


def fatal_problems(
    problems: list[Explanation], device: str, dtype: str | None
) -> list[Explanation]:
    """Pick what makes it pointless to load: nothing does on the CPU."""
    if not device.startswith("cuda"):
        return []
    without_bf16 = {DeviceProblem.NO_BF16} if dtype in (None, "bfloat16") else set()
    return [found for found in problems if found.problem in FATAL | without_bf16]


def _device_will_do(settings: WorkerSettings) -> bool:
    """Look at the card before 16 GB are read for it."""
    from newbie_pipeline.render import choose_device  # noqa: PLC0415

    device = choose_device(settings.device)
    index = device.partition(":")[2]
    facts = read_device(int(index or 0))
    if device == "cpu" and (settings.device is not None or facts.name is None):
        return True
    problems = find_problems(facts)
    fatal = fatal_problems(problems, device, settings.dtype)
    for problem in problems:
        _log_problem("model_not_loaded" if problem in fatal else "device_problem", problem)
    return not fatal


def _log_problem(event: str, found: Explanation) -> None:
    level = log.error if event == "model_not_loaded" else log.warning
    level(event, problem=found.problem.value, reason=found.what, fix=found.fix)
