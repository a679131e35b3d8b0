"""Adapters on the transformer: as exact as weights merged by hand, and gone without a trace."""

import copy
import json

import pytest
import torch
from peft import LoKrConfig, LoraConfig, get_peft_model
from safetensors.torch import save_file

from newbie_pipeline.errors import AdapterError
from newbie_pipeline.lora.adapter_file import AdapterFile
from newbie_pipeline.lora.loader import NewbieLoraLoaderMixin, load_adapters
from newbie_pipeline.lora.resolving import linear_layers
from newbie_pipeline.pipeline import NewbiePipeline

TARGETS = {  # one of each kind of layer that the trainer adapts, each with a rank of its own
    "layers.0.attention.qkv": 2,
    "layers.1.attention.out": 3,
    "context_refiner.0.feed_forward.w2": 4,
    "time_text_embed.1": 5,
    "clip_text_pooled_proj.1": 6,
}
CLOSE = {"atol": 2e-5, "rtol": 2e-5}


class AdaptablePipeline(NewbiePipeline, NewbieLoraLoaderMixin):
    """The pipeline with its adapter methods, whether or not it brings them along itself."""


@pytest.fixture
def pipeline(pipe):
    """A pipeline with a transformer of its own; everything else is shared."""
    parts = {**pipe.components, "transformer": copy.deepcopy(pipe.transformer)}
    own = AdaptablePipeline(**parts)
    own.set_progress_bar_config(disable=True)
    return own


def factors(transformer, seed=0):
    """Random A [rank, in] and B [out, rank] for each target."""
    shapes = linear_layers(transformer)
    generator = torch.Generator().manual_seed(seed)
    return {
        name: (
            torch.randn(rank, shapes[name][1], generator=generator) * 0.2,
            torch.randn(shapes[name][0], rank, generator=generator) * 0.2,
        )
        for name, rank in TARGETS.items()
    }


def as_peft(weights, prefix="base_model.model.", adapter=""):
    state = {}
    for name, (down, up) in weights.items():
        state[f"{prefix}{name}.lora_A{adapter}.weight"] = down
        state[f"{prefix}{name}.lora_B{adapter}.weight"] = up
    return state


def as_kohya(weights, prefix, alpha):
    state = {}
    for name, (down, up) in weights.items():
        # A prefix that ends in an underscore goes with names that are flattened.
        key = prefix + (name.replace(".", "_") if prefix.endswith("_") else name)
        state[f"{key}.lora_down.weight"] = down
        state[f"{key}.lora_up.weight"] = up
        state[f"{key}.alpha"] = torch.tensor(alpha)
    return state


def products(weights, scale_of):
    return {name: scale_of(len(down)) * up @ down for name, (down, up) in weights.items()}


def merged(transformer, *deltas):
    copied = copy.deepcopy(transformer)
    with torch.no_grad():
        for delta in deltas:
            for name, change in delta.items():
                copied.get_submodule(name).weight += change
    return copied


def velocity(transformer, batch=2):
    generator = torch.Generator().manual_seed(7)
    dtype = transformer.x_embedder.weight.dtype
    mask = torch.ones(batch, 6, dtype=torch.long)
    mask[-1, 4:] = 0
    with torch.no_grad():
        return transformer(
            torch.randn(batch, 16, 8, 4, generator=generator).to(dtype),
            torch.full((batch,), 0.3, dtype=dtype),
            torch.randn(batch, 6, 64, generator=generator).to(dtype),
            mask,
            torch.randn(batch, 64, generator=generator).to(dtype),
        ).sample


def assert_same_velocity(adapted, by_hand, plain):
    expected = velocity(by_hand)
    torch.testing.assert_close(velocity(adapted), expected, **CLOSE)
    assert (expected - velocity(plain)).abs().max() > 0.01


