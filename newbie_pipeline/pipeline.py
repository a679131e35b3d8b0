"""`NewbiePipeline`: prompt to picture, with the conventions of diffusers.

The initial noise is drawn on the CPU in float32, one generator per picture, so a seed means the
same picture on every device and in every batch. Latents stay in float32 between steps.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from diffusers.image_processor import VaeImageProcessor
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput

from newbie_pipeline.denoising import VelocityPredictor, check_finite
from newbie_pipeline.errors import RenderInputError
from newbie_pipeline.guidance import guidance_applies
from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.text_conditioning import (
    SYSTEM_PROMPT,
    TextCondition,
    as_arguments,
    gemma_features,
    given_condition,
    tokenize,
    with_system_prompt,
)

MAX_TOKENS = 512
DEFAULT_IMAGE_SIZE = 1024

StepCallback = Callable[[Any, int, torch.Tensor, dict[str, Any]], dict[str, Any]]


class NewbiePipeline(DiffusionPipeline):
    """Text to image with a Next-DiT, Gemma 3, Jina CLIP's text tower and a 16-channel VAE."""

    model_cpu_offload_seq = "text_encoder->text_encoder_2->transformer->vae"
    _optional_components: list[str] = []  # noqa: RUF012 - diffusers reads this list
    _callback_tensor_inputs = ("latents", "prompt_embeds", "pooled_prompt_embeds")

    def __init__(
        self,
        *,
        transformer: NextDiT,
        vae: AutoencoderKL,
        scheduler: FlowMatchEulerDiscreteScheduler,
        text_encoder: torch.nn.Module,
        tokenizer: Any,
        text_encoder_2: torch.nn.Module,
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
        self.image_processor = VaeImageProcessor(vae_scale_factor=self.size_multiple)
        self._guidance_scale = 1.0
        self._num_timesteps = 0
        self._interrupt = False

    @property
    def guidance_scale(self) -> float:
        """The guidance scale of the render in progress."""
        return self._guidance_scale

    @property
    def num_timesteps(self) -> int:
        """The number of steps of the render in progress."""
        return self._num_timesteps

    @property
    def interrupt(self) -> bool:
        """Whether the render in progress was asked to stop; set `_interrupt` to ask."""
        return self._interrupt

    def encode_prompt(
        self,
        prompt: list[str],
        device: torch.device,
        system_prompt: str = SYSTEM_PROMPT,
        max_sequence_length: int = MAX_TOKENS,
    ) -> TextCondition:
        """Encode prompts with both text encoders; the result lies on `device`."""
        texts = [with_system_prompt(text, system_prompt) for text in prompt]
        ids, mask = tokenize(self.tokenizer, texts, max_sequence_length, device)
        embeds = gemma_features(self.text_encoder, ids, mask)
        clip_ids, clip_mask = tokenize(self.tokenizer_2, prompt, MAX_TOKENS, device)
        pooled = self.text_encoder_2(clip_ids, clip_mask).pooled
        dtype = self.transformer.dtype
        return TextCondition(embeds.to(dtype), mask, pooled.to(dtype))

    @torch.no_grad()
    def encode_pair(
        self, prompt: str, negative_prompt: str, guidance_scale: float
    ) -> dict[str, Any]:
        """Encode one prompt and its negative once, as keyword arguments for several calls."""
        device = self._execution_device
        condition = self.encode_prompt([prompt], device)
        negative = None
        if guidance_scale > 1.0:
            negative = self.encode_prompt([negative_prompt], device)
        return {**as_arguments("", condition), **as_arguments("negative_", negative)}

    def check_inputs(
        self, height: int, width: int, num_inference_steps: int, num_images_per_prompt: int
    ) -> None:
        """Raise RenderInputError for what the loaded model cannot draw."""
        multiple = self.size_multiple
        config = self.transformer.config
        most_height = multiple * config.axes_lens[1]
        most_width = multiple * config.axes_lens[2]
        if height % multiple or width % multiple or height <= 0 or width <= 0:
            raise RenderInputError(
                f"width and height must be multiples of {multiple}, but are {width} x {height}"
            )
        if height > most_height or width > most_width:
            raise RenderInputError(
                f"the model draws at most {most_width} x {most_height}, not {width} x {height}"
            )
        if num_inference_steps < 1:
            raise RenderInputError(f"at least one step is needed, not {num_inference_steps}")
        if num_images_per_prompt < 1:
            raise RenderInputError(f"at least one picture is needed, not {num_images_per_prompt}")

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
        """Draw the noise [batch, channels, height, width] in float32, or check the given one."""
        factor = self.vae_scale_factor
        shape = (self.transformer.config.in_channels, height // factor, width // factor)
        if latents is not None:
            if latents.shape != (batch, *shape):
                raise RenderInputError(
                    f"latents have shape {tuple(latents.shape)}, but {(batch, *shape)} is needed"
                )
            return latents.to(device=device, dtype=torch.float32)
        generators = generator if isinstance(generator, list) else [generator] * batch
        if len(generators) != batch:
            raise RenderInputError(f"{len(generators)} generators for {batch} pictures")
        # One draw per picture: a shared generator goes on, a list gives each picture its own.
        noise = [
            torch.randn(
                shape, generator=g, dtype=torch.float32, device=g.device if g is not None else "cpu"
            ).to(device)
            for g in generators
        ]
        return torch.stack(noise)

    def prepare_timesteps(self, num_inference_steps: int, device: torch.device) -> torch.Tensor:
        """Set the official schedule: u evenly spaced, shifted by the scheduler's own shift."""
        sigmas = np.linspace(1.0, 1.0 / num_inference_steps, num_inference_steps)
        self.scheduler.set_timesteps(sigmas=sigmas.tolist(), device=device)
        self.scheduler.set_begin_index(0)
        timesteps: torch.Tensor = self.scheduler.timesteps
        return timesteps

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | list[str] | None = None,
        negative_prompt: str | list[str] = "",
        height: int = DEFAULT_IMAGE_SIZE,
        width: int = DEFAULT_IMAGE_SIZE,
        num_inference_steps: int = 28,
        *,
        guidance_scale: float = 4.5,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: torch.Tensor | None = None,
        prompt_embeds: torch.Tensor | None = None,
        prompt_attention_mask: torch.Tensor | None = None,
        pooled_prompt_embeds: torch.Tensor | None = None,
        negative_prompt_embeds: torch.Tensor | None = None,
        negative_prompt_attention_mask: torch.Tensor | None = None,
        negative_pooled_prompt_embeds: torch.Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        cfg_trunc: float = 1.0,
        renorm_cfg: float = 1.0,
        system_prompt: str = SYSTEM_PROMPT,
        max_sequence_length: int = MAX_TOKENS,
    ) -> ImagePipelineOutput | tuple[Any]:
        """Draw `num_images_per_prompt` pictures for each prompt.

        Sizes are in pixels. `generator` is one for all pictures, or a list with one for each.
        Guidance applies while t (0 noise, 1 image) is below `cfg_trunc`; the guided velocity's norm
        is capped at `renorm_cfg` times the conditional one's (0 turns the cap off). Setting
        `_interrupt` in the callback ends the loop at that step. Raises RenderInputError for
        unusable arguments and NonFiniteLatentsError when the numbers overflow.
        """
        # 1. Check inputs
        self.check_inputs(height, width, num_inference_steps, num_images_per_prompt)
        if unknown := set(callback_on_step_end_tensor_inputs) - set(self._callback_tensor_inputs):
            raise RenderInputError(f"the callback cannot be given {', '.join(sorted(unknown))}")
        self._guidance_scale = guidance_scale
        self._interrupt = False
        device = self._execution_device
        # 2. Encode the prompts
        encode = partial(
            self.encode_prompt,
            device=device,
            system_prompt=system_prompt,
            max_sequence_length=max_sequence_length,
        )
        condition = given_condition(prompt_embeds, prompt_attention_mask, pooled_prompt_embeds)
        condition = condition or encode(_prompt_list(prompt))
        prompt_count = len(condition.prompt_embeds)
        negative = None
        if guidance_applies(0.0, guidance_scale, cfg_trunc):
            negative = given_condition(
                negative_prompt_embeds,
                negative_prompt_attention_mask,
                negative_pooled_prompt_embeds,
            )
            negative = negative or encode(_negative_list(negative_prompt, prompt_count))
            negative = negative.repeat(num_images_per_prompt)
        condition = condition.repeat(num_images_per_prompt)
        # 3. Prepare noise and schedule
        batch = prompt_count * num_images_per_prompt
        latents = self.prepare_latents(
            batch, height, width, device, generator=generator, latents=latents
        )
        timesteps = self.prepare_timesteps(num_inference_steps, device)
        self._num_timesteps = len(timesteps)
        # 4. Denoise
        predict = VelocityPredictor(
            self.transformer,
            condition,
            negative,
            guidance_scale=guidance_scale,
            cfg_trunc=cfg_trunc,
            renorm_cfg=renorm_cfg,
        )
        after_step = partial(
            self._after_step,
            condition=condition,
            callback=callback_on_step_end,
            names=callback_on_step_end_tensor_inputs,
        )
        latents = self._denoise(latents, timesteps, predict, after_step)
        # 5. Decode
        image = latents if output_type == "latent" else self._decode(latents, output_type)
        self.maybe_free_model_hooks()
        return ImagePipelineOutput(images=image) if return_dict else (image,)

    def _denoise(
        self,
        latents: torch.Tensor,
        timesteps: torch.Tensor,
        predict: VelocityPredictor,
        after_step: Callable[[int, torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> torch.Tensor:
        # Read once: each read of a tensor on the device waits for the device.
        sigmas = self.scheduler.sigmas.tolist()
        with self.progress_bar(total=len(timesteps)) as progress_bar:
            for step, timestep in enumerate(timesteps):
                if self._interrupt:
                    continue
                velocity = predict(latents, t=1.0 - sigmas[step])
                # The scheduler's direction is noise minus data, the model's data minus noise.
                latents = self.scheduler.step(-velocity, timestep, latents, return_dict=False)[0]
                check_finite(latents, step, self.transformer.dtype)
                latents = after_step(step, timestep, latents)
                progress_bar.update()
        return latents

    def _after_step(
        self,
        step: int,
        timestep: torch.Tensor,
        latents: torch.Tensor,
        *,
        condition: TextCondition,
        callback: StepCallback | None,
        names: Sequence[str],
    ) -> torch.Tensor:
        if callback is None:
            return latents
        offered = {
            "latents": latents,
            "prompt_embeds": condition.prompt_embeds,
            "pooled_prompt_embeds": condition.pooled_prompt_embeds,
        }
        changed = callback(self, step, timestep, {name: offered[name] for name in names})
        return (changed or {}).get("latents", latents)

    def _decode(self, latents: torch.Tensor, output_type: str) -> Any:
        config = self.vae.config
        latents = latents / config.scaling_factor + (config.shift_factor or 0.0)
        # One picture at a time: the decoder's activations are the largest of the whole render.
        decoded = [
            self.vae.decode(one.unsqueeze(0).to(self.vae.dtype), return_dict=False)[0]
            for one in latents
        ]
        return self.image_processor.postprocess(torch.cat(decoded), output_type=output_type)


def _prompt_list(prompt: str | list[str] | None) -> list[str]:
    if prompt is None:
        raise RenderInputError("either a prompt or prompt_embeds is needed")
    return [prompt] if isinstance(prompt, str) else list(prompt)


def _negative_list(negative_prompt: str | list[str], prompt_count: int) -> list[str]:
    if isinstance(negative_prompt, str):
        return [negative_prompt] * prompt_count
    if len(negative_prompt) != prompt_count:
        raise RenderInputError(
            f"{len(negative_prompt)} negative prompts for {prompt_count} prompts"
        )
    return list(negative_prompt)
