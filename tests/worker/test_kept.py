"""A finished message becomes plain bytes and is the same when it comes back."""

import discord
import pytest

from tests.worker.conftest import job, rendered
from worker import presentation
from worker.kept import from_parts, to_parts
from worker.presentation import Content


def test_a_message_with_pictures_comes_back_as_it_was() -> None:
    embed = discord.Embed(title="Two", colour=0x5B8DEF)
    embed.add_field(name="Seed", value="7\n8", inline=True).set_image(url="attachment://a:b.png")
    names = [f"newbie-{number}.png" for number in range(11)] + ["a:b.png"]
    files = tuple((name, name.encode() * 3) for name in names)
    content = Content("<@1> ミク", embed, files)
    again = from_parts(to_parts(content))
    assert (again.text, again.files) == (content.text, content.files)
    assert again.embed
    assert again.embed.to_dict() == embed.to_dict()


def test_a_message_of_text_alone_comes_back_as_it_was() -> None:
    assert from_parts(to_parts(Content("text"))) == Content("text")


def test_spoilers_are_still_spoilers_and_no_embed_shows_them() -> None:
    one = presentation.pictures(job(), rendered(), "0", as_spoilers=True)
    again = from_parts(to_parts(one))
    assert [name for name, _ in again.files] == ["SPOILER_newbie-1001-3.png"]
    assert again.embed
    assert again.embed.image.url is None


@pytest.mark.parametrize("parts", [{}, {"message": b"no json"}, {"message": b'{"text": "x"}'}])
def test_what_another_version_wrote_is_an_error(parts: dict[str, bytes]) -> None:
    with pytest.raises((ValueError, KeyError)):
        from_parts(parts)
