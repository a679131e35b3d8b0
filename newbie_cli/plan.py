"""`newbie plan`: show how the model would be held in memory; loads nothing but with `--measure`.

Sizes come from the headers of a checkpoint and of adapters, or are the published ones; memory comes
from this machine or from `--vram`. Where the worker's checkpoint is planned for, so are its
adapters, its choice of text encoders and how it encodes characters. Exit codes: 0 a plan fits, 1
none does or a file cannot be used, 2 usage.
"""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from newbie_cli import worker_settings
from newbie_cli.plan_options import DTYPES, add_options

if TYPE_CHECKING:
    from newbie_cli.machine_memory import Gpu
    from newbie_pipeline.lora.adapter_file import AdapterFile
    from newbie_pipeline.memory.budget import Budget
    from newbie_pipeline.memory.plan import PlanRequest
    from newbie_pipeline.memory.sizes import ModelSizes
    from newbie_pipeline.prompt.passages import CharacterEncoding

_LONG = ", ".join(f"{number} blue flowers" for number in range(200))
# Fills all tokens of a caption, whether characters are encoded together or one by one.
_LONG_PROMPT = "\n".join(
    f"<character_{number}><appearance>{_LONG}</appearance></character_{number}>"
    for number in (1, 2)
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `plan` command."""
    parser = subparsers.add_parser(
        "plan",
        help="show how the model fits into memory",
        description="Show the memory plan and what it is predicted to take; nothing is loaded, "
        "but with --measure, which draws one picture and shows what that took.",
        epilog="exit codes: 0 a plan fits, 1 none fits or no checkpoint, 2 usage",
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the plan, print it, and give the exit code."""
    from newbie_pipeline.errors import (
        AdapterError,
        CheckpointError,
        MemoryPlanError,
        RenderInputError,
    )
    from newbie_pipeline.memory.planner import affordable, make_plan
    from newbie_pipeline.memory.quantization import parse_quantize
    from newbie_pipeline.memory.table import plan_data, plan_lines

    if args.measure:
        return _measure(args)
    try:
        gpu = _gpu(args)
        budget = _budget(args, gpu)
        quantize = parse_quantize(args.quantize)
        request = _request(args, on_gpu=budget.device_bytes is not None)
        adapters = _adapters(args)
    except (MemoryPlanError, AdapterError, RenderInputError) as error:
        return _fail(2, str(error))
    try:
        sizes = _sizes(args, request.clip_only, adapters)
        plan = make_plan(sizes, affordable(sizes, request, budget, quantize), budget, quantize)
    except (CheckpointError, AdapterError) as error:
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

    named = _model(args)
    problem = _not_measurable(args, named)
    if named is None or problem is not None:
        return _fail(2, str(problem))
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


def _not_measurable(args: argparse.Namespace, named: str | None) -> str | None:
    """Say what of the command line keeps a render from being measured; None where nothing does."""
    from newbie_pipeline.errors import AdapterError, MemoryPlanError
    from newbie_pipeline.memory.budget import parse_max_memory
    from newbie_pipeline.memory.quantization import parse_quantize

    if args.vram is not None or named is None:
        return (
            f"--measure runs a checkpoint on this machine: name it with --model or "
            f"{worker_settings.MODEL}, and leave --vram and --full out"
        )
    if args.batch > 1:
        return "--measure draws one picture at a time: leave --batch out"
    try:
        parse_quantize(args.quantize)
        parse_max_memory(args.memory or "0")
        _adapters(args)
    except (MemoryPlanError, AdapterError) as error:
        return str(error)
    return None


def _measured(args: argparse.Namespace, named: str) -> tuple[list[str], dict[str, Any]]:
    import logging

    from newbie_pipeline.checkpoints.sources import parse_source
    from newbie_pipeline.render import LoadOptions, Renderer, RenderSpec

    options = LoadOptions(
        dtype=None if args.dtype is None else DTYPES[args.dtype],
        adapters=_adapters(args),
        clip_only=_is_clip_only(args),
        quantize=args.quantize,
        max_memory=args.memory,
        character_encoding=_encoding(args),
        assist=not args.no_assist,
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
    from newbie_cli.machine_memory import gpu_budget
    from newbie_pipeline.memory.budget import Budget, card_budget, limited

    budget = gpu_budget(gpu) if args.vram is None else Budget(card_budget(args.vram))
    return limited(budget, max_memory=args.memory)


def _request(args: argparse.Namespace, on_gpu: bool) -> "PlanRequest":
    from newbie_pipeline.memory.activations import Picture
    from newbie_pipeline.memory.plan import PlanRequest
    from newbie_pipeline.memory.sizes import Precision
    from newbie_pipeline.tokens import most_caption_tokens

    width, height = args.size
    default = Precision.BFLOAT16 if on_gpu else Precision.FLOAT32
    return PlanRequest(
        picture=Picture(width, height, args.batch, most_caption_tokens(_encoding(args))),
        precision=default if args.dtype is None else Precision(DTYPES[args.dtype]),
        cfg=not args.no_cfg,
        num_inference_steps=args.steps,
        clip_only=_is_clip_only(args),
        writes_prompts=not args.no_assist,
    )


def _model(args: argparse.Namespace) -> str | None:
    """Name the checkpoint; None stands for the published sizes."""
    return None if args.full else args.model or worker_settings.setting(worker_settings.MODEL)


def _own_model(args: argparse.Namespace) -> bool:
    """Tell whether the plan is for another model than the worker's."""
    return args.full or args.model is not None or _model(args) is None


def _is_clip_only(args: argparse.Namespace) -> bool:
    return worker_settings.is_clip_only(args.text_encoder, own_model=_own_model(args))


def _encoding(args: argparse.Namespace) -> "CharacterEncoding":
    return worker_settings.character_encoding(args.character_encoding, own_model=_own_model(args))


def _adapters(args: argparse.Namespace) -> "tuple[AdapterFile, ...]":
    return worker_settings.adapter_files(args.lora, own_model=_own_model(args))


def _sizes(
    args: argparse.Namespace, clip_only: bool, adapters: "tuple[AdapterFile, ...]"
) -> "ModelSizes":
    from newbie_pipeline.memory.published import PUBLISHED, published_layers

    named = _model(args)
    if named is None and not adapters:
        return PUBLISHED  # which needs no library that reads files
    from newbie_pipeline.checkpoints.sources import parse_source
    from newbie_pipeline.memory.adapters import with_adapters
    from newbie_pipeline.memory.reading import checkpoint_sizes, read_adapters

    if named is None:
        return with_adapters(PUBLISHED, read_adapters(adapters, published_layers()))
    return checkpoint_sizes(parse_source(named), clip_only=clip_only, adapters=adapters)


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
