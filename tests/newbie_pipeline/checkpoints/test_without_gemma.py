"""clip_only needs no file of Gemma, in any layout; who wants Gemma is told that it is missing."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from newbie_cli.__main__ import main
from newbie_pipeline.checkpoints.identity import model_hash
from newbie_pipeline.checkpoints.layouts import find_checkpoint
from newbie_pipeline.checkpoints.loading import load_pipeline
from newbie_pipeline.checkpoints.sources import parse_source
from newbie_pipeline.errors import CheckpointError, MemoryPlanError
from newbie_pipeline.memory.budget import GIB, Budget
from newbie_pipeline.memory.plan import Placement, PlanRequest
from newbie_pipeline.memory.planner import make_plan
from newbie_pipeline.memory.reading import checkpoint_sizes
from newbie_pipeline.memory.sizes import Component
from newbie_pipeline.pipeline import NewbiePipeline
from newbie_pipeline.render import LoadOptions, Renderer, RenderSpec

from .converted import DIT, GEMMA, JINA, VAE

LAYOUTS = ("official", "diffusers", "saved", "models folder", "side by side")
TEXT = "1girl, blue hair"
HINT = "clip_only"
SPEC = RenderSpec(TEXT, "", 64, 64, 2, 4.0, seeds=(3,))
SMALL = ("--size", "64x64", "--steps", "1", "--seed", "7")


def without_gemma(folder: Path, target: Path) -> Path:
    """Copy a checkpoint without Gemma's weights, config and tokenizer."""
    shutil.copytree(folder, target)
    for name in ("text_encoder", "tokenizer"):
        shutil.rmtree(target / name, ignore_errors=True)
    for path in list(target.rglob(f"{Path(GEMMA).stem}*")):
        path.unlink()
    return target


@pytest.fixture(scope="module")
def bare(layouts, tmp_path_factory):
    root = tmp_path_factory.mktemp("bare")
    return {name: without_gemma(layouts[name], root / name / "tiny") for name in LAYOUTS}


@pytest.fixture(scope="module")
def expected(pipe):
    """What the model draws when Gemma was left out by hand."""
    parts = {**pipe.components, "text_encoder": None, "tokenizer": None}
    return draw(NewbiePipeline(**parts))


