"""What developers who know diffusers expect of a pipeline: arguments, properties, hooks, casts."""

import inspect
import logging

import numpy as np
import pytest
import torch
from accelerate import cpu_offload
from diffusers import AutoencoderKL, FirstBlockCacheConfig, UniPCMultistepScheduler
from diffusers.utils.source_code_parsing_utils import ReturnNameVisitor
from transformers import Gemma3TextConfig, Gemma3TextModel

from newbie_pipeline.errors import NonFiniteLatentsError, RenderInputError
from newbie_pipeline.models.jina_clip import JinaClipTextModel
from newbie_pipeline.models.next_dit import NextDiT
from newbie_pipeline.pipeline import NewbiePipeline
from newbie_pipeline.solvers import SOLVERS, make_scheduler
from newbie_pipeline.tiny_tokenizers import gemma_tokenizer, jina_tokenizer

PROMPT = "a painting of a squirrel that eats a burger"
TEXT_PARTS = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2")


@pytest.fixture
def components():
    """Smaller than the tiny checkpoint, with transformers' own Gemma."""
    torch.manual_seed(0)
    transformer = NextDiT(
        in_channels=4,
        dim=24,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=1,
        multiple_of=16,
        cap_feat_dim=8,
        clip_text_dim=8,
        axes_dims=(4, 4, 4),
        axes_lens=(300, 64, 64),
    )
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter.normal_(std=0.3)
    vae = AutoencoderKL(
        block_out_channels=(4,),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=1,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.06,
        scaling_factor=1.5,
    )
    tokenizer, tokenizer_2 = gemma_tokenizer(), jina_tokenizer()
    gemma = Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=4,
    )
    jina = JinaClipTextModel(
        vocab_size=len(tokenizer_2),
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
    )
    return {
        "transformer": transformer.eval(),
        "scheduler": make_scheduler("euler"),
        "vae": vae.eval(),
        "text_encoder": Gemma3TextModel(gemma).eval(),
        "tokenizer": tokenizer,
        "text_encoder_2": jina.eval(),
        "tokenizer_2": tokenizer_2,
    }


