"""A render that begins with help for its prompt: what is drawn is what came of it."""

import dataclasses

import pytest
import torch

from newbie_pipeline.checkpoints.components import load_language_head
from newbie_pipeline.checkpoints.layouts import find_checkpoint
from newbie_pipeline.errors import RenderCancelled
from newbie_pipeline.memory.activations import Picture
from newbie_pipeline.memory.budget import GIB, Budget
from newbie_pipeline.memory.lessons import PlanKeeper
from newbie_pipeline.memory.plan import PlanRequest
from newbie_pipeline.memory.planned_model import PlannedModel
from newbie_pipeline.memory.reading import checkpoint_sizes
from newbie_pipeline.memory.sizes import Precision
from newbie_pipeline.models.gemma_language import LanguageHead
from newbie_pipeline.prompt.assist import AssistMode, AssistNote
from newbie_pipeline.prompt.parse import parse
from newbie_pipeline.render import LoadOptions, Renderer, RendererInfo, RenderSpec

PROMPT = "<character_1>\n  <n>miku</n>\n</character_1>"
PAIR = f"{PROMPT}<character_2><n>rin</n></character_2>"
SPEC = RenderSpec(PROMPT, "", 128, 192, 2, 1.0, (5, 6), AssistMode.COMPLETE)
# Few fields, quickly written.
SHORT = dataclasses.replace(SPEC, prompt=PAIR, assist=AssistMode.INTERACTION)
CPU = torch.device("cpu")


def render(renderer, spec=SPEC, on_step=lambda *_: None, cancelled=lambda: False):
    return renderer.render(spec, on_step, cancelled)


def test_the_picture_is_the_one_of_the_assisted_prompt(renderer):
    result = render(renderer)
    assert result.assisted.additions
    assert parse(result.assisted.prompt).characters[0].name.text == "miku"
    plain = dataclasses.replace(SPEC, prompt=result.assisted.prompt, assist=AssistMode.OFF)
    drawn = render(renderer, plain)
    assert drawn.assisted is None
    for ours, theirs in zip(result.images, drawn.images, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_a_reroll_of_the_prompt_in_the_recipe_skips_the_text_stage(renderer):
    drawn = render(renderer, SHORT)
    pipeline = renderer._model.pipeline
    cache, hits = pipeline.conditioning_cache, pipeline.conditioning_cache.hits
    again = dataclasses.replace(
        SHORT, prompt=drawn.assisted.prompt, assist=AssistMode.OFF, seeds=(99,)
    )
    calls = []
    handles = [
        getattr(pipeline, name).register_forward_pre_hook(lambda *_: calls.append(1))
        for name in ("text_encoder", "text_encoder_2")
    ]
    try:
        rerolled = render(renderer, again)
    finally:
        for handle in handles:
            handle.remove()
    assert calls == []
    assert cache.hits > hits
    assert rerolled.images[0].tobytes() != drawn.images[0].tobytes()


def test_the_first_seed_decides_what_is_written(renderer):
    first = render(renderer, SHORT).assisted
    assert render(renderer, dataclasses.replace(SHORT, seeds=(5,))).assisted == first
    others = (dataclasses.replace(SHORT, seeds=(seed, 5)) for seed in range(6, 26))
    assert any(renderer._assist(other, lambda: False) != first for other in others)


def test_cancelling_while_it_writes_leaves_the_renderer_usable(renderer):
    looks = []

    def cancelled():
        looks.append(1)
        return len(looks) > 10

    steps = []
    with pytest.raises(RenderCancelled):
        render(renderer, SPEC, lambda *step: steps.append(step), cancelled)
    assert steps == []
    assert render(renderer, SHORT).assisted.additions


@pytest.mark.parametrize(
    "options", [LoadOptions(device="cpu", assist=False), LoadOptions(device="cpu", clip_only=True)]
)
def test_without_gemmas_last_layer_the_prompt_is_drawn_as_written(tiny_checkpoint, options):
    result = render(Renderer.load(tiny_checkpoint, options))
    assert result.assisted.note is AssistNote.UNAVAILABLE
    assert result.assisted.prompt == PROMPT
    assert len(result.images) == 2


def test_a_checkpoint_that_the_pipeline_has_saved_cannot_write(pipe, tmp_path):
    pipe.save_pretrained(tmp_path / "saved")
    renderer = Renderer.load(tmp_path / "saved", LoadOptions(device="cpu"))
    assert render(renderer).assisted.note is AssistNote.UNAVAILABLE


def test_limits_come_with_the_options(tiny_checkpoint):
    renderer = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", assist_tokens=0))
    assert render(renderer).assisted.note is AssistNote.TIMED_OUT
    renderer = Renderer.load(tiny_checkpoint, LoadOptions(device="cpu", assist_seconds=0.0))
    assert render(renderer).assisted.note is AssistNote.TIMED_OUT


@pytest.fixture(scope="module")
def falling(tiny_checkpoint) -> Renderer:
    """One that computes on the CPU and plans as for a card, so that there are plans to fall to."""
    request = PlanRequest(Picture(128, 192), Precision.FLOAT32, writes_prompts=True)
    sizes = checkpoint_sizes(tiny_checkpoint)
    keeper = PlanKeeper(sizes, request, Budget(80 * GIB, 80 * GIB))
    model = PlannedModel(tiny_checkpoint, torch.float32, CPU, keeper, lambda _pipeline: None)
    model.pipeline.set_progress_bar_config(disable=True)
    return Renderer(model, RendererInfo("tiny", "0", "cpu", "float32", "native", "euler", ()))


@pytest.mark.parametrize(("component", "runs"), [("transformer", 1), ("text_encoder", 2)])
def test_when_memory_runs_out_only_what_was_not_written_yet_is_written_again(
    falling, monkeypatch, component, runs
):
    expected = render(falling, SHORT)
    model, writers, faults = falling._model, [], [1]
    model.pipeline.conditioning_cache.clear()
    original = falling._writer
    monkeypatch.setattr(falling, "_writer", lambda: (writers.append(1), original())[1])

    def run_out(*_):
        if faults:
            faults.clear()
            raise torch.OutOfMemoryError("CUDA out of memory. (injected)")

    rank = falling.plan.rank
    handle = getattr(model.pipeline, component).register_forward_pre_hook(run_out)
    try:
        found = render(falling, SHORT)
    finally:
        handle.remove()
    assert falling.plan.rank > rank
    assert found.assisted == expected.assisted
    assert len(writers) == runs


def test_a_renderer_loads_the_head_that_the_checkpoint_has(renderer, tiny_checkpoint):
    component = find_checkpoint(tiny_checkpoint).text_encoder
    expected = load_language_head(component, torch.float32, CPU)
    found = renderer._model.language_head
    assert isinstance(found, LanguageHead)
    assert found.weight is None
    for name, value in expected.last_layer.state_dict().items():
        assert torch.equal(found.last_layer.state_dict()[name], value)
