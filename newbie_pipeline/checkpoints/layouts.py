"""Which files make up a checkpoint, found out by looking at their keys; loads no torch.

Known are the official repository, a Diffusers conversion, a folder that `save_pretrained` wrote,
and ComfyUI's single files: in a ComfyUI models folder, side by side, in one file, or named one by
one. Two files that could be the same component are an error that lists both, never a guess.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from newbie_pipeline.checkpoints import component_files
from newbie_pipeline.checkpoints.component_files import Component
from newbie_pipeline.checkpoints.headers import TensorEntry, read_headers
from newbie_pipeline.checkpoints.key_names import embedded_tokenizer_key
from newbie_pipeline.checkpoints.single_files import find_single_files, is_models_folder
from newbie_pipeline.checkpoints.sources import (
    COMPONENTS,
    GEMMA,
    GEMMA_PARTS,
    WITHOUT_GEMMA,
    Source,
    as_files,
    parse_source,
    wanted_components,
)
from newbie_pipeline.checkpoints.weight_lists import has_weights, read_json
from newbie_pipeline.errors import CheckpointError, MissingFileError

__all__ = ["Checkpoint", "Component", "component_entries", "find_checkpoint", "parse_source"]

OFFICIAL = "official"
DIFFUSERS = "diffusers"
SAVED = "saved"
SINGLE_FILES = "single files"
SAVED_TRANSFORMER = "NextDiT"
# Folder names by component; the official repository's Jina CLIP lies under a name of its own.
FOLDERS = {
    "transformer": ("transformer",),
    "text_encoder": ("text_encoder",),
    "text_encoder_2": ("text_encoder_2", "clip_model"),
    "vae": ("vae",),
}
TOKENIZER_FOLDERS = {"text_encoder": "tokenizer", "text_encoder_2": "tokenizer_2"}
# Where a models folder lies in ComfyUI's own folder, and in repositories made for it.
INNER_FOLDERS = ("models", "split_files")
MISSING_FOLDER_NAMES = ("transformer", "text_encoder", "clip_model", "vae")


@dataclass(frozen=True)
class Checkpoint:
    """The files of a checkpoint: one `Component` for each model, and the scheduler's config.

    `layout` is "official", "diffusers", "saved" or "single files"; `scheduler` is None where the
    official one counts, `text_encoder` where Gemma was not looked for.
    """

    layout: str
    transformer: Component
    text_encoder_2: Component
    vae: Component
    scheduler: Path | None
    text_encoder: Component | None = None

    def components(self) -> dict[str, Component]:
        """Give the components by name: four, or three without Gemma."""
        found = {name: getattr(self, name) for name in COMPONENTS}
        return {name: component for name, component in found.items() if component is not None}


def find_checkpoint(
    source: Source, files: Mapping[str, Path] | None = None, *, clip_only: bool = False
) -> Checkpoint:
    """Find every component of a folder, a single file, or separate files.

    A single file brings what it holds; the rest is looked for around it. Only headers are read.
    With `clip_only` Gemma and its tokenizer are not looked for, and not looked at where they are
    named. Raises CheckpointError naming what is missing, ambiguous, damaged, or a pickle.
    """
    base, named = as_files(source)
    named |= files or {}
    if clip_only:
        named = {name: path for name, path in named.items() if name not in GEMMA_PARTS}
    wanted = wanted_components(clip_only=clip_only)
    given = {name: _named_component(name, named) for name in wanted if name in named}
    scheduler = named.get("scheduler")
    if base is None and len(given) < len(wanted):
        first = given.get("transformer") or next(iter(given.values()), None)
        if first is None:
            raise CheckpointError(f"no checkpoint is named, only {', '.join(named) or GEMMA}")
        base = first.weights[0]
    if base is None:
        checkpoint = Checkpoint(SINGLE_FILES, scheduler=None, **given)
    else:
        checkpoint = _find_in(base, given, wanted)
    for component, part in TOKENIZER_FOLDERS.items():
        if part in named:
            own = checkpoint.components()[component]
            own = replace(own, tokenizer=component_files.tokenizer_at(named[part]))
            checkpoint = replace(checkpoint, **{component: own})  # type: ignore[arg-type]
    if scheduler is not None:
        config = scheduler / "scheduler_config.json" if scheduler.is_dir() else scheduler
        checkpoint = replace(checkpoint, scheduler=config)
    return checkpoint


def component_entries(component: Component) -> dict[str, TensorEntry]:
    """List a component's tensors by key, without the prefix; other components' are left out."""
    entries = read_headers(component.weights)
    prefix = component.prefix
    return {
        key.removeprefix(prefix): entry
        for key, entry in entries.items()
        if key.startswith(prefix) and key != embedded_tokenizer_key(prefix, entries)
    }


def _find_in(base: Path, given: Mapping[str, Component], wanted: tuple[str, ...]) -> Checkpoint:
    if base.is_file():
        return Checkpoint(SINGLE_FILES, scheduler=None, **find_single_files(base, given, wanted))
    if not base.is_dir():
        raise CheckpointError(f"{base} is not a folder and not a file")
    has_folders = any((base / name).is_dir() for name in ("transformer", "text_encoder"))
    if has_folders or (base / "model_index.json").is_file():
        return _find_folders(base, given, wanted)
    inside = [base / name for name in INNER_FOLDERS if is_models_folder(base / name)]
    if len(inside) == 1 and not is_models_folder(base):
        base = inside[0]
    if is_models_folder(base) or has_weights(base):
        return Checkpoint(SINGLE_FILES, scheduler=None, **find_single_files(base, given, wanted))
    raise CheckpointError(
        f"{base} is not a checkpoint: it has no {', '.join(MISSING_FOLDER_NAMES)}, and no "
        "safetensors file"
    )


def _find_folders(
    base: Path, given: Mapping[str, Component], wanted: tuple[str, ...]
) -> Checkpoint:
    """Find the components of a folder that has one folder for each."""
    found: dict[str, Component] = {}
    missing = []
    for component in wanted:
        names = FOLDERS[component]
        if component in given:
            found[component] = given[component]
            continue
        there = [base / name for name in names if (base / name).is_dir()]
        if len(there) > 1:
            raise CheckpointError(
                f"{base} holds two of one component: {' and '.join(p.name for p in there)}"
            )
        if not there:
            missing.append(" or ".join(reversed(names)))
            continue
        with _hint(component):
            found[component] = component_files.in_folder(component, there[0])
        if component in TOKENIZER_FOLDERS:
            tokenizer = (
                component_files.tokenizer_in(base / TOKENIZER_FOLDERS[component], there[0])
                or found[component].tokenizer
            )
            found[component] = replace(found[component], tokenizer=tokenizer)
    if missing:
        hint = WITHOUT_GEMMA if missing == [GEMMA] else ""
        raise CheckpointError(f"{base} is not a checkpoint: it has no {', '.join(missing)}{hint}")
    scheduler = base / "scheduler" / "scheduler_config.json"
    return Checkpoint(
        _folder_layout(base, found["transformer"]),
        scheduler=scheduler if scheduler.parent.is_dir() else None,
        **found,
    )


def _folder_layout(base: Path, transformer: Component) -> str:
    if transformer.naming == "diffusers":
        return DIFFUSERS
    index = base / "model_index.json"
    entry = read_json(index).get("transformer") if index.is_file() else None
    saved = isinstance(entry, list) and entry[-1:] == [SAVED_TRANSFORMER]
    return SAVED if saved else OFFICIAL


def _named_component(name: str, named: Mapping[str, Path]) -> Component:
    path = named[name]
    with _hint(name):
        if path.is_dir():
            return component_files.in_folder(name, path)
        return component_files.in_file(name, path)


@contextmanager
def _hint(name: str) -> Iterator[None]:
    """Say where Gemma is missing that it can be done without."""
    try:
        yield
    except MissingFileError as error:
        if name != GEMMA:
            raise
        raise MissingFileError(f"{error}{WITHOUT_GEMMA}") from error
