"""Frames between an RQ job and the renderer."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import BadFrame
from worker.wire import HEADER, MAX_HEADER_BYTES, pack, read_frame, receive_frame

MESSAGES = st.dictionaries(
    st.text(max_size=8).filter(lambda key: key != "payload"),
    st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    max_size=4,
)


async def read(data: bytes) -> tuple[dict[str, object], bytes]:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return await read_frame(reader)


@given(MESSAGES, st.binary(max_size=100))
def test_what_is_packed_is_read_back(message: dict[str, object], payload: bytes) -> None:
    assert asyncio.run(read(pack(message, payload))) == (message, payload)


@given(MESSAGES, st.binary(max_size=100))
def test_both_readers_agree(message: dict[str, object], payload: bytes) -> None:
    left, right = socket.socketpair()
    with left, right:
        left.sendall(pack(message, payload))
        assert receive_frame(right) == (message, payload)


@pytest.mark.parametrize(
    "data",
    [
        HEADER.pack(MAX_HEADER_BYTES + 1),
        HEADER.pack(4) + b"null",
        HEADER.pack(2) + b"{}",
        HEADER.pack(14) + b'{"payload":-1}',
        HEADER.pack(3) + b"\x80\x04.",
        HEADER.pack(24) + b'{"payload":999999999999}',
    ],
)
async def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        await read(data)


async def test_a_cut_frame_is_the_end_of_the_connection() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await read(pack({"type": "done"}, b"12345")[:-1])


def test_a_closed_socket_is_the_end_of_the_connection() -> None:
    left, right = socket.socketpair()
    left.close()
    with right, pytest.raises(ConnectionError):
        receive_frame(right)
