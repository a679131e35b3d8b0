"""A whole training at a tiny size: it can be broken off, and what it writes is loaded and draws."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file

from newbie_pipeline.checkpoints.loading import load_pipeline
from newbie_pipeline.demo.autoencoder_training import encoded
from newbie_pipeline.demo.demo_checkpoint import MOST_BYTES
from newbie_pipeline.demo.demo_training import UNFINISHED, DemoTraining
from newbie_pipeline.demo.model_sizes import (
    DemoSizes,
    new_gemma,
    new_jina,
    new_transformer,
    new_vae,
)
from newbie_pipeline.demo.training_plan import TEXT, TRANSFORMER, VAE, PartPlan, TrainingPlan
from newbie_pipeline.errors import TrainingError, TrainingStopped
from newbie_pipeline.render import SHOWN_SIDE, LoadOptions, Renderer, RenderSpec

SIZES = DemoSizes(
    picture=64,
    vocabulary=1024,
    transformer={
        **DemoSizes().transformer,
        "dim": 48,
        "n_layers": 2,
        "n_refiner_layers": 1,
        "n_heads": 2,
        "n_kv_heads": 1,
        "axes_dims": [8, 8, 8],
    },
    gemma={**DemoSizes().gemma, "hidden_size": 32, "intermediate_size": 32, "head_dim": 8},
    jina={"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    | {"num_attention_heads": 2},
    vae={**DemoSizes().vae, "block_out_channels": [4, 4, 4, 8, 8]},
)
PART = PartPlan(steps=3, batch=4, matrix_lr=1e-3, lr=1e-3, ema=0.9)
PLAN = TrainingPlan(pictures=6, vae=PART, text=PART, transformer=PART)
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
PROMPT = "<character_1><appearance>blue_hair</appearance></character_1>"


def training(directory, **changed):
    settings = {"seed": 1, "device": torch.device("cpu"), "compile_blocks": False, **changed}
    plan = settings.pop("plan", PLAN)
    return DemoTraining(directory, SIZES, plan, **settings)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo") / "newbie-demo"
    training(directory).run()
    return directory


def weights(directory):
    names = [path.relative_to(directory) for path in directory.rglob("*.safetensors")]
    return {(name, key): t for name in names for key, t in load_file(directory / name).items()}


def test_the_checkpoint_is_whole_and_nothing_unfinished_is_left(checkpoint):
    parts = {path.name for path in checkpoint.iterdir()}
    assert parts == {
        "README.md",
        "clip_model",
        "model_index.json",
        "scheduler",
        "text_encoder",
        "transformer",
        "vae",
    }
    assert {tensor.dtype for tensor in weights(checkpoint).values()} == {torch.bfloat16}


def test_the_readme_tells_how_long_each_part_took_on_what(checkpoint):
    text = (checkpoint / "README.md").read_text()
    assert "64 x 64" in text and "PyTorch" in text and "Apache-2.0" in text
    for part in ("pictures", "tokenizers", "vae", "text", "latents", "transformer"):
        assert f"| {part} | " in text
    assert "| transformer | 3 | " in text


def test_it_is_loaded_by_the_way_of_the_real_one_and_draws(checkpoint):
    renderer = Renderer.load(checkpoint, LoadOptions(device="cpu"))
    spec = RenderSpec(PROMPT, "", 1024, 640, 2, 4.5, (1,))
    (image,) = renderer.render(spec, lambda *_: None, lambda: False).images
    assert image.size == (SHOWN_SIDE, SHOWN_SIDE)  # drawn at 64 x 64
    assert not renderer.can_assist  # Gemma lacks what only writing needs


def test_the_scheduler_has_the_shift_of_the_training(checkpoint):
    config = json.loads((checkpoint / "scheduler" / "scheduler_config.json").read_text())
    assert config["shift"] == PLAN.shift


def test_latents_have_mean_0_and_deviation_1_with_the_configs_scaling(checkpoint):
    import numpy as np

    from newbie_pipeline.demo.drawings import draw
    from newbie_pipeline.demo.part_runs import first_scene
    from newbie_pipeline.demo.sampling import sample_scene

    vae = load_pipeline(checkpoint, torch.float32, "cpu").vae
    seeds = range(first_scene(1), first_scene(1) + PLAN.pictures)
    pictures = np.stack([draw(sample_scene(seed), seed, 64) for seed in seeds])
    latents = encoded(vae, pictures, torch.device("cpu"))
    scaled = (latents - vae.config.shift_factor) * vae.config.scaling_factor
    assert float(scaled.mean()) == pytest.approx(0.0, abs=0.05)
    assert float(scaled.std()) == pytest.approx(1.0, abs=0.05)


def test_a_training_that_is_broken_off_everywhere_ends_with_the_same_weights(checkpoint, tmp_path):
    directory = tmp_path / "newbie-demo"
    stops = 0
    while True:
        asked = iter(range(3))
        try:
            training(directory, stop=lambda asked=asked: next(asked, 3) >= 2).run()
            break
        except TrainingStopped:
            stops += 1
            assert (directory / UNFINISHED).is_dir()
            assert stops < 20
    assert stops >= 3
    whole, broken = weights(checkpoint), weights(directory)
    assert whole.keys() == broken.keys()
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_another_seed_is_another_model_and_cannot_go_on_with_this_one(checkpoint, tmp_path):
    with pytest.raises(TrainingStopped):
        training(tmp_path, seed=2, stop=lambda: True).run()
    with pytest.raises(TrainingError, match="other settings"):
        training(tmp_path, seed=3)
    training(tmp_path, seed=2).run()
    assert not torch.equal(
        load_file(tmp_path / WEIGHTS)["x_embedder.weight"],
        load_file(checkpoint / WEIGHTS)["x_embedder.weight"],
    )


def test_hours_become_as_many_steps_as_fit_and_these_give_the_same_weights_again(tmp_path):
    by_hours, by_steps = tmp_path / "hours", tmp_path / "steps"
    training(by_hours, hours=4e-4).run()
    told = (by_hours / "README.md").read_text()
    plan = PLAN
    for part in (VAE, TEXT, TRANSFORMER):
        steps = int(re.search(rf"\| {part} \| (\d+) \|", told)[1])
        plan = plan.with_steps(part, steps)
    assert plan != PLAN
    training(by_steps, plan=plan).run()
    first, second = weights(by_hours), weights(by_steps)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("picture", [128, 256])
def test_all_parts_of_a_real_size_stay_below_the_bound(picture):
    from newbie_pipeline.demo.model_sizes import sizes_for

    sizes = sizes_for(picture)
    models = (
        new_vae(sizes),
        new_gemma(sizes, sizes.vocabulary),
        new_jina(sizes, sizes.vocabulary),
        new_transformer(sizes),
    )
    parameters = sum(p.numel() for model in models for p in model.parameters())
    tokenizers = 2 * 400_000
    assert 2 * parameters + tokenizers < MOST_BYTES


def test_a_first_step_gives_every_part_of_a_new_transformer_that_is_used_a_gradient():
    torch.manual_seed(0)
    model = new_transformer(SIZES)
    latents = torch.randn(2, 16, 4, 4)
    for _ in range(2):
        output = model(
            latents,
            torch.tensor([0.3, 0.6]),
            torch.randn(2, 8, 32),
            torch.ones(2, 8),
            torch.randn(2, 32),
        )
        output.sample.sub(1.0).square().mean().backward()
        missing = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()}
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.sub_(0.1 * parameter.grad)
    # `norm_final` is in the published checkpoint and never applied.
    assert missing == {"norm_final.weight"}
