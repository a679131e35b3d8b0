"""The control API: what it shows, what it refuses, and that other sites cannot use it."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from playground.client import ActionRefused, PlaygroundClient
from playground.server import ConfigurationError, PlaygroundServer, ServerOptions
from tests.playground.conftest import CHANNEL, MEMBER, MODERATOR, OTHER_MEMBER, TOKEN, Rest

ROOT = Path(__file__).parents[2]


async def test_the_state_shows_the_guild_and_its_people(client) -> None:
    state = await client.state()
    assert [c["name"] for c in state["channels"]] == ["newbie", "general", "after-dark"]
    assert [c["nsfw"] for c in state["channels"]] == [False, False, True]
    people = {u["id"]: u["moderator"] for u in state["users"] if not u["bot"]}
    assert people == {MEMBER: False, OTHER_MEMBER: False, MODERATOR: True}
    assert state["application"]["online"] is False


async def test_a_generated_member_exists_on_first_use_and_a_stranger_does_not(client) -> None:
    message = await client.post_message("hi", user_id="700000000000000042")
    assert message["author"]["username"] == "member42"
    with pytest.raises(ActionRefused) as refused:
        await client.post_message("hi", user_id="700000000000100000")
    assert refused.value.code == "unknown_user"


async def test_a_moderator_can_be_added(client) -> None:
    user = await client.add_user("Nova", moderator=True)
    users = {u["id"]: u for u in (await client.state(user["id"]))["users"]}
    assert users[user["id"]]["moderator"] is True


async def test_a_members_message_has_discords_limits(client) -> None:
    with pytest.raises(ActionRefused, match="2000 or fewer"):
        await client.post_message("x" * 2001)
    with pytest.raises(ActionRefused):
        await client.post_message("")
    with pytest.raises(ActionRefused) as refused:
        await client.post_message("x", [("big.bin", b"\0" * (10 * 1024 * 1024 + 1))])
    assert refused.value.status == 413
    assert (await client.post_message("x" * 2000))["content"] == "x" * 2000


async def test_a_member_without_permission_cannot_post(client) -> None:
    await client.set_permissions(["SEND_MESSAGES"], target=MEMBER)
    with pytest.raises(ActionRefused) as refused:
        await client.post_message("x", user_id=MEMBER)
    assert refused.value.status == 403
    await client.post_message("x", user_id=OTHER_MEMBER)


@pytest.mark.parametrize("seconds", [-1, "9", None, True])
async def test_the_clock_only_moves_forward(client, seconds) -> None:
    before = (await client.state())["now"]
    with pytest.raises(ActionRefused):
        await client.advance_clock(seconds)
    assert await client.advance_clock(60) >= before + 60


async def test_a_bad_fault_is_refused(client) -> None:
    with pytest.raises(ActionRefused):
        await client.add_fault("GET", "(", 500)
    with pytest.raises(ActionRefused):
        await client.add_fault("GET", ".*", 42)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"Host": "localhost:{port}"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_another_site_cannot_act_or_read(rest: Rest, server, headers, status) -> None:
    port = server.url.rsplit(":", 1)[1]
    sent = {name: value.replace("{port}", port) for name, value in headers.items()}
    body = {"user_id": MEMBER, "channel_id": CHANNEL, "content": "hi"}
    for method, path, more in (
        ("POST", "/playground/messages", {"json": body}),
        ("GET", "/playground/state", {}),
        ("GET", "/playground/requests", {}),
    ):
        url = server.url + path
        async with rest.session.request(method, url, headers=sent, **more) as response:
            assert response.status == status, (method, path)


async def test_another_site_cannot_listen(rest: Rest, server) -> None:
    url = f"{server.url}/playground/events?user_id={MEMBER}"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await rest.session.ws_connect(url, headers={"Origin": "http://evil.example"})
    socket = await rest.session.ws_connect(url, headers={"Origin": server.url})
    await socket.close()


async def test_the_journal_shows_calls_without_the_token(rest: Rest, client) -> None:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json.dumps({"content": "hi"}))
    form.add_field("files[0]", b"abc", filename="a.txt", content_type="text/plain")
    await rest("POST", f"/channels/{CHANNEL}/messages", data=form)
    await rest("GET", "/users/@me", token="hunter2")
    first, second = await client.requests()
    assert first["route"] == "/channels/{channel_id}/messages"
    assert first["body"]["payload_json"] == {"content": "hi"}
    assert first["body"]["files"] == [
        {"name": "files[0]", "filename": "a.txt", "content_type": "text/plain", "size": 3}
    ]
    assert first["response"]["content"] == "hi"
    assert (second["status"], second["n"]) == (401, 2)
    assert "hunter2" not in json.dumps(second)
    assert await client.requests(since=1) == [second]


async def test_waiting_for_a_message_sees_old_and_new_ones(client: PlaygroundClient) -> None:
    await client.post_message("old")
    assert (await client.wait_for_message(lambda m: m["content"] == "old"))["content"] == "old"
    waiting = asyncio.create_task(client.wait_for_message(lambda m: m["content"] == "new"))
    await asyncio.sleep(0)
    await client.post_message("new")
    assert (await asyncio.wait_for(waiting, 20))["content"] == "new"
    with pytest.raises(TimeoutError):
        await client.wait_for_message(lambda m: m["content"] == "never", timeout=0.1)


async def test_the_page_is_served_and_nothing_beside_it(rest: Rest, server) -> None:
    async with rest.session.get(f"{server.url}/") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-cache"
    async with rest.session.get(f"{server.url}/static/js/main.js") as response:
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static/none.js"):
        async with rest.session.get(server.url + path) as response:
            assert response.status == 404, path


def test_a_server_for_other_machines_must_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        PlaygroundServer(ServerOptions(tmp_path, "t", host="0.0.0.0"))
    PlaygroundServer(ServerOptions(tmp_path, "t", host="0.0.0.0", allow_remote=True))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_where_it_listens_and_ends_cleanly(tmp_path: Path, number) -> None:
    command = [sys.executable, "-m", "playground", "--port", "0", "--data-dir", str(tmp_path)]
    command += ["--token", "hunter2", "--application-id", "123456789"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = json.loads(process.stdout.readline())
    assert line["event"] == "listening"
    assert line["url"].startswith("http://127.0.0.1:")
    assert line["application_id"] == "123456789"
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "hunter2" not in out + err + json.dumps(line)


async def test_the_process_ends_soon_with_clients_that_do_not_listen(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "playground", "--port", "0", "--data-dir", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(
        *command, "--token", TOKEN, cwd=ROOT, stdout=-1, stderr=subprocess.DEVNULL
    )
    url = json.loads(await process.stdout.readline())["url"]
    async with aiohttp.ClientSession() as session:
        await session.ws_connect(f"{url}/playground/events?user_id={MEMBER}")
        bot = await session.ws_connect(f"{url}/gateway/")
        await bot.send_json({"op": 2, "d": {"token": TOKEN, "intents": 0, "properties": {}}})
        await bot.receive()
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 8) == 0
