"""One step's work: the guided velocity at t, and the check that the numbers are still numbers."""

import torch

from newbie_pipeline.errors import NonFiniteLatentsError
from newbie_pipeline.guidance import guidance_applies, guided_velocity
from newbie_pipeline.models.next_dit import CaptionContext, NextDiT
from newbie_pipeline.text_conditioning import TextCondition


class VelocityPredictor:
    """Runs the transformer for one render and keeps what does not depend on t."""

    def __init__(
        self,
        transformer: NextDiT,
        condition: TextCondition,
        negative: TextCondition | None,
        *,
        guidance_scale: float,
        cfg_trunc: float,
        renorm_cfg: float,
    ) -> None:
        self.transformer = transformer
        self.condition = condition
        self.negative = negative
        self.guidance_scale = guidance_scale
        self.cfg_trunc = cfg_trunc
        self.renorm_cfg = renorm_cfg
        self._contexts: dict[int, CaptionContext | None] = {}

    def __call__(self, latents: torch.Tensor, t: float) -> torch.Tensor:
        """Give the guided velocity [batch, channels, height, width] at t, in float32.

        The two halves run one after the other: neither pads the other's caption, and the peak of
        memory is that of one.
        """
        conditional = self._run(latents, t, self.condition)
        if self.negative is None or not guidance_applies(t, self.guidance_scale, self.cfg_trunc):
            return conditional
        unconditional = self._run(latents, t, self.negative)
        return guided_velocity(conditional, unconditional, self.guidance_scale, self.renorm_cfg)

    def _run(self, latents: torch.Tensor, t: float, condition: TextCondition) -> torch.Tensor:
        output = self.transformer(
            hidden_states=latents.to(self.transformer.dtype),
            timestep=torch.full((len(latents),), t, device=latents.device),
            encoder_hidden_states=condition.prompt_embeds,
            encoder_attention_mask=condition.prompt_attention_mask,
            pooled_projections=condition.pooled_prompt_embeds,
            caption_context=self._contexts.get(id(condition)),
        )
        self._contexts[id(condition)] = output.caption_context
        velocity: torch.Tensor = output.sample.float()
        return velocity


def check_finite(latents: torch.Tensor, step: int, dtype: torch.dtype) -> None:
    """Raise NonFiniteLatentsError, with the likely cause, when latents overflowed in a step."""
    if bool(torch.isfinite(latents).all()):
        return
    cause = (
        "float16 overflows in this model: use bfloat16 or float32"
        if dtype == torch.float16
        else "the checkpoint's weights are probably damaged"
    )
    raise NonFiniteLatentsError(f"the latents are not finite after step {step + 1}; {cause}")
