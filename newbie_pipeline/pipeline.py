"""`NewbiePipeline`: prompt to picture, with the conventions of diffusers.

The initial noise is drawn on the CPU in float32, one draw per picture, so a seed means the same
picture on every device and in every batch. Latents stay in float32 between steps. The unguided,
the guided and the interrupted render all leave pipeline and scheduler ready for the next one.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from diffusers import AutoencoderKL, DiffusionPipeline, SchedulerMixin
from diffusers.image_processor import VaeImageProcessor
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput
from transformers import PreTrainedModel

from newbie_pipeline.call_checks import (
    check_counts,
    check_generators,
    check_guidance,
    check_latents,
    check_output,
    check_prompts,
    check_size,
)
from newbie_pipeline.cfg_passes import choose_cfg_passes
from newbie_pipeline.denoising import VelocityPredictor, check_finite
from newbie_pipeline.errors import RenderInputError
from newbie_pipeline.guidance import guidance_applies
from newbie_pipeline.lora.loader import NewbieLoraLoaderMixin
from newbie_pipeline.memory.executor import PlannedMemoryMixin
from newbie_pipeline.memory.plan import Stage
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.pretrained import CheckpointLoadingMixin
from newbie_pipeline.prompt.passages import CharacterEncoding
from newbie_pipeline.prompt_encoding import PromptEncodingMixin
from newbie_pipeline.solvers import (
    check_sigmas,
    even_sigmas,
    make_scheduler,
    set_schedule,
    shift_of,
)
from newbie_pipeline.text_conditioning import SYSTEM_PROMPT, TextCondition

logger = logging.getLogger(__name__)

DEFAULT_IMAGE_SIZE = 1024

StepCallback = Callable[[Any, int, torch.Tensor, dict[str, Any]], dict[str, Any] | None]


class NewbiePipeline(
    CheckpointLoadingMixin,
    PromptEncodingMixin,
    PlannedMemoryMixin,
    NewbieLoraLoaderMixin,
    DiffusionPipeline,
):
    """Text to image with a Next-DiT, Gemma 3, Jina CLIP's text tower and a 16-channel VAE."""

    model_cpu_offload_seq = "text_encoder->text_encoder_2->transformer->vae"
    # Without Gemma a prompt reaches the transformer through CLIP's vector alone.
    _optional_components: list[str] = [  # noqa: RUF012 - diffusers reads this list
        "text_encoder",
        "tokenizer",
    ]
    _callback_tensor_inputs: list[str] = [  # noqa: RUF012 - likewise
        "latents",
        "prompt_embeds",
        "prompt_attention_mask",
        "pooled_prompt_embeds",
        "negative_prompt_embeds",
        "negative_prompt_attention_mask",
        "negative_pooled_prompt_embeds",
    ]

    def __init__(  # noqa: PLR0917 - diffusers' pipelines take theirs in any way
        self,
        transformer: NextDiT,
        scheduler: SchedulerMixin,
        vae: AutoencoderKL,
        text_encoder: PreTrainedModel | None,
        tokenizer: Any,
        text_encoder_2: JinaClipTextModel,
        tokenizer_2: Any,
    ) -> None:
        super().__init__()
        self.register_modules(
            transformer=transformer,
            vae=vae,
            scheduler=scheduler,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            text_encoder_2=text_encoder_2,
            tokenizer_2=tokenizer_2,
        )
        blocks = len(vae.config.block_out_channels) if vae is not None else 4
        self.vae_scale_factor = 2 ** (blocks - 1)
        patch = transformer.config.patch_size if transformer is not None else 2
        self.size_multiple = self.vae_scale_factor * patch
        self.only_size = transformer.config.only_size if transformer is not None else None
        self.default_sample_size = (self.only_size or DEFAULT_IMAGE_SIZE) // self.vae_scale_factor
        self.image_processor = VaeImageProcessor(vae_scale_factor=self.size_multiple)
        self._guidance_scale = 1.0
        self._attention_kwargs: dict[str, Any] | None = None
        self._num_timesteps = 0
        self._current_timestep: torch.Tensor | None = None
        self._interrupt = False
        self._cfg_passes: int | None = None
        self._told_of_float16 = False
        self.clip_only = text_encoder is None and text_encoder_2 is not None

    @property
    def guidance_scale(self) -> float:
        """The guidance scale of the render in progress; a callback may set `_guidance_scale`."""
        return self._guidance_scale

    @property
    def do_classifier_free_guidance(self) -> bool:
        """Whether the render in progress is guided."""
        return self._guidance_scale > 1.0

    @property
    def attention_kwargs(self) -> dict[str, Any] | None:
        """What the render in progress hands to the transformer's layers, such as LoRA's `scale`."""
        return self._attention_kwargs

    @property
    def num_timesteps(self) -> int:
        """The timesteps of the render in progress; Heun has nearly two for each step."""
        return self._num_timesteps

    @property
    def current_timestep(self) -> torch.Tensor | None:
        """The timestep of the render in progress, None outside of one."""
        return self._current_timestep

    @property
    def interrupt(self) -> bool:
        """Whether the render in progress was asked to stop; set `_interrupt` to ask."""
        return self._interrupt

    @property
    def cfg_passes(self) -> int | None:
        """How both halves of guidance run: 1 as one batch, 2 one after the other, None by memory.

        By memory means at once where a CUDA device has room for it, and two passes on the CPU.
        """
        return self._cfg_passes

    @cfg_passes.setter
    def cfg_passes(self, passes: int | None) -> None:
        if passes not in (1, 2, None):
            raise RenderInputError(f"cfg_passes must be 1, 2 or None, not {passes!r}")
        self._cfg_passes = passes

    def enable_vae_slicing(self) -> None:
        """Decode a batch in slices; this pipeline decodes one picture at a time in any case."""
        self.vae.enable_slicing()

    def disable_vae_slicing(self) -> None:
        """Undo `enable_vae_slicing`."""
        self.vae.disable_slicing()

    def enable_vae_tiling(self) -> None:
        """Decode large pictures in tiles, which needs less memory."""
        self.vae.enable_tiling()

    def disable_vae_tiling(self) -> None:
        """Undo `enable_vae_tiling`."""
        self.vae.disable_tiling()

    def check_inputs(
        self, height: int, width: int, num_inference_steps: int, num_images_per_prompt: int
    ) -> None:
        """Raise RenderInputError for what the loaded model cannot draw."""
        axes = self.transformer.config.axes_lens
        most = (self.size_multiple * axes[1], self.size_multiple * axes[2])
        check_size(height, width, self.size_multiple, most)
        check_counts(num_inference_steps, num_images_per_prompt)

    def prepare_latents(
        self,
        batch: int,
        height: int,
        width: int,
        device: torch.device,
        *,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Draw the noise [batch, channels, height, width] in float32, or check the given one.

        As in diffusers a generator draws on its own device; without one the CPU draws.
        """
        factor = self.vae_scale_factor
        shape = (self.transformer.config.in_channels, height // factor, width // factor)
        if latents is not None:
            check_latents(latents, (batch, *shape))
            return latents.to(device=device, dtype=torch.float32)
        one_for_all = generator is None or isinstance(generator, torch.Generator)
        generators: Any = [generator] * batch if one_for_all else generator
        check_generators(generators, batch)
        # One draw per picture: a shared generator goes on, a list gives each picture its own.
        noise = [
            torch.randn(
                shape, generator=g, dtype=torch.float32, device=g.device if g is not None else "cpu"
            ).to(device)
            for g in generators
        ]
        return torch.stack(noise)

    def prepare_timesteps(self, num_inference_steps: int, device: torch.device) -> torch.Tensor:
        """Set the official schedule on the pipeline's scheduler and give its timesteps."""
        set_schedule(self.scheduler, even_sigmas(num_inference_steps), device)
        timesteps: torch.Tensor = self.scheduler.timesteps
        return timesteps

    @torch.no_grad()
    def __call__(  # noqa: PLR0917 - the order of diffusers' Lumina 2 pipeline
        self,
        prompt: str | list[str] | None = None,
        width: int | None = None,
        height: int | None = None,
        num_inference_steps: int = 28,
        guidance_scale: float = 4.5,
        negative_prompt: str | list[str] | None = None,
        sigmas: list[float] | None = None,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: torch.Tensor | None = None,
        *,
        prompt_embeds: torch.Tensor | None = None,
        prompt_attention_mask: torch.Tensor | None = None,
        pooled_prompt_embeds: torch.Tensor | None = None,
        negative_prompt_embeds: torch.Tensor | None = None,
        negative_prompt_attention_mask: torch.Tensor | None = None,
        negative_pooled_prompt_embeds: torch.Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        attention_kwargs: dict[str, Any] | None = None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        solver: str | None = None,
        cfg_trunc: float = 1.0,
        renorm_cfg: float = 1.0,
        system_prompt: str = SYSTEM_PROMPT,
        max_sequence_length: int | None = None,
        prompt_weights: bool = True,
        character_encoding: CharacterEncoding = "whole",
    ) -> ImagePipelineOutput | tuple[Any]:
        """Draw `num_images_per_prompt` pictures for each prompt.

        Sizes are in pixels. `generator` is one for all pictures, or a list with one for each.
        `sigmas` replace the evenly spaced ones from before the shift. `solver` names one of
        `newbie_pipeline.solvers.SOLVERS` for this call instead of the pipeline's scheduler, at the
        scheduler's shift. Guidance applies while t (0 noise, 1 image) is below `cfg_trunc`; the
        guided velocity's norm is capped at `renorm_cfg` times the conditional one's (0 turns the
        cap off). `prompt_weights` and `character_encoding` are explained at `encode_prompt`.
        Setting `_interrupt` in the callback ends the loop at that step. Raises RenderInputError
        for unusable arguments and NonFiniteLatentsError when numbers overflow.
        """
        # 1. Check inputs
        side = self.default_sample_size * self.vae_scale_factor
        height = side if height is None else height
        width = side if width is None else width
        check_prompts(prompt, negative_prompt, prompt_embeds, negative_prompt_embeds)
        self.check_inputs(height, width, num_inference_steps, num_images_per_prompt)
        check_guidance(guidance_scale)
        sigmas = even_sigmas(num_inference_steps) if sigmas is None else list(sigmas)
        check_sigmas(sigmas)
        check_output(output_type, callback_on_step_end_tensor_inputs, self._callback_tensor_inputs)
        self._warn_of_float16()
        scheduler = self._scheduler_for(solver)
        self._guidance_scale = guidance_scale
        self._attention_kwargs = attention_kwargs
        self._interrupt = False
        device = self._execution_device
        try:
            # 2. Encode the prompts
            guided = guidance_applies(0.0, guidance_scale, cfg_trunc)
            parts: Any = self.encode_prompt(
                prompt,
                guided,
                negative_prompt,
                num_images_per_prompt,
                device,
                prompt_embeds=prompt_embeds,
                prompt_attention_mask=prompt_attention_mask,
                pooled_prompt_embeds=pooled_prompt_embeds,
                negative_prompt_embeds=negative_prompt_embeds,
                negative_prompt_attention_mask=negative_prompt_attention_mask,
                negative_pooled_prompt_embeds=negative_pooled_prompt_embeds,
                system_prompt=system_prompt,
                max_sequence_length=max_sequence_length,
                prompt_weights=prompt_weights,
                character_encoding=character_encoding,
            )
            condition = TextCondition(*parts[:3])
            negative = TextCondition(*parts[3:]) if guided else None
            # 3. Prepare noise and schedule
            batch, tokens = condition.prompt_attention_mask.shape
            latents = self.prepare_latents(
                batch, height, width, device, generator=generator, latents=latents
            )
            ts = set_schedule(scheduler, sigmas, device)
            self._num_timesteps = len(ts)
            # 4. Denoise
            self.enter_stage(Stage.DENOISE)
            passes = self._cfg_passes
            if passes is None:
                passes = choose_cfg_passes(
                    self, device, height=height, width=width, batch=batch, tokens=tokens
                )
            predict = VelocityPredictor(
                self.transformer,
                condition,
                negative,
                guidance_scale=guidance_scale,
                cfg_trunc=cfg_trunc,
                renorm_cfg=renorm_cfg,
                cfg_passes=passes,
                attention_kwargs=attention_kwargs,
            )
            latents = self._denoise(
                latents,
                scheduler,
                ts,
                predict,
                callback=callback_on_step_end,
                names=callback_on_step_end_tensor_inputs,
            )
            # 5. Decode
            self.enter_stage(Stage.DECODE)
            image = latents if output_type == "latent" else self._decode(latents, output_type)
        finally:
            self._current_timestep = None
            self.maybe_free_model_hooks()
        return ImagePipelineOutput(images=image) if return_dict else (image,)

    def _denoise(
        self,
        latents: torch.Tensor,
        scheduler: Any,
        ts: list[float],
        predict: VelocityPredictor,
        *,
        callback: StepCallback | None,
        names: Sequence[str],
    ) -> torch.Tensor:
        with self.progress_bar(total=len(ts)) as progress_bar:
            for step, (t, timestep) in enumerate(zip(ts, scheduler.timesteps, strict=True)):
                if self._interrupt:
                    continue
                self._current_timestep = timestep
                predict.guidance_scale = self._guidance_scale
                velocity = predict(latents, t)
                # The scheduler's direction is noise minus data, the model's data minus noise.
                latents = scheduler.step(-velocity, timestep, latents, return_dict=False)[0]
                check_finite(latents, step, self.transformer.dtype)
                if callback is not None:
                    offered = {"latents": latents, **predict.tensors()}
                    given = {name: offered.get(name) for name in names}
                    changed = callback(self, step, timestep, given) or {}
                    if (given_back := changed.get("latents")) is not None:
                        check_latents(given_back, tuple(latents.shape))
                        latents = given_back.to(latents)
                    predict.replace(changed)
                progress_bar.update()
        return latents

    def _decode(self, latents: torch.Tensor, output_type: str) -> Any:
        config = self.vae.config
        latents = latents / config.scaling_factor + (config.shift_factor or 0.0)
        # One picture at a time: the decoder's activations are the largest of the whole render.
        decoded = [
            self.vae.decode(one.unsqueeze(0).to(self.vae.dtype), return_dict=False)[0]
            for one in latents
        ]
        return self.image_processor.postprocess(torch.cat(decoded), output_type=output_type)

    def _scheduler_for(self, solver: str | None) -> Any:
        if solver is None:
            return self.scheduler
        return make_scheduler(solver, shift_of(self.scheduler))

    def _warn_of_float16(self) -> None:
        if self.transformer.dtype == torch.float16 and not self._told_of_float16:
            self._told_of_float16 = True
            logger.warning(
                "the transformer runs in float16, whose range this model's activations can leave; "
                "bfloat16 has float32's range and is the default for that reason"
            )
