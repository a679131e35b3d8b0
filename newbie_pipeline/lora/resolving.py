"""From an adapter file's keys to the transformer's linear layers, strictly.

Every key must belong to a layer of the model and to a complete LoRA or LoKr of the right shape; the
model itself is only looked at. LoRA: W + alpha / rank * B @ A (arXiv 2106.09685). LoKr: W + scale *
kron(w1, w2), where w1 and w2 may each be products of rank r; then scale is alpha / r, and 1 where
both are stored whole (arXiv 2309.14859, and the LyCORIS library).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import get_pattern_key
from torch import nn

from newbie_pipeline.errors import AdapterError
from newbie_pipeline.lora.reading import AdapterSource

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

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LoraWeights:
    """A [rank, in] and B [out, rank] of one layer, and alpha, which is divided by the rank."""

    down: torch.Tensor
    up: torch.Tensor
    alpha: float


@dataclass(frozen=True)
class LokrWeights:
    """The two whole Kronecker factors of one layer, w1 scaled already."""

    w1: torch.Tensor
    w2: torch.Tensor


@dataclass(frozen=True)
class ResolvedAdapter:
    """What one file does to each layer, by the layer's name; one of the two is empty."""

    lora: dict[str, LoraWeights]
    lokr: dict[str, LokrWeights]


def linear_layers(model: nn.Module) -> dict[str, Shape]:
    """Name every linear layer with its [out, in], as if no adapter were loaded."""
    shapes: dict[str, Shape] = {}
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if inside and name.startswith(inside):
            continue
        base = module
        if isinstance(module, BaseTunerLayer):
            inside += (f"{name}.",)
            base = module.get_base_layer()
        if isinstance(base, nn.Linear):
            shapes[name] = (base.out_features, base.in_features)
    return shapes


def resolve_adapter(source: AdapterSource, layers: Mapping[str, Shape]) -> ResolvedAdapter:
    """Give each layer its weights, or raise AdapterError naming file, keys and shapes."""
    _refuse_kinds(source)
    grouped = _group_by_layer(source, layers)
    lora: dict[str, LoraWeights] = {}
    lokr: dict[str, LokrWeights] = {}
    for module, parts in grouped.items():
        reader = _Parts(source, parts, module, layers[module])
        if any(part.startswith("lokr") for part in parts):
            if "A" in parts or "B" in parts:
                raise AdapterError(f"{source.name}: {module} has parts of both LoRA and LoKr")
            lokr[module] = _lokr(reader)
        else:
            lora[module] = _lora(reader)
    if lora and lokr:
        raise AdapterError(
            f"{source.name} mixes LoRA ({next(iter(lora))}) and LoKr ({next(iter(lokr))}); "
            "save the two kinds as two files"
        )
    return ResolvedAdapter(lora, lokr)


def _refuse_kinds(source: AdapterSource) -> None:
    texts = [key for key in source.tensors if TEXT_ENCODER.match(key)]
    if texts:
        raise AdapterError(
            f"{source.name} holds weights for a text encoder ({_some(texts)}); only the "
            "transformer takes adapters: train or save the file without text encoders"
        )
    for key in source.tensors:
        for mark, kind in REFUSED_KINDS.items():
            if mark in key:
                raise AdapterError(
                    f"{source.name} is {kind} (key {key}); only LoRA and LoKr of linear layers "
                    "can be loaded"
                )
    if source.config.get("use_dora"):
        raise AdapterError(f"{source.name} is DoRA by its metadata; only LoRA and LoKr are loaded")


def _group_by_layer(
    source: AdapterSource, layers: Mapping[str, Shape]
) -> dict[str, dict[str, str]]:
    """Map each layer to its parts, and each part to the file's key."""
    flat: dict[str, list[str]] = {}
    for layer in layers:
        flat.setdefault(layer.replace(".", "_"), []).append(layer)
    grouped: dict[str, dict[str, str]] = {}
    strangers: list[str] = []
    names: set[str] = set()
    for key in source.tensors:
        match = KEY.match(key)
        module = _layer_of(match["module"], layers, flat, source) if match else None
        if match is None or module is None:
            strangers.append(key)
            continue
        names |= {match["name"] or match["own"] or ""} - {""}
        part = LORA_PARTS[match["lora"]] if match["lora"] else match["lokr"] or "alpha"
        parts = grouped.setdefault(module, {})
        if part in parts:
            raise AdapterError(f"{source.name}: keys {parts[part]} and {key} mean the same weight")
        parts[part] = key
    if len(names) > 1:
        raise AdapterError(
            f"{source.name} holds several adapters ({', '.join(sorted(names))}); save each alone"
        )
    if strangers:
        raise AdapterError(_strangers(source, strangers, fits_something=bool(grouped)))
    return grouped


