"""A message with smaller files in place of its pictures, for when Discord finds it too large."""

from collections.abc import Iterator
from dataclasses import replace

import discord

from newbie_pipeline.smaller_files import SUFFIX, smaller_files
from worker.presentation import Content

PICTURE = ".png"


def smaller_contents(content: Content) -> Iterator[Content]:
    """Yield the message with ever smaller pictures; other files and all words stay.

    Encoding takes about a second a picture, so call it beside the event loop.
    """
    pictures = [index for index, (name, _) in enumerate(content.files) if name.endswith(PICTURE)]
    steps = {index: smaller_files(content.files[index][1]) for index in pictures}
    files = list(content.files)
    while steps:
        for index in list(steps):
            name = content.files[index][0].removesuffix(PICTURE) + SUFFIX
            data = next(steps[index], None)
            if data is None:
                del steps[index]
            else:
                files[index] = (name, data)
        if steps:
            embed = _renamed(content.embed)
            yield replace(content, embed=embed, files=tuple(files))


def _renamed(embed: discord.Embed | None) -> discord.Embed | None:
    """Have the embed show the file under its new name."""
    if embed is None or not (embed.image.url or "").startswith("attachment://"):
        return embed
    renamed = embed.copy()
    return renamed.set_image(url=str(embed.image.url).removesuffix(PICTURE) + SUFFIX)
