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
from newbie_pipeline.memory.plan import RUNS_IN, ComponentPlan, MemoryPlan, Placement, Stage
from newbie_pipeline.memory.quantization import Quantization
from newbie_pipeline.memory.quantizing import check_quantizer, quantize
from newbie_pipeline.memory.running_out import is_out_of_memory
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
        self._make_room(plan)
        for component in Component:
            self._set_quantization(component, plan, device, reload)
        moving = {}
        # A component that was quantised is still on the device: it goes before others come.
        for part in sorted(plan.components, key=lambda part: part.placement is Placement.RESIDENT):
            module = self.components[part.component.value]
            if module is None or part.placement is Placement.ABSENT:
                continue
            if part.placement is Placement.RESIDENT:
                module.to(device)
                continue
            module.to(HOST)
            if part.placement is Placement.STREAMED:
                _stream(module, part, device, plan.pinned)
            elif part.placement is Placement.MOVED:
                _, hook = cpu_offload_with_hook(module, device)
                moving[part.component.value] = hook
        self._moving = moving
        self._plan_device = device
        self._memory_plan = plan
        self.cfg_passes = plan.cfg_passes
        _tile(self.vae, plan.vae_tile)
        free_memory()

    def remove_memory_plan(self) -> None:
        """Take all hooks away; weights stay where they happen to be until they are placed again."""
        if self._plan_device is not None and self._plan_device.type == "cuda":
            # A render that broke off may have left a block on its way, on a stream of its own: who
            # reads it before it has arrived reads garbage.
            torch.cuda.synchronize(self._plan_device)
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
        if self._memory_plan is not None:
            # What the last stage worked with lies in the allocator, and what streamed in a pool of
            # its own stream: the next stage could use little of it, and the card would hold both.
            self._empty_cache()
        if stage is not None:
            self.stage_reached = stage
            if self.meter is not None:
                self.meter.begin()

    def leave(self, *names: str) -> None:
        """Send components that are moved back to the host: their stage is over."""
        for name in names:
            if (hook := self._moving.get(name)) is not None:
                hook.offload()
                self._empty_cache()

    def maybe_free_model_hooks(self) -> None:
        """Do what diffusers does at the end of a render, and send back what was moved."""
        DiffusionPipeline.maybe_free_model_hooks(self)
        self.enter_stage(None)

    def _make_room(self, plan: MemoryPlan) -> None:
        """Send to the host what the plan does not keep on the device as it is.

        That is also where a quantiser takes a component from, matrix by matrix.
        """
        for part in plan.components:
            module = self.components[part.component.value]
            stays = part.placement is Placement.RESIDENT
            changes = self._quantized.get(part.component.value) is not part.quantization
            if module is not None and (changes or not stays):
                module.to(HOST)
        free_memory()

    def _set_quantization(
        self,
        component: Component,
        plan: MemoryPlan,
        device: torch.device,
        reload: Reload | None,
    ) -> None:
        name, part = component.value, plan.component(component)
        wanted, have = part.quantization, self._quantized.get(component.value)
        # None where a pipeline has none, or where quantising or loading anew broke off.
        is_missing = self.components[name] is None
        if part.placement is Placement.ABSENT or (is_missing and reload is None):
            return
        if wanted is have and not is_missing:
            return
        others = {key: kind for key, kind in self._quantized.items() if key != name}
        if have is not None or is_missing:
            if reload is None:
                raise _cannot_reload(component)
            setattr(self, name, None)
            self._quantized = others
            free_memory()
            reload(component)
        if component is Component.TEXT_ENCODER and self.conditioning_cache is not None:
            self.conditioning_cache.clear()
        if wanted is not None:
            module = getattr(self, name)
            check_quantizer(component)
            setattr(self, name, None)  # until all of it is quantised
            quantize(module, component, wanted, device)
            setattr(self, name, module)
            self._quantized = {**others, name: wanted}

    def _empty_cache(self) -> None:
        if self._execution_device.type == "cuda":
            torch.cuda.empty_cache()


def free_memory() -> None:
    """Give back what nobody uses, on the host and on the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        # Pinned memory of weights that stream no longer.
        torch.accelerator.empty_host_cache()


def _cannot_reload(component: Component) -> Exception:
    return MemoryPlanError(f"{component.value} is quantised, and cannot be loaded anew here")


def _indexed(device: torch.device) -> torch.device:
    # accelerate's hook compares devices, and "cuda" is not "cuda:0".
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def _stream(module: nn.Module, part: ComponentPlan, device: torch.device, pinned: bool) -> None:
    try:
        apply_group_offloading(
            module,
            onload_device=device,
            offload_device=HOST,
            offload_type="block_level",
            num_blocks_per_group=1,
            # With a stream, diffusers 0.42 leaves torchao's tensors of a block that was skipped, as
            # the caption's blocks are from the second step on, where they are not expected; and
            # without pinned memory it fails outright (huggingface/diffusers#14433).
            use_stream=device.type == "cuda" and part.quantization is None,
            low_cpu_mem_usage=not pinned,
            block_modules=BLOCK_MODULES.get(part.component),
        )
    except RuntimeError as error:
        # Nothing is put onto the device here: what ran out is memory that can be pinned.
        if not is_out_of_memory(error):
            raise
        raise MemoryError(f"no more host memory can be pinned for {part.component}") from error


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
