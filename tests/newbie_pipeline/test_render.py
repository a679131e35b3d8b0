"""The renderer: pictures by seed, progress over all of them, cancel at the next step."""

import dataclasses

import pytest
import torch
from safetensors.torch import load_file, save_file

from newbie_pipeline.attention import AttentionBackendError
from newbie_pipeline.checkpoints.identity import model_hash
from newbie_pipeline.checkpoints.sources import parse_source
from newbie_pipeline.errors import CheckpointError, RenderCancelled, RenderInputError
from newbie_pipeline.lora.adapter_file import AdapterFile
from newbie_pipeline.render import LoadOptions, Renderer, RenderSpec
from newbie_pipeline.text_conditioning import SYSTEM_PROMPT
from newbie_pipeline.tokens import MAX_JOINED_TOKENS

SPEC = RenderSpec(
    prompt="<character_1> <n>miku</n> </character_1>",
    negative_prompt="",
    width=128,
    height=192,
    num_inference_steps=3,
    guidance_scale=4.5,
    seeds=(5, 6, 7),
)
ONE = dataclasses.replace(SPEC, seeds=(5,))


def render(renderer, spec=SPEC, on_step=lambda _step, _total: None, cancelled=lambda: False):
    return renderer.render(spec, on_step, cancelled).images


def test_each_picture_of_several_is_byte_for_byte_the_one_rendered_alone(renderer):
    together = render(renderer)
    assert [picture.size for picture in together] == [(128, 192)] * 3
    assert len({picture.tobytes() for picture in together}) == 3
    for seed, picture in zip(SPEC.seeds, together, strict=True):
        alone = render(renderer, dataclasses.replace(SPEC, seeds=(seed,)))
        assert alone[0].tobytes() == picture.tobytes()


def test_a_renderer_that_is_loaded_anew_draws_the_same_bytes(renderer, tiny_checkpoint):
    again = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu"))
    assert render(again, ONE)[0].tobytes() == render(renderer, ONE)[0].tobytes()


def test_progress_counts_the_steps_of_all_pictures(renderer):
    steps = []
    render(renderer, on_step=lambda step, total: steps.append((step, total)))
    assert steps == [(step, 9) for step in range(1, 10)]


@pytest.mark.parametrize("cancel_at", [0, 1, 4])
def test_a_cancelled_render_ends_at_its_next_step_and_leaves_the_renderer_usable(
    renderer, cancel_at
):
    steps = []
    with pytest.raises(RenderCancelled):
        render(
            renderer,
            on_step=lambda step, _total: steps.append(step),
            cancelled=lambda: len(steps) >= cancel_at,
        )
    assert len(steps) == cancel_at
    assert len(render(renderer)) == 3


def test_a_size_that_the_model_cannot_draw_is_refused_before_any_step(renderer):
    steps = []
    with pytest.raises(RenderInputError, match="multiples of 64"):
        render(
            renderer,
            dataclasses.replace(SPEC, width=100),
            on_step=lambda *_: steps.append(1),
        )
    assert not steps


def test_info_says_which_model_runs_where(renderer, tiny_checkpoint):
    info = dataclasses.asdict(renderer.info)
    assert info == {
        "model_name": "newbie-tiny",
        "model_hash": model_hash(tiny_checkpoint),
        "device": "cpu",
        "dtype": "float32",
        "attention": "native",
        "solver": "euler",
        "adapters": (),
        "prompt_weights": True,
        "character_encoding": "whole",
    }


def test_bfloat16_is_loaded_on_request_and_draws_much_the_same(renderer, tiny_checkpoint):
    half = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", dtype="bfloat16"))
    assert half.info.dtype == "bfloat16"
    exact, rough = render(renderer, ONE)[0], render(half, ONE)[0]
    pairs = list(zip(exact.tobytes(), rough.tobytes(), strict=True))
    assert sum(abs(a - b) for a, b in pairs) / len(pairs) < 8


def test_an_unknown_weight_type_is_refused(tiny_checkpoint):
    with pytest.raises(CheckpointError, match="int3"):
        Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", dtype="int3"))


@pytest.fixture(scope="module")
def adapter(tiny_checkpoint, tmp_path_factory):
    """A LoRA file for one layer of the tiny transformer, strong enough to show."""
    generator = torch.Generator().manual_seed(0)
    weights = load_file(tiny_checkpoint / "transformer" / "diffusion_pytorch_model.safetensors")
    rows, columns = weights["layers.0.attention.out.weight"].shape
    path = tmp_path_factory.mktemp("adapter") / "style.safetensors"
    head = "base_model.model.layers.0.attention.out"
    tensors = {
        f"{head}.lora_A.weight": torch.randn(4, columns, generator=generator),
        f"{head}.lora_B.weight": torch.randn(rows, 4, generator=generator),
    }
    save_file(tensors, path)
    return path


