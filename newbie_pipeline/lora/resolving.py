"""From an adapter file's keys to the transformer's linear layers, strictly.

Every key must belong to a layer of the model and to a complete LoRA or LoKr of the right shape
(`parts`); the model itself is only looked at. A LoKr's scale is alpha / r where one of its factors
is a product of rank r, and 1 where both are stored whole.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import get_pattern_key
from torch import nn

from newbie_pipeline.errors import AdapterError
from newbie_pipeline.lora.parts import LOKR_FACTORS, LayerParts, Shape, parts_by_layer
from newbie_pipeline.lora.reading import AdapterSource


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
    if source.config.get("use_dora"):
        raise AdapterError(f"{source.name} is DoRA by its metadata; only LoRA and LoKr are loaded")
    shapes = {key: tuple(tensor.shape) for key, tensor in source.tensors.items()}
    lora: dict[str, LoraWeights] = {}
    lokr: dict[str, LokrWeights] = {}
    for layer, parts in parts_by_layer(source.name, shapes, layers).items():
        reader = _Tensors(source, parts)
        if parts.is_lokr:
            lokr[layer] = _lokr(reader)
        else:
            lora[layer] = _lora(reader)
    return ResolvedAdapter(lora, lokr)


@dataclass(frozen=True)
class _Tensors:
    """The tensors of one layer, whose shapes were checked."""

    source: AdapterSource
    parts: LayerParts

    def __contains__(self, part: str) -> bool:
        return part in self.parts.keys

    def get(self, part: str) -> torch.Tensor:
        key = self.parts.keys[part]
        tensor = self.source.tensors[key]
        if not tensor.is_floating_point():
            raise AdapterError(
                f"{self.source.name}: key {key} has type {tensor.dtype}, not floating-point numbers"
            )
        return tensor.float()

    def factor(self, whole: str) -> torch.Tensor:
        """Give a LoKr's factor, multiplied out in float32 where it is stored as a product."""
        if whole in self:
            return self.get(whole)
        left, right = LOKR_FACTORS[whole]
        return self.get(left) @ self.get(right)

    def alpha(self) -> float | None:
        if "alpha" not in self:
            return None
        key = self.parts.keys["alpha"]
        tensor = self.source.tensors[key]
        value = float(tensor) if tensor.numel() == 1 else math.nan
        if not math.isfinite(value):
            raise AdapterError(f"{self.source.name}: key {key} is no finite number")
        return value


def _lora(tensors: _Tensors) -> LoraWeights:
    down, up = tensors.get("A"), tensors.get("B")
    rank = down.shape[0]
    alpha = tensors.alpha()
    if alpha is None:
        layer = tensors.parts.layer
        alpha = _configured_scale(tensors.source, layer, rank, "lora_alpha") * rank
    return LoraWeights(down, up, alpha)


def _lokr(tensors: _Tensors) -> LokrWeights:
    w1, w2 = tensors.factor("lokr_w1"), tensors.factor("lokr_w2")
    # The right factor's rank goes before the left one's, as in LyCORIS.
    inner = next((part for part in ("lokr_w2_b", "lokr_w1_b") if part in tensors), None)
    alpha, scale = tensors.alpha(), 1.0
    if alpha is not None and inner is not None:
        scale = alpha / tensors.parts.shapes[inner][0]
    elif alpha is None and "alpha" in tensors.source.config:
        # peft divides by the configured rank, also where the factors are whole.
        rank = int(_number(tensors.source, _patterned(tensors, "rank_pattern", "r")))
        scale = _number(tensors.source, _patterned(tensors, "alpha_pattern", "alpha")) / rank
    return LokrWeights(w1 * scale, w2)


def _patterned(tensors: _Tensors, pattern: str, default: str) -> Any:
    config = tensors.source.config
    patterns = config.get(pattern) or {}
    return patterns.get(get_pattern_key(list(patterns), tensors.parts.layer), config.get(default))


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
