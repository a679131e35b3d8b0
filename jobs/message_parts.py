"""A message as plain bytes, so that Redis can keep it until it is posted.

The worker makes it, and whoever comes next posts it: the worker, or the bot for `/newbie-fetch`.
`message` holds text and embed as JSON, `file:{number}:{name}` each file as it is. Nothing
executable crosses Redis, and nothing of Discord's library is needed to read it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MESSAGE = "message"
FILE = "file"


@dataclass(frozen=True)
class PlainMessage:
    """One message: text, an embed as Discord's API describes it, and files as (name, bytes)."""

    text: str
    embed: dict[str, Any] | None = None
    files: tuple[tuple[str, bytes], ...] = ()


def to_parts(message: PlainMessage) -> dict[str, bytes]:
    """Write a message as named byte strings."""
    words = {"text": message.text, "embed": message.embed}
    parts = {MESSAGE: json.dumps(words).encode()}
    for number, (name, data) in enumerate(message.files):
        parts[f"{FILE}:{number}:{name}"] = data
    return parts


def from_parts(parts: Mapping[str, bytes]) -> PlainMessage:
    """Read a message back.

    Raises:
        ValueError, KeyError: another version wrote it.
    """
    message = json.loads(parts[MESSAGE])
    files = sorted(_file(key, data) for key, data in parts.items() if key != MESSAGE)
    return PlainMessage(
        message["text"], message["embed"], tuple((name, data) for _, name, data in files)
    )


def _file(key: str, data: bytes) -> tuple[int, str, bytes]:
    _, number, name = key.split(":", 2)
    return int(number), name, data
