"""Finds the components among ComfyUI's single files by their keys; loads no torch.

Looked through are a ComfyUI models folder (`diffusion_models` or `unet`, `text_encoders` or `clip`,
`vae`, `checkpoints`), a folder in which all files lie side by side, or what lies around one file. A
models folder often holds other models' files too: what does not fit the transformer's widths is
left aside, and where two files fit, both are named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from newbie_pipeline.checkpoints import component_files
from newbie_pipeline.checkpoints.component_files import Component
from newbie_pipeline.checkpoints.headers import TensorEntry, read_headers
from newbie_pipeline.checkpoints.key_names import CLIP_KEY, identify
from newbie_pipeline.checkpoints.sources import COMPONENTS, GEMMA, WITHOUT_GEMMA
from newbie_pipeline.checkpoints.weight_lists import refuse_pickles, weight_groups
from newbie_pipeline.errors import CheckpointError

MODEL_FOLDERS = ("diffusion_models", "unet", "text_encoders", "clip", "vae", "checkpoints")
TOKENIZER_FOLDERS = {"text_encoder": "tokenizer", "text_encoder_2": "tokenizer_2"}
USUAL_NAMES = {
    "transformer": "NewBie-Image-Exp0.1-bf16.safetensors",
    "text_encoder": "gemma_3_4b_it_bf16.safetensors",
    "text_encoder_2": "jina_clip_v2_bf16.safetensors",
    "vae": "ae.safetensors",
}
# The last dimension of a key by which a text encoder or VAE must fit the transformer.
GEMMA_KEY = "layers.0.pre_feedforward_layernorm.weight"
JINA_KEY = "encoder.layers.0.norm1.weight"
VAE_KEY = "decoder.conv_in.weight"
LATENT_CHANNELS = 16


@dataclass(frozen=True)
class Candidate:
    """A component in a file, with the file's tensors."""

    component: Component
    entries: Mapping[str, TensorEntry]


def is_models_folder(folder: Path) -> bool:
    """Tell whether a folder looks like ComfyUI's models folder."""
    names = ("diffusion_models", "unet", "text_encoders", "clip", "checkpoints")
    return any((folder / name).is_dir() for name in names)


def find_single_files(
    base: Path, given: Mapping[str, Component], wanted: tuple[str, ...] = COMPONENTS
) -> dict[str, Component]:
    """Find the wanted components in and around `base`, a folder or one of the files.

    Raises CheckpointError for a component that is missing or that two files could be.
    """
    root = base
    found: dict[str, list[Candidate]] = {name: [] for name in COMPONENTS}
    if base.is_file():
        _add(found, [base])
        if not any(found.values()):
            raise CheckpointError(f"{base} holds no part of a checkpoint that is known here")
        root = _root_of(base)
    own = {name for name in COMPONENTS if found[name]}
    if not all(found[name] or name in given for name in wanted):
        around: dict[str, list[Candidate]] = {name: [] for name in COMPONENTS}
        for group in _groups(root):
            if base not in group:
                _add(around, group)
        found |= {name: around[name] for name in COMPONENTS if name not in own}
    found |= {
        name: [Candidate(component, read_headers(component.weights))]
        for name, component in given.items()
    }
    transformer = _only("transformer", _with_clip(found["transformer"]), root)
    chosen = {"transformer": transformer.component}
    for name in wanted[1:]:
        fitting = [c for c in found[name] if _fits(name, c, transformer)]
        one = _only(name, fitting or found[name], root).component
        chosen[name] = _with_tokenizer(name, one, root)
    return chosen


def _root_of(file: Path) -> Path:
    """Give the folder in which the other files of a single file are to be looked for."""
    for folder in file.parents:
        if folder.name in MODEL_FOLDERS:
            return folder.parent
    return file.parent


def _groups(root: Path) -> Iterable[list[Path]]:
    if not is_models_folder(root):
        yield from weight_groups(root)
        return
    for name in MODEL_FOLDERS:
        if (root / name).is_dir():
            yield from weight_groups(root / name, deep=True)


def _add(found: dict[str, list[Candidate]], group: list[Path]) -> None:
    weights = tuple(group)
    entries = read_headers(weights)
    for one in identify(entries):
        component = component_files.as_component(one, weights, entries)
        found[one.component].append(Candidate(component, entries))


def _with_clip(candidates: list[Candidate]) -> list[Candidate]:
    """Prefer transformers that read a CLIP vector: others of the family have the same keys."""
    with_clip = [c for c in candidates if any(key.endswith(CLIP_KEY) for key in c.entries)]
    return with_clip or candidates


def _fits(name: str, candidate: Candidate, transformer: Candidate) -> bool:
    """Tell whether a text encoder is as wide as the transformer reads, a VAE as deep."""
    if name == "vae":
        return _width(candidate, VAE_KEY, axis=1) in (LATENT_CHANNELS, None)
    signs = {
        "text_encoder": (GEMMA_KEY, ("cap_embedder.0.weight", "caption_embedder.0.weight")),
        "text_encoder_2": (JINA_KEY, ("clip_text_pooled_proj.0.weight",)),
    }
    own, theirs = signs[name]
    wanted = [_width(transformer, key) for key in theirs]
    return _width(candidate, own) in wanted


def _width(candidate: Candidate, sign: str, axis: int = -1) -> int | None:
    prefix = candidate.component.prefix
    for key, entry in candidate.entries.items():
        if key.startswith(prefix) and key.endswith(sign):
            return next(iter(entry.shape[axis:]), None)
    return None


def _only(name: str, candidates: list[Candidate], root: Path) -> Candidate:
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        refuse_pickles(root, USUAL_NAMES[name], deep=is_models_folder(root))
        raise CheckpointError(
            f"{root} holds no {name} (usually {USUAL_NAMES[name]}): put it there, or name it with "
            f"{name}=PATH{WITHOUT_GEMMA if name == GEMMA else ''}"
        )
    files = ", ".join(str(c.component.weights[0]) for c in candidates)
    raise CheckpointError(
        f"{root} holds several files that could be the {name}: {files}. Name one of them with "
        f"{name}=PATH"
    )


def _with_tokenizer(name: str, component: Component, root: Path) -> Component:
    """Add a tokenizer that lies beside the files, where none is inside the weights."""
    if name not in TOKENIZER_FOLDERS or component.tokenizer is not None:
        return component
    folder = TOKENIZER_FOLDERS[name]
    beside = component.weights[0].parent
    places = (beside / component.weights[0].stem, beside / folder, root / folder)
    return replace(component, tokenizer=component_files.tokenizer_in(*places))
