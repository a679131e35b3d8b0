"""How a checkpoint is named in a setting or on a command line; loads no torch.

A source is one path (a folder or a file), or separate files by the names of their parts. The
parts that are not named come from `base`, where there is one. The word `demo` means the demo
checkpoint that comes with the package; a folder of that name is `./demo`.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from newbie_pipeline.demo.packaged import DEMO, DEMO_CHECKPOINT
from newbie_pipeline.errors import CheckpointError

Source = Path | str | Mapping[str, Path | str]

COMPONENTS = ("transformer", "text_encoder", "text_encoder_2", "vae")
# What nothing but Gemma needs, and clip_only leaves out.
GEMMA = "text_encoder"
GEMMA_PARTS = (GEMMA, "tokenizer")
WITHOUT_GEMMA = "; clip_only (--text-encoder, NEWBIE_WORKER_TEXT_ENCODER) would do without it"
BASE = "base"
PARTS = (*COMPONENTS, "tokenizer", "tokenizer_2", "scheduler")
# Only a comma before a part's name separates: paths may hold commas.
_SEPARATOR = re.compile(rf",\s*(?=(?:{'|'.join((BASE, *PARTS))})\s*=)")
_PART = re.compile(r"\s*([a-z_0-9]+)\s*=\s*(.*?)\s*", re.DOTALL)


def wanted_components(*, clip_only: bool) -> tuple[str, ...]:
    """Name the components that are looked for and loaded."""
    return tuple(name for name in COMPONENTS if not (clip_only and name == GEMMA))


def parse_source(text: str) -> Path | dict[str, Path]:
    """Read `demo`, a path, or `transformer=PATH,text_encoder=PATH,text_encoder_2=PATH,vae=PATH`.

    `tokenizer=`, `tokenizer_2=` and `scheduler=` are known too; `base=PATH` (or a path without a
    name in front) gives all parts that are not named. Raises CheckpointError for anything else.
    """
    text = text.strip()
    if not text:
        raise CheckpointError("no checkpoint is named")
    if text == DEMO:
        return DEMO_CHECKPOINT
    pieces = _SEPARATOR.split(text)
    if len(pieces) == 1 and (Path(text).exists() or _named(text) is None):
        return Path(text).expanduser()
    files: dict[str, Path] = {}
    for index, piece in enumerate(pieces):
        name, path = _named(piece) or ((BASE, piece.strip()) if index == 0 else ("", ""))
        if name not in (BASE, *PARTS) or not path:
            raise CheckpointError(f"{piece!r} names no part of a checkpoint: {_KNOWN}")
        if name in files:
            raise CheckpointError(f"{name} is named twice in {text!r}")
        files[name] = Path(path).expanduser()
    return files


def as_files(source: Source) -> tuple[Path | None, dict[str, Path]]:
    """Split a source into the path that holds everything else, and the parts named by themselves.

    Raises CheckpointError for the name of a part that does not exist.
    """
    if isinstance(source, str):
        source = parse_source(source)
    if isinstance(source, Path):
        return source.expanduser(), {}
    files = {name: Path(path).expanduser() for name, path in source.items()}
    for name in files:
        if name not in (BASE, *PARTS):
            raise CheckpointError(f"{name!r} names no part of a checkpoint: {_KNOWN}")
    return files.pop(BASE, None), files


_KNOWN = f"write {BASE}=PATH or one of {', '.join(f'{name}=PATH' for name in PARTS)}"


def _named(piece: str) -> tuple[str, str] | None:
    match = _PART.fullmatch(piece)
    return (match[1], match[2]) if match else None
