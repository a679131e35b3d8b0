"""The names in adapter files: which layer of the transformer and which part of it a key means.

Loads no torch, so that a plan can read the same names as a load. Every key must belong to a linear
layer of the model; what is known to be of another kind is refused by its name.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from newbie_pipeline.errors import AdapterError

DOTTED_PREFIXES = ("base_model.model.", "transformer.", "diffusion_model.", "model.", "_orig_mod.")
UNDERSCORE_PREFIXES = ("lycoris_", "lora_unet_", "lora_transformer_")
TEXT_ENCODER = re.compile(r"^(base_model\.model\.)?(lora_te|lycoris_te|text_encoder|clip_model)")
LUMINA_NAMES = re.compile(r"[._](attn[._]to_(q|k|v|out)|feed_forward[._]linear_\d)")
KEY = re.compile(
    r"^(?P<module>.+?)\.(?:"
    r"(?P<lora>lora_A|lora_B|lora_down|lora_up|lora\.down|lora\.up)(?:\.(?P<name>[^.]+))?\.weight"
    r"|(?P<lokr>lokr_w1|lokr_w1_a|lokr_w1_b|lokr_w2|lokr_w2_a|lokr_w2_b)(?:\.(?P<own>[^.]+))?"
    r"|(?P<alpha>alpha))$"
)
LORA_PARTS = {
    "lora_A": "A",
    "lora_down": "A",
    "lora.down": "A",
    "lora_B": "B",
    "lora_up": "B",
    "lora.up": "B",
}
# What a part of a key says about kinds of adapters that are not loaded here.
REFUSED_KINDS = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_": "LoHa",
    "oft_": "OFT",
    "glora": "GLoRA",
    ".a1.weight": "GLoRA",
    "on_input": "IA3",
    "lora_mid": "a LoRA of convolutions",
    "lokr_t2": "a LoKr of convolutions",
    "lora_embedding_": "a LoRA of embeddings",
    "w_norm": "a LyCORIS file with trained norms (train_norm)",
    "b_norm": "a LyCORIS file with trained norms (train_norm)",
    ".diff": "a full difference of weights",
    "lora_B.bias": "a LoRA with biases",
    "modules_to_save": "a LoRA with whole trained modules (modules_to_save)",
}
NAMED_KEYS = 3


def refuse_kinds(file: str, keys: Iterable[str]) -> None:
    """Raise AdapterError for weights of text encoders and for other kinds of adapters."""
    keys = list(keys)
    texts = [key for key in keys if TEXT_ENCODER.match(key)]
    if texts:
        raise AdapterError(
            f"{file} holds weights for a text encoder ({_some(texts)}); only the "
            "transformer takes adapters: train or save the file without text encoders"
        )
    for key in keys:
        for mark, kind in REFUSED_KINDS.items():
            if mark in key:
                raise AdapterError(
                    f"{file} is {kind} (key {key}); only LoRA and LoKr of linear layers "
                    "can be loaded"
                )


def group_by_layer(
    file: str, keys: Iterable[str], layers: Collection[str]
) -> dict[str, dict[str, str]]:
    """Map each layer to its parts, and each part to the file's key.

    Parts are called A, B, lokr_w1 and so on, and alpha. Raises AdapterError for keys that fit
    nothing, that mean the same weight, or that belong to several adapters.
    """
    flat: dict[str, list[str]] = {}
    for layer in layers:
        flat.setdefault(layer.replace(".", "_"), []).append(layer)
    grouped: dict[str, dict[str, str]] = {}
    strangers: list[str] = []
    names: set[str] = set()
    for key in keys:
        match = KEY.match(key)
        module = _layer_of(file, match["module"], layers, flat) if match else None
        if match is None or module is None:
            strangers.append(key)
            continue
        names |= {match["name"] or match["own"] or ""} - {""}
        part = LORA_PARTS[match["lora"]] if match["lora"] else match["lokr"] or "alpha"
        parts = grouped.setdefault(module, {})
        if part in parts:
            raise AdapterError(f"{file}: keys {parts[part]} and {key} mean the same weight")
        parts[part] = key
    if len(names) > 1:
        raise AdapterError(
            f"{file} holds several adapters ({', '.join(sorted(names))}); save each alone"
        )
    if strangers:
        raise AdapterError(_strangers(file, strangers, fits_something=bool(grouped)))
    return grouped


def _layer_of(
    file: str, module: str, layers: Collection[str], flat: Mapping[str, list[str]]
) -> str | None:
    rest = module
    while rest not in layers:
        for prefix in DOTTED_PREFIXES:
            if rest.startswith(prefix):
                rest = rest.removeprefix(prefix)
                break
        else:
            break
    if rest in layers:
        return rest
    for prefix in UNDERSCORE_PREFIXES:
        if rest.startswith(prefix):
            fitting = flat.get(rest.removeprefix(prefix), [])
            if len(fitting) > 1:
                raise AdapterError(f"{file}: {module} could mean each of {', '.join(fitting)}")
            return fitting[0] if fitting else None
    return None


def _strangers(file: str, strangers: list[str], *, fits_something: bool) -> str:
    if any(LUMINA_NAMES.search(key) for key in strangers):
        return (
            f"{file} has the layer names of diffusers' Lumina2, with attention split into "
            f"to_q, to_k and to_v ({_some(strangers)}); the adapter must be trained on, or "
            "converted to, the official layer names such as layers.0.attention.qkv"
        )
    if not fits_something:
        return (
            f"{file} fits nothing in this model: none of its {len(strangers)} keys belongs "
            f"to a layer ({_some(strangers)}); it was made for another model"
        )
    return f"{file}: {len(strangers)} keys fit nothing in this model: {_some(strangers)}"


def _some(keys: list[str]) -> str:
    more = ", ..." if len(keys) > NAMED_KEYS else ""
    return ", ".join(keys[:NAMED_KEYS]) + more
