"""Every layout of one model gives the same weights and the same picture, bit for bit."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import Lumina2Transformer2DModel
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from safetensors.torch import load_file, save_file

from newbie_pipeline.checkpoints.identity import model_hash, model_name
from newbie_pipeline.checkpoints.layouts import component_entries, find_checkpoint, parse_source
from newbie_pipeline.checkpoints.loading import load_pipeline
from newbie_pipeline.errors import CheckpointError

from .converted import DIT, GEMMA, JINA, VAE, copy_config, ldm_vae_weights, lumina_weights, parts

MODELS = ("transformer", "text_encoder", "text_encoder_2", "vae")
TEXT = "<character_1> <n>miku</n> 1girl, blue hair </character_1>"


def load(source, **more):
    return load_pipeline(source, torch.float32, "cpu", **more)


def picture(pipe):
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(3)
    size = {"height": 64, "width": 64, "num_inference_steps": 2}
    return pipe(TEXT, generator=generator, output_type="np", **size).images


# In every checkpoint but a Diffusers conversion, and never applied.
UNUSED = {"norm_final.weight"}


def assert_same_model(own, expected):
    for name in MODELS:
        theirs = getattr(expected, name).state_dict()
        mine = getattr(own, name).state_dict()
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs.keys() - UNUSED), name
    for name in ("tokenizer", "tokenizer_2"):
        assert getattr(own, name)(TEXT).input_ids == getattr(expected, name)(TEXT).input_ids
    assert np.array_equal(picture(own), picture(expected))


@pytest.mark.parametrize(
    ("layout", "found"),
    [
        ("official", "official"),
        ("diffusers", "diffusers"),
        ("models folder", "single files"),
        ("side by side", "single files"),
        ("saved", "saved"),
    ],
)
def test_every_layout_is_told_apart_and_is_the_same_model(layouts, pipe, layout, found):
    assert find_checkpoint(layouts[layout]).layout == found
    assert_same_model(load(layouts[layout]), pipe)


@pytest.mark.parametrize("layout", ["models folder", "side by side"])
def test_a_single_file_finds_the_others_around_it(layouts, pipe, layout):
    (file,) = layouts[layout].rglob(DIT)
    assert_same_model(load(file), pipe)


@pytest.mark.parametrize("inner", ["models", "split_files"])
def test_a_models_folder_is_found_inside_comfyuis(layouts, tmp_path, inner):
    (tmp_path / inner).symlink_to(layouts["models folder"])
    found = find_checkpoint(tmp_path)
    assert found.vae.weights == (tmp_path / inner / "vae" / VAE,)


def test_separate_files_from_anywhere_are_the_same_model(layouts, pipe, tmp_path):
    source = layouts["side by side"]
    names = dict(zip(MODELS, (DIT, GEMMA, JINA, VAE), strict=True))
    named = {}
    for part, name in names.items():
        folder = tmp_path / f"a, {part}"
        folder.mkdir()
        for path in source.glob(f"{Path(name).stem}.*"):
            shutil.copy(path, folder / path.name)
        named[part] = folder / name
    named["tokenizer"] = source / "tokenizer"
    named["tokenizer_2"] = source / "tokenizer_2" / "tokenizer.json"
    text = ",".join(f"{part}={path}" for part, path in named.items())
    assert_same_model(load(text), pipe)
    assert_same_model(load(named), pipe)


def test_a_part_named_by_itself_replaces_that_of_the_folder(layouts, pipe, tmp_path):
    weights = load_file(layouts["side by side"] / VAE)
    weights["decoder.conv_out.bias"] += 1
    save_file(weights, tmp_path / VAE)
    copy_config(layouts["official"], VAE, tmp_path / VAE)
    own = load(f"{layouts['official']},vae={tmp_path / VAE}")
    difference = own.vae.decoder.conv_out.bias - pipe.vae.decoder.conv_out.bias
    assert torch.allclose(difference, torch.ones(3))
    assert torch.equal(own.transformer.norm_final.weight, pipe.transformer.norm_final.weight)
    with_files = load(layouts["official"], files={"vae": tmp_path / VAE})
    assert torch.equal(with_files.vae.decoder.conv_out.bias, own.vae.decoder.conv_out.bias)


def test_one_file_that_holds_everything_is_the_same_model(layouts, pipe, tiny_checkpoint, tmp_path):
    prefixes = {
        DIT: "model.diffusion_model.",
        GEMMA: "text_encoders.gemma3_4b.transformer.",
        JINA: "text_encoders.jina_clip_2.transformer.",
        VAE: "vae.",
    }
    together = {
        prefixes[name] + key: value
        for name, weights in parts(tiny_checkpoint).items()
        for key, value in weights.items()
    }
    save_file(together, tmp_path / "all.safetensors")
    for part in ("tokenizer", "tokenizer_2"):
        shutil.copytree(layouts["side by side"] / part, tmp_path / part)
    checkpoint = find_checkpoint(tmp_path / "all.safetensors")
    assert {c.weights for c in checkpoint.components().values()} == {
        (tmp_path / "all.safetensors",)
    }
    # The tiny VAE's norms have one group, which its weights cannot show.
    own = load(tmp_path / "all.safetensors", components={"vae": pipe.vae})
    assert own.vae is pipe.vae
    for name in ("transformer", "text_encoder", "text_encoder_2"):
        theirs = getattr(pipe, name).state_dict()
        mine = getattr(own, name).state_dict()
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs), name


def test_parts_that_are_given_are_taken_as_they_are(layouts, pipe):
    given = {"text_encoder": None, "transformer": pipe.transformer, "scheduler": pipe.scheduler}
    own = load(layouts["official"], components=given)
    assert own.text_encoder is None
    assert own.transformer is pipe.transformer
    assert own.scheduler is pipe.scheduler


def test_progress_counts_the_bytes_of_each_component_to_the_end(layouts):
    reports = {}
    load(layouts["models folder"], progress=lambda *r: reports.setdefault(r[0], []).append(r[1:]))
    assert tuple(reports) == MODELS
    for steps in reports.values():
        done = [step[0] for step in steps]
        assert done == sorted(done)
        assert done[-1] == steps[-1][1] > 0


@pytest.mark.parametrize("layout", ["official", "diffusers", "models folder", "saved"])
def test_finding_needs_no_torch_and_sizes_are_in_the_headers(layouts, layout):
    code = (
        "import sys\n"
        "from newbie_pipeline.checkpoints.layouts import component_entries, find_checkpoint\n"
        "found = find_checkpoint(sys.argv[1])\n"
        "print(sum(e.length for e in component_entries(found.vae).values()))\n"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)\n"
    )
    command = (sys.executable, "-c", code, str(layouts[layout]))
    root = Path(__file__).parents[3]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    vae = load_file(layouts["official"] / "vae" / "diffusion_pytorch_model.safetensors")
    assert int(done.stdout) == sum(4 * value.numel() for value in vae.values())


def test_the_entries_of_a_component_come_without_prefix_and_tokenizer(layouts):
    found = find_checkpoint(layouts["models folder"])
    assert found.transformer.prefix == "model.diffusion_model."
    assert "cap_embedder.0.weight" in component_entries(found.transformer)


def test_the_names_of_the_test_are_those_of_diffusers(pipe, tiny_checkpoint):
    config = pipe.transformer.config
    weights = lumina_weights(pipe.transformer.state_dict(), 72, 24)
    model = Lumina2Transformer2DModel(
        hidden_size=config.dim,
        num_layers=config.n_layers,
        num_refiner_layers=config.n_refiner_layers,
        num_attention_heads=config.n_heads,
        num_kv_heads=config.n_kv_heads,
        multiple_of=config.multiple_of,
        axes_dim_rope=config.axes_dims,
        cap_feat_dim=config.cap_feat_dim,
    )
    clip = {key for key in weights if key.startswith(("clip_text_pooled_proj", "time_text_embed"))}
    assert len(clip) == 5
    own = {key: tuple(value.shape) for key, value in weights.items() if key not in clip}
    assert own == {key: tuple(value.shape) for key, value in model.state_dict().items()}

    vae = pipe.vae.state_dict()
    blocks = len(pipe.vae.config.block_out_channels)
    back = convert_ldm_vae_checkpoint(ldm_vae_weights(vae, blocks), pipe.vae.config)
    assert back.keys() == vae.keys()
    assert all(torch.equal(back[key], vae[key]) for key in vae)


@pytest.mark.parametrize("nested", [False, True])
def test_the_clip_parts_of_a_conversion_may_lie_below_the_time_embedding(
    layouts, pipe, tmp_path, nested
):
    target = tmp_path / "conversion"
    shutil.copytree(layouts["diffusers"], target)
    path = target / "transformer" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    assert "norm_final.weight" not in weights
    path.unlink()
    if nested:
        clip = ("clip_text_pooled_proj", "time_text_embed")
        weights = {
            f"time_caption_embed.{k}" if k.startswith(clip) else k: v for k, v in weights.items()
        }
    else:
        weights["norm_final.weight"] = pipe.transformer.norm_final.weight
    save_file(weights, path)
    own, theirs = load(target).transformer.state_dict(), pipe.transformer.state_dict()
    for key in theirs.keys() - UNUSED:
        assert torch.equal(own[key], theirs[key])


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("models/newbie", Path("models/newbie")),
        ("/a, b=c/x.safetensors", Path("/a, b=c/x.safetensors")),
        ("vae=a.safetensors", {"vae": Path("a.safetensors")}),
        (
            "transformer=/m/a,b.safetensors, vae = c",
            {"transformer": Path("/m/a,b.safetensors"), "vae": Path("c")},
        ),
        ("/m/newbie,vae=c", {"base": Path("/m/newbie"), "vae": Path("c")}),
        ("base=/m,tokenizer_2=t", {"base": Path("/m"), "tokenizer_2": Path("t")}),
    ],
)
def test_a_source_is_read_from_one_line(text, source):
    assert parse_source(text) == source


@pytest.mark.parametrize("text", ["", "  ", "vea=a", "vae=a,vae=b", "vae=", "vae=a,transformer="])
def test_a_wrong_source_is_refused(text):
    with pytest.raises(CheckpointError):
        parse_source(text)


def test_single_files_are_hashed_by_what_is_loaded_not_by_their_names(layouts, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(layouts["side by side"], folder)
    expected = model_hash(layouts["side by side"])
    (folder / DIT).rename(folder / "my.safetensors")
    (folder / DIT).with_suffix(".config.json").rename(folder / "my.config.json")
    save_file({"another.model": torch.zeros(1)}, folder / "unrelated.safetensors")
    assert model_hash(folder) == model_hash(folder / "my.safetensors") == expected
    named = {"transformer": folder / "my.safetensors"}
    assert model_hash(named) == expected
    assert model_hash(layouts["official"]) != expected
    weights = load_file(folder / VAE)
    weights["decoder.conv_out.bias"] += 1
    (folder / VAE).unlink()
    save_file(weights, folder / VAE)
    assert model_hash(folder) != expected


def test_single_files_are_named_after_the_file(tmp_path):
    path = tmp_path / DIT
    assert model_name(path) == "NewBie-Image-Exp0.1-bf16"
    assert model_name(f"transformer={path},vae=/x/{VAE}") == "NewBie-Image-Exp0.1-bf16"
    assert model_name({"base": tmp_path / "mine", "vae": VAE}) == "mine"