def snapshot(transformer):
    return {
        "weights": {key: value.clone() for key, value in transformer.state_dict().items()},
        "classes": [(name, type(module)) for name, module in transformer.named_modules()],
        "grad": [(name, p.requires_grad) for name, p in transformer.named_parameters()],
        "attributes": set(vars(transformer)),
        "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in transformer.modules()],
        "training": [module.training for module in transformer.modules()],
    }


def assert_untouched(transformer, before):
    after = snapshot(transformer)
    weights, old = after.pop("weights"), before["weights"]
    assert list(weights) == list(old)
    assert all(torch.equal(weights[key], old[key]) for key in old)
    assert after == {key: value for key, value in before.items() if key != "weights"}


@pytest.mark.parametrize("prefix", ["base_model.model.", "transformer.", "diffusion_model.", ""])
@pytest.mark.parametrize("adapter", ["", ".default"])
def test_peft_names_add_b_times_a(pipeline, pipe, prefix, adapter):
    weights = factors(pipeline.transformer)
    pipeline.load_lora_weights(as_peft(weights, prefix, adapter))
    by_hand = merged(pipe.transformer, products(weights, lambda _rank: 1.0))
    assert_same_velocity(pipeline.transformer, by_hand, pipe.transformer)


@pytest.mark.parametrize(
    "prefix", ["lycoris_", "lora_unet_", "lora_transformer_", "diffusion_model.", "transformer."]
)
def test_down_up_and_alpha_scale_each_layer_by_its_own_rank(pipeline, pipe, prefix):
    weights = factors(pipeline.transformer)
    pipeline.load_lora_weights(as_kohya(weights, prefix, alpha=1.5))
    by_hand = merged(pipe.transformer, products(weights, lambda rank: 1.5 / rank))
    assert_same_velocity(pipeline.transformer, by_hand, pipe.transformer)


