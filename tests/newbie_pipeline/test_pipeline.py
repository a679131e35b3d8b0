"""The pipeline keeps its promises: same seed same picture, batches, schedule, conventions."""

import numpy as np
import pytest
import torch
from PIL import Image

from newbie_pipeline.errors import NonFiniteLatentsError, RenderInputError
from newbie_pipeline.pipeline import NewbiePipeline
from newbie_pipeline.text_conditioning import TextCondition

PROMPT = "<character_1> <n>miku</n> <appearance>blue_hair</appearance> </character_1>"
SMALL = {"height": 128, "width": 192, "num_inference_steps": 3}


def seeded(seed):
    return torch.Generator("cpu").manual_seed(seed)


def draw(pipe, prompt=PROMPT, seed=1, **kwargs):
    settings = {**SMALL, "output_type": "np", "generator": seeded(seed), **kwargs}
    return pipe(prompt, **settings).images


def test_the_same_seed_gives_the_same_bytes(pipe):
    assert np.array_equal(draw(pipe), draw(pipe))


def test_seed_prompt_negative_prompt_and_guidance_each_change_the_picture(pipe):
    base = draw(pipe)
    for other in (
        draw(pipe, seed=2),
        draw(pipe, prompt="a red forest"),
        draw(pipe, negative_prompt="blue_hair"),
        draw(pipe, guidance_scale=7.0),
        draw(pipe, guidance_scale=1.0),
        draw(pipe, system_prompt=""),
    ):
        assert np.abs(base - other).max() > 0.01


def test_each_picture_of_a_batch_of_prompts_equals_the_one_rendered_alone(pipe):
    prompts = [PROMPT, "a red forest at night, a much longer prompt than the other one, day, sky"]
    together = draw(pipe, prompts, generator=[seeded(1), seeded(2)])
    for index, prompt in enumerate(prompts):
        alone = draw(pipe, prompt, seed=index + 1)[0]
        assert np.abs(together[index] - alone).max() < 1e-4


def test_each_picture_of_several_per_prompt_equals_the_one_rendered_alone(pipe):
    prompts = [PROMPT, "a red forest"]
    generators = [seeded(seed) for seed in (1, 2, 3, 4)]
    together = draw(pipe, prompts, generator=generators, num_images_per_prompt=2)
    for index, seed in enumerate((1, 2, 3, 4)):
        alone = draw(pipe, prompts[index // 2], seed=seed)[0]
        assert np.abs(together[index] - alone).max() < 1e-4


def test_the_schedule_is_the_official_one(pipe):
    steps, shift = 7, 6.0
    pipe.prepare_timesteps(steps, torch.device("cpu"))
    u = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    official = u / (u + shift - shift * u)
    torch.testing.assert_close(1 - pipe.scheduler.sigmas.double(), official, rtol=0, atol=1e-6)


def test_a_step_adds_dt_times_the_velocity(pipe):
    """With one step from t 0 to 1, the latents are the noise plus the whole velocity."""
    text = TextCondition(*pipe.encode_prompt([PROMPT], False)[:3])
    noise = pipe.prepare_latents(1, 128, 192, torch.device("cpu"), generator=seeded(1))
    velocity = pipe.transformer(
        noise,
        torch.zeros(1),
        text.prompt_embeds,
        text.prompt_attention_mask,
        text.pooled_prompt_embeds,
    ).sample
    settings = {"num_inference_steps": 1, "guidance_scale": 1.0, "output_type": "latent"}
    torch.testing.assert_close(draw(pipe, **settings), noise + velocity)


def test_the_noise_is_drawn_for_each_picture_on_the_cpu(pipe):
    cpu = torch.device("cpu")
    both = pipe.prepare_latents(2, 128, 192, cpu, generator=[seeded(1), seeded(2)])
    for index in range(2):
        alone = pipe.prepare_latents(1, 128, 192, cpu, generator=seeded(index + 1))
        assert torch.equal(both[index], alone[0])
    assert torch.equal(both[0], torch.randn((16, 4, 6), generator=seeded(1)))


def test_given_latents_are_the_noise(pipe):
    noise = torch.randn((1, 16, 4, 6), generator=seeded(1))
    assert np.array_equal(draw(pipe, latents=noise), draw(pipe))
    with pytest.raises(RenderInputError, match="shape"):
        draw(pipe, latents=noise[:, :, :2])


def test_prompts_that_were_encoded_before_give_the_same_picture(pipe):
    texts = pipe.encode_pair(PROMPT, "blurry", 4.5)
    assert np.array_equal(draw(pipe, None, **texts), draw(pipe, negative_prompt="blurry"))


def test_encoded_prompts_that_are_padded_on_the_left_are_refused(pipe):
    texts = pipe.encode_pair(PROMPT, "", 1.0)
    texts["prompt_attention_mask"] = texts["prompt_attention_mask"].flip(1)
    with pytest.raises(RenderInputError, match="right"):
        draw(pipe, None, **texts)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"height": 100}, "multiples of 64"),
        ({"width": 0}, "multiples of 64"),
        ({"width": 64 * 513}, "at most"),
        ({"num_inference_steps": 0}, "one step"),
        ({"num_images_per_prompt": 0}, "one picture"),
        ({"negative_prompt": ["a", "b"]}, "2 negative prompts for 1"),
        ({"generator": [seeded(1), seeded(2)]}, "2 generators for 1"),
        ({"prompt": None}, "prompt_embeds is needed"),
        ({"callback_on_step_end_tensor_inputs": ["weights"]}, "cannot be given weights"),
    ],
)
def test_what_the_model_cannot_draw_is_a_clear_error(pipe, settings, reason):
    with pytest.raises(RenderInputError, match=reason):
        draw(pipe, **settings)