def _layer_of(
    module: str, layers: Mapping[str, Shape], flat: Mapping[str, list[str]], source: AdapterSource
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
                raise AdapterError(
                    f"{source.name}: {module} could mean each of {', '.join(fitting)}"
                )
            return fitting[0] if fitting else None
    return None


def _strangers(source: AdapterSource, strangers: list[str], *, fits_something: bool) -> str:
    if any(LUMINA_NAMES.search(key) for key in strangers):
        return (
            f"{source.name} has the layer names of diffusers' Lumina2, with attention split into "
            f"to_q, to_k and to_v ({_some(strangers)}); the adapter must be trained on, or "
            "converted to, the official layer names such as layers.0.attention.qkv"
        )
    if not fits_something:
        return (
            f"{source.name} fits nothing in this model: none of its {len(strangers)} keys belongs "
            f"to a layer ({_some(strangers)}); it was made for another model"
        )
    return f"{source.name}: {len(strangers)} keys fit nothing in this model: {_some(strangers)}"


def _some(keys: list[str]) -> str:
    more = ", ..." if len(keys) > NAMED_KEYS else ""
    return ", ".join(keys[:NAMED_KEYS]) + more


@dataclass(frozen=True)
class _Parts:
    """The tensors of one layer, with the words for what is wrong with them."""

    source: AdapterSource
    keys: Mapping[str, str]
    module: str
    shape: Shape

    def get(self, part: str) -> torch.Tensor | None:
        if part not in self.keys:
            return None
        tensor = self.source.tensors[self.keys[part]]
        if tensor.ndim != 2 or not tensor.is_floating_point() or 0 in tensor.shape:
            raise AdapterError(
                f"{self.source.name}: key {self.keys[part]} has shape {list(tensor.shape)} and "
                f"type {tensor.dtype}, not two dimensions of floating-point numbers"
            )
        return tensor.float()

    def product(self, left: str, right: str, whole: str) -> torch.Tensor:
        """Give the whole factor, multiplied out in float32 where it is stored as a product."""
        stored = self.get(whole)
        first, second = self.get(left), self.get(right)
        if stored is not None and first is None and second is None:
            return stored
        if stored is not None or first is None or second is None:
            raise AdapterError(
                f"{self.source.name}: {self.module} has {', '.join(self.keys.values())}, which is "
                "not one complete LoRA or LoKr"
            )
        if first.shape[1] != second.shape[0]:
            raise self.mismatch(left, first.shape, (first.shape[0], second.shape[0]))
        return first @ second

    def mismatch(self, part: str, found: Shape, wanted: Shape) -> AdapterError:
        return AdapterError(
            f"{self.source.name}: key {self.keys[part]} has shape {list(found)}, but "
            f"{self.module} [{self.shape[0]}, {self.shape[1]}] needs {list(wanted)}"
        )

    def alpha(self) -> float | None:
        if "alpha" not in self.keys:
            return None
        tensor = self.source.tensors[self.keys["alpha"]]
        value = float(tensor) if tensor.numel() == 1 else math.nan
        if not math.isfinite(value):
            raise AdapterError(f"{self.source.name}: key {self.keys['alpha']} is no finite number")
        return value


def _lora(parts: _Parts) -> LoraWeights:
    down, up = parts.get("A"), parts.get("B")
    if down is None or up is None:
        raise AdapterError(
            f"{parts.source.name}: {parts.module} has only {', '.join(parts.keys.values())}; a "
            "LoRA needs both of its matrices"
        )
    out_features, in_features = parts.shape
    rank = down.shape[0]
    if down.shape[1] != in_features:
        raise parts.mismatch("A", down.shape, (rank, in_features))
    if up.shape != (out_features, rank):
        raise parts.mismatch("B", up.shape, (out_features, rank))
    alpha = parts.alpha()
    if alpha is None:
        alpha = _configured_scale(parts.source, parts.module, rank, "lora_alpha") * rank
    return LoraWeights(down, up, alpha)


def _lokr(parts: _Parts) -> LokrWeights:
    w1 = parts.product("lokr_w1_a", "lokr_w1_b", "lokr_w1")
    w2 = parts.product("lokr_w2_a", "lokr_w2_b", "lokr_w2")
    made = (w1.shape[0] * w2.shape[0], w1.shape[1] * w2.shape[1])
    if made != parts.shape:
        keys = ", ".join(parts.keys.values())
        raise AdapterError(
            f"{parts.source.name}: keys {keys} make {list(made)} of {list(w1.shape)} and "
            f"{list(w2.shape)}, but {parts.module} is {list(parts.shape)}"
        )
    # The right factor's rank goes before the left one's, as in LyCORIS.
    inner = parts.get("lokr_w2_b")
    inner = parts.get("lokr_w1_b") if inner is None else inner
    alpha, scale = parts.alpha(), 1.0
    if alpha is not None and inner is not None:
        scale = alpha / inner.shape[0]
    elif alpha is None and "alpha" in parts.source.config:
        # peft divides by the configured rank, also where the factors are whole.
        rank = int(_number(parts.source, _patterned(parts, "rank_pattern", "r")))
        scale = _number(parts.source, _patterned(parts, "alpha_pattern", "alpha")) / rank
    return LokrWeights(w1 * scale, w2)


def _patterned(parts: _Parts, pattern: str, default: str) -> Any:
    config = parts.source.config
    patterns = config.get(pattern) or {}
    return patterns.get(get_pattern_key(list(patterns), parts.module), config.get(default))


def _configured_scale(source: AdapterSource, module: str, rank: int, name: str) -> float:
    patterns = source.config.get("alpha_pattern") or {}
    alpha = patterns.get(get_pattern_key(list(patterns), module), source.config.get(name))
    if alpha is None:
        return 1.0
    divisor = math.sqrt(rank) if source.config.get("use_rslora") else rank
    return _number(source, alpha) / divisor


def _number(source: AdapterSource, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number == 0:
        raise AdapterError(f"{source.name}: its metadata gives {value!r} for an alpha or a rank")
    return number
