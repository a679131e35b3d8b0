"""What the pipeline's call refuses before it starts, each with a sentence that says what to do."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import torch

from newbie_pipeline.errors import RenderInputError
from newbie_pipeline.prompt.passages import CHARACTER_ENCODINGS

OUTPUT_TYPES = ("pil", "np", "pt", "latent")


def check_size(height: int, width: int, multiple: int, most: tuple[int, int]) -> None:
    """Raise RenderInputError for a size in pixels that is no multiple or above `most`."""
    _check_whole(height=height, width=width)
    most_height, most_width = most
    if height % multiple or width % multiple or height <= 0 or width <= 0:
        raise RenderInputError(
            f"width and height must be multiples of {multiple}, but are {width} x {height}"
        )
    if height > most_height or width > most_width:
        raise RenderInputError(
            f"the model draws at most {most_width} x {most_height}, not {width} x {height}"
        )


def check_counts(num_inference_steps: int, num_images_per_prompt: int) -> None:
    """Raise RenderInputError unless there is at least one step and one picture."""
    _check_whole(
        num_inference_steps=num_inference_steps, num_images_per_prompt=num_images_per_prompt
    )
    if num_inference_steps < 1:
        raise RenderInputError(f"at least one step is needed, not {num_inference_steps}")
    if num_images_per_prompt < 1:
        raise RenderInputError(f"at least one picture is needed, not {num_images_per_prompt}")


def check_guidance(guidance_scale: float) -> None:
    """Raise RenderInputError unless the scale is a finite number; up to 1 means no guidance."""
    if not isinstance(guidance_scale, Real) or not math.isfinite(guidance_scale):
        raise RenderInputError(f"guidance_scale must be a number, not {guidance_scale!r}")


def check_generators(generators: Any, pictures: int) -> None:
    """Raise RenderInputError unless each picture has a generator, or None for any noise."""
    if not isinstance(generators, (list, tuple)):
        raise RenderInputError(
            f"generator must be a torch.Generator or a list of them, not {generators!r}"
        )
    if len(generators) != pictures:
        raise RenderInputError(f"{len(generators)} generators for {pictures} pictures")
    for one in generators:
        if one is not None and not isinstance(one, torch.Generator):
            raise RenderInputError(
                f"generator must be a torch.Generator or a list of them, not {one!r}"
            )


def check_latents(latents: Any, shape: tuple[int, ...]) -> None:
    """Raise RenderInputError unless latents are a tensor of the shape [batch, channels, h, w]."""
    if not isinstance(latents, torch.Tensor):
        raise RenderInputError(f"latents must be a tensor, not a {type(latents).__name__}")
    if latents.shape != shape:
        raise RenderInputError(f"latents have shape {tuple(latents.shape)}, but {shape} is needed")


def check_prompts(
    prompt: Any,
    negative_prompt: Any,
    prompt_embeds: torch.Tensor | None,
    negative_prompt_embeds: torch.Tensor | None,
) -> None:
    """Raise RenderInputError unless each prompt comes once, as text or encoded."""
    if prompt is None and prompt_embeds is None:
        raise RenderInputError("either a prompt or prompt_embeds is needed")
    pairs = (
        ("prompt", prompt, prompt_embeds),
        ("negative_prompt", negative_prompt, negative_prompt_embeds),
    )
    for name, text, embeds in pairs:
        if text is not None and embeds is not None:
            raise RenderInputError(f"{name} and {name}_embeds are both given; leave one out")
        if text is None or isinstance(text, str):
            continue
        if not isinstance(text, list) or not all(isinstance(one, str) for one in text):
            raise RenderInputError(f"{name} must be a string or a list of strings")
        if not text:
            raise RenderInputError(f"{name} is an empty list")


def check_output(output_type: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Raise RenderInputError for an unknown kind of output or tensor for the callback."""
    if output_type not in OUTPUT_TYPES:
        raise RenderInputError(
            f"there is no output_type {output_type!r}; choose one of {', '.join(OUTPUT_TYPES)}"
        )
    if unknown := set(names) - set(known):
        raise RenderInputError(f"the callback cannot be given {', '.join(sorted(unknown))}")


def check_character_encoding(character_encoding: Any) -> None:
    """Raise RenderInputError for a way to encode characters that does not exist."""
    if character_encoding not in CHARACTER_ENCODINGS:
        raise RenderInputError(
            f"there is no character_encoding {character_encoding!r}; choose one of "
            f"{', '.join(CHARACTER_ENCODINGS)}"
        )


def _check_whole(**values: Any) -> None:
    for name, value in values.items():
        if not isinstance(value, Integral):
            raise RenderInputError(f"{name} must be a whole number, not {value!r}")
