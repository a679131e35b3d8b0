"""The tiny checkpoint: complete, small, the same for the same seed; its pictures have colour."""

import json

import numpy as np
import pytest

from newbie_pipeline.render import RenderSpec
from newbie_pipeline.tiny import make_tiny

TEXTS = ["1girl, blue_hair", "初音ミク 蓝色头发", "a\n\tb  c", "🎨 & <3", "\\(x\\) (tag:1.2) {y}"]


def files(directory):
    return {p.relative_to(directory).as_posix(): p for p in directory.rglob("*") if p.is_file()}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tiny_checkpoint, tmp_path):
    make_tiny(tmp_path / "same")
    make_tiny(tmp_path / "other", seed=1)
    first, same = files(tiny_checkpoint), files(tmp_path / "same")
    other = files(tmp_path / "other")
    assert set(first) == set(same) == set(other)
    for name, path in first.items():
        assert path.read_bytes() == same[name].read_bytes(), name
        is_weights = name.endswith(".safetensors")
        assert (path.read_bytes() != other[name].read_bytes()) == is_weights, name


def test_it_is_below_ten_megabytes(tiny_checkpoint):
    assert sum(path.stat().st_size for path in files(tiny_checkpoint).values()) < 10_000_000


def test_it_has_the_files_of_the_official_layout(tiny_checkpoint):
    assert set(files(tiny_checkpoint)) == {
        "model_index.json",
        "transformer/config.json",
        "transformer/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "text_encoder/tokenizer.json",
        "text_encoder/tokenizer_config.json",
        "clip_model/config.json",
        "clip_model/model.safetensors",
        "clip_model/tokenizer.json",
        "clip_model/tokenizer_config.json",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
    }
    config = json.loads((tiny_checkpoint / "transformer" / "config.json").read_text())
    assert config["_class_name"] == "NextDiT_3B_GQA_patch2_Adaln_Refiner_WHIT_CLIP"


@pytest.mark.parametrize("text", TEXTS)
def test_gemmas_tokenizer_keeps_every_text_whole(pipe, text):
    ids = pipe.tokenizer(text).input_ids
    assert ids[0] == 2
    assert 3 not in ids  # nothing is unknown
    assert pipe.tokenizer.decode(ids, skip_special_tokens=True) == text


@pytest.mark.parametrize("text", TEXTS)
def test_jinas_tokenizer_knows_every_text(pipe, text):
    ids = pipe.tokenizer_2(text).input_ids
    assert (ids[0], ids[-1]) == (0, 2)
    assert 3 not in ids
    assert len(ids) > 2


def test_a_long_prompt_of_the_language_fits(pipe):
    character = "<character_1> <n>miku</n> <appearance>blue_hair, long_hair</appearance>"
    assert len(pipe.tokenizer(character * 8).input_ids) < 512 - 60


def test_a_one_megapixel_picture_has_colour_and_differs_by_seed_and_prompt(renderer):
    def picture(prompt, seed):
        spec = RenderSpec(prompt, "", 1024, 1024, 4, 4.5, (seed,))
        (image,) = renderer.render(spec, lambda *_: None, lambda: False).images
        return np.asarray(image, dtype=np.float64)

    base = picture("1girl, blue_hair", 1)
    assert base.shape == (1024, 1024, 3)
    assert base.std(axis=(0, 1)).min() > 20  # every channel varies
    assert np.abs(base - base.mean(axis=2, keepdims=True)).mean() > 10  # and not as one grey
    assert np.abs(base - picture("1girl, blue_hair", 2)).mean() > 10
    assert np.abs(base - picture("a red forest at night", 1)).mean() > 5
