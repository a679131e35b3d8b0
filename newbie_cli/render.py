"""`newbie render PROMPT.xml --out picture.png`: render a prompt file without queue or bot.

Progress goes to stderr; with --json one line of JSON about the picture goes to stdout. Exit codes:
0 rendered, 1 the render failed, 2 bad input or a wrong command line.
"""

import argparse
import json
import re
import secrets
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from newbie_cli import worker_settings

if TYPE_CHECKING:
    from PIL import Image

    from newbie_pipeline.recipe import Recipe
    from newbie_pipeline.render import RendererInfo, RenderSpec

_DISTRIBUTION = "newbie-bot"
_RANDOM_SEED_BITS = 32
_MAX_SEED = 2**63 - 1


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `render` command."""
    parser = subparsers.add_parser(
        "render",
        help="render a prompt file without queue or bot",
        description="Render one picture from a prompt file (XML, tags or plain sentences).",
        epilog="exit codes: 0 rendered, 1 the render failed, 2 bad input or usage",
    )
    parser.add_argument("prompt", metavar="PROMPT", help="a prompt file; - reads stdin")
    parser.add_argument("--out", required=True, type=Path, metavar="PNG", help="where to save it")
    parser.add_argument("--seed", type=_seed, help="default: a random one, which is printed")
    parser.add_argument(
        "--model",
        metavar="PATH",
        help=f"checkpoint, or demo; default: {worker_settings.MODEL}, else demo",
    )
    parser.add_argument("--steps", type=_positive, default=28, help="denoising steps")
    parser.add_argument("--guidance", type=_guidance, default=4.0, help="guidance scale")
    parser.add_argument("--size", type=_size, default=(1024, 1024), metavar="WIDTHxHEIGHT")
    parser.add_argument("--negative", default="", metavar="TEXT", help="negative prompt")
    parser.add_argument("--device", help="default: cuda where there is one, else cpu")
    parser.add_argument("--dtype", help="default: bfloat16 on cuda, float32 on cpu")
    parser.add_argument("--solver", default="euler", help="euler, heun, dpmpp_2m or unipc")
    parser.add_argument("--attention", help="backend of diffusers; default: the best that runs")
    parser.add_argument(
        "--lora",
        action="append",
        default=[],
        metavar="PATH[:WEIGHT]",
        help="a LoRA or LoKr file, perhaps with its weight; may be repeated",
    )
    parser.add_argument(
        "--text-encoder",
        choices=worker_settings.TEXT_ENCODERS,
        help=f"default: {worker_settings.TEXT_ENCODER} for the worker's checkpoint, else full",
    )
    parser.add_argument(
        "--no-prompt-weights",
        dest="prompt_weights",
        action="store_false",
        help="read (tag:1.2) and such as they are written, not as weights",
    )
    parser.add_argument(
        "--character-encoding",
        choices=worker_settings.CHARACTER_ENCODINGS,
        default=worker_settings.CHARACTER_ENCODINGS[0],
        help="per_character encodes each of several characters on its own",
    )
    parser.add_argument(
        "--quantize", default="", metavar="WHAT", help="as of newbie plan: gemma:nf4 and so on"
    )
    parser.add_argument("--memory", metavar="SIZE", help="most memory on the device, as 16GiB")
    parser.add_argument(
        "--max-memory", metavar="LIMITS", help='as accelerate: {0: "10GiB", "cpu": "30GiB"}'
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the prompt, render it, save the picture, and give the exit code."""
    try:
        prompt = _checked_prompt(args)
    except _BadInput as error:
        return _fail(2, str(error))

    from newbie_pipeline.device import explain
    from newbie_pipeline.errors import PipelineError, RenderInputError

    try:
        return _render(args, prompt)
    except RenderInputError as error:
        return _fail(2, str(error))
    except (PipelineError, OSError) as error:
        return _fail(1, str(error))
    except (RuntimeError, AssertionError) as error:
        # Torch's words for a card, a driver or a build that will not do.
        if (explanation := explain(error)) is None:
            raise
        return _fail(1, str(explanation))
    except KeyboardInterrupt:
        return _fail(1, "stopped")


class _BadInput(Exception):
    """The command cannot start with what it was given."""


