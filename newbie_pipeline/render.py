"""What a renderer process calls: load a model once, then render requests with progress and cancel.

Importing this module loads no torch; `Renderer.load` does. The pictures of a request are drawn one
after the other, so each equals the one drawn alone with its seed.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from newbie_pipeline.checkpoints.identity import model_hash, model_name
from newbie_pipeline.checkpoints.sources import Source
from newbie_pipeline.errors import CheckpointError, RenderCancelled
from newbie_pipeline.lora.adapter_file import AdapterFile

if TYPE_CHECKING:
    import torch

    from newbie_pipeline.pipeline import NewbiePipeline

DTYPE_NAMES = ("bfloat16", "float32", "float16")


@dataclass(frozen=True)
class RenderSpec:
    """One request: a prompt, the settings, and one seed for each picture."""

    prompt: str
    negative_prompt: str
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class LoadOptions:
    """How an operator wants the model to be loaded and run; None leaves the choice to us.

    `attention` is a backend of diffusers' dispatcher, `solver` one of `solvers.SOLVERS`,
    `adapters` are LoRA and LoKr files with their weights.
    """

    device: str | None = None
    dtype: str | None = None
    attention: str | None = None
    solver: str = "euler"
    adapters: tuple[AdapterFile, ...] = ()


@dataclass(frozen=True)
class RendererInfo:
    """Which model is loaded, and how it runs; `adapters` are written as NAME:WEIGHT."""

    model_name: str
    model_hash: str
    device: str
    dtype: str
    attention: str
    solver: str
    adapters: tuple[str, ...]


def choose_device(device: str | None = None) -> str:
    """Give the wanted device, else the first CUDA device, else the CPU."""
    import torch  # noqa: PLC0415

    return device or ("cuda" if torch.cuda.is_available() else "cpu")


def choose_dtype(device: str, dtype: str | None = None) -> "torch.dtype":
    """Give the wanted type, else bfloat16 on CUDA and float32 on the CPU.

    Raises CheckpointError for a name that is none of DTYPE_NAMES.
    """
    import torch  # noqa: PLC0415

    name = dtype or ("bfloat16" if device.startswith("cuda") else "float32")
    if name not in DTYPE_NAMES:
        raise CheckpointError(f"{name!r} is no weight type; choose one of {', '.join(DTYPE_NAMES)}")
    chosen: torch.dtype = getattr(torch, name)
    return chosen


class Renderer:
    """A loaded model that renders one request at a time."""

    def __init__(self, pipeline: "NewbiePipeline", info: RendererInfo) -> None:
        self.info = info
        self._pipeline = pipeline
        self._pipeline.set_progress_bar_config(disable=True)

    @classmethod
    def load(cls, source: Source, options: LoadOptions = LoadOptions()) -> "Renderer":
        """Load a checkpoint in any layout.

        Raises CheckpointError, AdapterError, RenderInputError (an unknown solver) or
        AttentionBackendError when something of what is asked for cannot be used.
        """
        # OpenMP's threads spin while they wait, which on cores shared with bot and queue made a
        # picture up to five times slower. It is read when torch is first imported.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        from newbie_pipeline.attention import apply_attention_backend  # noqa: PLC0415
        from newbie_pipeline.checkpoints.loading import load_pipeline  # noqa: PLC0415
        from newbie_pipeline.lora.loader import load_adapters  # noqa: PLC0415
        from newbie_pipeline.solvers import make_scheduler, shift_of  # noqa: PLC0415

        device = choose_device(options.device)
        weight_type = choose_dtype(device, options.dtype)
        pipeline = load_pipeline(source, weight_type, device)
        pipeline.scheduler = make_scheduler(options.solver, shift_of(pipeline.scheduler))
        attention = apply_attention_backend(pipeline.transformer, options.attention, device)
        load_adapters(pipeline, options.adapters)
        info = RendererInfo(
            model_name=model_name(source),
            model_hash=model_hash(source),
            device=device,
            dtype=str(weight_type).removeprefix("torch."),
            attention=attention,
            solver=options.solver,
            adapters=tuple(f"{file.path.stem}:{file.weight:g}" for file in options.adapters),
        )
        return cls(pipeline, info)

    def render(
        self,
        spec: RenderSpec,
        on_step: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> list[Image.Image]:
        """Draw one RGB picture for each seed, in order.

        `on_step(step, total)` is called after each step, counted over all pictures from 1. Raises
        RenderCancelled at the next step once `cancelled()` is true, RenderInputError for a request
        that the model cannot draw, and NonFiniteLatentsError when the numbers overflow.
        """
        import torch  # noqa: PLC0415

        from newbie_pipeline.solvers import model_calls  # noqa: PLC0415

        calls = model_calls(self.info.solver, spec.num_inference_steps)
        total = len(spec.seeds) * calls
        done = 0

        def after_step(
            _pipe: Any, _step: int, _timestep: Any, kwargs: dict[str, Any]
        ) -> dict[str, Any]:
            nonlocal done
            done += 1
            on_step(done, total)
            _stop_if(cancelled)
            return kwargs

        pipeline = self._pipeline
        pipeline.check_inputs(spec.height, spec.width, spec.num_inference_steps, 1)
        _stop_if(cancelled)
        try:
            texts = pipeline.encode_pair(spec.prompt, spec.negative_prompt, spec.guidance_scale)
            _stop_if(cancelled)
            pictures: list[Image.Image] = []
            for seed in spec.seeds:
                output: Any = pipeline(
                    **texts,
                    height=spec.height,
                    width=spec.width,
                    num_inference_steps=spec.num_inference_steps,
                    guidance_scale=spec.guidance_scale,
                    generator=torch.Generator("cpu").manual_seed(seed),
                    callback_on_step_end=after_step,
                )
                pictures += output.images
            return pictures
        except RenderCancelled:
            pipeline.maybe_free_model_hooks()
            raise


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise RenderCancelled("the render was cancelled")
