"""A message with smaller files says the same of them."""

import dataclasses

import pytest
from PIL import Image

from tests.worker.conftest import job, rendered
from worker import presentation
from worker.client import Picture
from worker.presentation import Content
from worker.shrinking import smaller_contents


def content(*, as_spoilers: bool) -> Content:
    noise = Image.effect_noise((64, 64), 40).convert("RGB")
    drawn = rendered(pictures=(Picture(64, 64, noise.tobytes()),))
    return presentation.pictures(job(), drawn, "0", as_spoilers=as_spoilers)


@pytest.mark.parametrize("as_spoilers", [True, False])
def test_a_smaller_spoiler_is_a_spoiler_and_an_open_picture_is_shown(as_spoilers: bool) -> None:
    whole = content(as_spoilers=as_spoilers)
    smaller = list(smaller_contents(whole))
    assert smaller
    name = "SPOILER_newbie-1001-3.webp" if as_spoilers else "newbie-1001-3.webp"
    for each in smaller:
        assert [found for found, _ in each.files] == [name]
        assert each.embed
        assert each.embed.image.url == (None if as_spoilers else f"attachment://{name}")
        assert dataclasses.replace(each, embed=None, files=()) == Content(whole.text)
