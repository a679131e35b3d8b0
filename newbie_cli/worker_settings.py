"""The worker's settings, for commands that stand in for it: the environment first, then `.env`."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newbie_pipeline.lora.adapter_file import AdapterFile
    from newbie_pipeline.prompt.passages import CharacterEncoding

MODEL = "NEWBIE_WORKER_MODEL"
TEXT_ENCODER = "NEWBIE_WORKER_TEXT_ENCODER"
CHARACTER_ENCODING = "NEWBIE_WORKER_CHARACTER_ENCODING"
LORAS = "NEWBIE_WORKER_LORAS"
TEXT_ENCODERS = ("full", "clip_only")
CHARACTER_ENCODINGS: tuple["CharacterEncoding", ...] = ("whole", "per_character")


def setting(name: str) -> str | None:
    """Look a setting up; an empty one counts as none."""
    from dotenv import dotenv_values

    return os.environ.get(name) or dotenv_values(".env").get(name) or None


def chosen_model(named: str | None) -> str:
    """Give the checkpoint that is named, or set for the worker, or else the demo model."""
    from newbie_pipeline.demo.packaged import DEMO

    return named or setting(MODEL) or DEMO


def is_clip_only(given: str | None, *, own_model: bool) -> bool:
    """Tell whether Gemma is left out: as given, else as the worker of the same model is set.

    `own_model` tells that the command line names a model, about which the worker's settings say
    nothing. Raises RenderInputError for a setting that is neither full nor clip_only.
    """
    return _choice(given, TEXT_ENCODER, TEXT_ENCODERS, own_model=own_model) == "clip_only"


def character_encoding(given: str | None, *, own_model: bool) -> "CharacterEncoding":
    """Tell how several characters are encoded: as given, else as the worker of the same model.

    Raises RenderInputError for a setting that is neither whole nor per_character.
    """
    chosen = _choice(given, CHARACTER_ENCODING, CHARACTER_ENCODINGS, own_model=own_model)
    return next(each for each in CHARACTER_ENCODINGS if each == chosen)


def adapter_files(given: list[str], *, own_model: bool) -> "tuple[AdapterFile, ...]":
    """Read the given adapter files, else those of the worker of the same model.

    Raises AdapterError for a text that is no PATH[:WEIGHT].
    """
    from newbie_pipeline.lora.adapter_file import parse_adapter_file, parse_adapter_files

    if given:
        return tuple(parse_adapter_file(text) for text in given)
    return () if own_model else tuple(parse_adapter_files(setting(LORAS) or ""))


def _choice(given: str | None, name: str, choices: tuple[str, ...], *, own_model: bool) -> str:
    """Give what was chosen, else the worker's setting, else the first choice."""
    from newbie_pipeline.errors import RenderInputError

    text = given or (None if own_model else setting(name)) or choices[0]
    if text not in choices:
        raise RenderInputError(f"{name} is {text!r}: write {' or '.join(choices)}")
    return text
