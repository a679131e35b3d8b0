"""Carries a memory plan out on a pipeline, with the hooks of diffusers and accelerate.

What streams has diffusers' group offloading, block by block; what is moved has accelerate's hook,
and goes back to the host when its stage is over. Adapters are loaded before a plan is applied. A
plan can be applied over another one, also after an error in the middle of a render.
"""

import gc
from collections.abc import Callable
from typing import Any

import torch
from accelerate import cpu_offload_with_hook
from accelerate.hooks import UserCpuOffloadHook
from diffusers import DiffusionPipeline
from diffusers.hooks import HookRegistry, apply_group_offloading
from torch import nn

from newbie_pipeline.errors import MemoryPlanError
from newbie_pipeline.memory.conditioning_cache import ConditioningCache
from newbie_pipeline.memory.measuring import Meter
from newbie_pipeline.memory.plan import RUNS_IN, MemoryPlan, Placement, Stage
from newbie_pipeline.memory.quantization import Quantization
from newbie_pipeline.memory.quantizing import quantize
from newbie_pipeline.memory.sizes import Component

HOST = torch.device("cpu")
# Blocks that are not in a list at the top of the module, where group offloading looks by itself.
BLOCK_MODULES = {Component.TEXT_ENCODER_2: ["encoder"]}
GROUP_HOOKS = ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading")

# Puts a component, loaded anew onto the host and with its adapters, into the pipeline.
Reload = Callable[[Component], None]


