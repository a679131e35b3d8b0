"""Frames between an RQ job and the renderer, over a Unix socket.

A frame is a 4-byte big-endian length, a JSON object of that length, and `payload` raw bytes
where the object says so. Nothing executable crosses: JSON and pixels only.

| from | `type` | further fields |
|---|---|---|
| renderer | `hello` | sent first: a process that is there answers, a socket alone does not |
| job | `render` | `spec`: the fields of `newbie_pipeline.render.RenderSpec`; payload: |
| | | `worker.rules_frame` |
| renderer | `started` | the render begins; until then it only waits for its turn |
| renderer | `step` | `step`, `total`: over all pictures of the job |
| renderer | `assisted` | before `done`, where help was asked for; payload: `worker.prompt_frames` |
| renderer | `picture` | `width`, `height`, and the payload: RGB, 8 bits, row by row |
| renderer | `held_back` | in a picture's place: the classifier found it adult |
| renderer | `done` | `seconds`, `model`, `model_hash`, `solver`, `adapters`, |
| | | `prompt_weights`, `character_encoding`, `truncation` or null |
| renderer | `error` | `code`: an `OutcomeCode` |

Closing the connection cancels the render.
"""

import asyncio
import json
import socket
import struct
from typing import Any

from worker.errors import BadFrame

HEADER = struct.Struct(">I")
# A prompt has at most 64 KiB, a picture of the largest size 3 MiB.
MAX_HEADER_BYTES = 1 << 20
MAX_PAYLOAD_BYTES = 1 << 28

Message = dict[str, Any]


def pack(message: Message, payload: bytes = b"") -> bytes:
    """Write one frame."""
    header = json.dumps({**message, "payload": len(payload)}).encode()
    return HEADER.pack(len(header)) + header + payload


def _parse(header: bytes) -> tuple[Message, int]:
    try:
        message = json.loads(header)
        size = int(message.pop("payload"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadFrame("not a frame") from error
    if not 0 <= size <= MAX_PAYLOAD_BYTES:
        raise BadFrame(f"payload of {size} bytes")
    return message, size


def _header_size(raw: bytes) -> int:
    size = int(HEADER.unpack(raw)[0])
    if size > MAX_HEADER_BYTES:
        raise BadFrame(f"header of {size} bytes")
    return size


async def read_frame(reader: asyncio.StreamReader) -> tuple[Message, bytes]:
    """Read one frame from a stream.

    Raises:
        asyncio.IncompleteReadError: the connection ended.
        BadFrame: the bytes are not a frame.
    """
    size = _header_size(await reader.readexactly(HEADER.size))
    message, payload = _parse(await reader.readexactly(size))
    return message, await reader.readexactly(payload)


def receive_frame(connection: socket.socket) -> tuple[Message, bytes]:
    """Read one frame from a blocking socket.

    Raises:
        ConnectionError: the connection ended.
        BadFrame: the bytes are not a frame.
    """
    size = _header_size(_receive(connection, HEADER.size))
    message, payload = _parse(_receive(connection, size))
    return message, _receive(connection, payload)


def _receive(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise ConnectionResetError("the other side closed the connection")
        parts += part
    return bytes(parts)
