"""From tensor names and shapes to `ModelSizes`, whatever the layout; loads no torch.

Names may be the official checkpoint's, diffusers', transformers' or ComfyUI's: what counts is
recognised by the part of the name that they share.
"""

import re
from collections.abc import Iterable, Mapping
from math import prod

from newbie_pipeline.errors import CheckpointError
from newbie_pipeline.memory.sizes import (
    Component,
    ComponentSize,
    ModelSizes,
    TextShape,
    TransformerShape,
    VaeShape,
)

Shapes = Mapping[str, tuple[int, ...]]

TRANSFORMER_BLOCK = re.compile(r"(?:^|\.)((?:layers|noise_refiner|context_refiner)\.\d+)\.")
_LAYER = re.compile(r"(?:^|\.)(layers\.\d+)\.")
_LAST_NORM = "norm_final.weight"
_JINA_HEAD_DIM = 64  # which neither its weights nor its config tell
_NOT_GEMMA = ("vision_tower.", "multi_modal_projector.", "lm_head.")


def component_of(names: Iterable[str]) -> Component | None:
    """Tell which component a file with these tensor names holds, or None."""
    text = "\n".join(names)
    if "noise_refiner." in text:
        return Component.TRANSFORMER
    if "mixer.Wqkv" in text:
        return Component.TEXT_ENCODER_2
    if "self_attn.q_proj" in text and "embed_tokens" in text:
        return Component.TEXT_ENCODER
    if "decoder.conv_in" in text and "encoder.conv_in" in text:
        return Component.VAE
    return None


def model_sizes(
    name: str,
    shapes: Mapping[Component, Shapes],
    gemma_is_cut: bool = False,
    *,
    clip_only: bool = False,
) -> ModelSizes:
    """Measure a model; raises CheckpointError when a component or a telling tensor is missing.

    `gemma_is_cut` tells that Gemma's last layer, which is never loaded, is not there any more.
    With `clip_only` Gemma is not measured, whether it is there or not.
    """
    for component in Component:
        if component not in shapes and not (clip_only and component is Component.TEXT_ENCODER):
            raise CheckpointError(f"{name}: no weights of {component.value} were found")
    transformer = _with_last_norm(shapes[Component.TRANSFORMER])
    clip = _text_tower(shapes[Component.TEXT_ENCODER_2])
    vae = shapes[Component.VAE]
    components = {
        Component.TRANSFORMER: measure(transformer, TRANSFORMER_BLOCK),
        Component.TEXT_ENCODER_2: measure(clip, _LAYER),
        Component.VAE: measure(vae, None),
    }
    gemma, last_layer, head = None, 0, 0
    if not clip_only:
        whole = shapes[Component.TEXT_ENCODER]
        text = _conditioning_part(whole, gemma_is_cut)
        last_layer, head = _writing_part(whole, text, gemma_is_cut)
        components[Component.TEXT_ENCODER] = measure(text, _LAYER)
        gemma = _gemma_shape(text)
    return ModelSizes(
        name=name,
        transformer=_transformer_shape(transformer),
        text_encoder=gemma,
        text_encoder_2=_clip_shape(clip),
        vae=_vae_shape(vae),
        components=components,
        last_layer=last_layer,
        head=head,
    )


def measure(shapes: Shapes, block: re.Pattern[str] | None) -> ComponentSize:
    """Add up a component's tensors; `block` finds the name of the block that one belongs to."""
    blocks: dict[str, int] = {}
    matrices: list[tuple[int, ...]] = []
    pinned = 0
    for name, shape in shapes.items():
        found = block.search(name) if block is not None else None
        if found is None:
            continue
        count = prod(shape)
        blocks[found[1]] = blocks.get(found[1], 0) + count
        pinned += 1 << max(count - 1, 0).bit_length()
        if len(shape) == 2:
            matrices.append(shape)
    return ComponentSize(
        parameters=sum(prod(shape) for shape in shapes.values()),
        blocks=len(blocks),
        block_parameters=sum(blocks.values()),
        largest_block=max(blocks.values(), default=0),
        block_matrices=sum(prod(shape) for shape in matrices),
        matrix_rows=sum(shape[0] for shape in matrices),
        largest_matrix=max((prod(shape) for shape in matrices), default=0),
        pinned_parameters=pinned,
    )


def _with_last_norm(shapes: Shapes) -> Shapes:
    """Add the norm that conversions to diffusers drop, and that is there once it is loaded."""
    return {_LAST_NORM: _shape(shapes, "x_embedder.weight")[:1], **shapes}


