"""A plan in words, numbers and JSON: what `newbie plan` prints and the worker logs."""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from newbie_pipeline.memory.budget import GIB
from newbie_pipeline.memory.plan import ComponentPlan, MemoryPlan, Placement, Stage, StagePlan
from newbie_pipeline.memory.sizes import TITLES, Component

MIB = 1024**2
LINE_WIDTH = 100
MEANING = {
    Placement.RESIDENT: "on the device all the time",
    Placement.STREAMED: "on the host, block by block to the device",
    Placement.MOVED: "on the host, on the device while it runs",
    Placement.CPU: "on the host, computed on the CPU",
    Placement.ABSENT: "not loaded",
}


def plan_lines(plan: MemoryPlan, measured: Mapping[Stage, int] | None = None) -> list[str]:
    """Show a plan in lines of at most 100 columns.

    `measured` gives the measured peak bytes of stages, shown beside the predicted ones.
    """
    parts = [*_components(plan), *_adapters(plan)]
    return [*_head(plan), "", *parts, "", *_stages(plan, measured)]


def plan_data(plan: MemoryPlan) -> dict[str, Any]:
    """Give a plan as plain data for JSON; sizes in bytes."""
    request = plan.request
    return {
        "model": plan.model,
        "device": plan.device,
        "request": {
            "width": request.picture.width,
            "height": request.picture.height,
            "batch": request.picture.batch,
            "tokens": request.picture.tokens,
            "dtype": request.precision.value,
            "steps": request.num_inference_steps,
            "cfg": request.cfg,
            "text_encoder": "clip_only" if request.clip_only else "full",
            "assist": request.writes_prompts,
        },
        "budget_bytes": plan.budget_bytes,
        "host_budget_bytes": plan.host_budget_bytes,
        "peak_bytes": plan.peak_bytes,
        "host_bytes": plan.host_bytes,
        "cfg_passes": plan.cfg_passes,
        "vae_tile": plan.vae_tile,
        "pinned": plan.pinned,
        "rank": plan.rank,
        "seconds": round(plan.seconds, 3),
        "components": {part.component.value: _component_data(part) for part in plan.components},
        "adapters": [
            {"name": one.name, "weight_bytes": one.added.parameters * request.precision.bytes}
            for one in plan.adapters
        ],
        "stages": {part.stage.value: _stage_data(part) for part in plan.stages},
    }


def gib(size: int) -> str:
    """Write bytes as GiB."""
    return f"{size / GIB:.2f}"


def _component_data(part: ComponentPlan) -> dict[str, Any]:
    return {
        "placement": part.placement.value,
        "quantization": None if part.quantization is None else part.quantization.value,
        "weight_bytes": part.weight_bytes,
        "device_bytes": part.device_bytes,
        "host_bytes": part.host_bytes,
    }


def _stage_data(part: StagePlan) -> dict[str, Any]:
    return {
        "peak_bytes": part.peak_bytes,
        "resident_bytes": part.resident_bytes,
        "transient_bytes": part.transient_bytes,
        "activation_bytes": part.activation_bytes,
        "reserve_bytes": part.reserve_bytes,
        "seconds": round(part.seconds, 3),
        "extra_seconds": round(part.extra_seconds, 3),
    }


def _head(plan: MemoryPlan) -> list[str]:
    request, picture = plan.request, plan.request.picture
    guidance = "without guidance"
    if request.cfg:
        guidance = f"guidance in {'one pass' if plan.cfg_passes == 1 else 'two passes'}"
    decoding = "VAE whole"
    if plan.vae_tile is not None:
        decoding = f"VAE in tiles of {plan.vae_tile}"
    quantized = "some of it quantised" if plan.quantized else "nothing quantised"
    if plan.device == "cpu":
        limit = "" if plan.host_budget_bytes is None else f" of {gib(plan.host_budget_bytes)}"
        memory = f"everything on the CPU: {gib(plan.peak_bytes)}{limit} GiB of host memory"
    else:
        limit = "" if plan.host_budget_bytes is None else f" of {gib(plan.host_budget_bytes)}"
        memory = (
            f"device {gib(plan.peak_bytes)} of {gib(plan.budget_bytes or 0)} GiB, "
            f"host {gib(plan.host_bytes)}{limit} GiB"
        )
        streams = any(part.placement is Placement.STREAMED for part in plan.components)
        if streams and not plan.pinned:
            memory += " (not pinned: slower)"
    return [
        f"{plan.model}, {request.precision.value}, {picture.width} x {picture.height}, "
        f"batch {picture.batch}, {request.num_inference_steps} steps",
        f"{quantized}, {guidance}, {decoding}",
        memory,
    ]


def _components(plan: MemoryPlan) -> list[str]:
    lines = [f"{'part':<7} {'plan':<16} {'weights':>8} {'device':>8} {'host':>8}   GiB"]
    for part in plan.components:
        kind = "" if part.quantization is None else f" {part.quantization.value}"
        sizes = (part.weight_bytes, part.device_bytes, part.host_bytes)
        numbers = " ".join(f"{gib(size):>8}" for size in sizes)
        meaning = MEANING[part.placement]
        placed = f"{part.placement.value}{kind}"
        lines.append(f"{TITLES[part.component]:<7} {placed:<16} {numbers}   {meaning}")
    return lines


def _adapters(plan: MemoryPlan) -> list[str]:
    if not plan.adapters:
        return []
    size = plan.request.precision.bytes
    named = (f"{one.name} {one.added.parameters * size / MIB:.1f} MiB" for one in plan.adapters)
    title = TITLES[Component.TRANSFORMER]
    return wrap(f"of the {title}, adapters: {', '.join(named)}", LINE_WIDTH, break_on_hyphens=False)


def _stages(plan: MemoryPlan, measured: Mapping[Stage, int] | None) -> list[str]:
    titles = ("resident", "passing", "work", "reserve", "peak")
    head = f"{'stage':<8}" + "".join(f" {title:>8}" for title in titles)
    head += f" {'measured':>8}" if measured is not None else ""
    lines = [f"{head}   GiB {'seconds':>9}"]
    for part in plan.stages:
        sizes = [
            part.resident_bytes,
            part.transient_bytes,
            part.activation_bytes,
            part.reserve_bytes,
            part.peak_bytes,
        ]
        line = f"{part.stage.value:<8}" + "".join(f" {gib(size):>8}" for size in sizes)
        if measured is not None:
            found = measured.get(part.stage)
            line += f" {'-' if found is None else gib(found):>8}"
        extra = f"+{part.extra_seconds:.1f}" if part.extra_seconds >= 0.05 else ""
        lines.append(f"{line} {part.seconds:>14.1f} {extra}".rstrip())
    return [*lines, "+: seconds beyond everything resident; all seconds assume a middling card"]
