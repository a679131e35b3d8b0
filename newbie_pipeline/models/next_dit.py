"""Next-DiT with CLIP fusion, the diffusion transformer of NewBie-image-Exp0.1.

t = 0 is noise and t = 1 is image; the output is the velocity, data minus noise. State-dict keys are
the official checkpoint's. A sample's tokens lie as caption, then image patches, then padding, and
padding never reaches a token that counts.
"""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.attention import AttentionMixin
from diffusers.models.cache_utils import CacheMixin
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput
from torch import nn

from newbie_pipeline.models.next_dit_layers import (
    FinalLayer,
    JointTransformerBlock,
    TimestepEmbedder,
)
from newbie_pipeline.models.rope import (
    RotaryTable,
    caption_positions,
    image_positions,
    rotary_table,
)

MAX_MODULATION_DIM = 1024
CLIP_NORM_EPS = 1e-6
CAPTION_NORM_EPS = 1e-5


@dataclass(frozen=True)
class CaptionContext:
    """What a caption means to the transformer at every t: computed once, handed back in.

    `hidden_states` [batch, longest, dim] is the refined caption, `lengths` the tokens that count in
    each sample, `rows` and `columns` the patch grid that the rotary table (caption, then image, of
    each sample) was built for, `key_mask` [batch, tokens] is None when no sample needs padding.
    """

    hidden_states: torch.Tensor
    lengths: tuple[int, ...]
    rows: int
    columns: int
    rotary: RotaryTable
    image_rotary: RotaryTable
    key_mask: torch.Tensor | None


@dataclass
class NextDiTOutput(BaseOutput):
    """The velocity `sample` [batch, channels, height, width] and the context to hand back in."""

    sample: torch.Tensor
    caption_context: CaptionContext | None = None


