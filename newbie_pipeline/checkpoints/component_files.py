"""One component's files: its weights, its config and its tokenizer; loads no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from newbie_pipeline.checkpoints.headers import TensorEntry, read_headers
from newbie_pipeline.checkpoints.key_names import (
    Found,
    Naming,
    embedded_tokenizer_key,
    identify,
)
from newbie_pipeline.checkpoints.weight_lists import find_weight_files, read_index
from newbie_pipeline.errors import CheckpointError

STEMS = {
    "transformer": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
    "vae": "diffusion_pytorch_model",
}
# Looked for in this order; the models of sentencepiece are converted.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "sentencepiece.bpe.model",
    "spiece.model",
)
# The name of a component's keys in a folder whose keys show nothing, so that loading names them.
DEFAULT_NAMING: dict[str, Naming] = {"transformer": "official", "vae": "diffusers"}


@dataclass(frozen=True)
class Component:
    """The files of one model.

    `weights` are one file or its shards; `naming` says how the keys are named ("official" or
    "diffusers" for the transformer, "diffusers" or "ldm" for the VAE, else "plain"); `prefix`
    stands before every key. `config` is None where the sizes are read off the weights, `tokenizer`
    is a tokenizer.json, a sentencepiece model, a safetensors file that holds one, or None.
    """

    weights: tuple[Path, ...]
    naming: Naming
    prefix: str = ""
    config: Path | None = None
    tokenizer: Path | None = None


def in_folder(component: str, folder: Path) -> Component:
    """Find a component in a folder of its own, with config.json and weights as libraries do it."""
    canonical = STEMS[component]
    stem = canonical
    if canonical == "model" and (folder / f"{STEMS['vae']}.safetensors").is_file():
        stem = STEMS["vae"]  # diffusers saved a text encoder that is a model of its own kind
    weights = tuple(find_weight_files(folder, stem))
    keys = read_headers(weights)
    found = [f for f in identify(keys) if f.component == component]
    one = _only(found, component, weights)
    naming = one.naming if one else DEFAULT_NAMING.get(component, "plain")
    prefix = one.prefix if one else ""
    config = folder / "config.json"
    return Component(weights, naming, prefix, config, tokenizer_in(folder))


def in_file(component: str, path: Path) -> Component:
    """Find a component in a file, or in the shards of an index.

    A file out of a component's own folder keeps the config that lies beside it there. Raises
    CheckpointError when the file holds something else.
    """
    weights = tuple(read_index(path)) if path.suffix == ".json" else (path,)
    keys = read_headers(weights)
    found = identify(keys)
    one = _only([f for f in found if f.component == component], component, weights)
    if one is None:
        holds = ", ".join(sorted({f.component for f in found})) or "nothing that is known here"
        raise CheckpointError(f"{path} holds no {component}: its keys are of {holds}")
    stem = path.name.removesuffix(".index.json").removesuffix(".safetensors")
    if stem in STEMS.values() and (path.parent / "config.json").is_file():
        return in_folder(component, path.parent)
    return as_component(one, weights, keys)


def as_component(
    found: Found, weights: tuple[Path, ...], entries: Mapping[str, TensorEntry]
) -> Component:
    """Make a component of what was found among the keys of a single file."""
    key = embedded_tokenizer_key(found.prefix, entries)
    embedded = entries[key].path if key else None
    tokenizer = embedded if found.component.startswith("text_encoder") else None
    # One config cannot be that of several components.
    alone = len(identify(entries)) == 1
    config = weights[0].with_suffix(".config.json")
    return Component(
        weights,
        found.naming,
        found.prefix,
        config if alone and config.is_file() else None,
        tokenizer,
    )


def tokenizer_in(*folders: Path) -> Path | None:
    """Give the first tokenizer file that a folder holds, in the order of the folders."""
    for folder in folders:
        for name in TOKENIZER_FILES:
            if (folder / name).is_file():
                return folder / name
    return None


def tokenizer_at(path: Path) -> Path:
    """Give the tokenizer that a path names, which may be its folder."""
    if path.is_dir() and (inside := tokenizer_in(path)) is not None:
        return inside
    if not path.is_file():
        raise CheckpointError(f"{path} is no tokenizer: {' or '.join(TOKENIZER_FILES)} is missing")
    return path


def _only(found: list[Found], component: str, weights: tuple[Path, ...]) -> Found | None:
    if len(found) > 1:
        ways = " and ".join(f"{f.naming} names behind {f.prefix!r}" for f in found)
        raise CheckpointError(f"{weights[0]} holds {component} twice: {ways}")
    return found[0] if found else None
