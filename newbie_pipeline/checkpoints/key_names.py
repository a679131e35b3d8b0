"""Which component a file's keys belong to, and under which names; loads no torch.

A component is known by keys that nothing else has. What stands before them is its prefix: ComfyUI
puts the transformer behind `model.diffusion_model.`, and all components into one file behind
prefixes of their own.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Literal

Naming = Literal["official", "diffusers", "ldm", "plain"]

# (component, names, a key that only this component has under these names)
SIGNS: tuple[tuple[str, Naming, str], ...] = (
    ("transformer", "official", "cap_embedder.1.weight"),
    ("transformer", "diffusers", "time_caption_embed.caption_embedder.1.weight"),
    ("text_encoder", "plain", "layers.0.pre_feedforward_layernorm.weight"),
    ("text_encoder_2", "plain", "encoder.layers.0.mixer.Wqkv.bias"),
    ("vae", "diffusers", "decoder.mid_block.resnets.0.norm1.weight"),
    ("vae", "ldm", "decoder.mid.block_1.norm1.weight"),
)
# What may stand before a component; the longest that fits is cut off, the loader knows the rest.
PREFIXES = {
    "transformer": ("model.diffusion_model.", "diffusion_model.", ""),
    "text_encoder": ("",),
    "text_encoder_2": ("",),
    "vae": ("first_stage_model.", "vae.", ""),
}
# The text encoders' own names begin here in a file that holds all components.
TOGETHER = "text_encoders."
CLIP_KEY = "clip_text_pooled_proj.1.weight"
# The tensor of bytes in which ComfyUI's files carry their sentencepiece model.
EMBEDDED_TOKENIZER = "spiece_model"


SCALED_FP8_SIGNS = ("scaled_fp8", "scale_weight", "weight_scale", "comfy_quant")


def embedded_tokenizer_key(prefix: str, keys: Container[str]) -> str | None:
    """Name the tensor that holds the sentencepiece model of the component behind `prefix`."""
    for before in (prefix, prefix.removesuffix("transformer.")):
        if (key := before + EMBEDDED_TOKENIZER) in keys:
            return key
    return None


def belongs_elsewhere(key: str) -> bool:
    """Tell whether a key lies behind a prefix that only other components have."""
    prefixes = [prefix for group in PREFIXES.values() for prefix in group if prefix]
    return key.startswith((TOGETHER, *prefixes))


@dataclass(frozen=True)
class Found:
    """A component among a file's keys: its name, how its keys are named, what stands before."""

    component: str
    naming: Naming
    prefix: str


def identify(keys: Iterable[str]) -> list[Found]:
    """List the components whose keys are there."""
    found = []
    for key in keys:
        for component, naming, sign in SIGNS:
            if not key.endswith(sign):
                continue
            before = key.removesuffix(sign)
            prefix = _prefix(component, before)
            if prefix is not None and Found(component, naming, prefix) not in found:
                found.append(Found(component, naming, prefix))
    return found


def _prefix(component: str, before: str) -> str | None:
    """Give what the loader has to cut off, or None where the sign is part of something else."""
    if component in ("text_encoder", "text_encoder_2"):
        if not before.startswith(TOGETHER):
            return ""
        # text_encoders.NAME.transformer.model.layers.0...
        parts = before.split(".")
        depth = 3 if len(parts) > 2 and parts[2] == "transformer" else 2
        return ".".join(parts[:depth]) + "."
    return before if before in PREFIXES[component] else None