class PlannedMemoryMixin:
    """The pipeline's part that keeps to a memory plan; without one nothing is different."""

    vae: Any
    cfg_passes: int | None
    components: dict[str, Any]
    vae_scale_factor: int
    conditioning_cache: ConditioningCache | None = None
    meter: Meter | None = None
    # The stage that the latest render came to: where memory ran out, if it did.
    stage_reached: Stage | None = None
    _stage: Stage | None = None
    _memory_plan: MemoryPlan | None = None
    _plan_device: torch.device | None = None
    _moving: dict[str, UserCpuOffloadHook] = {}  # noqa: RUF012 - replaced, never added to
    _quantized: dict[str, Quantization] = {}  # noqa: RUF012 - replaced, never added to

    @property
    def memory_plan(self) -> MemoryPlan | None:
        """The plan that is in force."""
        return self._memory_plan

    @property
    def _execution_device(self) -> torch.device:
        if self._plan_device is not None:
            return self._plan_device
        device: torch.device = DiffusionPipeline._execution_device.fget(self)
        return device

    def component_device(self, name: str) -> torch.device:
        """Give the device on which a component computes."""
        if self._memory_plan is None:
            return self._execution_device
        part = self._memory_plan.component(Component(name))
        return HOST if part.placement is Placement.CPU else self._execution_device

    def apply_memory_plan(
        self, plan: MemoryPlan, device: torch.device | str, reload: Reload | None = None
    ) -> None:
        """Place every component as `plan` says, with `device` as the one that computes.

        A component that is quantised otherwise than the plan wants is loaded anew by `reload`.
        Raises MemoryPlanError when a quantiser is missing or a component cannot be loaded anew.
        """
        device = _indexed(torch.device(device))
        self.remove_memory_plan()
        for component in Component:
            self._set_quantization(component, plan, device, reload)
        # What leaves the device goes first: there may be no room for what comes.
        parts = sorted(plan.components, key=lambda part: part.placement is Placement.RESIDENT)
        moving = {}
        for part in parts:
            module = self.components[part.component.value]
            if module is None or part.placement is Placement.ABSENT:
                continue
            if part.placement is Placement.RESIDENT:
                module.to(device)
                continue
            module.to(HOST)
            if part.placement is Placement.STREAMED:
                _stream(module, part.component, device, plan.pinned)
            elif part.placement is Placement.MOVED:
                _, hook = cpu_offload_with_hook(module, device)
                moving[part.component.value] = hook
        self._moving = moving
        self._plan_device = device
        self._memory_plan = plan
        # Without a device both halves of guidance go one after the other in any case.
        self.cfg_passes = 2 if plan.device == "cpu" and plan.request.cfg else plan.cfg_passes
        _tile(self.vae, plan.vae_tile)
        free_memory()

    def remove_memory_plan(self) -> None:
        """Take all hooks away; weights stay where they happen to be until they are placed again."""
        for component in Component:
            module = self.components.get(component.value)
            if module is not None:
                _unhook(module, self._moving.get(component.value))
        if self._memory_plan is not None:
            self.cfg_passes = None
            _tile(self.vae, None)
        self._moving = {}
        self._stage = None
        self._memory_plan = self._plan_device = None

    def enter_stage(self, stage: Stage | None) -> None:
        """Begin a stage, None after the last; what was moved for another goes back to the host."""
        if stage is self._stage:
            return
        if self.meter is not None and self._stage is not None:
            self.meter.end(self._stage)
        self._stage = stage
        self.leave(*(name for name in self._moving if RUNS_IN[Component(name)] is not stage))
        if stage is not None:
            self.stage_reached = stage
            if self.meter is not None:
                self.meter.begin()

    def leave(self, *names: str) -> None:
        """Send components that are moved back to the host: their stage is over."""
        for name in names:
            if (hook := self._moving.get(name)) is not None:
                hook.offload()
                if self._execution_device.type == "cuda":
                    torch.cuda.empty_cache()

    def maybe_free_model_hooks(self) -> None:
        """Do what diffusers does at the end of a render, and send back what was moved."""
        DiffusionPipeline.maybe_free_model_hooks(self)
        self.enter_stage(None)

    def _set_quantization(
        self,
        component: Component,
        plan: MemoryPlan,
        device: torch.device,
        reload: Reload | None,
    ) -> None:
        name, wanted = component.value, plan.component(component).quantization
        have = self._quantized.get(name)
        if wanted is have or self.components[name] is None:
            return
        if have is not None:
            if reload is None:
                raise _cannot_reload(component)
            setattr(self, name, None)
            free_memory()
            reload(component)
        if component is Component.TEXT_ENCODER and self.conditioning_cache is not None:
            self.conditioning_cache.clear()
        known = {key: kind for key, kind in self._quantized.items() if key != name}
        if wanted is not None:
            quantize(getattr(self, name), component, wanted, device)
            known[name] = wanted
        self._quantized = known


def free_memory() -> None:
    """Give back what nobody uses, on the host and on the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _cannot_reload(component: Component) -> Exception:
    return MemoryPlanError(f"{component.value} is quantised, and cannot be loaded anew here")


def _indexed(device: torch.device) -> torch.device:
    # accelerate's hook compares devices, and "cuda" is not "cuda:0".
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def _stream(module: nn.Module, component: Component, device: torch.device, pinned: bool) -> None:
    apply_group_offloading(
        module,
        onload_device=device,
        offload_device=HOST,
        offload_type="block_level",
        num_blocks_per_group=1,
        use_stream=device.type == "cuda",
        low_cpu_mem_usage=not pinned,
        block_modules=BLOCK_MODULES.get(component),
    )


def _unhook(module: nn.Module, moving: UserCpuOffloadHook | None) -> None:
    if moving is not None:
        moving.remove()
    registry = HookRegistry.check_if_exists_or_initialize(module)
    for name in GROUP_HOOKS:
        registry.remove_hook(name, recurse=True)


def _tile(vae: Any, tile: int | None) -> None:
    """Decode in tiles of `tile` pixels a side, or whole."""
    if vae is None:
        return
    if tile is None:
        vae.disable_tiling()
        return
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    vae.tile_sample_min_size = tile
    vae.tile_latent_min_size = tile // factor
    vae.enable_tiling()