def test_the_callback_sees_each_step_and_may_replace_the_latents(pipe):
    seen = []

    def callback(called, step, timestep, kwargs):
        assert called is pipe
        seen.append((step, float(timestep), tuple(kwargs)))
        return {"latents": torch.zeros_like(kwargs["latents"])}

    latents = draw(pipe, callback_on_step_end=callback, output_type="latent")
    assert [step for step, _, _ in seen] == [0, 1, 2]
    assert seen[0][1] == 1000.0
    assert all(names == ("latents",) for _, _, names in seen)
    assert torch.count_nonzero(latents) == 0


def test_an_interrupt_ends_the_loop_at_that_step(pipe):
    steps = []

    def callback(called, step, _timestep, kwargs):
        steps.append(step)
        called._interrupt = True
        return kwargs

    assert draw(pipe, callback_on_step_end=callback).shape == (1, 128, 192, 3)
    assert steps == [0]
    assert len(draw(pipe, num_inference_steps=2)) == 1  # the next render is not stopped


@pytest.mark.parametrize(
    ("output_type", "kind"),
    [("pil", Image.Image), ("np", np.ndarray), ("pt", torch.Tensor), ("latent", torch.Tensor)],
)
def test_each_output_type_comes_as_diffusers_names_it(pipe, output_type, kind):
    assert isinstance(draw(pipe, output_type=output_type)[0], kind)
    (images,) = pipe(PROMPT, **SMALL, output_type=output_type, return_dict=False)
    assert isinstance(images[0], kind)


def test_latents_that_are_not_finite_stop_the_render_and_name_the_step(pipe):
    def callback(_pipe, _step, _timestep, kwargs):
        return {"latents": kwargs["latents"] * float("inf")}

    with pytest.raises(NonFiniteLatentsError, match="step 2"):
        draw(pipe, callback_on_step_end=callback)


def test_a_saved_pipeline_loads_and_draws_the_same_bytes(pipe, tmp_path):
    pipe.save_pretrained(tmp_path)
    loaded = NewbiePipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert np.array_equal(draw(loaded), draw(pipe))
