"""The transformer keeps diffusers' conventions: saving, offloading, caches, compiling."""

import pytest
import torch
from diffusers import FirstBlockCacheConfig, MagCacheConfig, PyramidAttentionBroadcastConfig
from diffusers.models.attention_processor import AttnProcessor
from diffusers.training_utils import EMAModel

from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT

SIZES = {
    "patch_size": 2,
    "in_channels": 4,
    "dim": 24,
    "n_layers": 2,
    "n_refiner_layers": 1,
    "n_heads": 3,
    "n_kv_heads": 1,
    "multiple_of": 2,
    "cap_feat_dim": 32,
    "clip_text_dim": 16,
    "axes_dims": (4, 2, 2),
    "axes_lens": (128, 128, 128),
}
CACHES = {
    "first block": lambda: FirstBlockCacheConfig(threshold=1.0),
    "magnitude": lambda: MagCacheConfig(
        num_inference_steps=2, retention_ratio=0.0, threshold=100.0, mag_ratios=[1.0, 1.0]
    ),
    "attention broadcast": lambda: PyramidAttentionBroadcastConfig(
        spatial_attention_block_skip_range=2, current_timestep_callback=lambda: 500
    ),
}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return NextDiT(**SIZES).eval()


def inputs(lengths=(16, 16), dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(16) < torch.tensor(lengths).unsqueeze(1)
    return {
        "hidden_states": torch.randn(2, 4, 16, 16, generator=generator).to(dtype),
        "timestep": torch.rand(2, generator=generator),
        "encoder_hidden_states": torch.randn(2, 16, 32, generator=generator).to(dtype),
        "encoder_attention_mask": mask,
        "pooled_projections": torch.randn(2, 16, generator=generator).to(dtype),
    }


@torch.no_grad()
def sample(model, *args, **kwargs):
    return model(**inputs(*args, **kwargs)).sample


@pytest.mark.parametrize("options", [{}, {"max_shard_size": "10KB"}, {"variant": "bf16"}])
def test_a_saved_model_loads_as_the_same_model(model, tmp_path, options):
    model.save_pretrained(tmp_path, **options)
    loaded = NextDiT.from_pretrained(tmp_path, variant=options.get("variant"))
    assert torch.equal(sample(loaded), sample(model))
    assert {key: list(v) if isinstance(v, tuple) else v for key, v in SIZES.items()} == {
        key: list(v) if isinstance(v := loaded.config[key], (list, tuple)) else v for key in SIZES
    }


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_answers_in_it(model, tmp_path, dtype):
    model.to(dtype).save_pretrained(tmp_path)
    loaded = NextDiT.from_pretrained(tmp_path, torch_dtype=dtype)
    assert sample(loaded, dtype=dtype).dtype == dtype


def test_a_mask_may_be_bool_or_whole_numbers_and_is_not_needed_without_padding(model):
    expected = sample(model)
    given = inputs()
    for mask in (given["encoder_attention_mask"].long(), None):
        with torch.no_grad():
            output = model(**{**given, "encoder_attention_mask": mask}).sample
        assert torch.equal(output, expected)


def test_offloaded_to_memory_and_disk_the_output_is_the_same(model, tmp_path):
    model.save_pretrained(tmp_path)
    half = sum(p.numel() * p.element_size() for p in model.parameters()) // 2
    split = NextDiT.from_pretrained(
        tmp_path, device_map="auto", max_memory={"cpu": half}, offload_folder=tmp_path
    )
    assert set(split.hf_device_map.values()) == {"cpu", "disk"}
    assert torch.equal(sample(split, (7, 16)), sample(model, (7, 16)))


@pytest.mark.parametrize("kind", ["block_level", "leaf_level"])
def test_group_offloading_changes_nothing(model, kind):
    expected = sample(model, (7, 16))
    model.enable_group_offload(torch.device("cpu"), offload_type=kind, num_blocks_per_group=1)
    assert torch.equal(sample(model, (7, 16)), expected)


def test_weights_stored_in_eight_bits_still_render(model):
    expected = sample(model)
    model.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    output = sample(model)
    assert torch.isfinite(output).all()
    assert 0 < float((output - expected).abs().max()) < 0.5


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_skips_work_once_and_leaves_no_trace(model, name):
    first, second = inputs(), inputs()
    second["hidden_states"] = second["hidden_states"] + 0.5
    with torch.no_grad():
        expected = model(**second).sample
        model.enable_cache(CACHES[name]())
        with pytest.raises(ValueError, match="already"):
            model.enable_cache(CACHES[name]())
        with model.cache_context("test"):
            model(**first)
            skipped = model(**second).sample
        model.disable_cache()
        assert not torch.allclose(skipped, expected, atol=1e-5)
        assert torch.equal(model(**second).sample, expected)


def test_processors_are_listed_and_can_be_set(model):
    assert len(model.attn_processors) == 4
    model.set_attn_processor({key: AttnProcessor() for key in model.attn_processors})
    assert {type(p) for p in model.attn_processors.values()} == {AttnProcessor}
    with pytest.raises(ValueError, match="number of processors"):
        model.set_attn_processor({"layers.0.attention.processor": AttnProcessor()})


def test_fusing_projections_that_are_fused_already_changes_nothing(model):
    expected = sample(model)
    model.fuse_qkv_projections()
    assert torch.equal(sample(model), expected)
    model.unfuse_qkv_projections()
    assert torch.equal(sample(model), expected)


def test_training_moves_the_average_of_the_weights_and_reaches_t(model):
    average = EMAModel(model.train().parameters(), decay=0.5)
    given = inputs((7, 16))
    given["timestep"].requires_grad_(True)
    model(**given).sample.square().mean().backward()
    assert float(given["timestep"].grad.abs().sum()) > 0
    before = [p.clone() for p in average.shadow_params]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    average.step(model.parameters())
    average.step(model.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, average.shadow_params, strict=True))


@pytest.mark.parametrize("lengths", [(16, 16), (7, 16)])
def test_the_whole_model_is_one_graph(model, lengths):
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    with torch._dynamo.config.patch(error_on_recompile=True):
        for _ in range(2):
            torch.testing.assert_close(sample(compiled, lengths), sample(model, lengths))
    torch.compiler.reset()


def test_the_whole_model_can_be_exported(model):
    exported = torch.export.export(model, args=(), kwargs=inputs((7, 16)))
    torch.testing.assert_close(sample(exported.module(), (7, 16)), sample(model, (7, 16)))


def test_the_text_tower_answers_by_name_or_as_a_tuple_and_comes_back_from_disk(tmp_path):
    tower = JinaClipTextModel(
        vocab_size=50,
        hidden_size=24,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
    ).eval()
    ids = torch.arange(2, 18).unflatten(0, (2, 8))
    tower.save_pretrained(tmp_path, max_shard_size="10KB")
    with torch.no_grad():
        named = tower(ids)
        loaded = JinaClipTextModel.from_pretrained(tmp_path)(ids, return_dict=False)
    assert list(named) == ["last_hidden_state", "pooled"]
    for expected, output in zip(named.to_tuple(), loaded, strict=True):
        assert torch.equal(output, expected)
