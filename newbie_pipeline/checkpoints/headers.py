"""What lies in a safetensors file, read from its header alone; loads no torch.

The library checks that header and data fit together, to the last byte. A file that is something
else is refused by its first bytes, whatever its name is, and a pickle is never opened as one.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from newbie_pipeline.errors import CheckpointError, MissingFileError

PICKLE_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
# A zip archive (what torch.save writes), and the protocols of a bare pickle.
PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
GGUF_START = b"GGUF"
HOW_TO_CONVERT = (
    "A pickle can run any program when it is opened, so it is not loaded here. On a machine where "
    "you trust the file, load it with torch.load(..., weights_only=True), save it with "
    "safetensors.torch.save_file, and put it here as "
)


@dataclass(frozen=True)
class TensorEntry:
    """Where one tensor lies: its file, the header's name of its type, shape, and its bytes.

    `start` counts from the file's beginning; `length` is in bytes.
    """

    path: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int


def read_header(path: Path) -> dict[str, TensorEntry]:
    """List a file's tensors by key, in the order of the header.

    Raises CheckpointError naming the file when it is missing, damaged, cut off, a pickle, or GGUF.
    """
    try:
        _refuse_other_formats(path)
        # numpy is never asked for a tensor: the opening checks header and length.
        with safe_open(path, framework="numpy"):
            pass
        with path.open("rb") as file:
            (header_length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(header_length))
    except FileNotFoundError as error:
        raise MissingFileError(f"{path} is missing") from error
    except (SafetensorError, OSError, ValueError, struct.error) as error:
        raise CheckpointError(f"{path} is damaged or was not copied completely: {error}") from error
    header.pop("__metadata__", None)
    return {
        key: TensorEntry(
            path,
            entry["dtype"],
            tuple(entry["shape"]),
            8 + header_length + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for key, entry in header.items()
    }


def read_headers(paths: tuple[Path, ...]) -> dict[str, TensorEntry]:
    """Join the headers of a component's shards; raises CheckpointError for a key that two hold."""
    entries: dict[str, TensorEntry] = {}
    for path in paths:
        for key, entry in read_header(path).items():
            if key in entries:
                raise CheckpointError(f"{path}: key {key} is in {entries[key].path.name} too")
            entries[key] = entry
    return entries


def pickle_refusal(files: str, put_as: str) -> CheckpointError:
    """Say that there is only a pickle, and how to make `put_as` of it on a trusted machine."""
    return CheckpointError(f"{files} but no safetensors. {HOW_TO_CONVERT}{put_as}.")


def _refuse_other_formats(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(PICKLE_STARTS) or path.suffix.lower() in PICKLE_SUFFIXES:
        safe_name = path.with_suffix(".safetensors").name
        raise CheckpointError(f"{path} is a pickle. {HOW_TO_CONVERT}{safe_name}.")
    if start == GGUF_START:
        raise CheckpointError(f"{path} is a GGUF file; only safetensors are loaded here")
