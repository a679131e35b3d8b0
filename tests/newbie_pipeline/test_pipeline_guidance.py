"""Guidance in a render: in one pass or two, cut off midway, per sample, changed while it runs."""

import numpy as np
import pytest
import torch

from newbie_pipeline.cfg_passes import choose_cfg_passes, pair_bytes
from newbie_pipeline.errors import RenderInputError

PROMPTS = ["miku", "a red forest at night, a much longer prompt than the other one, day, sky"]
SETTINGS = {"height": 128, "width": 192, "num_inference_steps": 4, "guidance_scale": 5.0}
# Float32 sums in another order: padding and batch size change how products are added up.
TOLERANCE = 1e-4


def generators(count):
    return [torch.Generator("cpu").manual_seed(seed) for seed in range(count)]


@pytest.fixture
def passes(pipe):
    """Set the passes of guidance for one test."""

    def choose(count):
        pipe.cfg_passes = count
        return pipe

    yield choose
    pipe.cfg_passes = None


def draw(pipe, prompts=PROMPTS, **settings):
    chosen = {**SETTINGS, "output_type": "np", "generator": generators(len(prompts)), **settings}
    return pipe(prompts, **chosen).images


def batches(pipe):
    """Collect the batch sizes that the transformer is given."""
    sizes = []

    def seen(_module, _args, kwargs):
        sizes.append(len(kwargs["hidden_states"]))

    return sizes, pipe.transformer.register_forward_pre_hook(seen, with_kwargs=True)


@pytest.mark.parametrize("cfg_trunc", [1.0, 0.2])
@pytest.mark.parametrize("renorm_cfg", [0.0, 1.0])
def test_one_pass_and_two_give_the_same_pictures(passes, cfg_trunc, renorm_cfg):
    settings = {"cfg_trunc": cfg_trunc, "renorm_cfg": renorm_cfg, "negative_prompt": "blurry, red"}
    two = draw(passes(2), **settings)
    one = draw(passes(1), **settings)
    assert np.abs(one - two).max() < TOLERANCE


def test_where_guidance_ends_only_the_conditional_half_runs(passes):
    pipe = passes(1)
    sizes, hook = batches(pipe)
    with hook:
        draw(pipe, cfg_trunc=0.2)  # the official t's of four steps: 0, 0.05, 0.14, 0.33
    assert sizes == [4, 4, 4, 2]
    sizes, hook = batches(passes(2))
    with hook:
        draw(pipe, cfg_trunc=0.2)
    assert sizes == [2] * 7


def test_without_guidance_the_negative_half_never_runs(passes):
    pipe = passes(1)
    sizes, hook = batches(pipe)
    with hook:
        draw(pipe, guidance_scale=1.0)
    assert sizes == [2] * 4


def test_each_picture_of_a_batch_in_one_pass_equals_the_one_drawn_alone(passes):
    together = draw(passes(1), num_images_per_prompt=2, generator=generators(4))
    for index in range(4):
        alone = draw(
            passes(2), [PROMPTS[index // 2]], generator=torch.Generator("cpu").manual_seed(index)
        )
        assert np.abs(together[index] - alone[0]).max() < TOLERANCE


def test_one_generator_goes_on_from_picture_to_picture(pipe):
    shared = torch.Generator("cpu").manual_seed(3)
    together = draw(pipe, generator=shared)
    again = torch.Generator("cpu").manual_seed(3)
    for index, prompt in enumerate(PROMPTS):
        assert np.abs(draw(pipe, [prompt], generator=again)[0] - together[index]).max() < TOLERANCE


@pytest.mark.parametrize("count", [1, 2])
def test_a_callback_may_change_the_guidance_scale_for_the_steps_to_come(passes, count):
    pipe = passes(count)

    def callback(called, step, _timestep, kwargs):
        called._guidance_scale = 1.0 if step == 1 else called._guidance_scale
        return kwargs

    sizes, hook = batches(pipe)
    with hook:
        draw(pipe, callback_on_step_end=callback)
    assert sizes == ([4, 4, 2, 2] if count == 1 else [2] * 6)


@pytest.mark.parametrize("count", [1, 2])
def test_a_callback_may_change_the_embeddings_for_the_steps_to_come(passes, count):
    pipe = passes(count)
    other = pipe.encode_prompt(["a red forest, anime"] * 2, False)

    def callback(_called, _step, _timestep, kwargs):
        assert set(kwargs) == set(names)
        return dict(zip(names, other, strict=False))

    names = ("prompt_embeds", "prompt_attention_mask", "pooled_prompt_embeds")
    changed = draw(pipe, callback_on_step_end=callback, callback_on_step_end_tensor_inputs=names)
    assert np.abs(changed - draw(pipe)).max() > 0.01


def test_the_number_of_passes_is_chosen_by_the_device_and_can_be_set(pipe):
    assert pipe.cfg_passes is None
    sizes = {"height": 1024, "width": 1024, "batch": 1, "tokens": 64}
    assert choose_cfg_passes(pipe, torch.device("cpu"), **sizes) == 2
    with pytest.raises(RenderInputError, match="1, 2 or None"):
        pipe.cfg_passes = 3


def test_the_estimate_of_a_pair_grows_with_batch_and_area(pipe):
    small = pair_bytes(pipe, height=512, width=512, batch=1, tokens=64)
    assert pair_bytes(pipe, height=512, width=512, batch=2, tokens=64) > 1.9 * small
    assert pair_bytes(pipe, height=1024, width=1024, batch=1, tokens=64) > 2 * small
