"""What a renderer process calls: load a model once, then render requests with progress and cancel.

Importing this module loads no torch; `Renderer.load` does. The pictures of a request are drawn one
after the other, so each equals the one drawn alone with its seed.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from newbie_pipeline.checkpoints.identity import model_hash, model_name
from newbie_pipeline.errors import CheckpointError, RenderCancelled

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
class RendererInfo:
    """Which model is loaded, and where it runs."""

    model_name: str
    model_hash: str
    device: str
    dtype: str


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
    def load(
        cls, model_dir: Path | str, device: str | None = None, dtype: str | None = None
    ) -> "Renderer":
        """Load a checkpoint folder; raises CheckpointError when it cannot be used."""
        # OpenMP's threads spin while they wait, which on cores shared with bot and queue made a
        # picture up to five times slower. It is read when torch is first imported.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        from newbie_pipeline.checkpoints.loading import load_pipeline  # noqa: PLC0415

        model_dir = Path(model_dir)
        device = choose_device(device)
        weight_type = choose_dtype(device, dtype)
        pipeline = load_pipeline(model_dir, weight_type, device)
        info = RendererInfo(
            model_name=model_name(model_dir),
            model_hash=model_hash(model_dir),
            device=device,
            dtype=str(weight_type).removeprefix("torch."),
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

        total = len(spec.seeds) * spec.num_inference_steps
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
