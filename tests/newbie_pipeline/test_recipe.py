"""The recipe travels inside the picture and comes back unchanged."""

import subprocess
import sys
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydantic import ValidationError

from newbie_pipeline.errors import RecipeError
from newbie_pipeline.prompt.assist import AssistMode
from newbie_pipeline.recipe import KEYWORD, PROMPT_KEYWORD, Recipe, encode_png, read_recipe

PROMPT = "<character_1>\n<n>初音ミク</n> 蓝色头发 & <3 \\(vocaloid\\) 🎨\n</character_1>"


def recipe(**changes):
    fields = {
        "prompt": PROMPT,
        "negative_prompt": "低品质",
        "seed": 2**53 + 1,
        "width": 6,
        "height": 4,
        "num_inference_steps": 28,
        "guidance_scale": 4.5,
        "model_name": "newbie-tiny",
        "model_hash": "0123456789ab",
        "version": "0.1.0",
    }
    return Recipe(**{**fields, **changes})


def picture():
    return Image.effect_noise((6, 4), 60).convert("RGB")


def test_a_recipe_with_cjk_text_comes_back_from_the_png():
    assert read_recipe(encode_png(picture(), recipe())) == recipe()


def test_a_very_long_prompt_comes_back_too():
    long = recipe(prompt="長" * 21845)  # 64 KiB in UTF-8
    assert read_recipe(encode_png(picture(), long)) == long


def test_both_prompts_and_the_kind_of_help_come_back():
    helped = recipe(written_prompt="1girl", assist="complete")
    read = read_recipe(encode_png(picture(), helped))
    assert read == helped
    assert (read.prompt, read.written_prompt) == (PROMPT, "1girl")
    assert read.assist is AssistMode.COMPLETE


@pytest.mark.parametrize("written", [PROMPT, None])
def test_a_prompt_that_was_drawn_as_written_is_stored_once(written):
    png = encode_png(picture(), recipe(written_prompt=written, assist="complete"))
    assert read_recipe(png).written_prompt is None
    assert b"written_prompt" not in png


def test_a_kind_of_help_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError):
        recipe(assist="improve")


def test_the_recipe_of_an_earlier_version_is_read():
    """The chunk as it was written before prompts could be helped with, word for word."""
    old = (
        '{"prompt":"1girl","negative_prompt":"","seed":3,"width":6,"height":4,'
        '"num_inference_steps":2,"guidance_scale":4.0,"solver":"euler","model_name":"tiny",'
        '"model_hash":"0123456789ab","adapters":["style:0.8"],"version":"0.1.0"}'
    )
    text = PngInfo()
    text.add_itxt(KEYWORD, old)
    output = BytesIO()
    picture().save(output, "PNG", pnginfo=text)
    read = read_recipe(output.getvalue())
    assert (read.prompt, read.written_prompt, read.assist) == ("1girl", None, AssistMode.OFF)
    assert (read.seed, read.adapters) == (3, ("style:0.8",))
    assert (read.prompt_weights, read.character_encoding) == (False, "whole")


def test_the_pixels_come_back_unchanged_from_an_image_and_from_raw_bytes():
    image = picture()
    from_image = encode_png(image, recipe())
    assert from_image == encode_png(image.tobytes(), recipe())
    assert Image.open(BytesIO(from_image)).tobytes() == image.tobytes()


def test_the_chunks_are_utf8_itxt_under_both_keywords():
    png = encode_png(picture(), recipe())
    assert b"iTXt" + KEYWORD.encode() + b"\0" in png
    assert b"iTXt" + PROMPT_KEYWORD.encode() + b"\0" in png
    assert PROMPT.encode() in png


def test_a_recipe_of_another_size_is_refused():
    with pytest.raises(RecipeError, match="size"):
        encode_png(picture(), recipe(width=7))
    with pytest.raises(RecipeError, match="no RGB picture"):
        encode_png(b"123", recipe())


def test_a_recipe_cannot_be_changed_and_knows_no_other_fields():
    with pytest.raises(ValidationError):
        recipe().seed = 3
    with pytest.raises(ValidationError):
        recipe(sampler="euler")


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_outside_the_range_is_refused(seed):
    with pytest.raises(ValidationError):
        recipe(seed=seed)


def plain_png(**text):
    output = BytesIO()
    picture().save(output, "PNG")
    return output.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a readable PNG"),
        (b"\x89PNG\r\n\x1a\n", "not a readable PNG"),
        (b"GIF89a" + bytes(20), "not a readable PNG"),
        (plain_png(), "no recipe"),
        (encode_png(picture(), recipe()).replace(b'"seed"', b'"seem"'), "PNG|damaged"),
    ],
)
def test_what_carries_no_recipe_says_so(data, reason):
    with pytest.raises(RecipeError, match=reason):
        read_recipe(data)


@pytest.mark.parametrize(
    "module",
    ["recipe", "errors", "render", "checkpoints.identity"],
)
def test_importing_it_in_a_fresh_process_loads_no_torch(module):
    program = (
        f"import sys; import newbie_pipeline.{module}; "
        "print([m for m in ('torch', 'diffusers', 'transformers') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
