"""Next-DiT with CLIP fusion, the diffusion transformer of NewBie-image-Exp0.1.

t = 0 is noise and t = 1 is image; the output is the velocity, data minus noise. State-dict keys are
the official checkpoint's. A sample's tokens lie as caption, then image patches, then padding, and
padding never reaches a token that counts.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.attention import AttentionMixin
from diffusers.models.cache_utils import CacheMixin
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput, apply_lora_scale
from torch import nn

from newbie_pipeline.models.attention import MASKLESS_BACKENDS, active_backend
from newbie_pipeline.models.next_dit_layers import (
    ContextRefinerBlock,
    FinalLayer,
    JointTransformerBlock,
    NoiseRefinerBlock,
    TimestepEmbedder,
)
from newbie_pipeline.models.rope import caption_positions, rotary_table
from newbie_pipeline.models.step_caches import fitting_config
from newbie_pipeline.models.token_layout import (
    TokenLayout,
    even_layout,
    image_part,
    join,
    packed_layout,
    padded_layout,
    segments_of,
)

MAX_MODULATION_DIM = 1024
CLIP_NORM_EPS = 1e-6
CAPTION_NORM_EPS = 1e-5


class CaptionContext(NamedTuple):
    """What a caption means to the transformer at every t: computed once, handed back in.

    `hidden_states` [batch, longest, dim] is the refined caption, `lengths` [batch] counts its
    tokens, and `counts` are the same numbers on the host, None in compiled code. The layout fits
    one size of image; for another size it is made again, and the refined caption still holds.
    """

    hidden_states: torch.Tensor
    lengths: torch.Tensor
    counts: tuple[int, ...] | None
    layout: TokenLayout


@dataclass
class NextDiTOutput(BaseOutput):
    """The velocity `sample` [batch, channels, height, width] and the context to hand back in."""

    sample: torch.Tensor
    caption_context: CaptionContext | None = None


class NextDiT(ModelMixin, ConfigMixin, AttentionMixin, PeftAdapterMixin, CacheMixin):
    """The 3.5 B transformer at its defaults; any size by its constructor arguments.

    `only_size` is the side in pixels of the one size that a small model has learnt; None, as in the
    real one, is any size.
    """

    _supports_gradient_checkpointing = True
    _no_split_modules = ("JointTransformerBlock", "NoiseRefinerBlock", "ContextRefinerBlock")
    _repeated_blocks = ("JointTransformerBlock",)
    _skip_layerwise_casting_patterns = ("x_embedder", "t_embedder", "norm")

    @register_to_config
    def __init__(  # noqa: PLR0917  diffusers' models take theirs in any way
        self,
        patch_size: int = 2,
        in_channels: int = 16,
        dim: int = 2304,
        n_layers: int = 36,
        n_refiner_layers: int = 2,
        n_heads: int = 24,
        n_kv_heads: int = 8,
        multiple_of: int = 256,
        ffn_dim_multiplier: float | None = None,
        norm_eps: float = 1e-5,
        qk_norm: bool = True,
        cap_feat_dim: int = 2560,
        clip_text_dim: int = 1024,
        axes_dims: tuple[int, ...] = (32, 32, 32),
        axes_lens: tuple[int, ...] = (1024, 512, 512),
        only_size: int | None = None,
    ) -> None:
        super().__init__()
        if dim // n_heads != sum(axes_dims):
            raise ValueError(f"axes_dims {axes_dims} must add up to dim / n_heads {dim // n_heads}")
        self.patch_size = patch_size
        self.in_channels = self.out_channels = in_channels
        self.axes_dims = tuple(axes_dims)
        self.axes_lens = tuple(axes_lens)
        time_dim = min(dim, MAX_MODULATION_DIM)
        patch_features = patch_size * patch_size * in_channels

        sizes: dict[str, Any] = {
            "dim": dim,
            "n_heads": n_heads,
            "n_kv_heads": n_kv_heads,
            "multiple_of": multiple_of,
            "ffn_dim_multiplier": ffn_dim_multiplier,
            "norm_eps": norm_eps,
            "qk_norm": qk_norm,
        }
        # 1. Embeddings of patches, time and the two captions
        self.x_embedder = nn.Linear(patch_features, dim)
        self.t_embedder = TimestepEmbedder(time_dim)
        self.cap_embedder = nn.Sequential(
            nn.RMSNorm(cap_feat_dim, CAPTION_NORM_EPS), nn.Linear(cap_feat_dim, dim)
        )
        self.clip_text_pooled_proj = nn.Sequential(
            nn.RMSNorm(clip_text_dim, CLIP_NORM_EPS), nn.Linear(clip_text_dim, clip_text_dim)
        )
        self.time_text_embed = nn.Sequential(
            nn.SiLU(), nn.Linear(time_dim + clip_text_dim, time_dim)
        )
        # 2. Blocks that refine image and caption before they meet
        self.noise_refiner = nn.ModuleList(
            [NoiseRefinerBlock(modulation_dim=time_dim, **sizes) for _ in range(n_refiner_layers)]
        )
        self.context_refiner = nn.ModuleList(
            [ContextRefinerBlock(**sizes) for _ in range(n_refiner_layers)]
        )
        # 3. Joint blocks and output; `norm_final` is in checkpoints and is never applied
        self.layers = nn.ModuleList(
            [JointTransformerBlock(modulation_dim=time_dim, **sizes) for _ in range(n_layers)]
        )
        self.norm_final = nn.RMSNorm(dim, norm_eps)
        self.final_layer = FinalLayer(dim, patch_features, time_dim)
        self.gradient_checkpointing = False

    @apply_lora_scale("attention_kwargs")
    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        pooled_projections: torch.Tensor | None = None,
        *,
        caption_context: CaptionContext | None = None,
        attention_kwargs: dict[str, Any] | None = None,
        return_dict: bool = True,
    ) -> NextDiTOutput | tuple[torch.Tensor]:
        """Predict the velocity of latents [batch, channels, height, width] at t [batch] in 0 to 1.

        Captions are right-padded features [batch, length, cap_feat_dim] with a mask [batch, length]
        that is 1 at real tokens; `pooled_projections` is [batch, clip_text_dim]. Hand the
        `caption_context` of an earlier step's output back in to skip what does not depend on t.
        `attention_kwargs` may hold `scale` for loaded LoRA adapters, as in diffusers.
        Raises ValueError for latents that do not divide into patches, for latents or captions too
        long for RoPE, and, outside compiled code, for a mask with padding before a real token.
        """
        batch, _, height, width = hidden_states.shape
        rows, columns = self._patch_grid(height, width)
        # 1. Time, and the pooled caption with it
        time_embed = self._embed_time(
            timestep.expand(batch), pooled_projections, hidden_states.dtype
        )
        # 2. Caption: the same at every t
        context = caption_context
        if context is None:
            if encoder_hidden_states is None:
                raise ValueError("encoder_hidden_states or a caption_context is needed")
            context = self._prepare_caption(
                encoder_hidden_states, encoder_attention_mask, rows, columns
            )
        elif not self._fits(context.layout, rows, columns):
            context = context._replace(layout=self._layout(context, rows, columns))
        layout = context.layout
        # 3. Image patches
        image = self.x_embedder(self._patchify(hidden_states, rows, columns))
        for layer in self.noise_refiner:
            image = self._run(layer, image, time_embed, layout.image_rotary)
        # 4. Both together
        tokens = join(layout, context.hidden_states, image)
        for layer in self.layers:
            tokens = self._run(
                layer, tokens, time_embed, layout.rotary, layout.key_mask, layout.segments
            )
        # 5. Back to latents
        patches = self.final_layer(tokens, time_embed, layout.segments)
        sample = self._unpatchify(image_part(layout, patches, batch), rows, columns)
        if not return_dict:
            return (sample,)
        return NextDiTOutput(sample=sample, caption_context=context)

    def enable_cache(self, config: Any) -> None:
        """Skip work that changes little between steps; `config` is one of diffusers' cache configs.

        Raises ValueError when a cache is enabled already, and for FasterCache, which does not fit.
        """
        # diffusers keeps a list of the blocks that its caches understand. Asking for it imports
        # many models, so ours joins only when a cache is wanted.
        TransformerBlockRegistry.register(
            JointTransformerBlock, TransformerBlockMetadata(return_hidden_states_index=0)
        )
        super().enable_cache(fitting_config(config))

    def _run(self, layer: nn.Module, *args: Any) -> torch.Tensor:
        if torch.is_grad_enabled() and self.gradient_checkpointing:
            checkpointed: torch.Tensor = self._gradient_checkpointing_func(layer, *args)
            return checkpointed
        output: torch.Tensor = layer(*args)
        return output

    def _patch_grid(self, height: int, width: int) -> tuple[int, int]:
        patch = self.patch_size
        if height % patch or width % patch:
            raise ValueError(f"latents of {height} x {width} do not divide into {patch} x {patch}")
        rows, columns = height // patch, width // patch
        if rows > self.axes_lens[1] or columns > self.axes_lens[2]:
            raise ValueError(
                f"{rows} x {columns} patches are more than the {self.axes_lens[1]} x "
                f"{self.axes_lens[2]} that the model has positions for"
            )
        return rows, columns

    def _embed_time(
        self, timestep: torch.Tensor, pooled: torch.Tensor | None, dtype: torch.dtype
    ) -> torch.Tensor:
        time_embed: torch.Tensor = self.t_embedder(timestep, dtype)
        if pooled is None:
            return time_embed
        # The fused embedding replaces the time embedding; there is no residual.
        fused = torch.cat((time_embed, self.clip_text_pooled_proj(pooled)), dim=-1)
        output: torch.Tensor = self.time_text_embed(fused)
        return output

    def _prepare_caption(
        self, features: torch.Tensor, mask: torch.Tensor | None, rows: int, columns: int
    ) -> CaptionContext:
        batch, width, _ = features.shape
        device = features.device
        counts: tuple[int, ...] | None = (width,) * batch
        lengths = torch.full((batch,), width, device=device)
        if mask is not None:
            mask = mask.bool()
            lengths = mask.sum(dim=1)
            # Nothing attends to padding, but no weight of 0 makes a NaN in it go away.
            features = torch.where(mask.unsqueeze(-1), features, features.nan_to_num(0, 0, 0))
            # Compiled code keeps all padding: it cannot wait to see how much there is.
            counts = None if torch.compiler.is_compiling() else self._counts(mask, lengths)
        longest = width if counts is None else max(1, *counts)
        if longest >= self.axes_lens[0]:
            raise ValueError(
                f"a caption of {longest} tokens is too long: below {self.axes_lens[0]} is allowed"
            )
        if counts is not None and min(counts) == longest:
            mask = None
        context = CaptionContext(features[:, :longest], lengths, counts, None)  # type: ignore[arg-type]
        context = context._replace(layout=self._layout(context, rows, columns))
        refined = self._refine_caption(context, None if mask is None else mask[:, :longest])
        return context._replace(hidden_states=refined)

    def _counts(self, mask: torch.Tensor, lengths: torch.Tensor) -> tuple[int, ...]:
        # A caption is counted from its start: a gap or padding before it would shift it.
        if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
            raise ValueError("captions must be padded on the right: the mask has a 1 after a 0")
        return tuple(lengths.tolist())

    def _refine_caption(self, context: CaptionContext, mask: torch.Tensor | None) -> torch.Tensor:
        features = context.hidden_states
        batch, longest, _ = features.shape
        rotary = rotary_table(
            caption_positions(longest, features.device).unsqueeze(0), self.axes_dims
        )
        if mask is None or context.layout.segments is None or context.counts is None:
            if mask is not None:
                # Padding rotates to nothing, as in the reference; no token that counts sees it.
                rotary = rotary * mask[:, :, None, None, None]
            caption = self.cap_embedder(features)
            for layer in self.context_refiner:
                caption = self._run(layer, caption, rotary, mask)
            return caption
        kept = torch.arange(longest, device=features.device) < context.lengths.unsqueeze(1)
        place = kept.flatten().nonzero().squeeze(1)
        segments = segments_of(context.counts, features.device)
        rotary = rotary.expand(batch, -1, -1, -1, -1).flatten(0, 1)[place].unsqueeze(0)
        caption = self.cap_embedder(features.flatten(0, 1)[place].unsqueeze(0))
        for layer in self.context_refiner:
            caption = self._run(layer, caption, rotary, None, segments)
        padded = caption.new_zeros(batch * longest, caption.shape[2])
        return padded.index_copy(0, place, caption[0]).unflatten(0, (batch, longest))

    def _layout(self, context: CaptionContext, rows: int, columns: int) -> TokenLayout:
        longest, counts = context.hidden_states.shape[1], context.counts
        grid = (rows, columns, self.axes_dims)
        if counts is None:
            if self._packs():
                raise ValueError(
                    "this attention backend takes no mask, and compiled code does not know where "
                    "captions end: set the backend to native, compile the repeated blocks only, or "
                    "give captions without padding and no encoder_attention_mask"
                )
            return padded_layout(context.lengths, longest, *grid)
        if min(counts) == longest:
            return even_layout(longest, *grid, context.lengths.device)
        if self._packs():
            return packed_layout(counts, longest, *grid, device=context.lengths.device)
        return padded_layout(context.lengths, longest, *grid)

    def _fits(self, layout: TokenLayout, rows: int, columns: int) -> bool:
        wrong_form = layout.key_mask is not None if self._packs() else layout.segments is not None
        return (layout.rows, layout.columns) == (rows, columns) and not wrong_form

    def _packs(self) -> bool:
        processor = next(iter(self.attn_processors.values()))
        own = getattr(processor, "_attention_backend", None)
        return active_backend(own) in MASKLESS_BACKENDS

    def _patchify(self, latents: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        patch = self.patch_size
        grid = latents.unflatten(3, (columns, patch)).unflatten(2, (rows, patch))
        # [batch, channel, row, y, column, x] to [batch, row, column, y, x, channel]
        return grid.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)

    def _unpatchify(self, patches: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        patch = self.patch_size
        grid = patches.unflatten(2, (patch, patch, -1)).unflatten(1, (rows, columns))
        # [batch, row, column, y, x, channel] to [batch, channel, row, y, column, x]
        return grid.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)
