"""`from_pretrained` takes what `save_pretrained` wrote, the official folder, and parts by name."""

import shutil

import pytest
import torch

from newbie_pipeline.checkpoints.components import load_scheduler
from newbie_pipeline.errors import CheckpointError, RenderInputError
from newbie_pipeline.pipeline import NewbiePipeline
from newbie_pipeline.solvers import make_scheduler

SETTINGS = {"height": 64, "width": 64, "num_inference_steps": 2, "output_type": "pt"}


def draw(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline("miku", generator=torch.Generator("cpu").manual_seed(1), **SETTINGS)[0]


@pytest.fixture(scope="module")
def saved(pipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    pipe.save_pretrained(folder)
    return folder


def test_the_official_folder_draws_what_the_loaded_pipeline_draws(pipe, tiny_checkpoint):
    assert torch.equal(draw(NewbiePipeline.from_pretrained(tiny_checkpoint)), draw(pipe))


@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
def test_the_dtype_is_taken_for_published_and_saved_folders(saved, tiny_checkpoint, name):
    for folder in (tiny_checkpoint, saved):
        loaded = NewbiePipeline.from_pretrained(str(folder), **{name: torch.bfloat16})
        for part in ("transformer", "vae", "text_encoder", "text_encoder_2"):
            assert getattr(loaded, part).dtype == torch.bfloat16


def test_a_saved_pipeline_may_be_of_another_dtype_for_each_part(saved):
    dtypes = {"transformer": torch.bfloat16, "default": torch.float16}
    loaded = NewbiePipeline.from_pretrained(saved, dtype=dtypes)
    assert (loaded.transformer.dtype, loaded.vae.dtype) == (torch.bfloat16, torch.float16)


def test_parts_that_are_given_are_used_as_they_are(pipe, saved, tiny_checkpoint):
    for folder in (tiny_checkpoint, saved):
        given = {"vae": pipe.vae, "scheduler": make_scheduler("unipc")}
        loaded = NewbiePipeline.from_pretrained(folder, **given)
        assert loaded.vae is pipe.vae
        assert loaded.scheduler is given["scheduler"]


@pytest.mark.parametrize("solver", ["heun", "dpmpp_2m", "unipc"])
def test_another_solver_survives_saving_and_loading(pipe, tmp_path, solver):
    others = {name: part for name, part in pipe.components.items() if name != "scheduler"}
    pipeline = NewbiePipeline(**others, scheduler=make_scheduler(solver, 3.0))
    pipeline.save_pretrained(tmp_path)
    loaded = NewbiePipeline.from_pretrained(tmp_path)
    assert type(loaded.scheduler) is type(pipeline.scheduler)
    assert torch.equal(draw(loaded), draw(pipeline))


def test_the_scheduler_of_a_checkpoint_without_one_has_the_official_shift():
    assert load_scheduler(None).config.shift == 6.0


@pytest.mark.parametrize("name", ["no/such/folder", "./nowhere", "nowhere"])
def test_a_path_that_does_not_exist_is_a_clear_error(name):
    with pytest.raises(CheckpointError, match="does not exist"):
        NewbiePipeline.from_pretrained(name)


def test_a_hub_name_that_is_not_in_the_cache_is_a_clear_error_offline(tmp_path):
    with pytest.raises(CheckpointError, match="neither here nor"):
        NewbiePipeline.from_pretrained(
            "someone/something", cache_dir=tmp_path, local_files_only=True
        )


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ({"variant": "fp16"}, "variant is only known to folders"),
        ({"device_map": "balanced"}, "one device"),
        ({"torch_dtype": {"default": torch.float16}}, "one dtype"),
    ],
)
def test_what_only_saved_folders_know_is_refused_for_a_published_one(
    tiny_checkpoint, argument, reason
):
    with pytest.raises(CheckpointError, match=reason):
        NewbiePipeline.from_pretrained(tiny_checkpoint, **argument)


def test_weights_of_a_variant_are_saved_and_loaded(pipe, tmp_path):
    pipe.save_pretrained(tmp_path, variant="fp16")
    loaded = NewbiePipeline.from_pretrained(tmp_path, variant="fp16")
    assert torch.equal(draw(loaded), draw(pipe))


def test_a_hub_name_is_loaded_from_the_cache_in_any_layout(pipe, saved, tiny_checkpoint, tmp_path):
    for number, folder in enumerate((saved, tiny_checkpoint)):
        repository = tmp_path / f"models--someone--model-{number}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("0" * 40)
        (repository / "snapshots").mkdir()
        (repository / "snapshots" / ("0" * 40)).symlink_to(folder, target_is_directory=True)
        loaded = NewbiePipeline.from_pretrained(
            f"someone/model-{number}", cache_dir=tmp_path, local_files_only=True
        )
        assert torch.equal(draw(loaded), draw(pipe))


def test_a_pipeline_without_gemma_is_saved_without_it_and_draws_the_same(
    tiny_checkpoint, saved, tmp_path, caplog
):
    alone = NewbiePipeline.from_pretrained(tiny_checkpoint, text_encoder=None)
    assert alone.tokenizer is None
    expected = draw(alone)
    assert "there is no Gemma" in caplog.text
    alone.save_pretrained(tmp_path)
    written = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert written == {"transformer", "text_encoder_2", "tokenizer_2", "vae", "scheduler"}
    for loaded in (
        NewbiePipeline.from_pretrained(tmp_path),
        NewbiePipeline.from_pretrained(saved, text_encoder=None),
    ):
        assert loaded.text_encoder is None
        assert loaded.tokenizer is None
        assert torch.equal(draw(loaded), expected)


def test_a_saved_folder_whose_gemma_is_gone_says_what_would_do(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "copy")
    for name in ("text_encoder", "tokenizer"):
        shutil.rmtree(folder / name)
    with pytest.raises(CheckpointError, match="it has no text_encoder; text_encoder=None would do"):
        NewbiePipeline.from_pretrained(folder)
    assert NewbiePipeline.from_pretrained(folder, text_encoder=None).text_encoder is None


def test_clip_alone_cannot_encode_for_a_transformer_that_is_not_there(pipe):
    parts = dict.fromkeys(pipe.components) | {
        name: pipe.components[name] for name in ("text_encoder_2", "tokenizer_2", "scheduler")
    }
    with pytest.raises(RenderInputError, match="no text encoders"):
        NewbiePipeline(**parts).encode_prompt("miku")
