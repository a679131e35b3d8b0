"""The formulas for activations, beside the tensors that are alive while the real layers run.

Counted on the CPU, where kernels take no workspace, in bfloat16 at small sizes (the VAE in
float32). The formulas may
say more (they also stand for what kernels on a GPU copy), and must never say less.
"""

import weakref
from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import Gemma3TextConfig

from newbie_pipeline.lora.parts import parts_by_layer
from newbie_pipeline.lora.resolving import linear_layers
from newbie_pipeline.memory import activations
from newbie_pipeline.memory.activations import Picture
from newbie_pipeline.memory.adapters import adapter_size
from newbie_pipeline.memory.sizes import Precision, TextShape, TransformerShape, VaeShape
from newbie_pipeline.models import attention
from newbie_pipeline.models.gemma_language import (
    GemmaLanguageModel,
    GemmaLastLayer,
    LanguageHead,
    last_layer_config,
)
from newbie_pipeline.models.gemma_text import GemmaTextEncoder, truncated_config
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.pipeline import NewbiePipeline

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


def ready(module, dtype=DTYPE):
    return module.to(dtype).eval().requires_grad_(False)


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


TRAINED = ("attention.qkv", "attention.out", "feed_forward.w2", "time_text_embed.1")


def adapted(model, kind, endings):
    """Put a LoRA or LoKr on each layer whose name ends so; give its size as a plan counts it."""
    layers = {name: shape for name, shape in linear_layers(model).items() if name.endswith(endings)}
    state = {}
    for name, (rows, columns) in layers.items():
        if kind == "lora":
            state[f"{name}.lora_A.weight"] = torch.randn(8, columns) / 100
            state[f"{name}.lora_B.weight"] = torch.randn(rows, 8) / 100
        else:
            state[f"{name}.lokr_w1"] = torch.randn(8, 8) / 10
            state[f"{name}.lokr_w2"] = torch.randn(rows // 8, columns // 8) / 10
    others = ("scheduler", "vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2")
    pipeline = NewbiePipeline(transformer=model, **dict.fromkeys(others))
    pipeline.load_lora_weights(state, adapter_name="one")
    pipeline.set_adapters(["one"], [0.8])
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    return adapter_size("one", parts_by_layer("one", shapes, layers))


@pytest.mark.parametrize("endings", [TRAINED, (*TRAINED, "feed_forward.w3"), ("feed_forward.w1",)])
@pytest.mark.parametrize("kind", ["lora", "lokr"])
def test_a_pass_with_adapters_stays_below_its_formula(kind, endings):
    config = {"dim": 384, "n_heads": 4, "n_kv_heads": 2, "n_layers": 1, "n_refiner_layers": 1}
    model = ready(NextDiT(**config, cap_feat_dim=64, clip_text_dim=64))
    hidden = model.layers[0].feed_forward.w1.out_features
    size = adapted(model, kind, endings)
    arguments = (
        torch.randn(1, 16, 48, 48, dtype=DTYPE),
        torch.full((1,), 0.5),
        torch.randn(1, 64, 64, dtype=DTYPE),
        torch.ones(1, 64),
        torch.randn(1, 64, dtype=DTYPE),
    )
    with torch.no_grad(), LiveBytes(model) as live:
        model(*arguments)
    plain = TransformerShape(384, hidden, 4, 2, 96, 16, layers=1, refiners=2)
    shape = replace(plain, adapts_value=size.adapts_value, unfolded=size.unfolded)
    picture = Picture(384, 384, 1, 64)

    def predicted(shape):
        one = activations.transformer_bytes(shape, VAE, picture, PRECISION, 1)
        return one + activations.caption_context_bytes(shape, VAE, picture, PRECISION, 1)

    assert live.peak <= predicted(shape) <= 1.4 * live.peak
    if "feed_forward.w3" in endings:
        # The plan without adapters would promise too little.
        assert live.peak > predicted(plain)


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
        ),
        # Without instructions for bfloat16, a CPU takes minutes for one convolution.
        torch.float32,
    )
    if tile is not None:
        vae.enable_tiling()
        vae.tile_sample_min_size, vae.tile_latent_min_size = tile, tile // VAE.factor
    latents = torch.randn(1, 16, side // VAE.factor, side // VAE.factor, dtype=torch.float32)
    with torch.no_grad(), LiveBytes(vae) as live:
        vae.decode(latents)
    predicted = activations.decode_bytes(VAE, Picture(side, side), Precision.FLOAT32, tile)
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


def test_writing_stays_below_its_formula_from_the_first_token_to_the_last():
    config = Gemma3TextConfig(
        vocab_size=100,
        hidden_size=96,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
    )
    gemma = ready(GemmaTextEncoder(truncated_config(config.to_dict())))
    last_layer = ready(GemmaLastLayer(last_layer_config(config.to_dict())))
    both = torch.nn.ModuleList([gemma, last_layer])
    model = GemmaLanguageModel(gemma, LanguageHead(last_layer), torch.device("cpu"))
    with LiveBytes(both) as live:
        while model.length < activations.WRITING_TOKENS:
            model.read([7] * activations.WRITING_CHUNK)
            model.logits(range(100))
    shape = TextShape(96, 384, 4, 2, 24, layers=2)
    predicted = activations.writing_bytes(shape, PRECISION)
    assert 0 < live.peak <= predicted
