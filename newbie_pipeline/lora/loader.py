"""Adapters on a pipeline's transformer, with diffusers' own methods, strict and without a trace.

A file is read, resolved and checked in full before the transformer is touched. Fusing keeps the
touched weights as they were, in the host's memory, because subtracting in floating point does not
give the same bits: unfusing and unloading put them back. Unloading undoes a fuse too.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.lora_base import LoraBaseMixin
from diffusers.utils.peft_utils import _create_lokr_config, get_adapter_name
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from newbie_pipeline.errors import AdapterError
from newbie_pipeline.lora.adapter_file import AdapterFile, refuse_twice
from newbie_pipeline.lora.reading import AdapterSource, read_adapter, source_from_tensors
from newbie_pipeline.lora.resolving import ResolvedAdapter, linear_layers, resolve_adapter

COMPONENT = "transformer"
COMPUTE_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


class NewbieLoraLoaderMixin(LoraBaseMixin):
    """`load_lora_weights` and what goes with it, for a pipeline with a `transformer`."""

    _lora_loadable_modules = [COMPONENT]  # noqa: RUF012 - diffusers reads this list
    transformer_name = COMPONENT
    transformer: Any
    # The weights as they were before a fuse, and which parameters wanted a gradient before a load.
    _unfused_weights: dict[str, torch.Tensor] | None = None
    _unfused_scalings: list[tuple[Any, dict[str, float]]] | None = None
    _required_grad: dict[str, bool] | None = None
    _merged_adapters: set[str] = set()  # noqa: RUF012 - diffusers replaces it, and never adds to it

    @classmethod
    def lora_state_dict(
        cls,
        pretrained_model_name_or_path_or_dict: Path | str | Mapping[str, torch.Tensor],
        *,
        weight_name: str | None = None,
        return_lora_metadata: bool = False,
    ) -> Any:
        """Read an adapter's tensors by its own keys, and on request its peft configuration.

        As diffusers writes it: each entry's name begins with that of the component.
        """
        source = _source(pretrained_model_name_or_path_or_dict, weight_name, None)
        if not return_lora_metadata:
            return source.tensors
        config = {f"{COMPONENT}.{key}": value for key, value in source.config.items()}
        return source.tensors, config or None

    def load_lora_weights(
        self,
        pretrained_model_name_or_path_or_dict: Path | str | Mapping[str, torch.Tensor],
        adapter_name: str | None = None,
        *,
        weight_name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        low_cpu_mem_usage: bool = True,
    ) -> None:
        """Load one LoRA or LoKr from a file, a folder or tensors, and make it the active one.

        Raises AdapterError, with the transformer left as it was, for a file that cannot be read,
        is of another kind, has keys that fit nothing or shapes that do not fit, and for a name that
        is taken.
        """
        source = _source(pretrained_model_name_or_path_or_dict, weight_name, metadata)
        adapter = resolve_adapter(source, linear_layers(self.transformer))
        name = adapter_name or get_adapter_name(self.transformer)
        _check_name(self.transformer, name)
        if self._unfused_weights:
            raise AdapterError("an adapter is fused: call unfuse_lora() before loading another")
        self._apply(source, adapter, name, low_cpu_mem_usage=low_cpu_mem_usage)

    def _apply(
        self, source: AdapterSource, adapter: ResolvedAdapter, name: str, *, low_cpu_mem_usage: bool
    ) -> None:
        dtype = self.transformer.dtype
        dtype = dtype if dtype in COMPUTE_DTYPES else torch.bfloat16
        # Copies: the caller may go on changing tensors that it handed over.
        state = {key: value.to(dtype, copy=True) for key, value in _state_dict(adapter).items()}
        config = None
        if adapter.lora:
            config = {f"{COMPONENT}.{key}": value for key, value in _lora_config(adapter).items()}
        else:
            _check_factors(source, adapter)
        if self._required_grad is None:
            self._required_grad = {
                key: value.requires_grad for key, value in self.transformer.named_parameters()
            }
        active = self.get_active_adapters()
        try:
            with warnings.catch_warnings():
                # A second adapter is what was asked for; peft takes it for an accident.
                warnings.filterwarnings("ignore", message="Already found a `peft_config`")
                self.transformer.load_lora_adapter(
                    {f"{COMPONENT}.{key}": value for key, value in state.items()},
                    prefix=COMPONENT,
                    adapter_name=name,
                    metadata=config,
                    low_cpu_mem_usage=low_cpu_mem_usage,
                    _pipeline=self,
                )
            _check_arrival(self.transformer, source, name, len(state))
            # A LoRA on a LoKr is a layer in a layer: say outright which one is active.
            self.transformer.set_adapters([name])
        except BaseException:
            self._drop([name])
            if active:
                self.transformer.set_adapter(active)
            raise

    def delete_adapters(self, adapter_names: list[str] | str) -> None:
        """Remove adapters by name; layers that carry none any more become plain ones again."""
        names = [adapter_names] if isinstance(adapter_names, str) else list(adapter_names)
        loaded = self.get_list_adapters().get(COMPONENT, [])
        if unknown := [name for name in names if name not in loaded]:
            raise AdapterError(f"no adapter is called {', '.join(unknown)}; loaded: {loaded}")
        if self._unfused_weights:
            raise AdapterError("an adapter is fused: call unfuse_lora() before deleting one")
        self._drop(names)

    def _drop(self, names: Sequence[str]) -> None:
        transformer = self.transformer
        for name in names:
            for module in transformer.modules():
                if isinstance(module, BaseTunerLayer):
                    module.delete_adapter(name)
            getattr(transformer, "peft_config", {}).pop(name, None)
        _unwrap_empty_layers(transformer)
        if not getattr(transformer, "peft_config", {}):
            self._forget()

    def unload_lora_weights(self) -> None:
        """Remove every adapter, fused ones too: keys, bits and classes are as before the load."""
        self._restore_unfused()
        super().unload_lora_weights()
        self._forget()

    def _forget(self) -> None:
        """Take away what peft and diffusers leave on a model that has no adapters any more."""
        for attribute in ("peft_config", "_hf_peft_config_loaded"):
            vars(self.transformer).pop(attribute, None)
        if self._required_grad is not None:
            for key, value in self.transformer.named_parameters():
                value.requires_grad_(self._required_grad.get(key, value.requires_grad))
        self._required_grad = None
        self._merged_adapters = set()

    def fuse_lora(
        self,
        components: Sequence[str] = (COMPONENT,),
        lora_scale: float = 1.0,
        safe_fusing: bool = False,
        adapter_names: list[str] | None = None,
    ) -> None:
        """Add the active adapters (or the named ones) into the weights, which are kept aside.

        Fused layers run as fast as plain ones; the copies take as much of the host's memory as the
        adapted layers do. Raises ValueError, with nothing fused, for non-finite results when
        `safe_fusing` asks to look.
        """
        if self._unfused_weights is None:
            self._unfused_weights = {}
            # diffusers multiplies `lora_scale` into the layers' own scaling and leaves it there.
            self._unfused_scalings = [
                (module, dict(module.scaling))
                for module in self.transformer.modules()
                if isinstance(module, BaseTunerLayer)
            ]
        for name, base in _base_layers(self.transformer).items():
            if name not in self._unfused_weights:
                weight = base.weight.detach()
                self._unfused_weights[name] = weight.to("cpu", copy=True)
        try:
            super().fuse_lora(list(components), lora_scale, safe_fusing, adapter_names)
        except BaseException:
            self._restore_unfused()
            raise

    def unfuse_lora(self, components: Sequence[str] = (COMPONENT,)) -> None:
        """Take fused adapters out again, bit by bit as before; they stay loaded and active."""
        if list(components) != [COMPONENT]:
            raise AdapterError(f"adapters live on the {COMPONENT} alone, not on {components}")
        self._restore_unfused()

    def _restore_unfused(self) -> None:
        transformer = self.transformer
        for module in transformer.modules():
            if isinstance(module, BaseTunerLayer):
                module.merged_adapters = []
        kept = self._unfused_weights or {}
        with torch.no_grad():
            for name, base in _base_layers(transformer).items():
                if name in kept:
                    base.weight.copy_(kept[name])
        for module, scaling in self._unfused_scalings or []:
            module.scaling.update(scaling)
        for attribute in ("lora_scale", "_safe_fusing"):
            vars(transformer).pop(attribute, None)
        self._unfused_weights = self._unfused_scalings = None
        self._merged_adapters = set()

    @classmethod
    def save_lora_weights(
        cls,
        save_directory: Path | str,
        transformer_lora_layers: dict[str, Any] | None = None,
        *,
        is_main_process: bool = True,
        weight_name: str | None = None,
        save_function: Any = None,
        safe_serialization: bool = True,
        transformer_lora_adapter_metadata: dict[str, Any] | None = None,
    ) -> None:
        """Write an adapter's layers as diffusers does; raises AdapterError when there are none."""
        if not transformer_lora_layers:
            raise AdapterError("save_lora_weights needs transformer_lora_layers")
        if not safe_serialization:
            raise AdapterError("adapters are saved as safetensors only")
        cls._save_lora_weights(
            save_directory=save_directory,
            lora_layers={COMPONENT: transformer_lora_layers},
            lora_metadata={COMPONENT: transformer_lora_adapter_metadata},
            is_main_process=is_main_process,
            weight_name=weight_name,
            save_function=save_function,
            safe_serialization=safe_serialization,
        )


