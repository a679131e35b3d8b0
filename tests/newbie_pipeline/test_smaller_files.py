"""Smaller files of a picture: the recipe goes along, and the first has every pixel."""

from io import BytesIO

import pytest
from PIL import Image

from newbie_pipeline.errors import RecipeError
from newbie_pipeline.recipe import encode_png, read_recipe
from newbie_pipeline.smaller_files import smaller_files
from newbie_pipeline.user_comment import read_user_comment, write_user_comment
from tests.newbie_pipeline.test_recipe import recipe


def drawing() -> Image.Image:
    """A picture with flat parts, edges and grain, as drawings have them."""
    image = Image.linear_gradient("L").resize((320, 192)).convert("RGB")
    grain = Image.effect_noise((160, 192), 25).convert("RGB")
    image.paste(grain, (0, 0))
    return image


def files() -> tuple[bytes, list[bytes]]:
    png = encode_png(drawing(), recipe(width=320, height=192))
    return png, list(smaller_files(png))


def test_each_file_is_smaller_than_the_one_before_and_carries_the_recipe():
    png, smaller = files()
    sizes = [len(png), *map(len, smaller)]
    assert len(smaller) == 3
    assert sizes == sorted(sizes, reverse=True)
    assert [read_recipe(file) for file in smaller] == [read_recipe(png)] * 3


def test_the_first_has_every_pixel_unchanged():
    png, smaller = files()
    first = Image.open(BytesIO(smaller[0]))
    assert first.format == "WEBP"
    assert first.convert("RGB").tobytes() == Image.open(BytesIO(png)).tobytes()


def test_a_very_long_prompt_goes_along():
    long = recipe(prompt="長" * 21845, width=320, height=192)
    assert read_recipe(next(smaller_files(encode_png(drawing(), long)))) == long


def test_what_is_no_picture_of_ours_is_refused():
    foreign = BytesIO()
    drawing().save(foreign, "PNG")
    for data in (foreign.getvalue(), b"not a picture"):
        with pytest.raises(RecipeError):
            list(smaller_files(data))


def test_a_comment_of_another_program_is_no_recipe():
    assert read_user_comment(write_user_comment("初音 🎨")) == "初音 🎨"
    for value in (b"ASCII\0\0\0hello", b"UNICODE\0\xd8", "text", None):
        assert read_user_comment(value) is None