def draw(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(3)
    settings = {"height": 64, "width": 64, "num_inference_steps": 2, "output_type": "pt"}
    return pipeline(TEXT, generator=generator, **settings).images


def load(source):
    return load_pipeline(source, torch.float32, "cpu", components={"text_encoder": None})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_draws_without_gemma_what_it_draws_with_gemma_left_out(
    layouts, bare, expected, layout
):
    own = load(bare[layout])
    assert own.text_encoder is None
    assert own.tokenizer is None
    assert torch.equal(draw(own), expected)
    assert torch.equal(draw(load(layouts[layout])), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_where_gemma_is_wanted_its_absence_is_named_with_what_would_do(bare, layout):
    with pytest.raises(CheckpointError) as caught:
        load_pipeline(bare[layout], torch.float32, "cpu")
    single = layout in ("models folder", "side by side")
    told = "holds no text_encoder (usually gemma" if single else "it has no text_encoder"
    assert f"{bare[layout]}" in str(caught.value)
    assert told in str(caught.value)
    assert HINT in str(caught.value)


def test_other_missing_parts_are_named_without_that_hint(bare, tmp_path):
    folder = shutil.copytree(bare["official"], tmp_path / "copy")
    shutil.rmtree(folder / "vae")
    with pytest.raises(CheckpointError, match="no text_encoder, vae") as caught:
        load_pipeline(folder, torch.float32, "cpu")
    assert HINT not in str(caught.value)
    with pytest.raises(CheckpointError, match="it has no vae"):
        load(folder)


@pytest.mark.parametrize("layout", ["models folder", "side by side"])
def test_a_single_file_finds_the_others_and_misses_no_gemma(bare, expected, layout):
    (file,) = bare[layout].rglob(DIT)
    assert torch.equal(draw(load(file)), expected)


def test_files_named_one_by_one_need_no_gemma(bare, expected, tmp_path):
    folder = bare["side by side"]
    names = {"transformer": DIT, "text_encoder_2": JINA, "vae": VAE, "tokenizer_2": "tokenizer_2"}
    text = ",".join(f"{part}={folder / name}" for part, name in names.items())
    assert torch.equal(draw(load(text)), expected)
    # What is left out is not even looked at.
    gone = f"{text},text_encoder={tmp_path / 'gone.safetensors'},tokenizer={tmp_path / 'gone'}"
    assert torch.equal(draw(load(gone)), expected)
    with pytest.raises(CheckpointError, match=r"gone\.safetensors is missing; clip_only"):
        load_pipeline(gone, torch.float32, "cpu")


def test_one_file_that_holds_all_but_gemma_is_enough(bare, pipe, tmp_path):
    prefixes = {
        DIT: "model.diffusion_model.",
        JINA: "text_encoders.jina_clip_2.transformer.",
        VAE: "vae.",
    }
    folder = bare["side by side"]
    together = {
        prefix + key: value
        for name, prefix in prefixes.items()
        for key, value in load_file(folder / name).items()
    }
    save_file(together, tmp_path / "all.safetensors")
    shutil.copytree(folder / "tokenizer_2", tmp_path / "tokenizer_2")
    found = find_checkpoint(tmp_path / "all.safetensors", clip_only=True)
    assert found.text_encoder is None
    assert list(found.components()) == ["transformer", "text_encoder_2", "vae"]


def test_without_gemma_two_files_of_it_are_no_riddle(layouts, tmp_path):
    folder = shutil.copytree(layouts["side by side"], tmp_path / "copy")
    shutil.copy(folder / GEMMA, folder / "gemma_again.safetensors")
    with pytest.raises(CheckpointError, match="several files that could be the text_encoder"):
        find_checkpoint(folder)
    assert find_checkpoint(folder, clip_only=True).text_encoder is None


def test_a_folder_of_gemma_without_weights_is_named_with_the_hint(bare, tmp_path):
    folder = shutil.copytree(bare["official"], tmp_path / "copy")
    (folder / "text_encoder").mkdir()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing; clip_only"):
        load_pipeline(folder, torch.float32, "cpu")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing$"):
        load(folder)


def test_a_given_gemma_needs_no_files_of_one(bare, pipe):
    given = {"text_encoder": pipe.text_encoder, "tokenizer": pipe.tokenizer}
    own = load_pipeline(bare["official"], torch.float32, "cpu", components=given)
    assert torch.equal(draw(own), draw(pipe))


@pytest.mark.parametrize("layout", ["official", "side by side"])
def test_the_hash_is_of_what_is_loaded(layouts, bare, layout):
    alone = model_hash(bare[layout], clip_only=True)
    assert model_hash(layouts[layout], clip_only=True) == alone
    assert model_hash(layouts[layout]) != alone


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sizes_are_those_of_the_other_three(layouts, bare, layout):
    sizes = checkpoint_sizes(bare[layout], clip_only=True)
    there = checkpoint_sizes(layouts[layout], clip_only=True)
    assert sizes == replace(there, name=sizes.name)
    full = checkpoint_sizes(layouts[layout])
    assert sizes.components == {
        part: size for part, size in full.components.items() if part is not Component.TEXT_ENCODER
    }


def test_what_was_measured_without_gemma_is_planned_without_it(bare):
    sizes = checkpoint_sizes(bare["official"], clip_only=True)
    plan = make_plan(sizes, PlanRequest(clip_only=True), Budget(8 * GIB))
    assert plan.component(Component.TEXT_ENCODER).placement is Placement.ABSENT
    with pytest.raises(MemoryPlanError, match="clip_only"):
        make_plan(sizes, PlanRequest(), Budget(8 * GIB))


@pytest.mark.parametrize("layout", ["official", "models folder"])
def test_a_renderer_is_loaded_and_draws_without_any_gemma(bare, layout):
    with pytest.raises(CheckpointError, match=HINT):
        Renderer.load(bare[layout], LoadOptions(device="cpu"))
    renderer = Renderer.load(bare[layout], LoadOptions(device="cpu", clip_only=True))
    result = renderer.render(SPEC, lambda *_: None, lambda: False)
    assert result.images[0].size == (64, 64)
    assert renderer.info.model_hash == model_hash(bare[layout], clip_only=True)


@pytest.mark.parametrize("from_worker", [False, True])
def test_the_commands_need_no_gemma(bare, tmp_path, monkeypatch, capsys, from_worker):
    prompt = tmp_path / "prompt.txt"
    prompt.write_text(TEXT)
    render = ("render", str(prompt), "--out", str(tmp_path / "picture.png"), *SMALL)
    source = str(bare["official"])
    if from_worker:
        monkeypatch.setenv("NEWBIE_WORKER_MODEL", source)
        model = ()
    else:
        model = ("--model", source)
    for command in (render, ("plan", "--vram", "8")):
        assert main([*command, *model]) == 1
        assert HINT in capsys.readouterr().err
    if from_worker:
        monkeypatch.setenv("NEWBIE_WORKER_TEXT_ENCODER", "clip_only")
    else:
        model = (*model, "--text-encoder", "clip_only")
    for command in (render, ("plan", "--vram", "8")):
        assert main([*command, *model]) == 0
    assert "Gemma   absent" in capsys.readouterr().out


def test_a_source_may_name_a_gemma_that_is_left_out(bare):
    text = f"{bare['official']},text_encoder=/nowhere/gemma.safetensors"
    assert find_checkpoint(parse_source(text), clip_only=True).layout == "official"
    with pytest.raises(CheckpointError, match="no checkpoint is named, only text_encoder"):
        find_checkpoint("text_encoder=/nowhere/gemma.safetensors", clip_only=True)
