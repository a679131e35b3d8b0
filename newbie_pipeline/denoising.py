"""One step's work: the guided velocity at t, and the check that the numbers are still numbers."""

from typing import Any

import torch

from newbie_pipeline.errors import NonFiniteLatentsError
from newbie_pipeline.guidance import guidance_applies, guided_velocity
from newbie_pipeline.models.next_dit import CaptionContext, NextDiT
from newbie_pipeline.text_conditioning import TextCondition, as_arguments, joined

CONDITIONAL, UNCONDITIONAL, PAIR = "cond", "uncond", "pair"


class VelocityPredictor:
    """Runs the transformer for one render and keeps what does not depend on t.

    With `cfg_passes` 1 the conditional and the unconditional half go through the transformer as
    one batch, with 2 one after the other. Where guidance does not apply the conditional half runs
    alone. `guidance_scale` may change between steps.
    """

    def __init__(
        self,
        transformer: NextDiT,
        condition: TextCondition,
        negative: TextCondition | None,
        *,
        guidance_scale: float,
        cfg_trunc: float,
        renorm_cfg: float,
        cfg_passes: int = 2,
        attention_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.transformer = transformer
        self.guidance_scale = guidance_scale
        self.cfg_trunc = cfg_trunc
        self.renorm_cfg = renorm_cfg
        self.cfg_passes = cfg_passes
        self.attention_kwargs = attention_kwargs
        self._set_conditions(condition, negative)

    def __call__(self, latents: torch.Tensor, t: float) -> torch.Tensor:
        """Give the guided velocity [batch, channels, height, width] at t, in float32."""
        if self._negative is None or not guidance_applies(t, self.guidance_scale, self.cfg_trunc):
            return self._run(CONDITIONAL, latents, t)
        if self.cfg_passes == 1:
            both = self._run(PAIR, torch.cat((latents, latents)), t)
            conditional, unconditional = both.chunk(2)
        else:
            conditional = self._run(CONDITIONAL, latents, t)
            unconditional = self._run(UNCONDITIONAL, latents, t)
        return guided_velocity(conditional, unconditional, self.guidance_scale, self.renorm_cfg)

    def tensors(self) -> dict[str, torch.Tensor | None]:
        """Name the embeddings as the pipeline's call does; without guidance the negative's lack."""
        condition = as_arguments("", self._condition)
        return {**condition, **as_arguments("negative_", self._negative)}

    def replace(self, changed: dict[str, Any]) -> None:
        """Go on with the embeddings in `changed`, named as `tensors` names them."""
        before = self.tensors()
        after = {**before, **{name: changed[name] for name in before if name in changed}}
        if all(after[name] is before[name] for name in before):
            return
        parts: Any = tuple(after.values())
        self._set_conditions(
            TextCondition(*parts[:3]),
            None if self._negative is None else TextCondition(*parts[3:]),
        )

    def _set_conditions(self, condition: TextCondition, negative: TextCondition | None) -> None:
        self._condition, self._negative = condition, negative
        self._batches = {CONDITIONAL: condition}
        if negative is not None:
            self._batches[UNCONDITIONAL] = negative
            if self.cfg_passes == 1:
                self._batches[PAIR] = joined(condition, negative)
        self._contexts: dict[str, CaptionContext | None] = {}

    def _run(self, name: str, latents: torch.Tensor, t: float) -> torch.Tensor:
        batch = self._batches[name]
        # Caches that skip blocks keep one state for each kind of batch.
        with self.transformer.cache_context(name):
            output = self.transformer(
                hidden_states=latents.to(self.transformer.dtype),
                timestep=torch.full((len(latents),), t, device=latents.device),
                encoder_hidden_states=batch.prompt_embeds,
                encoder_attention_mask=batch.prompt_attention_mask,
                pooled_projections=batch.pooled_prompt_embeds,
                caption_context=self._contexts.get(name),
                attention_kwargs=self.attention_kwargs,
            )
        self._contexts[name] = output.caption_context
        velocity: torch.Tensor = output.sample.float()
        return velocity


def check_finite(latents: torch.Tensor, step: int, dtype: torch.dtype) -> None:
    """Raise NonFiniteLatentsError, with the likely cause, when latents overflowed in a step."""
    if bool(torch.isfinite(latents).all()):
        return
    cause = (
        "float16 overflows in this model: use bfloat16 or float32"
        if dtype == torch.float16
        else "the checkpoint's or an adapter's weights are probably damaged"
    )
    raise NonFiniteLatentsError(f"the latents are not finite after step {step + 1}; {cause}")
