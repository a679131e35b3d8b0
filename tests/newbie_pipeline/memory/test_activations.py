"""The formulas for activations, beside the tensors that are alive while the real layers run.

Counted on the CPU, where kernels take no workspace, in bfloat16 at small sizes. The formulas may
say more (they also stand for what kernels on a GPU copy), and must never say less.
"""

import weakref

import pytest
import torch
from diffusers import AutoencoderKL
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import Gemma3TextConfig

from newbie_pipeline.memory import activations
from newbie_pipeline.memory.activations import Picture
from newbie_pipeline.memory.sizes import Precision, TextShape, TransformerShape, VaeShape
from newbie_pipeline.models import attention
from newbie_pipeline.models.gemma_text import GemmaTextEncoder
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT

DTYPE, PRECISION = torch.bfloat16, Precision.BFLOAT16
VAE = VaeShape((32, 64, 128, 128), 16)


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of storages that were made inside and are alive, and their peak."""

    def __init__(self, module=None):
        super().__init__()
        weights = () if module is None else (*module.parameters(), *module.buffers())
        self.known = {tensor.untyped_storage()._cdata for tensor in weights}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(output):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return output

    def _count(self, storage):
        key, size = storage._cdata, storage.nbytes()
        if key in self.known:
            return
        self.known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key, size):
        self.known.discard(key)
        self.now -= size


def ready(module):
    return module.to(DTYPE).eval().requires_grad_(False)


def test_the_counter_counts_what_is_alive_and_nothing_else():
    with LiveBytes() as live:
        first = torch.zeros(1000)
        second = first + 1
        view = second[:10]
        assert live.now == 8000
        del first, second
        assert live.now == 4000  # the view keeps its storage
        del view
    assert (live.now, live.peak) == (0, 8000)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize(("dim", "heads"), [(384, 4), (576, 6)])
def test_a_pass_of_the_dit_stays_close_below_its_formula(dim, heads, samples):
    config = {"dim": dim, "n_heads": heads, "n_kv_heads": 2, "n_layers": 2, "n_refiner_layers": 1}
    model = ready(NextDiT(**config, cap_feat_dim=64, clip_text_dim=64))
    arguments = (
        torch.randn(samples, 16, 64, 64, dtype=DTYPE),
        torch.full((samples,), 0.5),
        torch.randn(samples, 64, 64, dtype=DTYPE),
        torch.ones(samples, 64),
        torch.randn(samples, 64, dtype=DTYPE),
    )
    with torch.no_grad(), LiveBytes(model) as live:
        model(*arguments)
    hidden = model.layers[0].feed_forward.w1.out_features
    shape = TransformerShape(dim, hidden, heads, 2, dim // heads, 16, layers=2, refiners=2)
    picture = Picture(512, 512, samples, 64)
    predicted = activations.transformer_bytes(shape, VAE, picture, PRECISION, samples)
    predicted += activations.caption_context_bytes(shape, VAE, picture, PRECISION, 1)
    assert live.peak <= predicted <= 1.3 * live.peak


def test_captions_of_different_lengths_need_no_more_than_the_formula_says(monkeypatch):
    # As on CUDA wherever there is a mask: keys and values are repeated for every head.
    monkeypatch.setattr(attention, "shares_heads", lambda *_args, **_kwargs: False)
    config = {"dim": 384, "n_heads": 4, "n_kv_heads": 2, "n_layers": 1, "n_refiner_layers": 1}
    model = ready(NextDiT(**config, cap_feat_dim=64, clip_text_dim=64))
    mask = torch.ones(2, 64)
    mask[1, 8:] = 0
    arguments = (
        torch.randn(2, 16, 32, 32, dtype=DTYPE),
        torch.full((2,), 0.5),
        torch.randn(2, 64, 64, dtype=DTYPE),
        mask,
        torch.randn(2, 64, dtype=DTYPE),
    )
    with torch.no_grad(), LiveBytes(model) as live:
        model(*arguments)
    shape = TransformerShape(384, 1536, 4, 2, 96, 16, layers=1, refiners=2)
    picture = Picture(256, 256, 2, 64)
    predicted = activations.transformer_bytes(shape, VAE, picture, PRECISION, 2)
    predicted += activations.caption_context_bytes(shape, VAE, picture, PRECISION, 1)
    assert live.peak <= predicted


@pytest.mark.parametrize("tile", [None, 128])
@pytest.mark.parametrize("side", [128, 256, 384])
def test_decoding_stays_below_its_formula(side, tile):
    vae = ready(
        AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            block_out_channels=list(VAE.channels),
            layers_per_block=2,
            latent_channels=16,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    )
    if tile is not None:
        vae.enable_tiling()
        vae.tile_sample_min_size, vae.tile_latent_min_size = tile, tile // VAE.factor
    latents = torch.randn(1, 16, side // VAE.factor, side // VAE.factor, dtype=DTYPE)
    with torch.no_grad(), LiveBytes(vae) as live:
        vae.decode(latents)
    predicted = activations.decode_bytes(VAE, Picture(side, side), PRECISION, tile)
    assert live.peak <= predicted <= 3 * live.peak


def test_the_last_upsampling_counts_what_the_decoder_still_holds():
    vae = AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=list(VAE.channels),
        layers_per_block=2,
        latent_channels=16,
    ).requires_grad_(False)
    alive, side = [], 128
    convolution = vae.decoder.up_blocks[-2].upsamplers[0].conv
    convolution.register_forward_hook(lambda *_: alive.append(live.now))
    latents = torch.randn(1, 16, side // VAE.factor, side // VAE.factor)
    with torch.no_grad(), LiveBytes(vae) as live:
        vae.decode(latents)
    # On the CPU nothing is copied for the convolution, and no picture is finished yet.
    copies = 2 * side * side * VAE.channels[1] * 4
    finished = side * side * 3 * (2 * 4 + 4)
    predicted = activations.decode_bytes(VAE, Picture(side, side), Precision.FLOAT32)
    assert alive[0] - latents.nbytes <= predicted - copies - finished <= 1.05 * alive[0]


@pytest.mark.parametrize("tokens", [128, 512])
def test_encoding_text_stays_below_its_formula(tokens):
    gemma = GemmaTextEncoder(
        Gemma3TextConfig(
            vocab_size=100,
            hidden_size=320,
            intermediate_size=1280,
            num_hidden_layers=3,
            num_attention_heads=8,
            num_key_value_heads=4,
            head_dim=32,
            use_cache=False,
        )
    )
    clip = JinaClipTextModel(
        vocab_size=100,
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    shapes = (TextShape(320, 1280, 8, 4, 32, 3), TextShape(256, 1024, 4, 4, 64, 2))
    ids = torch.full((1, tokens), 7)
    mask = (torch.arange(tokens) < tokens - 5).long().unsqueeze(0)
    for model, shape in zip((ready(gemma), ready(clip)), shapes, strict=True):
        with torch.no_grad(), LiveBytes(model) as live:
            model(input_ids=ids, attention_mask=mask)
        predicted = activations.text_bytes(shape, Picture(tokens=tokens), PRECISION)
        assert 0 < live.peak <= predicted
