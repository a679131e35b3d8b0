"""What a checkpoint is called and which one it is, cheap even for 16 GB; loads no torch.

The hash of a folder covers, file by file in the order of their names: every JSON file in full
(configs and tokenizers), and of every safetensors file its size, its header in full (all keys,
shapes, types) and 64 samples of 4 KiB spread over its data. A fine-tuned copy differs in nearly
every weight and so in the samples; a change of a few bytes between two samples is not seen. It does
not cover the folder's name, time stamps, or any other kind of file.

Without Gemma (`clip_only`) nothing of Gemma is covered, so the hash is the same whether it lies
there or not, and another one than with Gemma.

The hash of single files covers, component by component, those files that are loaded: weights,
config, tokenizer and scheduler, whatever they are called and wherever they lie.
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from newbie_pipeline.checkpoints.layouts import find_checkpoint
from newbie_pipeline.checkpoints.sources import (
    BASE,
    COMPONENTS,
    GEMMA_PARTS,
    Source,
    as_files,
)
from newbie_pipeline.errors import CheckpointError

HASH_LENGTH = 12
SAMPLES = 64
SAMPLE_BYTES = 4096
SNAPSHOTS = "snapshots"


def model_name(source: Source) -> str:
    """Name a checkpoint after its folder, its file, or its repository in a Hub cache.

    Of separate files, the transformer's names it.
    """
    base, named = as_files(source)
    path = base or named.get(COMPONENTS[0]) or next(iter(named.values()))
    if path.is_file() or path.suffix == ".safetensors":
        # Not resolved: a file in a Hub cache is a link to one that is named by its content.
        return path.name.removesuffix(".index.json").removesuffix(".safetensors")
    directory = path.resolve()
    if directory.parent.name == SNAPSHOTS and directory.parent.parent.name.startswith("models--"):
        return directory.parent.parent.name.rpartition("--")[2]
    return directory.name


def model_hash(source: Source, *, clip_only: bool = False) -> str:
    """Give a short hash of a checkpoint's content; the module's docstring says what it covers.

    Raises CheckpointError when there are no weights, a file cannot be read, or the files of a
    checkpoint of single files are not clear.
    """
    base, named = as_files(source)
    if base is not None and base.is_dir() and not named and not _has_single_files(base):
        files = dict(_folder_files(base, clip_only=clip_only))
    else:
        parts = {**named, **({BASE: base} if base else {})}
        files = dict(_component_files(parts, clip_only=clip_only))
    total = hashlib.sha256()
    for name, path in files.items():
        total.update(name.encode() + b"\0")
        try:
            total.update(_digest_weights(path) if path.suffix == ".safetensors" else _digest(path))
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
    return total.hexdigest()[:HASH_LENGTH]


def _has_single_files(directory: Path) -> bool:
    """Tell whether other models' files may lie in the folder, too."""
    if not any(directory.rglob("*.safetensors")):
        raise CheckpointError(f"{directory} holds no safetensors file")
    folders = ("transformer", "text_encoder")
    return not any((directory / name).is_dir() for name in folders)


def _folder_files(directory: Path, *, clip_only: bool) -> Iterator[tuple[str, Path]]:
    for path in sorted(p for p in directory.rglob("*") if p.suffix in (".json", ".safetensors")):
        inside = path.relative_to(directory)
        if not (clip_only and inside.parts[0] in GEMMA_PARTS):
            yield inside.as_posix(), path


def _component_files(source: Mapping[str, Path], *, clip_only: bool) -> Iterator[tuple[str, Path]]:
    checkpoint = find_checkpoint(source, clip_only=clip_only)
    for name, component in checkpoint.components().items():
        for index, path in enumerate(component.weights):
            yield f"{name}/weights/{index}", path
        for kind, extra in (("config", component.config), ("tokenizer", component.tokenizer)):
            if extra is not None and extra not in component.weights:
                yield f"{name}/{kind}", extra
    if checkpoint.scheduler is not None:
        yield "scheduler", checkpoint.scheduler


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _digest_weights(path: Path) -> bytes:
    digest = hashlib.sha256()
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        header_length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        digest.update(struct.pack("<Q", size))
        digest.update(file.read(min(header_length, size)))
        start = min(8 + header_length, size)
        for sample in range(SAMPLES):
            file.seek(start + max(size - start - SAMPLE_BYTES, 0) * sample // (SAMPLES - 1))
            digest.update(file.read(SAMPLE_BYTES))
    return digest.digest()