@pytest.mark.parametrize("solver", ["heun", "dpmpp_2m", "unipc"])
def test_a_renderer_draws_with_the_solver_that_it_was_loaded_with(
    tiny_checkpoint, renderer, solver
):
    other = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", solver=solver))
    assert other.info.solver == solver
    steps = []
    picture = render(other, ONE, on_step=lambda *step: steps.append(step))[0]
    assert steps[-1][0] == steps[-1][1] == len(steps)
    assert picture.tobytes() != render(renderer, ONE)[0].tobytes()


def test_a_renderer_draws_with_its_adapters_and_names_them(tiny_checkpoint, renderer, adapter):
    options = LoadOptions(device="cpu", adapters=(AdapterFile(adapter, 0.5),))
    styled = Renderer.load(tiny_checkpoint, options)
    assert styled.info.adapters == ("style:0.5",)
    assert render(styled, ONE)[0].tobytes() != render(renderer, ONE)[0].tobytes()


def test_attention_is_named_and_an_unknown_backend_is_refused(tiny_checkpoint, renderer):
    assert renderer.info.attention == "native"
    with pytest.raises(AttentionBackendError, match="native"):
        Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", attention="flesh"))


def test_separate_files_draw_the_same_picture(tiny_checkpoint, renderer):
    source = parse_source(
        f"{tiny_checkpoint},vae={tiny_checkpoint}/vae/diffusion_pytorch_model.safetensors"
    )
    other = Renderer.load(source, LoadOptions(device="cpu"))
    assert render(other, ONE)[0].tobytes() == render(renderer, ONE)[0].tobytes()


LONG = dataclasses.replace(
    ONE,
    prompt="<character_1>" + "blue, " * 200 + "(the end:1.2)</character_1>",
    negative_prompt="red, " * 300,
    num_inference_steps=1,
)


def result_of(renderer, spec):
    return renderer.render(spec, lambda _step, _total: None, lambda: False)


def test_a_prompt_that_was_cut_is_told_with_its_tokens_also_when_it_was_encoded_before(renderer):
    cache = renderer._model.pipeline.conditioning_cache
    cache.clear()
    hits = cache.hits
    first, again = result_of(renderer, LONG), result_of(renderer, LONG)
    assert cache.hits > hits
    for truncation in (first.truncation, again.truncation):
        tokenizer = renderer._model.pipeline.tokenizer
        plain = LONG.prompt.replace("(the end:1.2)", "the end")
        assert truncation.limit == 512
        assert truncation.tokens == len(tokenizer(f"{SYSTEM_PROMPT} {plain}").input_ids)
        assert truncation.cut.endswith("blue, the end</character_1>")
        assert plain.endswith(truncation.cut)


def test_a_prompt_that_was_read_whole_has_no_truncation_whatever_its_negative_has(renderer):
    spec = dataclasses.replace(LONG, prompt=ONE.prompt)
    assert result_of(renderer, spec).truncation is None


def test_without_gemma_nothing_of_a_prompt_is_cut(tiny_checkpoint):
    clip_only = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", clip_only=True))
    assert result_of(clip_only, LONG).truncation is None


def test_a_renderer_reads_weights_unless_it_was_loaded_without(tiny_checkpoint, renderer):
    weighted = dataclasses.replace(ONE, prompt=ONE.prompt.replace("miku", "(miku:5)"))
    off = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", prompt_weights=False))
    pictures = {
        render(one, spec)[0].tobytes() for one in (renderer, off) for spec in (ONE, weighted)
    }
    assert render(renderer, ONE)[0].tobytes() == render(off, ONE)[0].tobytes()
    assert len(pictures) == 3


def test_a_renderer_encodes_characters_as_it_was_loaded(tiny_checkpoint, renderer):
    two = dataclasses.replace(
        ONE, prompt="".join(f"<character_{k}>{'blue ' * 150}</character_{k}>" for k in (1, 2))
    )
    options = LoadOptions(device="cpu", character_encoding="per_character")
    each = Renderer.load(tiny_checkpoint, options)
    assert result_of(renderer, two).truncation.limit == 512
    # Each has a caption of its own, and both together have more room than one.
    assert result_of(each, two).truncation is None
    assert render(each, two)[0].tobytes() != render(renderer, two)[0].tobytes()
    assert render(each, ONE)[0].tobytes() == render(renderer, ONE)[0].tobytes()
    # The plan counts on the longest caption that this can make.
    assert each.plan.request.picture.tokens == MAX_JOINED_TOKENS
    assert renderer.plan.request.picture.tokens == 512


def test_a_way_to_encode_characters_that_does_not_exist_is_refused(tiny_checkpoint):
    with pytest.raises(RenderInputError, match="whole, per_character"):
        Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", character_encoding="each"))
