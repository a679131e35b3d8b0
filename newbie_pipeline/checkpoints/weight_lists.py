"""Which safetensors files belong together: one file, or the shards that an index names; no torch.

Every error names the file. A pickle beside missing safetensors is refused, never opened.
"""

import json
import re
from pathlib import Path
from typing import Any

from newbie_pipeline.checkpoints.headers import PICKLE_SUFFIXES, pickle_refusal
from newbie_pipeline.errors import CheckpointError, MissingFileError

_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}")
_INDEX = ".safetensors.index.json"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises CheckpointError when it is missing or broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError(f"{path} is missing") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} does not hold a JSON object")
    return content


def has_weights(folder: Path) -> bool:
    """Tell whether a folder itself holds safetensors files, or pickles that could be refused."""
    return any(p.suffix.lower() in (".safetensors", *PICKLE_SUFFIXES) for p in folder.iterdir())


def find_weight_files(folder: Path, stem: str) -> list[Path]:
    """List the safetensors files of a component: `stem.safetensors`, or the shards its index names.

    Where neither is there, one file of another name (a variant such as `stem.fp16.safetensors`)
    is taken. Raises CheckpointError when there is none or several, a shard is missing, or there is
    only a pickle.
    """
    single = folder / f"{stem}.safetensors"
    if single.is_file():
        return [single]
    index = folder / f"{stem}{_INDEX}"
    if index.is_file():
        return read_index(index)
    groups = weight_groups(folder)
    if len(groups) == 1:
        return groups[0]
    if groups:
        names = ", ".join(group[0].name for group in groups)
        raise CheckpointError(f"{folder} holds several candidates ({names}): leave one of them")
    refuse_pickles(folder, single.name)
    raise MissingFileError(f"{single} is missing")


def weight_groups(folder: Path, *, deep: bool = False) -> list[list[Path]]:
    """List a folder's safetensors files, the shards of one index together as one entry.

    `deep` looks into the folders below, too. Raises CheckpointError for a shard that is missing.
    """
    everything = sorted(folder.rglob("*") if deep else folder.iterdir())
    groups = [read_index(path) for path in everything if path.name.endswith(_INDEX)]
    taken = {path for group in groups for path in group}
    for path in everything:
        if path.suffix != ".safetensors" or not path.is_file() or path in taken:
            continue
        if _SHARD.fullmatch(path.stem):
            raise CheckpointError(f"{path} is one of several shards, but there is no index of them")
        groups.append([path])
    return groups


def read_index(index: Path) -> list[Path]:
    """List the shards that an index names; all must lie beside it."""
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index} names no shard")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if Path(name).name != name or not (index.parent / name).is_file():
            raise MissingFileError(f"{index} names the shard {name!r}, which is missing")
    return [index.parent / name for name in names]


def refuse_pickles(folder: Path, put_as: str, *, deep: bool = False) -> None:
    """Raise CheckpointError with a way to convert them when a folder holds pickles."""
    everything = folder.rglob("*") if deep else folder.iterdir()
    pickles = sorted(p.name for p in everything if p.suffix.lower() in PICKLE_SUFFIXES)
    if pickles:
        raise pickle_refusal(f"{folder} holds {', '.join(pickles)}", put_as)
