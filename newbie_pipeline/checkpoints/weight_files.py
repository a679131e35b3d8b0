"""Weights on disk: safetensors only, one file or shards, read one tensor at a time.

Nothing here unpickles: a `.bin`, `.ckpt`, `.pt` or `.pth` beside missing safetensors is refused
with a sentence on how to convert it. Every error names the file, and the key where there is one.
"""

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from accelerate import init_empty_weights
from safetensors import SafetensorError, safe_open
from torch import nn

from newbie_pipeline.errors import CheckpointError

# The names of types in a safetensors header, for the types that weights come in.
TORCH_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
PICKLE_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises CheckpointError when it is missing or broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} does not hold a JSON object")
    return content


def find_weight_files(folder: Path, stem: str) -> list[Path]:
    """List the safetensors files of a component: `stem.safetensors`, or the shards its index names.

    Raises CheckpointError when there is none, a shard is missing, or there is only a pickle.
    """
    single = folder / f"{stem}.safetensors"
    if single.is_file():
        return [single]
    index = folder / f"{stem}.safetensors.index.json"
    if index.is_file():
        names = sorted(set(read_json(index).get("weight_map", {}).values()))
        for name in names:
            if Path(name).name != name or not (folder / name).is_file():
                raise CheckpointError(f"{index} names the shard {name!r}, which is missing")
        if names:
            return [folder / name for name in names]
        raise CheckpointError(f"{index} names no shard")
    pickles = sorted(p.name for p in folder.glob("*") if p.suffix.lower() in PICKLE_SUFFIXES)
    if pickles:
        raise CheckpointError(
            f"{folder} holds {', '.join(pickles)} but no safetensors. A pickle can run any program "
            "when it is opened, so it is not loaded here. On a machine where you trust the file, "
            "load it with torch.load(..., weights_only=True), save it with "
            f"safetensors.torch.save_file, and put it here as {single.name}."
        )
    raise CheckpointError(f"{single} is missing")


@dataclass(frozen=True)
class _Entry:
    """Where one tensor lies: its file, type name, shape, and the bytes that hold it."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int


class WeightReader:
    """Reads tensors by key from one or more safetensors files; use it as a context manager.

    The library checks each file's header and length. The data are read with plain reads: the
    library maps files into memory, and pages of the map count twice beside the loaded model.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._entries: dict[str, _Entry] = {}
        self._open: dict[Path, BufferedReader] = {}
        try:
            for path in files:
                self._add(path)
        except CheckpointError:
            self.close()
            raise

    def _add(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt", device="cpu"):
                pass  # opening checks that header and data fit together
            file = path.open("rb")
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path} is damaged or was not copied completely: {error}"
            ) from error
        self._open[path] = file
        (header_length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(header_length))
        header.pop("__metadata__", None)
        for key, entry in header.items():
            if key in self._entries:
                raise CheckpointError(f"{path}: key {key} is in {self.file_of(key).name} too")
            start, end = entry["data_offsets"]
            first = 8 + header_length + start
            shape = tuple(entry["shape"])
            self._entries[key] = _Entry(path, entry["dtype"], shape, first, end - start)

    @property
    def keys(self) -> list[str]:
        """All keys, in the files' order."""
        return list(self._entries)

    def file_of(self, key: str) -> Path:
        """Name the file that holds a key."""
        return self._entries[key].path

    def shape(self, key: str) -> tuple[int, ...]:
        """Give a tensor's shape without reading its data."""
        if key not in self._entries:
            files = ", ".join(str(path) for path in self._open)
            raise CheckpointError(f"{files}: key {key} is missing")
        return self._entries[key].shape

    def read(self, key: str) -> torch.Tensor:
        """Read one tensor into memory of its own."""
        entry = self._entries[key]
        dtype = TORCH_DTYPES.get(entry.dtype)
        if dtype is None:
            raise CheckpointError(f"{entry.path}: key {key} has the unknown type {entry.dtype}")
        if entry.length == 0:
            return torch.empty(entry.shape, dtype=dtype)
        data = bytearray(entry.length)
        file = self._open[entry.path]
        try:
            file.seek(entry.start)
            complete = file.readinto(data) == entry.length
        except OSError as error:
            raise CheckpointError(f"{entry.path}: key {key} cannot be read: {error}") from error
        if not complete:
            raise CheckpointError(f"{entry.path}: key {key} is cut off: the file became shorter")
        return torch.frombuffer(data, dtype=dtype).reshape(entry.shape)

    def close(self) -> None:
        """Close every file."""
        while self._open:
            self._open.popitem()[1].close()

    def __enter__(self) -> "WeightReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def fill_strictly(
    module: nn.Module,
    tensors: Iterable[tuple[str, str, torch.Tensor]],
    reader: WeightReader,
    dtype: torch.dtype,
    device: torch.device,
) -> None:
    """Put (own key, checkpoint's key, tensor) into a module that was built without storage.

    Each tensor is converted and moved by itself, so at most one is held twice. Raises
    CheckpointError naming file and key for an unexpected key, a wrong shape, or a missing key.
    """
    wanted = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    for key, source, tensor in tensors:
        where = f"{reader.file_of(source)}: key {source}"
        shape = wanted.pop(key, None)
        if shape is None:
            raise CheckpointError(f"{where} is unexpected")
        if shape != tuple(tensor.shape):
            raise CheckpointError(f"{where} has shape {list(tensor.shape)}, not {list(shape)}")
        owner, _, leaf = key.rpartition(".")
        value = tensor.to(device=device, dtype=dtype)
        setattr(module.get_submodule(owner), leaf, nn.Parameter(value, requires_grad=False))
    if wanted:
        files = ", ".join(sorted({str(reader.file_of(key)) for key in reader.keys}))
        missing = ", ".join(sorted(wanted)[:3])
        raise CheckpointError(f"{files}: {len(wanted)} keys are missing, among them {missing}")
    module.to(device)  # what is not a weight: position tables


def without_storage() -> Any:
    """Build modules inside this context to give their weights no memory; buffers stay real."""
    return init_empty_weights(include_buffers=False)