def quiet(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture
def small(components):
    return quiet(NewbiePipeline(**components))


def draw(pipeline, prompt=PROMPT, **settings):
    chosen = {
        "height": 32,
        "width": 32,
        "num_inference_steps": 2,
        "guidance_scale": 5.0,
        "generator": torch.Generator("cpu").manual_seed(0),
        "output_type": "pt",
        **settings,
    }
    return pipeline(prompt, **chosen)[0]


def agree(one, other, tolerance=1e-4):
    assert float((one - other).abs().max()) < tolerance


def test_the_call_takes_what_lumina_2_takes_in_its_order():
    parameters = list(inspect.signature(NewbiePipeline.__call__).parameters)[1:11]
    assert parameters == [
        "prompt",
        "width",
        "height",
        "num_inference_steps",
        "guidance_scale",
        "negative_prompt",
        "sigmas",
        "num_images_per_prompt",
        "generator",
        "latents",
    ]


def test_components_are_those_of_the_constructor(small, components):
    assert set(small.components) == set(components)


def test_encoding_and_drawing_work_in_two_pipelines(small, components):
    texts = {name: part if name in TEXT_PARTS else None for name, part in components.items()}
    rest = {name: None if name in TEXT_PARTS else part for name, part in components.items()}
    encoded = NewbiePipeline(**texts).encode_prompt(PROMPT)
    visitor = ReturnNameVisitor()
    visitor.visit(_tree(NewbiePipeline.encode_prompt))
    assert set(visitor.return_names) < set(inspect.signature(NewbiePipeline.__call__).parameters)
    named = dict(zip(visitor.return_names, encoded, strict=True))
    drawing = quiet(NewbiePipeline(**rest))
    agree(draw(drawing, None, **named), draw(small))
    with pytest.raises(RenderInputError, match="no text encoders"):
        draw(drawing)


def _tree(function):
    import ast
    import textwrap

    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def test_the_callback_is_given_every_tensor_by_name(small):
    seen = []

    def callback(called, _step, timestep, kwargs):
        assert called.current_timestep is timestep
        assert called.num_timesteps == 2
        seen.append({name: value is not None for name, value in kwargs.items()})
        return kwargs

    names = NewbiePipeline._callback_tensor_inputs
    settings = {
        "callback_on_step_end": callback,
        "callback_on_step_end_tensor_inputs": names,
        "output_type": "latent",
    }
    guided = draw(small, **settings)
    assert seen == [dict.fromkeys(names, True)] * 2
    assert torch.equal(guided, draw(small, output_type="latent"))
    assert small.current_timestep is None
    seen.clear()
    draw(small, guidance_scale=1.0, **settings)
    assert seen[0] == {name: not name.startswith("negative") for name in names}


def test_the_state_of_a_render_is_there_to_be_read(small):
    seen = []

    def callback(called, *_):
        seen.append((called.guidance_scale, called.do_classifier_free_guidance))
        seen.append(called.attention_kwargs)

    draw(small, callback_on_step_end=callback, attention_kwargs={"scale": 1.0})
    assert seen[:2] == [(5.0, True), {"scale": 1.0}]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"prompt_embeds": torch.zeros(1, 8, 8)}, "both given"),
        ({"negative_prompt": "a", "negative_prompt_embeds": torch.zeros(1, 8, 8)}, "both given"),
        ({"prompt": 3}, "string or a list"),
        ({"prompt": []}, "empty list"),
        ({"prompt": ["a", 1]}, "string or a list"),
        ({"output_type": "jpeg"}, "pil, np, pt, latent"),
        ({"solver": "ddim"}, "euler, heun"),
        ({"sigmas": [0.1, 0.9]}, "must fall"),
        ({"max_sequence_length": 300}, "between 1 and 299"),
        ({"max_sequence_length": 0}, "between 1 and 299"),
        ({"negative_prompt_embeds": torch.zeros(1, 8, 8)}, "needs its attention mask"),
        (
            {
                "negative_prompt_embeds": torch.zeros(2, 8, 8),
                "negative_prompt_attention_mask": torch.ones(2, 8),
                "negative_pooled_prompt_embeds": torch.zeros(2, 8),
            },
            "same batch",
        ),
        (
            {
                "negative_prompt_embeds": torch.zeros(1, 8, 8),
                "negative_prompt_attention_mask": torch.ones(1, 7),
                "negative_pooled_prompt_embeds": torch.zeros(1, 8),
            },
            "do not fit",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_a_reason(small, settings, reason):
    with pytest.raises(RenderInputError, match=reason):
        draw(small, **settings)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"num_inference_steps": 2.5}, "num_inference_steps must be a whole number"),
        ({"num_inference_steps": "2"}, "num_inference_steps must be a whole number"),
        ({"num_images_per_prompt": 1.0}, "num_images_per_prompt must be a whole number"),
        ({"height": 32.0}, "height must be a whole number"),
        ({"guidance_scale": None}, "guidance_scale must be a number"),
        ({"guidance_scale": float("nan")}, "guidance_scale must be a number"),
        ({"generator": 5}, "must be a torch.Generator"),
        ({"generator": [None] * 3}, "3 generators for 1 pictures"),
        ({"latents": np.zeros((1, 4, 32, 32))}, "must be a tensor, not a ndarray"),
        ({"latents": torch.zeros(1, 4, 16, 32)}, r"\(1, 4, 32, 32\) is needed"),
        ({"callback_on_step_end": lambda *_: {"latents": torch.zeros(1, 4, 2, 2)}}, "is needed"),
    ],
)
def test_values_of_a_wrong_kind_are_refused_with_their_name(small, settings, reason):
    with pytest.raises(RenderInputError, match=reason):
        draw(small, **settings)


