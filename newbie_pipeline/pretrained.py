"""`from_pretrained` for everything that users have: our own saved folders and published layouts.

A folder that `save_pretrained` wrote is read by diffusers; every other layout by
`newbie_pipeline.checkpoints`, strictly. A name of a Hub repository is downloaded first.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download

from newbie_pipeline.checkpoints.sources import GEMMA, PARTS
from newbie_pipeline.errors import CheckpointError, MissingFileError

OWN_TRANSFORMER = "NextDiT"
HUB_ARGUMENTS = ("revision", "token", "cache_dir", "local_files_only", "force_download")
# What diffusers' users pass out of habit; our loading does it in any case or has no use for it.
WITHOUT_EFFECT = ("low_cpu_mem_usage", "use_safetensors", "trust_remote_code", "custom_pipeline")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class CheckpointLoadingMixin:
    """Extends diffusers' `from_pretrained` to the layouts in which the model is published."""

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Any:
        """Load a pipeline from a folder in any known layout, a single file or a Hub repository.

        Takes `dtype` (or `torch_dtype`), `device_map` (a device), components by name (used as they
        are instead of being loaded), and for a Hub repository `revision`, `token`, `cache_dir`,
        `local_files_only` and `force_download`; a folder that `save_pretrained` wrote takes all of
        diffusers' arguments. `text_encoder=None` leaves Gemma and its tokenizer out, whose files
        need not be there then. Raises CheckpointError for what cannot be loaded.
        """
        parent: Any = super()
        if GEMMA in kwargs and kwargs[GEMMA] is None:
            kwargs.setdefault("tokenizer", None)
        if kwargs.get("dduf_file") is not None:
            return parent.from_pretrained(pretrained_model_name_or_path, **kwargs)
        source = Path(pretrained_model_name_or_path).expanduser()
        if not source.exists():
            source = _download(str(pretrained_model_name_or_path), kwargs)
        if written_by_save_pretrained(source):
            if GEMMA not in kwargs:
                _refuse_without_gemma(source)
            return parent.from_pretrained(str(source), **kwargs)
        return _load_published(source, kwargs)


def written_by_save_pretrained(source: Path) -> bool:
    """Tell whether a folder was written by this pipeline's own `save_pretrained`."""
    index = _model_index(source)
    entry = index.get("transformer")
    own = isinstance(entry, list) and entry[-1:] in ([OWN_TRANSFORMER], [None])
    return own and "text_encoder_2" in index


def _model_index(source: Path) -> dict[str, Any]:
    try:
        index = json.loads((source / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return index if isinstance(index, dict) else {}


def _refuse_without_gemma(source: Path) -> None:
    """Raise CheckpointError where a saved pipeline had Gemma and its folder is gone."""
    entry = _model_index(source).get(GEMMA)
    if isinstance(entry, list) and entry[:1] != [None] and not (source / GEMMA).is_dir():
        raise MissingFileError(
            f"{source} is not a checkpoint: it has no {GEMMA}; {GEMMA}=None would do without it"
        )


def _download(name: str, kwargs: dict[str, Any]) -> Path:
    hub = {key: kwargs[key] for key in HUB_ARGUMENTS if key in kwargs}
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise CheckpointError(f"{name} does not exist")
    try:
        return Path(snapshot_download(name, ignore_patterns=list(PICKLES), **hub))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{name} is neither here nor to be had from the Hub: {error}"
        ) from error


def _load_published(source: Path, kwargs: dict[str, Any]) -> Any:
    # Loading imports the pipeline.
    from newbie_pipeline.checkpoints.loading import load_pipeline  # noqa: PLC0415

    rest = {
        key: value for key, value in kwargs.items() if key not in (*HUB_ARGUMENTS, *WITHOUT_EFFECT)
    }
    components = {name: rest.pop(name) for name in PARTS if name in rest}
    older = rest.pop("torch_dtype", None)
    dtype = rest.pop("dtype", None) or older or torch.float32
    if not isinstance(dtype, torch.dtype):
        raise CheckpointError(f"{source}: one dtype is needed for all parts, not {dtype!r}")
    device_map = rest.pop("device_map", None) or "cpu"
    try:
        device = torch.device(device_map)
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"{source}: device_map must be one device such as cuda, not {device_map!r}"
        ) from error
    if unknown := sorted(key for key, value in rest.items() if value is not None):
        raise CheckpointError(
            f"{source}: {', '.join(unknown)} is only known to folders that save_pretrained wrote"
        )
    return load_pipeline(source, dtype, device, components=components)