def _checked_prompt(args: argparse.Namespace) -> str:
    from newbie_pipeline.prompt.errors import PromptError
    from newbie_pipeline.prompt.parse import parse

    if not args.out.parent.is_dir():
        raise _BadInput(f"the folder {args.out.parent} does not exist")
    try:
        data = sys.stdin.buffer.read() if args.prompt == "-" else Path(args.prompt).read_bytes()
        prompt = parse(data)
    except OSError as error:
        raise _BadInput(f"{args.prompt} cannot be read: {error.strerror or error}") from error
    except PromptError as error:
        place = "" if error.line is None else f":{error.line}:{error.column}"
        raise _BadInput(f"{args.prompt}{place}: {error.message} ({error.hint})") from error
    for warning in prompt.warnings:
        place = "" if warning.line is None else f":{warning.line}:{warning.column}"
        start = f"{args.prompt}{place}: warning {warning.code.value}"
        print(f"{start}: {warning.message}", file=sys.stderr)
    return prompt.source


def _render(args: argparse.Namespace, prompt: str) -> int:
    from newbie_pipeline.checkpoints.sources import parse_source
    from newbie_pipeline.lora.adapter_file import parse_adapter_file
    from newbie_pipeline.recipe import encode_png
    from newbie_pipeline.render import LoadOptions, Renderer, RenderSpec

    seed = secrets.randbits(_RANDOM_SEED_BITS) if args.seed is None else args.seed
    width, height = args.size
    options = LoadOptions(
        device=args.device,
        dtype=args.dtype,
        attention=args.attention,
        solver=args.solver,
        adapters=tuple(parse_adapter_file(text) for text in args.lora),
        clip_only=_is_clip_only(args),
        quantize=args.quantize,
        memory=args.memory,
        max_memory=args.max_memory,
        prompt_weights=args.prompt_weights,
        character_encoding=args.character_encoding,
        assist=False,
    )
    renderer = Renderer.load(parse_source(worker_settings.chosen_model(args.model)), options)
    spec = RenderSpec(
        prompt, args.negative, width, height, args.steps, args.guidance, seeds=(seed,)
    )
    started = time.monotonic()
    image = renderer.render(spec, _show_step, lambda: False).images[0]
    seconds = time.monotonic() - started
    recipe = _recipe(spec, image, renderer.info)
    args.out.write_bytes(encode_png(image, recipe))
    _report(args, recipe, image, seconds)
    return 0


def _is_clip_only(args: argparse.Namespace) -> bool:
    own_model = args.model is not None or worker_settings.setting(worker_settings.MODEL) is None
    return worker_settings.is_clip_only(args.text_encoder, own_model=own_model)


def _recipe(spec: "RenderSpec", image: "Image.Image", info: "RendererInfo") -> "Recipe":
    from newbie_pipeline.recipe import Recipe

    return Recipe(
        prompt=spec.prompt,
        negative_prompt=spec.negative_prompt,
        seed=spec.seeds[0],
        width=image.width,
        height=image.height,
        num_inference_steps=spec.num_inference_steps,
        guidance_scale=spec.guidance_scale,
        solver=info.solver,
        adapters=info.adapters,
        prompt_weights=info.prompt_weights,
        character_encoding=info.character_encoding,
        model_name=info.model_name,
        model_hash=info.model_hash,
        version=version(_DISTRIBUTION),
    )


def _report(
    args: argparse.Namespace, recipe: "Recipe", image: "Image.Image", seconds: float
) -> None:
    if args.json:
        facts = recipe.model_dump(exclude={"prompt", "negative_prompt"})
        facts |= {"out": str(args.out), "seconds": round(seconds, 3)}
        print(json.dumps(facts, ensure_ascii=False))
    else:
        size = f"{image.width} x {image.height}"
        print(f"{args.out}: {size}, seed {recipe.seed}, {seconds:.1f} s", file=sys.stderr)


def _show_step(step: int, total: int) -> None:
    end = "\n" if step == total or not sys.stderr.isatty() else "\r"
    print(f"step {step} of {total}", end=end, file=sys.stderr, flush=True)


def _fail(exit_code: int, reason: str) -> int:
    print(f"newbie render: {reason}", file=sys.stderr)
    return exit_code


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value <= _MAX_SEED:
        raise argparse.ArgumentTypeError(f"must be from 0 to {_MAX_SEED}")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _guidance(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError("must be from 0 to 100")
    return value


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError("write WIDTHxHEIGHT, for example 1024x1024")
    return int(match[1]), int(match[2])