@pytest.mark.parametrize("decomposed", ["neither", "w2", "both"])
@pytest.mark.parametrize("prefix", ["lycoris_", "diffusion_model."])
def test_lokr_adds_the_kronecker_product(pipeline, pipe, decomposed, prefix):
    generator = torch.Generator().manual_seed(1)
    shapes = linear_layers(pipeline.transformer)
    state, delta = {}, {}
    for name in TARGETS:
        out_features, in_features = shapes[name]
        key = prefix + (name.replace(".", "_") if prefix.endswith("_") else name)
        parts = {"w1": (8, 8), "w2": (out_features // 8, in_features // 8)}
        whole, scale = {}, 1.0
        for part, (rows, columns) in parts.items():
            if decomposed in (part, "both"):
                left = torch.randn(rows, 2, generator=generator) * 0.4
                right = torch.randn(2, columns, generator=generator) * 0.4
                state[f"{key}.lokr_{part}_a"], state[f"{key}.lokr_{part}_b"] = left, right
                whole[part], scale = left @ right, 3.0 / 2
            else:
                whole[part] = torch.randn(rows, columns, generator=generator) * 0.3
                state[f"{key}.lokr_{part}"] = whole[part]
        # Where both are whole, LyCORIS writes an alpha that means nothing.
        state[f"{key}.alpha"] = torch.tensor(3.0)
        delta[name] = scale * torch.kron(whole["w1"], whole["w2"])
    pipeline.load_lora_weights(state)
    assert_same_velocity(pipeline.transformer, merged(pipe.transformer, delta), pipe.transformer)


@pytest.mark.parametrize(
    "config",
    [
        LoraConfig(r=4, lora_alpha=6, target_modules=list(TARGETS), rank_pattern={"qkv": 2}),
        LoraConfig(r=4, lora_alpha=6, target_modules=["attention.qkv"], use_rslora=True),
        LoraConfig(r=4, target_modules=list(TARGETS), alpha_pattern={"time_text_embed.1": 3}),
        LoKrConfig(r=2, alpha=5, target_modules=list(TARGETS), decompose_factor=4),
        LoKrConfig(r=99, alpha=50, target_modules=["attention.qkv", "attention.out"]),
    ],
    ids=["ranks", "rslora", "alphas", "lokr", "lokr-whole"],
)
def test_a_folder_that_peft_wrote_draws_as_in_peft(pipeline, pipe, config, tmp_path):
    config.init_lora_weights = config.init_weights = False  # not a zero change
    torch.manual_seed(3)
    trained = get_peft_model(copy.deepcopy(pipe.transformer), config)
    for name, value in trained.named_parameters():
        if "lora_" in name or "lokr_" in name:
            torch.nn.init.normal_(value, std=0.2)
    trained.save_pretrained(tmp_path)
    pipeline.load_lora_weights(tmp_path)
    assert_same_velocity(pipeline.transformer, trained.eval(), pipe.transformer)


@pytest.mark.parametrize(
    "metadata",
    [
        {"lora_rank": "4", "lora_alpha": "10", "lora_dropout": "0.05"},
        {
            "lora_adapter_metadata": json.dumps(
                {"transformer.r": 4, "transformer.lora_alpha": 10, "transformer.rank_pattern": {}}
            )
        },
    ],
    ids=["trainer", "diffusers"],
)
def test_alpha_is_taken_from_the_files_metadata(pipeline, pipe, metadata, tmp_path):
    weights = factors(pipeline.transformer)
    save_file(as_peft(weights), tmp_path / "style.safetensors", metadata=metadata)
    pipeline.load_lora_weights(tmp_path / "style.safetensors")
    by_hand = merged(pipe.transformer, products(weights, lambda rank: 10 / rank))
    assert_same_velocity(pipeline.transformer, by_hand, pipe.transformer)


def lokr_state(transformer, seed=5):
    generator = torch.Generator().manual_seed(seed)
    shapes = linear_layers(transformer)
    state, delta = {}, {}
    for name in ("layers.0.attention.qkv", "layers.2.feed_forward.w2"):
        rows, columns = (size // 8 for size in shapes[name])
        w1 = torch.randn(8, 8, generator=generator) * 0.3
        w2 = torch.randn(rows, columns, generator=generator) * 0.3
        state[f"lycoris_{name.replace('.', '_')}.lokr_w1"] = w1
        state[f"lycoris_{name.replace('.', '_')}.lokr_w2"] = w2
        delta[name] = torch.kron(w1, w2)
    return state, delta


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_several_adapters_of_both_kinds_add_up_by_their_weights(pipeline, pipe, order, tmp_path):
    first, second = factors(pipe.transformer, 1), factors(pipe.transformer, 2)
    kronecker, kronecker_delta = lokr_state(pipe.transformer)
    parts = [
        (as_peft(first), products(first, lambda _rank: 1.0), 0.5),
        (kronecker, kronecker_delta, -0.25),
        (as_kohya(second, "lycoris_", 2.0), products(second, lambda rank: 2.0 / rank), 1.5),
    ]
    files = []
    for number in order:
        path = tmp_path / f"style.{number}.safetensors"
        save_file(parts[number][0], path)
        files.append(AdapterFile(path, parts[number][2]))
    before = snapshot(pipeline.transformer)
    names = load_adapters(pipeline, files)
    assert sorted(pipeline.get_active_adapters()) == sorted(names)
    scaled = [{k: weight * v for k, v in delta.items()} for _, delta, weight in parts]
    by_hand = merged(pipe.transformer, *scaled)
    assert_same_velocity(pipeline.transformer, by_hand, pipe.transformer)

    pipeline.set_adapters([names[0]], [2.0])
    only = {k: 2.0 * v for k, v in parts[order[0]][1].items()}
    assert_same_velocity(pipeline.transformer, merged(pipe.transformer, only), pipe.transformer)

    pipeline.delete_adapters(names[1:])
    assert_same_velocity(pipeline.transformer, merged(pipe.transformer, only), pipe.transformer)
    pipeline.delete_adapters(names[0])
    assert_untouched(pipeline.transformer, before)


def test_the_last_loaded_adapter_is_the_active_one(pipeline):
    pipeline.load_lora_weights(as_peft(factors(pipeline.transformer)), adapter_name="one")
    pipeline.load_lora_weights(lokr_state(pipeline.transformer)[0], adapter_name="two")
    assert list(pipeline.get_active_adapters()) == ["two"]
    assert pipeline.get_list_adapters() == {"transformer": ["one", "two"]}


@pytest.mark.parametrize("wants_grad", [False, True])
def test_unloading_leaves_no_trace(pipeline, wants_grad):
    pipeline.transformer.requires_grad_(wants_grad)
    before = snapshot(pipeline.transformer)
    plain = velocity(pipeline.transformer)
    pipeline.load_lora_weights(as_peft(factors(pipeline.transformer)), adapter_name="one")
    pipeline.load_lora_weights(lokr_state(pipeline.transformer)[0], adapter_name="two")
    pipeline.set_adapters(["one", "two"], [0.7, 0.3])
    velocity(pipeline.transformer)
    pipeline.unload_lora_weights()
    assert_untouched(pipeline.transformer, before)
    assert torch.equal(velocity(pipeline.transformer), plain)
    pipeline.load_lora_weights(as_peft(factors(pipeline.transformer)), adapter_name="one")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fused_weights_come_back_bit_by_bit(pipeline, dtype):
    pipeline.transformer.to(dtype)
    before = snapshot(pipeline.transformer)
    pipeline.load_lora_weights(as_peft(factors(pipeline.transformer)), adapter_name="one")
    pipeline.load_lora_weights(lokr_state(pipeline.transformer)[0], adapter_name="two")
    pipeline.set_adapters(["one", "two"], [0.7, 0.3])
    apart = velocity(pipeline.transformer)
    pipeline.fuse_lora(lora_scale=0.5)
    assert pipeline.num_fused_loras == 2
    assert not torch.equal(velocity(pipeline.transformer), apart)
    with pytest.raises(AdapterError, match="unfuse_lora"):
        pipeline.load_lora_weights(as_peft(factors(pipeline.transformer)), adapter_name="three")
    pipeline.unfuse_lora()
    assert torch.equal(velocity(pipeline.transformer), apart)
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    assert pipeline.num_fused_loras == 0
    assert_untouched(pipeline.transformer, before)


def test_fusing_draws_as_before(pipeline):
    pipeline.load_lora_weights(as_peft(factors(pipeline.transformer)))
    apart = velocity(pipeline.transformer)
    pipeline.fuse_lora(safe_fusing=True)
    torch.testing.assert_close(velocity(pipeline.transformer), apart, **CLOSE)


def test_a_fuse_that_would_give_nan_changes_nothing(pipeline):
    weights = factors(pipeline.transformer)
    pipeline.load_lora_weights(as_peft(weights))
    apart = velocity(pipeline.transformer)
    before = snapshot(pipeline.transformer)
    layer = pipeline.transformer.time_text_embed[1]
    with torch.no_grad():
        layer.lora_A["default_0"].weight.fill_(float("inf"))
    with pytest.raises(ValueError, match="NaN"):
        pipeline.fuse_lora(safe_fusing=True)
    with torch.no_grad():
        layer.lora_A["default_0"].weight.copy_(weights["time_text_embed.1"][0])
    assert_untouched(pipeline.transformer, before)
    assert torch.equal(velocity(pipeline.transformer), apart)


def test_a_float32_adapter_takes_the_type_of_a_bfloat16_model(pipeline, pipe):
    weights = factors(pipeline.transformer)
    pipeline.transformer.to(torch.bfloat16)
    pipeline.load_lora_weights(as_peft(weights))
    assert {p.dtype for p in pipeline.transformer.parameters()} == {torch.bfloat16}
    rough = velocity(pipeline.transformer)
    exact = velocity(merged(pipe.transformer, products(weights, lambda _rank: 1.0)))
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).norm() < 0.05 * exact.norm()


def test_a_later_file_that_fails_takes_the_earlier_ones_with_it(pipeline, tmp_path):
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    save_file(as_peft(factors(pipeline.transformer)), good)
    save_file({"nothing.lora_A.weight": torch.zeros(2, 2)}, bad)
    before = snapshot(pipeline.transformer)
    with pytest.raises(AdapterError, match=r"bad\.safetensors"):
        load_adapters(pipeline, [AdapterFile(good), AdapterFile(bad)])
    assert_untouched(pipeline.transformer, before)


def test_a_load_that_breaks_inside_peft_is_undone(pipeline, monkeypatch):
    """No file is known that gets this far and fails, so peft is made to."""
    before = snapshot(pipeline.transformer)
    with monkeypatch.context() as patch:
        patch.setattr("peft.set_peft_model_state_dict", lambda *_args, **_kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pipeline.load_lora_weights(as_peft(factors(pipeline.transformer)))
    assert_untouched(pipeline.transformer, before)


def test_an_adapter_whose_name_is_taken_is_refused_and_the_first_one_stays(pipeline):
    pipeline.load_lora_weights(as_peft(factors(pipeline.transformer)), adapter_name="style")
    drawn = velocity(pipeline.transformer)
    with pytest.raises(AdapterError, match="style is loaded already"):
        pipeline.load_lora_weights(lokr_state(pipeline.transformer)[0], adapter_name="style")
    assert torch.equal(velocity(pipeline.transformer), drawn)


def test_a_saved_adapter_loads_again(pipeline, pipe, tmp_path):
    weights = factors(pipeline.transformer)
    pipeline.save_lora_weights(
        tmp_path,
        transformer_lora_layers=as_peft(weights, prefix=""),
        transformer_lora_adapter_metadata={"r": 4, "lora_alpha": 8},
    )
    pipeline.load_lora_weights(tmp_path)
    by_hand = merged(pipe.transformer, products(weights, lambda rank: 8 / rank))
    assert_same_velocity(pipeline.transformer, by_hand, pipe.transformer)
    state, config = pipeline.lora_state_dict(tmp_path, return_lora_metadata=True)
    assert len(state) == 2 * len(TARGETS)
    assert config == {"transformer.r": 4, "transformer.lora_alpha": 8}


def test_a_picture_shows_the_adapter_and_afterwards_is_the_old_one(pipeline):
    def draw():
        return pipeline(
            "a cat",
            height=128,
            width=64,
            num_inference_steps=2,
            generator=torch.Generator().manual_seed(1),
            output_type="pt",
        ).images

    plain = draw()
    pipeline.load_lora_weights(as_peft(factors(pipeline.transformer)))
    adapted = draw()
    pipeline.set_adapters(["default_0"], [0.0])
    without_weight = draw()
    pipeline.unload_lora_weights()
    assert (adapted - plain).abs().max() > 0.01
    torch.testing.assert_close(without_weight, plain, atol=1e-5, rtol=0)
    assert torch.equal(draw(), plain)


@pytest.mark.parametrize(
    "grouping",
    [{"offload_type": "leaf_level"}, {"offload_type": "block_level", "num_blocks_per_group": 1}],
    ids=["leaves", "blocks"],
)
def test_a_transformer_that_is_offloaded_in_groups_takes_and_gives_back_adapters(
    pipeline, pipe, grouping
):
    weights = factors(pipeline.transformer)
    plain = velocity(pipeline.transformer)
    pipeline.transformer.enable_group_offload(torch.device("cpu"), **grouping)
    pipeline.load_lora_weights(as_peft(weights))
    by_hand = merged(pipe.transformer, products(weights, lambda _rank: 1.0))
    assert_same_velocity(pipeline.transformer, by_hand, pipe.transformer)
    pipeline.unload_lora_weights()
    assert torch.equal(velocity(pipeline.transformer), plain)
