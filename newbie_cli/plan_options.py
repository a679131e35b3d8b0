"""What `newbie plan` takes on its command line, and how each value is read."""

import argparse
import re

from newbie_cli import worker_settings

DTYPES = {
    "bf16": "bfloat16",
    "bfloat16": "bfloat16",
    "fp16": "float16",
    "float16": "float16",
    "fp32": "float32",
    "float32": "float32",
}
_MOST_STEPS = 1000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked of a plan."""
    parser.add_argument(
        "--vram", type=_gib, metavar="GB", help="a card of this size; default: this machine's GPU"
    )
    parser.add_argument(
        "--size", type=_size, default=(1024, 1024), metavar="WIDTHxHEIGHT", help="default 1024x1024"
    )
    parser.add_argument("--batch", type=_positive, default=1, help="pictures at once")
    parser.add_argument("--steps", type=_positive, default=28, help="denoising steps")
    parser.add_argument(
        "--dtype", choices=DTYPES, help="default: bfloat16 on a GPU, float32 on the CPU"
    )
    parser.add_argument("--no-cfg", action="store_true", help="without guidance")
    _add_model(parser)
    parser.add_argument(
        "--no-assist", action="store_true", help="without what Gemma needs to write prompts"
    )
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


def _add_model(parser: argparse.ArgumentParser) -> None:
    """Add which model is planned for, and how the worker runs it."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--model",
        type=_named,
        metavar="DIR",
        help=f"checkpoint; default: {worker_settings.MODEL}, else --full",
    )
    which.add_argument("--full", action="store_true", help="the published model's sizes")
    parser.add_argument(
        "--text-encoder",
        choices=worker_settings.TEXT_ENCODERS,
        help=f"default: {worker_settings.TEXT_ENCODER} for the worker's checkpoint, else full",
    )
    parser.add_argument(
        "--character-encoding",
        choices=worker_settings.CHARACTER_ENCODINGS,
        help="per_character makes captions longer; default: "
        f"{worker_settings.CHARACTER_ENCODING} for the worker's checkpoint, else whole",
    )
    parser.add_argument(
        "--lora",
        action="append",
        default=[],
        metavar="PATH[:WEIGHT]",
        help="a LoRA or LoKr file; may be repeated; default: "
        f"{worker_settings.LORAS} for the worker's checkpoint",
    )


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
