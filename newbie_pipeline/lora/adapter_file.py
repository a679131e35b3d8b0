"""Which adapter files are wanted and how strongly: `PATH[:WEIGHT]`; loads no torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from newbie_pipeline.errors import AdapterError

PICKLE_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
PEFT_WEIGHTS = "adapter_model.safetensors"
DIFFUSERS_WEIGHTS = "pytorch_lora_weights.safetensors"


@dataclass(frozen=True)
class AdapterFile:
    """One LoRA or LoKr file, or a folder that peft wrote, and the weight it is applied with."""

    path: Path
    weight: float = 1.0

    def __str__(self) -> str:
        """Write it as NAME:WEIGHT, as recipes and plans name it."""
        return f"{self.path.stem}:{self.weight:g}"


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


def refuse_twice(files: Sequence[AdapterFile]) -> None:
    """Raise AdapterError for a file that is named more than once."""
    paths = [file.path.resolve() for file in files]
    if twice := [str(path) for path in set(paths) if paths.count(path) > 1]:
        raise AdapterError(f"{', '.join(sorted(twice))} is named more than once")


def weight_file(path: Path, weight_name: str | None = None) -> Path:
    """Give the one safetensors file that a path means, which may be its folder.

    Raises AdapterError when it is missing, not clear, or a pickle.
    """
    path = _in_folder(path if weight_name is None else path / weight_name)
    if path.suffix.lower() in PICKLE_SUFFIXES:
        raise AdapterError(
            f"{path} is a pickle, which can run any program when it is opened, so it is not loaded "
            "here. On a machine where you trust it, load it with torch.load(..., "
            "weights_only=True) and save it with safetensors.torch.save_file."
        )
    return path


def _in_folder(path: Path) -> Path:
    if not path.exists():
        raise AdapterError(f"{path} does not exist; adapters are read from local files")
    if not path.is_dir():
        return path
    for name in (PEFT_WEIGHTS, DIFFUSERS_WEIGHTS):
        if (path / name).is_file():
            return path / name
    files = sorted(path.glob("*.safetensors"))
    if len(files) == 1:
        return files[0]
    pickles = sorted(p for p in path.iterdir() if p.suffix.lower() in PICKLE_SUFFIXES)
    if not files and pickles:
        return pickles[0]
    raise AdapterError(f"{path} holds {len(files)} safetensors files; name the one you mean")
