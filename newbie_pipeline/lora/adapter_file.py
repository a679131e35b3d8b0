"""Which adapter files are wanted and how strongly: `PATH[:WEIGHT]`; loads no torch."""

import math
from dataclasses import dataclass
from pathlib import Path

from newbie_pipeline.errors import AdapterError


@dataclass(frozen=True)
class AdapterFile:
    """One LoRA or LoKr file, or a folder that peft wrote, and the weight it is applied with."""

    path: Path
    weight: float = 1.0


def parse_adapter_file(text: str) -> AdapterFile:
    """Read `PATH` or `PATH:WEIGHT`; a colon within a path (`C:\\style`) stays in the path.

    Raises AdapterError for an empty path and for a weight that is not a finite number.
    """
    text = text.strip()
    path, colon, tail = text.rpartition(":")
    if not colon or "/" in tail or "\\" in tail or tail.endswith(".safetensors"):
        path, tail = text, "1"
    try:
        weight = float(tail)
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight):
        raise AdapterError(f"{tail!r} in {text!r} is no weight: write PATH or PATH:0.8")
    if not path.strip():
        raise AdapterError(f"{text!r} names no adapter file: write PATH or PATH:0.8")
    return AdapterFile(Path(path.strip()), weight)


def parse_adapter_files(text: str) -> list[AdapterFile]:
    """Read several `PATH[:WEIGHT]`, separated by commas; an empty text means none."""
    return [parse_adapter_file(part) for part in text.split(",") if part.strip()]
