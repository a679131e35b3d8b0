"""What a checkpoint is called and which one it is, cheap even for 16 GB; loads no torch.

The hash covers, file by file in the order of their names: every JSON file in full (configs and
tokenizers), and of every safetensors file its size, its header in full (all keys, shapes, types)
and 64 samples of 4 KiB spread over its data. A fine-tuned copy differs in nearly every weight and
so in the samples; a change of a few bytes between two samples is not seen. It does not cover the
folder's name, time stamps, or any other kind of file.
"""

import hashlib
import struct
from pathlib import Path

from newbie_pipeline.errors import CheckpointError

HASH_LENGTH = 12
SAMPLES = 64
SAMPLE_BYTES = 4096
SNAPSHOTS = "snapshots"


def model_name(directory: Path) -> str:
    """Name a checkpoint after its folder, or after its repository in a Hub cache."""
    directory = Path(directory).resolve()
    if directory.parent.name == SNAPSHOTS and directory.parent.parent.name.startswith("models--"):
        return directory.parent.parent.name.rpartition("--")[2]
    return directory.name


def model_hash(directory: Path) -> str:
    """Give a short hash of a checkpoint's content; the module's docstring says what it covers.

    Raises CheckpointError when the folder holds no weights or a file cannot be read.
    """
    directory = Path(directory)
    total = hashlib.sha256()
    files = sorted(p for p in directory.rglob("*") if p.suffix in (".json", ".safetensors"))
    if not any(path.suffix == ".safetensors" for path in files):
        raise CheckpointError(f"{directory} holds no safetensors file")
    for path in files:
        total.update(path.relative_to(directory).as_posix().encode() + b"\0")
        try:
            total.update(_digest_weights(path) if path.suffix == ".safetensors" else _digest(path))
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
    return total.hexdigest()[:HASH_LENGTH]


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