class NextDiT(ModelMixin, ConfigMixin, AttentionMixin, PeftAdapterMixin, CacheMixin):
    """The 3.5 B transformer at its defaults; any size by its constructor arguments."""

    _supports_gradient_checkpointing = True
    _no_split_modules = ("JointTransformerBlock",)
    _repeated_blocks = ("JointTransformerBlock",)
    _skip_layerwise_casting_patterns = ("x_embedder", "t_embedder", "norm")

    @register_to_config
    def __init__(
        self,
        *,
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

        def block(modulation_dim: int | None) -> JointTransformerBlock:
            return JointTransformerBlock(
                dim=dim,
                n_heads=n_heads,
                n_kv_heads=n_kv_heads,
                multiple_of=multiple_of,
                ffn_dim_multiplier=ffn_dim_multiplier,
                norm_eps=norm_eps,
                qk_norm=qk_norm,
                modulation_dim=modulation_dim,
            )

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
        self.noise_refiner = nn.ModuleList([block(time_dim) for _ in range(n_refiner_layers)])
        self.context_refiner = nn.ModuleList([block(None) for _ in range(n_refiner_layers)])
        # 3. Joint blocks and output; `norm_final` is in checkpoints and is never applied
        self.layers = nn.ModuleList([block(time_dim) for _ in range(n_layers)])
        self.norm_final = nn.RMSNorm(dim, norm_eps)
        self.final_layer = FinalLayer(dim, patch_features, time_dim)
        self.gradient_checkpointing = False

    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        pooled_projections: torch.Tensor | None = None,
        *,
        caption_context: CaptionContext | None = None,
        return_dict: bool = True,
    ) -> NextDiTOutput | tuple[torch.Tensor]:
        """Predict the velocity of latents [batch, channels, height, width] at t [batch] in 0 to 1.

        Captions are right-padded features [batch, length, cap_feat_dim] with a mask [batch, length]
        that is 1 at real tokens; `pooled_projections` is [batch, clip_text_dim]. Hand the
        `caption_context` of an earlier step's output back in to skip what does not depend on t.
        Raises ValueError for latents that do not divide into patches or are too long for RoPE.
        """
        batch, _, height, width = hidden_states.shape
        rows, columns = self._patch_grid(height, width)
        # 1. Time, and the pooled caption with it
        time_embed = self._embed_time(timestep.expand(batch), pooled_projections)
        # 2. Caption: the same at every t
        if caption_context is None or (caption_context.rows, caption_context.columns) != (
            rows,
            columns,
        ):
            if encoder_hidden_states is None:
                raise ValueError("encoder_hidden_states or a fitting caption_context is needed")
            caption_context = self._prepare_caption(
                encoder_hidden_states, encoder_attention_mask, rows, columns
            )
        # 3. Image patches
        image = self.x_embedder(self._patchify(hidden_states, rows, columns))
        for layer in self.noise_refiner:
            image = self._run(layer, image, caption_context.image_rotary, None, time_embed)
        # 4. Both together
        tokens = self._join(caption_context, image)
        for layer in self.layers:
            tokens = self._run(
                layer, tokens, caption_context.rotary, caption_context.key_mask, time_embed
            )
        # 5. Back to latents
        patches = self.final_layer(tokens, time_embed)
        sample = self._unpatchify(self._image_part(caption_context, patches), rows, columns)
        if not return_dict:
            return (sample,)
        return NextDiTOutput(sample=sample, caption_context=caption_context)

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

    def _embed_time(self, timestep: torch.Tensor, pooled: torch.Tensor | None) -> torch.Tensor:
        time_embed: torch.Tensor = self.t_embedder(timestep, self.x_embedder.weight.dtype)
        if pooled is None:
            return time_embed
        # The fused embedding replaces the time embedding; there is no residual.
        fused = torch.cat((time_embed, self.clip_text_pooled_proj(pooled)), dim=-1)
        output: torch.Tensor = self.time_text_embed(fused)
        return output

    def _prepare_caption(
        self, features: torch.Tensor, mask: torch.Tensor | None, rows: int, columns: int
    ) -> CaptionContext:
        batch, padded, _ = features.shape
        device = features.device
        counts = [padded] * batch if mask is None else mask.long().sum(dim=1).tolist()
        lengths = tuple(int(count) for count in counts)
        longest = max(lengths)
        if longest >= self.axes_lens[0]:
            raise ValueError(
                f"a caption of {longest} tokens is too long: below {self.axes_lens[0]} is allowed"
            )
        total = longest + rows * columns
        positions = torch.zeros(batch, total, 3, dtype=torch.long)
        for sample, length in enumerate(lengths):
            grid = image_positions(rows, columns, length)
            own = torch.cat((caption_positions(length), grid))
            positions[sample, : len(own)] = own
        rotary = rotary_table(positions, self.axes_dims)
        rotary = RotaryTable(rotary.cos.to(device), rotary.sin.to(device))
        caption_mask = joint_mask = None
        image_rotary = rotary.slice(longest, total)
        if min(lengths) < longest:
            length_of = torch.tensor(lengths, device=device).unsqueeze(1)
            caption_mask = torch.arange(longest, device=device) < length_of
            joint_mask = torch.arange(total, device=device) < length_of + rows * columns
            image_rotary = RotaryTable(
                *(
                    torch.stack([t[i, n : n + rows * columns] for i, n in enumerate(lengths)])
                    for t in (rotary.cos, rotary.sin)
                )
            )
        # Within the refiner a padded query sees the image's rotation; nothing ever reads it.
        caption = self.cap_embedder(features[:, :longest])
        for layer in self.context_refiner:
            caption = self._run(layer, caption, rotary.slice(0, longest), caption_mask)
        return CaptionContext(caption, lengths, rows, columns, rotary, image_rotary, joint_mask)

    def _join(self, context: CaptionContext, image: torch.Tensor) -> torch.Tensor:
        caption = context.hidden_states
        if context.key_mask is None:
            return torch.cat((caption, image), dim=1)
        samples = []
        for sample, length in enumerate(context.lengths):
            padding = image.new_zeros(caption.shape[1] - length, image.shape[2])
            samples.append(torch.cat((caption[sample, :length], image[sample], padding)))
        return torch.stack(samples)

    def _image_part(self, context: CaptionContext, tokens: torch.Tensor) -> torch.Tensor:
        count = context.rows * context.columns
        if context.key_mask is None:
            return tokens[:, -count:]
        return torch.stack([tokens[i, n : n + count] for i, n in enumerate(context.lengths)])

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