def load_adapters(pipeline: NewbieLoraLoaderMixin, files: Sequence[AdapterFile]) -> list[str]:
    """Load all files or none, activate them with their weights, and give their adapter names.

    Raises AdapterError for a file that cannot be used and for one that is named twice; adapters
    that were there before stay loaded, but only the new ones are active.
    """
    if not files:
        return []
    refuse_twice(files)
    active = pipeline.get_active_adapters()
    first = len(pipeline.get_list_adapters().get(COMPONENT, [])) + 1
    names: list[str] = []
    try:
        for number, file in enumerate(files, first):
            name = f"{number}_{re.sub(r'[^A-Za-z0-9]+', '_', file.path.stem)}"
            pipeline.load_lora_weights(file.path, adapter_name=name)
            names.append(name)
    except BaseException:
        pipeline._drop(names)
        if active:
            pipeline.transformer.set_adapter(active)
        raise
    pipeline.set_adapters(names, [file.weight for file in files])
    return names


def _source(
    given: Path | str | Mapping[str, torch.Tensor],
    weight_name: str | None,
    metadata: Mapping[str, Any] | None,
) -> AdapterSource:
    if isinstance(given, Mapping):
        return source_from_tensors(given, metadata)
    source = read_adapter(Path(given), weight_name)
    return source if metadata is None else source_from_tensors(source.tensors, metadata)


