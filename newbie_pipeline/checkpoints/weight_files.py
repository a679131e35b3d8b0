"""Weights on disk into a module: read one tensor at a time, checked key by key.

Every error names the file, and the key where there is one.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import nn

from newbie_pipeline.checkpoints.headers import TensorEntry, read_headers
from newbie_pipeline.checkpoints.key_names import (
    SCALED_FP8_SIGNS,
    belongs_elsewhere,
    embedded_tokenizer_key,
)
from newbie_pipeline.errors import CheckpointError

logger = logging.getLogger(__name__)

# The names of types in a safetensors header, for the types that weights come in.
TORCH_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
FP8 = ("F8_E4M3", "F8_E5M2")


class WeightReader:
    """Reads tensors by key from one or more safetensors files; use it as a context manager.

    A prefix is cut off the keys. The data are read with plain reads: the library maps files into
    memory, and pages of the map count twice beside the loaded model. `on_bytes(done, total)` is
    called after each tensor. On the meta device no data are read: what is left is a check of keys,
    shapes and types.
    """

    def __init__(
        self,
        files: Iterable[Path],
        prefix: str = "",
        on_bytes: Callable[[int, int], None] | None = None,
        *,
        device: torch.device | None = None,
    ) -> None:
        everything = read_headers(tuple(files))
        self.files = tuple(dict.fromkeys(entry.path for entry in everything.values()))
        self.entries = _own_entries(everything, prefix)
        self.bytes_total = sum(entry.length for entry in self.entries.values())
        self._bytes_done = 0
        self._on_bytes = on_bytes
        self._is_meta = device is not None and device.type == "meta"
        self._open: dict[Path, BufferedReader] = {}
        _check_fp8(self.entries)

    @property
    def keys(self) -> list[str]:
        """All keys, in the files' order."""
        return list(self.entries)

    def file_of(self, key: str) -> Path:
        """Name the file that holds a key."""
        return self.entries[key].path

    def read(self, key: str) -> torch.Tensor:
        """Read one tensor into memory of its own."""
        entry = self.entries[key]
        dtype = TORCH_DTYPES.get(entry.dtype)
        if dtype is None:
            raise CheckpointError(
                f"{entry.path}: key {key} has the type {entry.dtype}; weights are floating point"
            )
        if self._is_meta:
            return torch.empty(entry.shape, dtype=dtype, device="meta")
        data = bytearray(entry.length)
        try:
            if entry.path not in self._open:
                self._open[entry.path] = entry.path.open("rb")
            file = self._open[entry.path]
            file.seek(entry.start)
            complete = file.readinto(data) == entry.length
        except OSError as error:
            raise CheckpointError(f"{entry.path}: key {key} cannot be read: {error}") from error
        if not complete:
            raise CheckpointError(f"{entry.path}: key {key} is cut off: the file became shorter")
        self._bytes_done += entry.length
        if self._on_bytes is not None:
            self._on_bytes(self._bytes_done, self.bytes_total)
        if not data:
            return torch.empty(entry.shape, dtype=dtype)
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
    *,
    defaults: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Put (own key, checkpoint's key, tensor) into a module that was built without storage.

    Each tensor is converted and moved by itself, so at most one is held twice. `defaults` are taken
    for own keys that the checkpoint may leave out. Raises
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
        _put(module, key, tensor.to(device=device, dtype=dtype))
    for key, tensor in (defaults or {}).items():
        if wanted.pop(key, None) is not None:
            _put(module, key, tensor.to(device=device, dtype=dtype))
    if wanted:
        files = ", ".join(str(path) for path in reader.files)
        missing = ", ".join(sorted(wanted)[:3])
        raise CheckpointError(f"{files}: {len(wanted)} keys are missing, among them {missing}")
    module.to(device)  # what is not a weight: position tables


def _put(module: nn.Module, key: str, value: torch.Tensor) -> None:
    owner, _, leaf = key.rpartition(".")
    setattr(module.get_submodule(owner), leaf, nn.Parameter(value, requires_grad=False))


def _own_entries(everything: dict[str, TensorEntry], prefix: str) -> dict[str, TensorEntry]:
    """Cut the prefix off, leave other components and the tokenizer out, refuse anything else."""
    tokenizer = embedded_tokenizer_key(prefix, everything)
    own = {}
    for key, entry in everything.items():
        if key.startswith(prefix) and key != tokenizer:
            own[key.removeprefix(prefix)] = entry
        elif key != tokenizer and not belongs_elsewhere(key):
            raise CheckpointError(f"{entry.path}: key {key} is unexpected")
    return own


def _check_fp8(entries: dict[str, TensorEntry]) -> None:
    """Warn about 8-bit weights; raise CheckpointError for those that count only with a scale."""
    for key, entry in entries.items():
        if key.endswith(SCALED_FP8_SIGNS):
            raise CheckpointError(
                f"{entry.path}: key {key} belongs to weights in scaled 8-bit floating point, which "
                "are not loaded here. Take the bf16 file of the same model."
            )
    fp8 = next((entry for entry in entries.values() if entry.dtype in FP8), None)
    if fp8 is not None:
        logger.warning(
            "%s holds 8-bit weights (%s): they are loaded as they are, but pictures differ from "
            "those of the bf16 file",
            fp8.path,
            fp8.dtype,
        )


def without_storage() -> Any:
    """Build modules inside this context to give their weights no memory; buffers stay real."""
    return init_empty_weights(include_buffers=False)
