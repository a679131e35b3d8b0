"""A finished message of the worker's as the plain data that Redis keeps (`jobs.message_parts`)."""

from collections.abc import Mapping

import discord

from jobs import message_parts
from jobs.message_parts import PlainMessage
from worker.presentation import Content


def to_parts(content: Content) -> dict[str, bytes]:
    """Write a message as named byte strings."""
    embed = None if content.embed is None else dict(content.embed.to_dict())
    return message_parts.to_parts(PlainMessage(content.text, embed, content.files))


def from_parts(parts: Mapping[str, bytes]) -> Content:
    """Read a message back.

    Raises:
        ValueError, KeyError: another version wrote it.
    """
    message = message_parts.from_parts(parts)
    embed = discord.Embed.from_dict(message.embed) if message.embed else None
    return Content(message.text, embed, message.files)
