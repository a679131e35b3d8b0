"""The pipeline's part that turns prompts into embeddings; signatures as diffusers' users know them.

Works without transformer, VAE and scheduler, so that a process may hold the text encoders alone.
"""

import logging
from dataclasses import replace
from typing import Any

import torch

from newbie_pipeline.call_checks import check_character_encoding
from newbie_pipeline.caption_reading import CaptionReader
from newbie_pipeline.errors import RenderInputError
from newbie_pipeline.memory.conditioning_cache import ConditioningCache, ConditioningKey
from newbie_pipeline.memory.plan import Stage
from newbie_pipeline.passage_encoding import Passages, averaged_pooled, joined_captions
from newbie_pipeline.prompt.passages import CharacterEncoding, passages_of
from newbie_pipeline.prompt.weights import WeightedText
from newbie_pipeline.prompt_weighting import weighted_features
from newbie_pipeline.text_conditioning import (
    SYSTEM_PROMPT,
    TextCondition,
    as_arguments,
    gemma_features,
    given_condition,
    no_caption,
    pooled_features,
    tokenize,
)
from newbie_pipeline.tokens import MAX_JOINED_TOKENS, MAX_TOKENS, TokenCount

logger = logging.getLogger(__name__)


class PromptEncodingMixin:
    """`encode_prompt` and what belongs to it, for a pipeline with two text encoders."""

    transformer: Any
    text_encoder: Any
    text_encoder_2: Any
    tokenizer: Any
    tokenizer_2: Any
    _execution_device: Any
    conditioning_cache: ConditioningCache | None
    # Made without Gemma: prompts reach the transformer through CLIP's vector alone.
    clip_only: bool
    component_device: Any
    enter_stage: Any
    leave: Any
    _told_of_clip_only: bool = False

    def encode_prompt(
        self,
        prompt: str | list[str] | None,
        do_classifier_free_guidance: bool = True,
        negative_prompt: str | list[str] | None = None,
        num_images_per_prompt: int = 1,
        device: torch.device | None = None,
        *,
        prompt_embeds: torch.Tensor | None = None,
        prompt_attention_mask: torch.Tensor | None = None,
        pooled_prompt_embeds: torch.Tensor | None = None,
        negative_prompt_embeds: torch.Tensor | None = None,
        negative_prompt_attention_mask: torch.Tensor | None = None,
        negative_pooled_prompt_embeds: torch.Tensor | None = None,
        system_prompt: str = SYSTEM_PROMPT,
        max_sequence_length: int | None = None,
        prompt_weights: bool = True,
        character_encoding: CharacterEncoding = "whole",
    ) -> tuple[torch.Tensor | None, ...]:
        """Encode prompts with both text encoders, or take what was encoded before.

        Gives embeddings [batch, tokens, features], attention mask [batch, tokens] and pooled
        vectors [batch, features] of the prompt, then the same of the negative prompt, which are
        None without guidance; batch is prompts times `num_images_per_prompt`. No negative prompt
        is the empty one. Weights such as `(tag:1.2)` are read in both unless `prompt_weights` is
        off. With "per_character" a prompt of several characters is encoded once for each, and the
        captions are joined: each has at most `max_sequence_length` tokens, and where all together
        have more than the transformer has positions for, the longest are cut. A negative prompt is
        always encoded whole. Raises RenderInputError for inputs that do not fit each other.
        """
        check_character_encoding(character_encoding)
        device = torch.device(device if device is not None else self._execution_device)
        limit = self.caption_limit(max_sequence_length)
        condition = given_condition(prompt_embeds, prompt_attention_mask, pooled_prompt_embeds)
        texts = _as_list(prompt) if condition is None else []
        negative, negative_texts = None, []
        if do_classifier_free_guidance:
            negative = given_condition(
                negative_prompt_embeds,
                negative_prompt_attention_mask,
                negative_pooled_prompt_embeds,
            )
            if negative is None:
                count = len(texts) if condition is None else len(condition.prompt_embeds)
                negative_texts = _negative_list(negative_prompt, count)
        key = ConditioningKey(
            tuple(texts), system_prompt, limit, prompt_weights, character_encoding
        )
        negative_key = replace(key, texts=tuple(negative_texts), character_encoding="whole")
        encoded = iter(self._encode([one for one in (key, negative_key) if one.texts]))
        condition = next(encoded) if condition is None else condition
        if do_classifier_free_guidance:
            negative = next(encoded) if negative is None else negative
            _check_pair(condition, negative)
            negative = negative.repeat(num_images_per_prompt).to(device, self._text_dtype)
        self._check_features(condition)
        condition = condition.repeat(num_images_per_prompt).to(device, self._text_dtype)
        prompt_embeds = condition.prompt_embeds
        prompt_attention_mask = condition.prompt_attention_mask
        pooled_prompt_embeds = condition.pooled_prompt_embeds
        negative_prompt_embeds = negative.prompt_embeds if negative else None
        negative_prompt_attention_mask = negative.prompt_attention_mask if negative else None
        negative_pooled_prompt_embeds = negative.pooled_prompt_embeds if negative else None
        # Each by its own name: tools of diffusers read the names of the results off this line.
        return (
            prompt_embeds,
            prompt_attention_mask,
            pooled_prompt_embeds,
            negative_prompt_embeds,
            negative_prompt_attention_mask,
            negative_pooled_prompt_embeds,
        )

    @torch.no_grad()
    def encode_pair(
        self,
        prompt: str,
        negative_prompt: str,
        guidance_scale: float,
        *,
        prompt_weights: bool = True,
        character_encoding: CharacterEncoding = "whole",
    ) -> dict[str, Any]:
        """Encode one prompt and its negative once, as keyword arguments for several calls."""
        guided = guidance_scale > 1.0
        parts: Any = self.encode_prompt(
            prompt,
            guided,
            negative_prompt,
            prompt_weights=prompt_weights,
            character_encoding=character_encoding,
        )
        negative = TextCondition(*parts[3:]) if guided else None
        return {
            **as_arguments("", TextCondition(*parts[:3])),
            **as_arguments("negative_", negative),
        }

    def count_tokens(
        self,
        prompt: str,
        *,
        system_prompt: str = SYSTEM_PROMPT,
        max_sequence_length: int | None = None,
        prompt_weights: bool = True,
        character_encoding: CharacterEncoding = "whole",
    ) -> TokenCount | None:
        """Count what Gemma makes of a prompt and what it reads of that, encoding nothing.

        None where there is no Gemma to read it. Raises RenderInputError as `encode_prompt` does.
        """
        check_character_encoding(character_encoding)
        if self.text_encoder is None or self.tokenizer is None:
            return None
        limit = self.caption_limit(max_sequence_length)
        key = ConditioningKey((prompt,), system_prompt, limit, prompt_weights, character_encoding)
        return self._reader(key).count(*_passages(key))

    def caption_limit(self, max_sequence_length: int | None) -> int:
        """Give the most tokens that Gemma may read; None is 512, or what the model has room for.

        Raises RenderInputError when more are asked for than the transformer has positions for.
        """
        room = self._caption_room
        if max_sequence_length is None:
            return MAX_TOKENS if room is None else min(MAX_TOKENS, room)
        if max_sequence_length < 1 or (room is not None and max_sequence_length > room):
            most = "" if room is None else f" and {room}"
            raise RenderInputError(
                f"max_sequence_length must lie between 1{most}, but is {max_sequence_length}"
            )
        return max_sequence_length

    def _encode(self, keys: list[ConditioningKey]) -> list[TextCondition]:
        """Encode each key's batch of texts, or take it from the cache.

        One encoder reads all batches before the other begins, so that they need not be on the
        device together.
        """
        cache = self.conditioning_cache
        found: dict[ConditioningKey, TextCondition] = {}
        for key in keys:
            if cache is not None and (kept := cache.get(key)) is not None:
                found[key] = kept
        missing = list(dict.fromkeys(key for key in keys if key not in found))
        if missing:
            self._check_encoders()
            self.enter_stage(Stage.TEXT)
            passages = [_passages(key) for key in missing]
            captions = [self._captions(*one) for one in zip(missing, passages, strict=True)]
            self.leave("text_encoder")
            pooled = [self._pooled(prompts) for prompts in passages]
            self.leave("text_encoder_2")
            for key, (embeds, mask), vectors in zip(missing, captions, pooled, strict=True):
                found[key] = TextCondition(embeds, mask, vectors)
                if cache is not None:
                    cache.put(key, found[key])
        return [found[key] for key in keys]

    def _check_encoders(self) -> None:
        """Raise RenderInputError unless both encoders are there, or CLIP is meant to do alone."""
        alone = self.clip_only and self.transformer is not None
        if self.text_encoder_2 is None or (self.text_encoder is None and not alone):
            raise RenderInputError(
                "this pipeline has no text encoders: prompt_embeds and, with guidance, "
                "negative_prompt_embeds are needed"
            )
        if self.text_encoder is None and not self._told_of_clip_only:
            self._told_of_clip_only = True
            logger.warning("there is no Gemma: prompts act through CLIP's vector alone")

    def _captions(
        self, key: ConditioningKey, prompts: list[Passages]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give Gemma's features and their mask, on the device that the transformer computes on."""
        if self.text_encoder is None:
            features = self.transformer.config.cap_feat_dim
            return no_caption(len(prompts), features, self._execution_device, self._text_dtype)
        device = self.component_device("text_encoder")
        reader = self._reader(key)

        def encode(passages: list[WeightedText], limit: int) -> tuple[torch.Tensor, torch.Tensor]:
            captions = [reader.caption(passage) for passage in passages]
            ids, mask = tokenize(self.tokenizer, captions, limit, device)
            embeds = gemma_features(self.text_encoder, ids, mask)
            weights = [reader.weights(passage, limit) for passage in passages]
            return weighted_features(embeds, mask, weights).to(self._text_dtype), mask

        limits = [reader.limits(passages) for passages in prompts]
        embeds, mask = joined_captions(prompts, limits, encode, reader.room)
        return embeds.to(self._execution_device), mask.to(self._execution_device)

    def _reader(self, key: ConditioningKey) -> CaptionReader:
        room = MAX_JOINED_TOKENS
        if self._caption_room is not None:
            room = min(room, self._caption_room)
        return CaptionReader(self.tokenizer, key.system_prompt, key.max_sequence_length, room)

    def _pooled(self, prompts: list[Passages]) -> torch.Tensor:
        """Give CLIP's vectors, on the device that the transformer computes on."""
        device = self.component_device("text_encoder_2")

        def encode(passages: list[WeightedText]) -> torch.Tensor:
            texts = [passage.text for passage in passages]
            ids, mask = tokenize(self.tokenizer_2, texts, MAX_TOKENS, device)
            return pooled_features(self.text_encoder_2, ids, mask).to(self._text_dtype)

        return averaged_pooled(prompts, encode).to(self._execution_device)

    def _check_features(self, condition: TextCondition) -> None:
        if self.transformer is None:
            return
        config = self.transformer.config
        for name, wanted in (
            ("prompt_embeds", config.cap_feat_dim),
            ("pooled_prompt_embeds", config.clip_text_dim),
        ):
            features = getattr(condition, name).shape[-1]
            if wanted is not None and features != wanted:
                raise RenderInputError(
                    f"{name} have {features} features, but this transformer reads {wanted}"
                )

    @property
    def _caption_room(self) -> int | None:
        """The most tokens that the transformer has caption positions for; None without one."""
        return None if self.transformer is None else self.transformer.config.axes_lens[0] - 1

    @property
    def _text_dtype(self) -> torch.dtype:
        model = self.text_encoder if self.transformer is None else self.transformer
        dtype: torch.dtype = model.dtype
        return dtype


def _passages(key: ConditioningKey) -> list[Passages]:
    return [
        passages_of(
            text, prompt_weights=key.prompt_weights, character_encoding=key.character_encoding
        )
        for text in key.texts
    ]


def _as_list(prompt: str | list[str] | None) -> list[str]:
    if prompt is None:
        raise RenderInputError("either a prompt or prompt_embeds is needed")
    return [prompt] if isinstance(prompt, str) else list(prompt)


def _negative_list(negative_prompt: str | list[str] | None, count: int) -> list[str]:
    if negative_prompt is None or isinstance(negative_prompt, str):
        return [negative_prompt or ""] * count
    if len(negative_prompt) != count:
        raise RenderInputError(f"{len(negative_prompt)} negative prompts for {count} prompts")
    return list(negative_prompt)


def _check_pair(condition: TextCondition, negative: TextCondition) -> None:
    # The lengths may differ: each caption has its own mask.
    for name in ("prompt_embeds", "pooled_prompt_embeds"):
        own, other = getattr(condition, name), getattr(negative, name)
        if len(own) != len(other) or own.shape[-1] != other.shape[-1]:
            raise RenderInputError(
                f"{name} {tuple(own.shape)} and negative_{name} {tuple(other.shape)} must have "
                "the same batch and features"
            )
