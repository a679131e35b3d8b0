"""`newbie plan`: show how the model would be held in memory; loads nothing but with `--measure`.

Sizes come from a checkpoint's headers or are the published ones; memory comes from this machine or
from `--vram`. Exit codes: 0 a plan fits, 1 none does or the checkpoint cannot be read, 2 usage.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from newbie_cli.machine_memory import Gpu
    from newbie_pipeline.memory.budget import Budget
    from newbie_pipeline.memory.plan import PlanRequest
    from newbie_pipeline.memory.sizes import ModelSizes

_MODEL_VARIABLE = "NEWBIE_WORKER_MODEL"
_DTYPES = {
    "bf16": "bfloat16",
    "bfloat16": "bfloat16",
    "fp16": "float16",
    "float16": "float16",
    "fp32": "float32",
    "float32": "float32",
}
_MOST_STEPS = 1000
_LONG_PROMPT = ", ".join(f"{number} blue flowers" for number in range(200))


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `plan` command."""
    parser = subparsers.add_parser(
        "plan",
        help="show how the model fits into memory",
        description="Show the memory plan and what it is predicted to take; nothing is loaded, "
        "but with --measure, which draws one picture and shows what that took.",
        epilog="exit codes: 0 a plan fits, 1 none fits or no checkpoint, 2 usage",
    )
    parser.add_argument(
        "--vram", type=_gib, metavar="GB", help="a card of this size; default: this machine's GPU"
    )
    parser.add_argument(
        "--size", type=_size, default=(1024, 1024), metavar="WIDTHxHEIGHT", help="default 1024x1024"
    )
    parser.add_argument("--batch", type=_positive, default=1, help="pictures at once")
    parser.add_argument("--steps", type=_positive, default=28, help="denoising steps")
    parser.add_argument(
        "--dtype", choices=_DTYPES, help="default: bfloat16 on a GPU, float32 on the CPU"
    )
    parser.add_argument("--no-cfg", action="store_true", help="without guidance")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--model",
        type=_named,
        metavar="DIR",
        help=f"checkpoint; default: {_MODEL_VARIABLE}, else --full",
    )
    which.add_argument("--full", action="store_true", help="the published model's sizes")
    parser.add_argument("--text-encoder", choices=("full", "clip_only"), default="full")
    parser.add_argument(
        "--quantize",
        default="",
        metavar="WHAT",
        help="what may be quantised, as gemma:nf4,transformer:int8; with ! it is in any case",
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help='use at most this, as 16GiB or {0: "10GiB", "cpu": "30GiB"}',
    )
    parser.add_argument(
        "--measure",
        action="store_true",
        help="load the checkpoint, draw one step and show measured beside predicted",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the plan, print it, and give the exit code."""
    from newbie_pipeline.errors import CheckpointError, MemoryPlanError
    from newbie_pipeline.memory.planner import make_plan
    from newbie_pipeline.memory.quantization import parse_quantize
    from newbie_pipeline.memory.table import plan_data, plan_lines

    if args.measure:
        return _measure(args)
    try:
        gpu = _gpu(args)
        budget = _budget(args, gpu)
        quantize = parse_quantize(args.quantize)
        request = _request(args, on_gpu=budget.device_bytes is not None)
    except MemoryPlanError as error:
        return _fail(2, str(error))
    try:
        sizes = _sizes(args)
        plan = make_plan(sizes, request, budget, quantize)
    except CheckpointError as error:
        return _fail(1, str(error))
    except MemoryPlanError as error:
        return _fail(1, f"{_machine(args, gpu)}; {error}")
    machine = _machine(args, gpu)
    if args.json:
        return _show(json.dumps({"machine": machine, **plan_data(plan)}, indent=2))
    return _show("\n".join([machine, *plan_lines(plan)]))


def _measure(args: argparse.Namespace) -> int:
    """Run the plan on this machine, with a prompt that fills all of its tokens."""
    from newbie_pipeline.device import explain
    from newbie_pipeline.errors import PipelineError, RenderInputError

    named = args.model or os.environ.get(_MODEL_VARIABLE) or ""
    if reason := _cannot_measure(args, named):
        return _fail(2, reason)
    try:
        lines, data = _measured(args, named)
    except RenderInputError as error:
        return _fail(2, str(error))
    except PipelineError as error:
        return _fail(1, str(error))
    except (RuntimeError, AssertionError) as error:
        # Torch's words for a card, a driver or a build that will not do.
        if (explanation := explain(error)) is None:
            raise
        return _fail(1, str(explanation))
    return _show(json.dumps(data, indent=2) if args.json else "\n".join(lines))


def _cannot_measure(args: argparse.Namespace, named: str) -> str | None:
    """Say what is wrong with the arguments of a measurement, if anything is."""
    from newbie_pipeline.errors import MemoryPlanError
    from newbie_pipeline.memory.budget import parse_max_memory
    from newbie_pipeline.memory.quantization import parse_quantize

    if args.vram is not None or args.full or not named:
        return (
            f"--measure runs a checkpoint on this machine: name it with --model or "
            f"{_MODEL_VARIABLE}, and leave --vram and --full out"
        )
    if args.batch > 1:
        return "--measure draws one picture at a time: leave --batch out"
    try:
        parse_quantize(args.quantize)
        parse_max_memory(args.memory or "0")
    except MemoryPlanError as error:
        return str(error)
    return None


def _measured(args: argparse.Namespace, named: str) -> tuple[list[str], dict[str, Any]]:
    import logging

    from newbie_pipeline.checkpoints.sources import parse_source
    from newbie_pipeline.render import LoadOptions, Renderer, RenderSpec

    options = LoadOptions(
        dtype=None if args.dtype is None else _DTYPES[args.dtype],
        clip_only=args.text_encoder == "clip_only",
        quantize=args.quantize,
        max_memory=args.memory,
    )
    renderer = Renderer.load(parse_source(named), options)
    width, height = args.size
    guidance = 1.0 if args.no_cfg else 4.0
    spec = RenderSpec(_LONG_PROMPT, "", width, height, 1, guidance, seeds=(0,))
    logger = logging.getLogger("newbie_pipeline.text_conditioning")
    level = logger.level
    logger.setLevel(logging.ERROR)  # the prompt is meant to be too long
    try:
        renderer.render(spec, lambda _step, _total: None, lambda: False)
    finally:
        logger.setLevel(level)
    measured = renderer.take_measured()
    assert measured is not None  # noqa: S101 - a whole render is over
    return measured


def _machine(args: argparse.Namespace, gpu: "Gpu | None") -> str:
    from newbie_pipeline.memory.table import gib

    if args.vram is not None:
        return f"a card of {args.vram:g} GB, a tenth of it left to driver and desktop"
    if gpu is None:
        return "no GPU was found on this machine: everything runs on the CPU"
    return f"{gpu.name}: {gib(gpu.free_bytes)} of {gib(gpu.total_bytes)} GiB free"


def _gpu(args: argparse.Namespace) -> "Gpu | None":
    if args.vram is not None:
        return None
    from newbie_cli.machine_memory import find_gpu

    return find_gpu()


def _budget(args: argparse.Namespace, gpu: "Gpu | None") -> "Budget":
    from newbie_pipeline.memory.budget import (
        Budget,
        capped,
        card_budget,
        free_budget,
        parse_max_memory,
    )
    from newbie_pipeline.memory.machine import available_host_bytes

    if args.vram is not None:
        budget = Budget(card_budget(args.vram))
    else:
        device = None if gpu is None else free_budget(gpu.free_bytes)
        budget = Budget(device, available_host_bytes())
    if args.memory is None:
        return budget
    limit = parse_max_memory(args.memory)
    if isinstance(limit, dict):
        return capped(budget, max_memory=limit)
    return capped(budget, memory=limit)


def _request(args: argparse.Namespace, on_gpu: bool) -> "PlanRequest":
    from newbie_pipeline.memory.activations import Picture
    from newbie_pipeline.memory.plan import PlanRequest
    from newbie_pipeline.memory.sizes import Precision

    width, height = args.size
    default = Precision.BFLOAT16 if on_gpu else Precision.FLOAT32
    return PlanRequest(
        picture=Picture(width, height, args.batch),
        precision=default if args.dtype is None else Precision(_DTYPES[args.dtype]),
        cfg=not args.no_cfg,
        num_inference_steps=args.steps,
        clip_only=args.text_encoder == "clip_only",
    )


def _sizes(args: argparse.Namespace) -> "ModelSizes":
    from newbie_pipeline.memory.published import PUBLISHED

    named = args.model or os.environ.get(_MODEL_VARIABLE)
    if args.full or not named:
        return PUBLISHED
    from newbie_pipeline.checkpoints.sources import parse_source
    from newbie_pipeline.memory.reading import checkpoint_sizes

    return checkpoint_sizes(parse_source(str(Path(named))))


def _show(text: str) -> int:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever reads has seen enough, as `head` has; Python must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _fail(exit_code: int, reason: str) -> int:
    print(f"newbie plan: {reason}", file=sys.stderr)
    return exit_code


def _gib(text: str) -> float:
    match = re.fullmatch(r"(\d{1,5}(?:\.\d+)?)\s*(?:gi?b)?", text, re.IGNORECASE)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError("write the card's size in gigabytes, for example 16")
    return float(match[1])


def _positive(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= _MOST_STEPS:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {_MOST_STEPS}, not {text!r}")
    return int(text)


def _named(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("name a folder or a file, or leave --model out")
    return text


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,5})[xX×](\d{2,5})", text)
    if match is None or int(match[1]) < 16 or int(match[2]) < 16:
        raise argparse.ArgumentTypeError("write WIDTHxHEIGHT, for example 1024x1024")
    return int(match[1]), int(match[2])