def test_whole_numbers_of_numpy_and_tuples_of_generators_are_taken(small):
    generators = tuple(torch.Generator().manual_seed(0) for _ in range(2))
    settings = {"num_inference_steps": np.int64(2), "height": np.int32(32)}
    pictures = draw(small, [PROMPT, PROMPT], generator=generators, **settings)
    agree(pictures, draw(small).expand(2, -1, -1, -1))


def encoded_arguments(pipeline):
    names = NewbiePipeline._callback_tensor_inputs[1:]
    return dict(zip(names, pipeline.encode_prompt(PROMPT), strict=True))


def test_embeddings_in_another_precision_than_the_transformers_are_converted(small):
    halved = {
        name: value.half() if value.is_floating_point() else value
        for name, value in encoded_arguments(small).items()
    }
    agree(draw(small, None, **halved), draw(small), tolerance=1e-2)


@pytest.mark.parametrize("name", ["prompt_embeds", "pooled_prompt_embeds"])
def test_embeddings_of_another_text_encoder_are_refused(small, name):
    wider = {
        key: torch.nn.functional.pad(value, (0, 1)) if key.endswith(name) else value
        for key, value in encoded_arguments(small).items()
    }
    with pytest.raises(RenderInputError, match=f"{name} have 9 features.* reads 8"):
        draw(small, None, **wider)


def test_latents_that_a_callback_gives_back_go_on_in_float32(small):
    seen = []

    def callback(_pipe, _step, _timestep, kwargs):
        seen.append(kwargs["latents"].dtype)
        return {"latents": kwargs["latents"].half()}

    latents = draw(small, callback_on_step_end=callback, output_type="latent")
    assert [*seen, latents.dtype] == [torch.float32] * 3


def test_a_caption_is_cut_to_what_the_model_has_positions_for(small, caplog):
    with caplog.at_level(logging.WARNING):
        draw(small, "very long " * 100, num_inference_steps=1)
    assert "only 299 are read" in caplog.text


def test_width_and_height_have_a_default_of_about_a_megapixel(pipe):
    latents = pipe("a", num_inference_steps=1, guidance_scale=1.0, output_type="latent")[0]
    assert [pipe.vae_scale_factor * side for side in latents.shape[2:]] == [1024, 1024]
    assert pipe.default_sample_size * pipe.vae_scale_factor == 1024


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_solver_by_name_equals_the_registered_scheduler(small, solver):
    by_name = draw(small, solver=solver, num_inference_steps=4)
    assert type(small.scheduler) is type(make_scheduler("euler"))
    small.scheduler = make_scheduler(solver)
    assert torch.equal(draw(small, num_inference_steps=4), by_name)


def test_a_scheduler_made_from_the_registered_ones_config_draws_the_same_flow(small):
    by_name = draw(small, solver="unipc", num_inference_steps=4)
    small.scheduler = UniPCMultistepScheduler.from_config(small.scheduler.config)
    agree(draw(small, num_inference_steps=4), by_name)


def test_sigmas_replace_the_evenly_spaced_ones(small):
    base = draw(small, num_inference_steps=4)
    assert torch.equal(draw(small, sigmas=[1.0, 0.75, 0.5, 0.25]), base)
    assert not torch.equal(draw(small, sigmas=[1.0, 0.4]), base)


