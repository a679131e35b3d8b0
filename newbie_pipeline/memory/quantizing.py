"""Quantises a loaded component in place: Gemma by bitsandbytes, the DiT by torchao.

Both libraries come with the extra `quantize`. Matrices are quantised one by one on the device that
computes, so the whole component never lies there unquantised. What stays as it is: embeddings,
norms, biases, and the small factors of adapters.
"""

import importlib.util
import logging
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import nn

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory.quantization import Quantization
from newbie_pipeline.memory.sizes import Component

LIBRARIES = {Component.TEXT_ENCODER: "bitsandbytes", Component.TRANSFORMER: "torchao"}
# Only what lies in blocks is quantised: what is outside is small and carries every token.
BLOCKS = ("layers.", "noise_refiner.", "context_refiner.")
ADAPTERS = ("lora_", "lokr_")
# Outliers of activations beyond this are multiplied in the working type (bitsandbytes' default).
INT8_THRESHOLD = 6.0


def check_quantizer(component: Component) -> None:
    """Raise MemoryPlanError when the library that quantises a component is not installed."""
    library = LIBRARIES[component]
    if importlib.util.find_spec(library) is None:
        raise MemoryPlanError(
            f"quantising {component.value} needs {library}: "
            f"pip install -c constraints.txt {library}"
        )


def quantize(
    module: nn.Module, component: Component, kind: Quantization, device: torch.device
) -> None:
    """Quantise a component's matrices in place, and leave the component on `device`.

    Raises MemoryPlanError when the library is missing.
    """
    check_quantizer(component)
    if component is Component.TEXT_ENCODER:
        _by_bitsandbytes(module, kind, device)
    else:
        _by_torchao(module, kind, device)
    module.to(device)


def matrices(module: nn.Module) -> dict[str, nn.Linear]:
    """List the linear layers in blocks by name, those of adapters left out."""
    return {
        name: layer
        for name, layer in module.named_modules()
        if type(layer) is nn.Linear and _in_block(name)
    }


def _in_block(name: str) -> bool:
    return name.startswith(BLOCKS) and not any(part in name for part in ADAPTERS)


def _by_bitsandbytes(module: nn.Module, kind: Quantization, device: torch.device) -> None:
    import bitsandbytes  # noqa: PLC0415

    libraries: Any = bitsandbytes.nn
    # It warns in every layer and pass that int8's inputs are rounded to float16.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    linear8bit = _movable_linear8bit(libraries.Linear8bitLt)
    for name, layer in matrices(module).items():
        weight, bias = layer.weight.data, layer.bias
        size = (layer.in_features, layer.out_features, bias is not None)
        if kind is Quantization.NF4:
            new = libraries.Linear4bit(
                *size, compute_dtype=weight.dtype, quant_type="nf4", device="meta"
            )
            new.weight = libraries.Params4bit(weight, requires_grad=False, quant_type="nf4")
        else:
            new = linear8bit(*size, has_fp16_weights=False, threshold=INT8_THRESHOLD, device="meta")
            new.weight = libraries.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
        new.bias = bias
        module.set_submodule(name, new.requires_grad_(False).eval().to(device))


def _movable_linear8bit(linear: Any) -> Any:
    """Derive a layer from bitsandbytes' int8 layer that goes wholly where its model goes.

    Its weights have up to three names, of which moving the model moves one: the device would keep
    the old ones, and compute with them. The library's own `to` sees to it, and is called only when
    a layer is moved by itself.
    """

    class Linear8bit(linear):
        def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
            super()._apply(fn, recurse)
            weight = self.weight
            for holder in (weight, self.state):
                if getattr(holder, "CB", None) is not None:
                    holder.CB = weight.data
                if getattr(holder, "SCB", None) is not None:
                    holder.SCB = holder.SCB.to(weight.device)
            return self

    return Linear8bit


def _by_torchao(module: nn.Module, kind: Quantization, device: torch.device) -> None:
    from torchao.quantization import (  # noqa: PLC0415
        Float8WeightOnlyConfig,
        Int8WeightOnlyConfig,
        quantize_,
    )

    wanted = set(map(id, matrices(module).values()))
    config = Float8WeightOnlyConfig() if kind is Quantization.FLOAT8 else Int8WeightOnlyConfig()
    quantize_(module, config, filter_fn=lambda layer, _name: id(layer) in wanted, device=device)
