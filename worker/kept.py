"""A finished message as plain bytes, so that Redis can keep it until it is posted.

`message` holds text and embed as JSON, `file:{number}:{name}` each file as it is. Nothing
executable crosses Redis.
"""

import json
from collections.abc import Mapping

import discord

from worker.presentation import Content

MESSAGE = "message"
FILE = "file"


def to_parts(content: Content) -> dict[str, bytes]:
    """Write a message as named byte strings."""
    embed = content.embed.to_dict() if content.embed else None
    parts = {MESSAGE: json.dumps({"text": content.text, "embed": embed}).encode()}
    for number, (name, data) in enumerate(content.files):
        parts[f"{FILE}:{number}:{name}"] = data
    return parts


def from_parts(parts: Mapping[str, bytes]) -> Content:
    """Read a message back.

    Raises:
        ValueError, KeyError: another version wrote it.
    """
    message = json.loads(parts[MESSAGE])
    embed = discord.Embed.from_dict(message["embed"]) if message["embed"] else None
    files = sorted(_file(key, data) for key, data in parts.items() if key != MESSAGE)
    return Content(message["text"], embed, tuple((name, data) for _, name, data in files))


def _file(key: str, data: bytes) -> tuple[int, str, bytes]:
    _, number, name = key.split(":", 2)
    return int(number), name, data
