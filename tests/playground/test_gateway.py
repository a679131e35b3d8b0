"""The gateway's own rules, frame by frame."""

import asyncio
import json
import zlib
from pathlib import Path

import aiohttp
import pytest

from playground.client import ActionRefused, PlaygroundClient
from playground.gateway.session import REPLAY, Session
from playground.server import PlaygroundServer, ServerOptions
from tests.playground.conftest import APPLICATION, GUILD, MEMBER, TOKEN, Rest, raw_gateway

GUILDS, GUILD_MESSAGES, CONTENT = 1, 1 << 9, 1 << 15


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as opened:
        yield opened


def identify(intents: int = GUILDS, token: str = TOKEN, **more: object) -> dict:
    return {"op": 2, "d": {"token": token, "intents": intents, "properties": {}, **more}}


async def next_event(socket: aiohttp.ClientWebSocketResponse, name: str) -> dict:
    """The next dispatch of this name."""
    async with asyncio.timeout(20):
        while True:
            frame = await socket.receive_json()
            if frame["t"] == name:
                return frame


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code with which the server ends the connection."""
    async with asyncio.timeout(20):
        async for _ in socket:
            pass
    return socket.close_code


async def test_hello_comes_first_then_ready_then_the_guild(session, server) -> None:
    async with raw_gateway(session, server.url) as socket:
        hello = await socket.receive_json()
        assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, 41250)
        await socket.send_json({"op": 1, "d": None})
        assert (await socket.receive_json())["op"] == 11
        await socket.send_json(identify())
        ready = await socket.receive_json()
        assert (ready["t"], ready["s"]) == ("READY", 1)
        assert ready["d"]["application"]["id"] == APPLICATION
        guild = await socket.receive_json()
        assert (guild["t"], guild["d"]["id"]) == ("GUILD_CREATE", GUILD)
        names = [(c["name"], c["nsfw"]) for c in guild["d"]["channels"]]
        assert names == [("newbie", False), ("general", False), ("after-dark", True)]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (identify(token="wrong"), 4004),
        (identify(intents=CONTENT), 4014),
        (identify(intents=-1), 4013),
        (identify(shard=[1, 2]), 4010),
        ({"op": 77}, 4001),
        ({"op": 3, "d": {}}, 4003),
        ({"no": "op"}, 4002),
        ({"op": 1, "d": "x" * 5000}, 4002),
    ],
)
async def test_a_wrong_frame_closes_with_its_code(session, server, frame, code) -> None:
    async with raw_gateway(session, server.url) as socket:
        await socket.receive_json()
        await socket.send_json(frame)
        assert await close_code(socket) == code


async def test_identifying_twice_closes(session, server) -> None:
    async with raw_gateway(session, server.url) as socket:
        await socket.send_json(identify())
        await socket.send_json(identify())
        assert await close_code(socket) == 4005


async def test_text_that_is_no_json_closes(session, server) -> None:
    async with raw_gateway(session, server.url) as socket:
        await socket.send_str("{")
        assert await close_code(socket) == 4002


@pytest.mark.parametrize(("query", "code"), [({"v": "9"}, 4012), ({"encoding": "etf"}, 4002)])
async def test_other_versions_and_encodings_are_refused(session, server, query, code) -> None:
    async with raw_gateway(session, server.url, **query) as socket:
        assert await close_code(socket) == code


async def test_more_than_120_frames_a_minute_close(session, server) -> None:
    async with raw_gateway(session, server.url) as socket:
        for _ in range(121):
            await socket.send_json({"op": 1, "d": None})
        assert await close_code(socket) == 4008


async def test_a_silent_bot_is_a_zombie_and_a_beating_one_is_not(session, tmp_path: Path) -> None:
    options = ServerOptions(tmp_path, TOKEN, heartbeat_interval=1.0)
    async with PlaygroundServer(options) as server:
        async with raw_gateway(session, server.url) as silent:
            await silent.send_json(identify())
            assert await close_code(silent) == 4009
        async with raw_gateway(session, server.url) as beating:
            await beating.send_json(identify())
            for _ in range(10):
                await beating.send_json({"op": 1, "d": None})
                await asyncio.sleep(0.2)
            await beating.send_json({"op": 1, "d": None})
            frames = [(await beating.receive_json(timeout=20))["op"] for _ in range(14)]
            assert frames.count(11) == 11


async def test_zlib_stream_carries_the_same_frames(session, server) -> None:
    async with raw_gateway(session, server.url, compress="zlib-stream") as socket:
        stream = zlib.decompressobj()
        names = []
        await socket.send_json(identify())
        for _ in range(3):
            data = await socket.receive_bytes()
            assert data.endswith(b"\x00\x00\xff\xff")
            names.append(json.loads(stream.decompress(data))["t"])
        assert names == [None, "READY", "GUILD_CREATE"]


async def test_zstd_stream_is_spoken_where_python_has_it(session, server) -> None:
    # discord.py asks for it wherever this package or Python 3.14's own module is there.
    zstandard = pytest.importorskip("zstandard")
    async with raw_gateway(session, server.url, compress="zstd-stream") as socket:
        stream = zstandard.ZstdDecompressor().decompressobj()
        await socket.send_json(identify())
        frames = [stream.decompress(await socket.receive_bytes()) for _ in range(3)]
        assert [json.loads(f)["t"] for f in frames] == [None, "READY", "GUILD_CREATE"]


async def test_a_compression_nobody_has_is_refused(session, server) -> None:
    async with raw_gateway(session, server.url, compress="lzma-stream") as socket:
        assert await close_code(socket) == 4002


async def connect(socket: aiohttp.ClientWebSocketResponse, intents: int) -> dict:
    """Identify and return the READY data."""
    await socket.send_json(identify(intents))
    return (await next_event(socket, "READY"))["d"]


async def test_intents_decide_what_is_heard(session, server, client: PlaygroundClient) -> None:
    async with (
        raw_gateway(session, server.url) as deaf,
        raw_gateway(session, server.url) as hearing,
    ):
        await connect(deaf, 0)
        await connect(hearing, GUILDS | GUILD_MESSAGES)
        posted = await client.post_message("secret words", [("a.txt", b"x")])
        heard = (await next_event(hearing, "MESSAGE_CREATE"))["d"]
        assert heard["id"] == posted["id"]
        assert (heard["content"], heard["attachments"]) == ("", [])
        assert heard["guild_id"] == GUILD
        assert heard["member"]["roles"] == []
        await client.delete_message(posted["id"])
        assert (await next_event(hearing, "MESSAGE_DELETE"))["d"]["id"] == posted["id"]
        await deaf.send_json({"op": 1, "d": None})
        assert (await deaf.receive_json())["op"] == 11


async def test_ephemeral_messages_do_not_travel_over_the_gateway(
    session, server, client, rest: Rest
) -> None:
    command = {"name": "draw", "description": "x"}
    await rest("POST", f"/applications/{APPLICATION}/commands", command)
    async with raw_gateway(session, server.url) as socket:
        await connect(socket, GUILD_MESSAGES)
        await client.command("draw")
        asked = (await next_event(socket, "INTERACTION_CREATE"))["d"]
        callback = f"/interactions/{asked['id']}/{asked['token']}/callback"
        await rest("POST", callback, {"type": 4, "data": {"content": "hush", "flags": 64}})
        hook = f"/webhooks/{APPLICATION}/{asked['token']}"
        await rest("POST", hook, {"content": "still hush", "flags": 64})
        await rest("POST", hook, {"content": "loud"})
        assert (await next_event(socket, "MESSAGE_CREATE"))["d"]["content"] == "loud"


async def test_the_content_intent_shows_words_where_the_application_has_it(
    session, tmp_path: Path
) -> None:
    options = ServerOptions(tmp_path, TOKEN, privileged_intents=True)
    async with (
        PlaygroundServer(options) as server,
        PlaygroundClient(server.url) as client,
        raw_gateway(session, server.url) as plain,
        raw_gateway(session, server.url) as reading,
    ):
        await connect(plain, GUILD_MESSAGES)
        await connect(reading, GUILD_MESSAGES | CONTENT)
        await client.post_message("words")
        assert (await next_event(plain, "MESSAGE_CREATE"))["d"]["content"] == ""
        assert (await next_event(reading, "MESSAGE_CREATE"))["d"]["content"] == "words"


async def test_resume_replays_exactly_what_was_missed(session, server, client) -> None:
    async with raw_gateway(session, server.url) as socket:
        ready = await connect(socket, GUILD_MESSAGES)
        await client.post_message("one")
        seen = await next_event(socket, "MESSAGE_CREATE")
    missed = [(await client.post_message(text))["id"] for text in ("two", "three")]
    resume = {"token": TOKEN, "session_id": ready["session_id"], "seq": seen["s"]}
    async with raw_gateway(session, server.url) as socket:
        await socket.receive_json()
        await socket.send_json({"op": 6, "d": resume})
        frames = [await socket.receive_json() for _ in range(3)]
        assert [f["t"] for f in frames] == ["MESSAGE_CREATE", "MESSAGE_CREATE", "RESUMED"]
        assert [f["d"]["id"] for f in frames[:2]] == missed
        assert [f["s"] for f in frames] == [seen["s"] + 1, seen["s"] + 2, seen["s"] + 3]


async def test_an_unknown_session_is_invalid(session, server) -> None:
    async with raw_gateway(session, server.url) as socket:
        await socket.receive_json()
        resume = {"token": TOKEN, "session_id": "nothing", "seq": 1}
        await socket.send_json({"op": 6, "d": resume})
        assert await socket.receive_json() == {"op": 9, "d": False, "t": None, "s": None}
        await socket.send_json(identify())
        assert (await socket.receive_json())["t"] == "READY"


async def test_a_sequence_from_the_future_closes(session, server) -> None:
    async with raw_gateway(session, server.url) as socket:
        ready = await connect(socket, GUILDS)
    async with raw_gateway(session, server.url) as socket:
        resume = {"token": TOKEN, "session_id": ready["session_id"], "seq": 999}
        await socket.send_json({"op": 6, "d": resume})
        assert await close_code(socket) == 4007


async def test_members_are_sent_when_asked_for_by_id(session, server) -> None:
    async with raw_gateway(session, server.url) as socket:
        await connect(socket, GUILDS)
        asked = {"guild_id": GUILD, "user_ids": [MEMBER, "1"], "limit": 0, "nonce": "n"}
        await socket.send_json({"op": 8, "d": asked})
        chunk = (await next_event(socket, "GUILD_MEMBERS_CHUNK"))["d"]
        assert [m["user"]["id"] for m in chunk["members"]] == [MEMBER]
        assert (chunk["not_found"], chunk["nonce"]) == (["1"], "n")


async def test_a_denied_channel_changes_and_falls_silent(session, server, client) -> None:
    async with raw_gateway(session, server.url) as socket:
        await connect(socket, GUILDS | GUILD_MESSAGES)
        await client.set_permissions(["VIEW_CHANNEL"])
        changed = (await next_event(socket, "CHANNEL_UPDATE"))["d"]
        assert changed["permission_overwrites"][0]["deny"] == str(1 << 10)
        await client.post_message("unheard")
        await client.set_permissions([])
        frame = await socket.receive_json()
        assert frame["t"] == "CHANNEL_UPDATE"


async def test_a_channel_comes_and_goes(session, server, client, rest) -> None:
    async with raw_gateway(session, server.url) as socket:
        await connect(socket, GUILDS)
        channel = await client.add_channel("sketches")
        assert (await next_event(socket, "CHANNEL_CREATE"))["d"]["id"] == channel
        await client.post_message("soon gone", channel_id=channel)
        assert (await rest("GET", f"/channels/{channel}"))[0] == 200
        await client.delete_channel(channel)
        assert (await next_event(socket, "CHANNEL_DELETE"))["d"]["name"] == "sketches"
    status, body, _ = await rest("POST", f"/channels/{channel}/messages", {"content": "x"})
    assert (status, body["code"]) == (404, 10003)
    assert "sketches" not in [c["name"] for c in (await client.state())["channels"]]


async def test_the_channels_that_are_deleted_are_the_guilds(client) -> None:
    with pytest.raises(ActionRefused):
        await client.delete_channel("600000000000000099")
    with pytest.raises(ActionRefused):
        await client.add_channel(" ")


def test_a_session_replays_what_it_keeps_and_nothing_older() -> None:
    session = Session("s", GUILDS)
    for number in range(REPLAY + 5):
        session.dispatch("TEST", number)
    assert not session.can_replay(4)
    assert session.can_replay(5)
    assert len(session.replay(5)) == REPLAY
    assert session.can_replay(session.sequence) and session.replay(session.sequence) == []
