"""The checkpoint that a worker would load, and whether it fits into the memory of this machine."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from newbie_cli.doctor.findings import Finding, failure, ok, skipped

if TYPE_CHECKING:
    from newbie_pipeline.checkpoints.sources import Source

GIB = 2**30


def check_model(text: str | None) -> list[Finding]:
    """Look whether the checkpoint is complete and strict, and whether a memory plan fits it."""
    from newbie_pipeline.checkpoints.layouts import parse_source
    from newbie_pipeline.errors import PipelineError

    if text is None:
        detail = "NEWBIE_WORKER_MODEL is not set: `newbie run` draws with a tiny random model"
        return [skipped("checkpoint", detail)]
    try:
        source = parse_source(text)
        findings = [_complete(source)]
    except PipelineError as error:
        fix = "`newbie download` fetches a complete one; a damaged file must be fetched again."
        return [failure("checkpoint", str(error), fix)]
    return [*findings, _memory(source)]


def _complete(source: "Source") -> Finding:
    """Find every file and, where torch is there, build each model on paper and compare its keys."""
    from newbie_pipeline.checkpoints.layouts import find_checkpoint

    checkpoint = find_checkpoint(source)
    files = {path for part in checkpoint.components().values() for path in part.weights}
    size = sum(path.stat().st_size for path in files) / GIB
    if find_spec("torch") is None:
        return ok(
            "checkpoint", f"{checkpoint.layout}, {size:.1f} GiB; its keys need torch to check"
        )
    import torch

    from newbie_pipeline.checkpoints.components import load_language_head
    from newbie_pipeline.checkpoints.loading import load_components

    # On the meta device everything is checked but the numbers themselves, and none is read.
    load_components(source, torch.bfloat16, "meta", progress=lambda *_: None)
    load_language_head(checkpoint.text_encoder, torch.bfloat16, torch.device("meta"))
    return ok("checkpoint", f"{checkpoint.layout}, {size:.1f} GiB; every key, shape and tokenizer")


def _memory(source: "Source") -> Finding:
    """Plan one picture of the usual size on this machine, by default settings."""
    from newbie_cli.machine_memory import find_gpu
    from newbie_pipeline.errors import MemoryPlanError
    from newbie_pipeline.memory.budget import Budget, free_budget
    from newbie_pipeline.memory.machine import available_host_bytes
    from newbie_pipeline.memory.plan import PlanRequest
    from newbie_pipeline.memory.planner import affordable, make_plan
    from newbie_pipeline.memory.reading import checkpoint_sizes
    from newbie_pipeline.memory.sizes import Precision

    gpu = find_gpu()
    precision = Precision.FLOAT32 if gpu is None else Precision.BFLOAT16
    budget = Budget(None if gpu is None else free_budget(gpu.free_bytes), available_host_bytes())
    try:
        sizes = checkpoint_sizes(source)
        request = PlanRequest(precision=precision, writes_prompts=True)
        plan = make_plan(sizes, affordable(sizes, request, budget), budget)
    except MemoryPlanError as error:
        return failure("memory", str(error), "`newbie plan --help` lists what can be allowed.")
    where = ", ".join(f"{part.component.value} {part.placement.value}" for part in plan.components)
    return ok(
        "memory", f"a picture needs {plan.peak_bytes / GIB:.1f} GiB on the {plan.device}: {where}"
    )