def _conditioning_part(shapes: Shapes, is_cut: bool) -> Shapes:
    text = {n: s for n, s in shapes.items() if not any(part in n for part in _NOT_GEMMA)}
    last = "" if is_cut else f"layers.{_count(text, _LAYER) - 1}"

    def counts(name: str) -> bool:
        layer = _LAYER.search(name)
        return not name.endswith("norm.weight") if layer is None else layer[1] != last

    return {name: shape for name, shape in text.items() if counts(name)}


def _writing_part(shapes: Shapes, conditioning: Shapes, is_cut: bool) -> tuple[int, int]:
    """Count the last layer with the final norm, and the head where there is one."""
    left = {n: s for n, s in shapes.items() if n not in conditioning}
    heads = sum(prod(shape) for name, shape in left.items() if name.endswith("lm_head.weight"))
    text = {n: s for n, s in left.items() if not any(part in n for part in _NOT_GEMMA)}
    has_norm = any(name.endswith("norm.weight") and not _LAYER.search(name) for name in text)
    if is_cut or not has_norm:
        return 0, 0
    return sum(prod(shape) for shape in text.values()), heads


def _text_tower(shapes: Shapes) -> Shapes:
    def counts(name: str) -> bool:
        outside = ("vision_model.", "visual_projection.", "logit_scale", "spiece_model")
        return not name.startswith(outside) and "lora_" not in name

    return {name: shape for name, shape in shapes.items() if counts(name)}


def _count(shapes: Shapes, block: re.Pattern[str]) -> int:
    return len({found[1] for name in shapes if (found := block.search(name))})


def _shape(shapes: Shapes, *endings: str) -> tuple[int, ...]:
    """Give the first tensor's shape whose name ends so."""
    for name, shape in shapes.items():
        if name.endswith(endings):
            return shape
    raise CheckpointError(f"no tensor is called {' or '.join(endings)}")


def _transformer_shape(shapes: Shapes) -> TransformerShape:
    dim, patch_features = _shape(shapes, "x_embedder.weight")
    head_dim = _shape(shapes, "attention.q_norm.weight", "attn.norm_q.weight")[0]
    try:
        heads_all = _shape(shapes, "attention.qkv.weight")[0]
    except CheckpointError:
        heads_all = dim + 2 * _shape(shapes, "attn.to_k.weight")[0]
    blocks = {found[1] for name in shapes if (found := TRANSFORMER_BLOCK.search(name))}
    layers = sum(block.startswith("layers.") for block in blocks)
    patch_size = 2
    return TransformerShape(
        dim=dim,
        feed_forward=_shape(shapes, "feed_forward.w1.weight", "feed_forward.linear_1.weight")[0],
        heads=dim // head_dim,
        kv_heads=(heads_all - dim) // (2 * head_dim),
        head_dim=head_dim,
        latent_channels=patch_features // patch_size**2,
        layers=layers,
        refiners=len(blocks) - layers,
        patch_size=patch_size,
    )


def _gemma_shape(shapes: Shapes) -> TextShape:
    head_dim = _shape(shapes, "self_attn.q_norm.weight")[0]
    intermediate, hidden = _shape(shapes, "mlp.gate_proj.weight")
    return TextShape(
        hidden=hidden,
        intermediate=intermediate,
        heads=_shape(shapes, "self_attn.q_proj.weight")[0] // head_dim,
        kv_heads=_shape(shapes, "self_attn.k_proj.weight")[0] // head_dim,
        head_dim=head_dim,
        layers=_count(shapes, _LAYER),
    )


def _clip_shape(shapes: Shapes) -> TextShape:
    endings = ("mlp.fc1.weight", "mlp.fc1.parametrizations.weight.original")
    intermediate, hidden = _shape(shapes, *endings)
    heads = max(hidden // _JINA_HEAD_DIM, 1)
    return TextShape(
        hidden=hidden,
        intermediate=intermediate,
        heads=heads,
        kv_heads=heads,
        head_dim=hidden // heads,
        layers=_count(shapes, _LAYER),
    )


def _vae_shape(shapes: Shapes) -> VaeShape:
    # diffusers counts its up blocks from the latents on, the original names from the picture on.
    diffusers = re.compile(r"decoder\.up_blocks\.(\d+)\.resnets\.0\.conv2\.weight$")
    original = re.compile(r"decoder\.up\.(\d+)\.block\.0\.conv2\.weight$")
    widths: dict[int, int] = {}
    for name, shape in shapes.items():
        if found := diffusers.search(name):
            widths[-int(found[1])] = shape[0]
        elif found := original.search(name):
            widths[int(found[1])] = shape[0]
    if not widths:
        raise CheckpointError("no tensor of the VAE's decoder blocks was found")
    latent_channels = _shape(shapes, "decoder.conv_in.weight")[1]
    return VaeShape(tuple(widths[key] for key in sorted(widths)), latent_channels)