def test_a_render_that_was_broken_off_does_not_change_the_next(small):
    small.scheduler = make_scheduler("heun")
    base = draw(small, num_inference_steps=3)

    def fail(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(small, num_inference_steps=3, callback_on_step_end=fail)
    assert small.current_timestep is None
    assert torch.equal(draw(small, num_inference_steps=3), base)


def test_tiling_of_the_vae_is_honoured(small, components):
    tiles = []
    small.enable_vae_tiling()
    small.enable_vae_slicing()
    components["vae"].tile_latent_min_size = 16
    components["vae"].tile_sample_min_size = 16
    hook = components["vae"].decoder.register_forward_hook(
        lambda _module, args, _output: tiles.append(tuple(args[0].shape[-2:]))
    )
    with hook:
        draw(small)
    assert len(tiles) > 1
    assert max(tiles) <= (16, 16)
    small.disable_vae_tiling()
    small.disable_vae_slicing()
    tiles.clear()
    hook = components["vae"].decoder.register_forward_hook(
        lambda _module, args, _output: tiles.append(tuple(args[0].shape))
    )
    with hook:
        draw(small, num_images_per_prompt=2)
    assert tiles == [(1, 4, 32, 32)] * 2


def test_float16_is_taken_with_one_warning_and_bfloat16_without(small, caplog):
    small.to(dtype=torch.bfloat16)
    draw(small)
    assert "float16" not in caplog.text.replace("bfloat16", "")
    small.to(dtype=torch.float16)
    for _ in range(2):
        assert not draw(small).isnan().any()
    assert caplog.text.count("bfloat16 has float32's range") == 1


def test_an_overflow_in_float16_is_named_as_the_likely_cause(small):
    small.to(dtype=torch.float16)

    def callback(_pipe, _step, _timestep, kwargs):
        return {"latents": kwargs["latents"] + float("nan")}

    with pytest.raises(NonFiniteLatentsError, match="step 2; float16 overflows"):
        draw(small, callback_on_step_end=callback)


def test_weights_stored_in_float8_are_computed_with_in_bfloat16(small):
    small.to(dtype=torch.bfloat16)
    base = draw(small)
    small.transformer.enable_layerwise_casting(
        storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16
    )
    stored = draw(small)
    assert not stored.isnan().any()
    assert not torch.equal(stored, base)


def test_every_model_runs_with_its_weights_streamed_layer_by_layer(small):
    base = draw(small)
    for name in small.model_cpu_offload_seq.split("->"):
        cpu_offload(getattr(small, name), torch.device("cpu"), offload_buffers=True)
        assert getattr(small, name).device.type == "meta"
    agree(draw(small), base)


def test_models_are_offloaded_in_the_order_of_their_use(small):
    order = small.model_cpu_offload_seq.split("->")
    models = [name for name, part in small.components.items() if isinstance(part, torch.nn.Module)]
    assert sorted(order) == sorted(models)
    ran = []
    hooks = [
        getattr(small, name).register_forward_pre_hook(lambda *_, name=name: ran.append(name))
        for name in order[:3]
    ]
    draw(small)
    for hook in hooks:
        hook.remove()
    assert list(dict.fromkeys(ran)) == order[:3]


def test_a_cache_of_diffusers_ends_with_the_render(small):
    base = draw(small, num_inference_steps=4)
    small.transformer.enable_cache(FirstBlockCacheConfig(threshold=10.0))
    cached = draw(small, num_inference_steps=4)
    assert not torch.equal(cached, base)
    assert torch.equal(draw(small, num_inference_steps=4), cached)
    small.transformer.disable_cache()
    agree(draw(small, num_inference_steps=4), base)


def test_the_outputs_pil_np_and_pt_are_the_same_picture(small):
    tensor, array, (image,) = (draw(small, output_type=kind) for kind in ("pt", "np", "pil"))
    assert np.abs(tensor.numpy().transpose(0, 2, 3, 1) - array).max() < 1e-6
    assert np.abs(np.asarray(image) - (array[0] * 255).round()).max() <= 1


def test_another_pipeline_can_be_made_of_the_same_parts(small):
    other = quiet(NewbiePipeline.from_pipe(small))
    assert other.transformer is small.transformer
    assert torch.equal(draw(other), draw(small))


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_the_progress_bar_runs_to_its_end_and_can_be_turned_off(small, solver, capsys):
    small.set_progress_bar_config(disable=False)
    draw(small, num_inference_steps=3, solver=solver)
    calls = small.num_timesteps
    assert f"{calls}/{calls}" in capsys.readouterr().err
    quiet(small)
    draw(small, num_inference_steps=3, solver=solver)
    assert capsys.readouterr().err == ""
