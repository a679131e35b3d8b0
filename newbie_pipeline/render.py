"""What a renderer process calls: load a model once, then render requests with progress and cancel.

Importing this module loads no torch; `Renderer.load` does. The pictures of a request are drawn one
after the other, so each equals the one drawn alone with its seed.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from newbie_pipeline.checkpoints.identity import model_hash, model_name
from newbie_pipeline.checkpoints.sources import Source
from newbie_pipeline.errors import CheckpointError, RenderCancelled, RenderInputError
from newbie_pipeline.expansion.assistant import assist
from newbie_pipeline.expansion.writing import (
    DEFAULT_SECONDS,
    DEFAULT_TOKENS,
    Allowance,
    PromptWriter,
)
from newbie_pipeline.lora.adapter_file import AdapterFile
from newbie_pipeline.prompt.assist import Assisted, AssistMode
from newbie_pipeline.prompt.passages import CharacterEncoding

if TYPE_CHECKING:
    import torch

    from newbie_pipeline.memory.plan import MemoryPlan
    from newbie_pipeline.memory.planned_model import PlannedModel
    from newbie_pipeline.pipeline import NewbiePipeline

DTYPE_NAMES = ("bfloat16", "float32", "float16")
# A small model's pictures are enlarged to about this side, as they would be lost on a screen.
SHOWN_SIDE = 512


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
    assist: AssistMode = AssistMode.OFF


@dataclass(frozen=True)
class Truncation:
    """A prompt longer than what Gemma reads: its tokens, how many are read, and what was cut off.

    The system prompt counts on both sides, once for each passage where characters are encoded one
    by one. `cut` is without the signs of weights; what was cut off several passages stands in it
    one below the other.
    """

    tokens: int
    limit: int
    cut: str


@dataclass(frozen=True)
class RenderResult:
    """The pictures of one request, one a seed, and what happened to its prompt on the way.

    `assisted` is None where no help was asked for, `truncation` where the whole prompt was read.
    """

    images: tuple[Image.Image, ...]
    assisted: Assisted | None = None
    truncation: Truncation | None = None


@dataclass(frozen=True)
class LoadOptions:
    """How an operator wants the model to be loaded and run; None leaves the choice to us.

    `attention` is a backend of diffusers' dispatcher, `solver` one of `solvers.SOLVERS`,
    `adapters` are LoRA and LoKr files with their weights. `clip_only` leaves Gemma out, `quantize`
    is read by `memory.quantization.parse_quantize`, `memory` caps the device (the host on a CPU),
    and `max_memory` is one amount or accelerate's dictionary. `prompt_weights` and
    `character_encoding` are how prompts are read, see `NewbiePipeline.encode_prompt`. `assist`
    loads what Gemma needs to write prompts; one request may take `assist_tokens` tokens and
    `assist_seconds` seconds for it.
    """

    device: str | None = None
    dtype: str | None = None
    attention: str | None = None
    solver: str = "euler"
    adapters: tuple[AdapterFile, ...] = ()
    clip_only: bool = False
    quantize: str = ""
    memory: str | None = None
    max_memory: str | None = None
    prompt_weights: bool = True
    character_encoding: CharacterEncoding = "whole"
    assist: bool = True
    assist_tokens: int = DEFAULT_TOKENS
    assist_seconds: float = DEFAULT_SECONDS


@dataclass(frozen=True)
class RendererInfo:
    """Which model is loaded, how it runs and how it reads prompts; `adapters` as NAME:WEIGHT."""

    model_name: str
    model_hash: str
    device: str
    dtype: str
    attention: str
    solver: str
    adapters: tuple[str, ...]
    prompt_weights: bool = True
    character_encoding: CharacterEncoding = "whole"


def let_waiting_threads_sleep() -> None:
    """Keep OpenMP's threads from spinning while they wait; call it before torch is imported.

    On cores shared with bot and queue, spinning made a picture up to five times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def choose_device(device: str | None = None) -> str:
    """Give the wanted device, else the first CUDA device, else the CPU.

    Raises CheckpointError for a name that torch does not know.
    """
    import torch  # noqa: PLC0415

    try:
        chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError as error:
        raise CheckpointError(f"{device!r} is no device; write cuda, cuda:0 or cpu") from error
    return "cpu" if chosen.type == "cpu" else str(chosen)


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
    """A loaded model that renders one request at a time, and keeps to its memory plan."""

    def __init__(
        self, model: "PlannedModel", info: RendererInfo, options: LoadOptions = LoadOptions()
    ) -> None:
        self.info = info
        self._model = model
        self._options = options

    @classmethod
    def load(cls, source: Source, options: LoadOptions = LoadOptions()) -> "Renderer":
        """Load a checkpoint in any layout.

        Raises CheckpointError, AdapterError, RenderInputError (an unknown solver or
        character_encoding), AttentionBackendError or MemoryPlanError when something of what is
        asked for cannot be used, and RenderMemoryError when memory runs out although a plan fits.
        """
        let_waiting_threads_sleep()
        import torch  # noqa: PLC0415

        from newbie_pipeline.attention import apply_attention_backend  # noqa: PLC0415
        from newbie_pipeline.call_checks import check_character_encoding  # noqa: PLC0415
        from newbie_pipeline.lora.loader import load_adapters  # noqa: PLC0415
        from newbie_pipeline.memory.planned_model import PlannedModel, make_keeper  # noqa: PLC0415
        from newbie_pipeline.solvers import make_scheduler, shift_of  # noqa: PLC0415

        check_character_encoding(options.character_encoding)
        device = choose_device(options.device)
        weight_type = choose_dtype(device, options.dtype)
        attention = ""

        def prepare(pipeline: "NewbiePipeline") -> None:
            nonlocal attention
            pipeline.set_progress_bar_config(disable=True)
            pipeline.scheduler = make_scheduler(options.solver, shift_of(pipeline.scheduler))
            attention = apply_attention_backend(pipeline.transformer, options.attention, device)
            load_adapters(pipeline, options.adapters)

        keeper = make_keeper(source, weight_type, torch.device(device), options)
        model = PlannedModel(source, weight_type, torch.device(device), keeper, prepare)
        info = RendererInfo(
            model_name=model_name(source),
            model_hash=model_hash(source, clip_only=options.clip_only),
            device=device,
            dtype=str(weight_type).removeprefix("torch."),
            attention=attention,
            solver=options.solver,
            adapters=tuple(str(file) for file in options.adapters),
            prompt_weights=options.prompt_weights,
            character_encoding=options.character_encoding,
        )
        return cls(model, info, options)

    @property
    def plan(self) -> "MemoryPlan":
        """The memory plan in force."""
        return self._model.plan

    @property
    def can_assist(self) -> bool:
        """Whether Gemma is there as a whole, so that it can help with prompts."""
        return self._model.language_head is not None

    def can_draw(self, width: int, height: int) -> bool:
        """Tell whether the model knows a size, and a memory plan fits it after all runs so far."""
        width, height = self._drawn_size(width, height)
        try:
            self._model.pipeline.check_inputs(height, width, 1, 1)
        except RenderInputError:
            return False
        return self._model.can_hold(width, height)

    def _drawn_size(self, width: int, height: int) -> tuple[int, int]:
        """Give the size that is drawn where this one is asked for."""
        side = self._model.pipeline.only_size
        return (width, height) if side is None else (side, side)

    def take_measured(self) -> tuple[list[str], dict[str, Any]] | None:
        """Give what the first whole render took, beside its plan, as lines and as plain data.

        None before that render, and after this was asked once.
        """
        return self._model.take_measured()

    def render(
        self,
        spec: RenderSpec,
        on_step: Callable[[int, int], None],
        cancelled: Callable[[], bool],
        allows: Callable[[str], bool] = lambda _prompt: True,
    ) -> RenderResult:
        """Draw one RGB picture for each seed, in order.

        A small model draws its own size, whatever is asked for, and its pictures are enlarged.

        `on_step(step, total)` is called after each step, counted over all pictures from 1; it
        counts from 1 again when memory ran out and the request is drawn once more. Help with the
        prompt goes first and takes the first picture's seed; it adds nothing that `allows` refuses,
        and what that raises ends the render. Raises RenderCancelled at the next step or token once
        `cancelled()` is true, RenderInputError for a request that the model cannot draw,
        NonFiniteLatentsError when the numbers overflow, and RenderMemoryError when memory ran out
        under two plans.
        """
        pipeline = self._model.pipeline
        width, height = self._drawn_size(spec.width, spec.height)
        spec = replace(spec, width=width, height=height)
        pipeline.check_inputs(spec.height, spec.width, spec.num_inference_steps, 1)
        _stop_if(cancelled)
        # What was written stays written when memory runs out and the request is drawn once more.
        assisted: list[Assisted] = []

        def draw() -> RenderResult:
            if spec.assist is not AssistMode.OFF and not assisted:
                assisted.append(self._assist(spec, cancelled, allows))
            return self._draw(spec, on_step, cancelled, next(iter(assisted), None))

        result = self._model.draw(spec.width, spec.height, draw)
        if pipeline.only_size is None:
            return result
        return replace(result, images=tuple(map(_enlarged, result.images)))

    def _assist(
        self,
        spec: RenderSpec,
        cancelled: Callable[[], bool],
        allows: Callable[[str], bool] = lambda _prompt: True,
    ) -> Assisted:
        """Help with the prompt in the text stage, before it is encoded."""
        from newbie_pipeline.memory.plan import Stage  # noqa: PLC0415

        options, pipeline = self._options, self._model.pipeline
        allowance = Allowance(options.assist_tokens, options.assist_seconds, cancelled)
        try:
            pipeline.enter_stage(Stage.TEXT)
            return assist(
                spec.prompt,
                spec.assist,
                self._writer(),
                seed=spec.seeds[0],
                allowance=allowance,
                allows=allows,
            )
        except BaseException:
            pipeline.maybe_free_model_hooks()
            raise

    def _writer(self) -> PromptWriter | None:
        """Give Gemma as it lies under the plan in force, or None where it is not loaded whole."""
        from newbie_pipeline.expansion.writer import pipeline_writer  # noqa: PLC0415

        return pipeline_writer(self._model.pipeline, self._model.language_head)

    def _draw(
        self,
        spec: RenderSpec,
        on_step: Callable[[int, int], None],
        cancelled: Callable[[], bool],
        assisted: Assisted | None = None,
    ) -> RenderResult:
        import torch  # noqa: PLC0415

        from newbie_pipeline.solvers import model_calls  # noqa: PLC0415

        total = len(spec.seeds) * model_calls(self.info.solver, spec.num_inference_steps)
        done = 0

        def after_step(
            _pipe: Any, _step: int, _timestep: Any, kwargs: dict[str, Any]
        ) -> dict[str, Any]:
            nonlocal done
            done += 1
            self._model.step_done()
            on_step(done, total)
            _stop_if(cancelled)
            return kwargs

        pipeline = self._model.pipeline
        try:
            prompt = spec.prompt if assisted is None else assisted.prompt
            texts = pipeline.encode_pair(
                prompt, spec.negative_prompt, spec.guidance_scale, **self._reading
            )
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
            return RenderResult(tuple(pictures), assisted, self._truncation(prompt))
        finally:
            pipeline.maybe_free_model_hooks()

    @property
    def _reading(self) -> dict[str, Any]:
        """How prompts are read, as keyword arguments of the pipeline."""
        return {
            "prompt_weights": self._options.prompt_weights,
            "character_encoding": self._options.character_encoding,
        }

    def _truncation(self, prompt: str) -> Truncation | None:
        """Count once more what was read: the encoded prompt may come from the cache."""
        count = self._model.pipeline.count_tokens(prompt, **self._reading)
        if count is None or count.read == count.whole:
            return None
        return Truncation(count.whole, count.read, count.cut)


def _enlarged(picture: Image.Image) -> Image.Image:
    """Enlarge a small picture by a whole factor."""
    factor = max(1, SHOWN_SIDE // max(picture.size))
    size = (picture.width * factor, picture.height * factor)
    return picture.resize(size, Image.Resampling.LANCZOS)


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise RenderCancelled("the render was cancelled")