def _check_name(transformer: nn.Module, name: str) -> None:
    if name in getattr(transformer, "peft_config", {}):
        raise AdapterError(f"an adapter called {name} is loaded already: choose another name")
    if not name or "." in name:
        raise AdapterError(f"{name!r} cannot be an adapter's name: it is empty or has a dot in it")


def _state_dict(adapter: ResolvedAdapter) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}
    for module, lora in adapter.lora.items():
        state[f"{module}.lora_A.weight"] = lora.down
        state[f"{module}.lora_B.weight"] = lora.up
    for module, lokr in adapter.lokr.items():
        state[f"{module}.lokr_w1"] = lokr.w1
        state[f"{module}.lokr_w2"] = lokr.w2
    return state


def _lora_config(adapter: ResolvedAdapter) -> dict[str, Any]:
    # Anchored patterns for every layer: nothing is left to what peft would infer.
    first = next(iter(adapter.lora.values()))
    anchored = {name: f"^{re.escape(name)}" for name in adapter.lora}
    return {
        "r": first.down.shape[0],
        "lora_alpha": first.alpha,
        "rank_pattern": {anchored[n]: lora.down.shape[0] for n, lora in adapter.lora.items()},
        "alpha_pattern": {anchored[n]: lora.alpha for n, lora in adapter.lora.items()},
        "target_modules": list(adapter.lora),
    }


def _check_factors(source: AdapterSource, adapter: ResolvedAdapter) -> None:
    """Raise AdapterError where no single decomposition factor gives all layers' shapes."""
    try:
        _create_lokr_config(_state_dict(adapter), None)
    except ValueError as error:
        raise AdapterError(
            f"{source.name}: its LoKr layers were trained with different decomposition factors, "
            "which peft cannot hold in one adapter; split the file by factor"
        ) from error


def _check_arrival(model: nn.Module, source: AdapterSource, name: str, expected: int) -> None:
    """Raise AdapterError unless peft filled as many tensors as the file gave: it only warns."""
    own = re.compile(rf"\.(lora_[AB]|lokr_w[12])\.{re.escape(name)}(\.weight)?$")
    arrived = [value for key, value in model.named_parameters() if own.search(key)]
    if len(arrived) != expected or any(value.is_meta for value in arrived):
        raise AdapterError(
            f"{source.name}: {len(arrived)} of {expected} tensors arrived in the model"
        )


def _base_layers(model: nn.Module) -> dict[str, Any]:
    """Name each adapted layer's own linear layer, as if no adapter were loaded."""
    return {
        name: module.get_base_layer()
        for name, module in model.named_modules()
        if isinstance(module, BaseTunerLayer) and not name.endswith(".base_layer")
    }


def _unwrap_empty_layers(model: nn.Module) -> None:
    """Put a layer's inner one in its place wherever its last adapter is gone."""
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if not isinstance(module, BaseTunerLayer) or name.endswith(".base_layer"):
            continue
        parent, _, leaf = name.rpartition(".")
        owner: Any = model.get_submodule(parent)
        layer: Any = module
        while isinstance(layer, BaseTunerLayer):
            if not _adapters_of(layer):
                setattr(owner, leaf, layer.base_layer)
                layer = layer.base_layer
            else:
                owner, leaf, layer = layer, "base_layer", layer.base_layer


def _adapters_of(layer: Any) -> set[str]:
    return {key for part in layer.adapter_layer_names for key in getattr(layer, part)}
