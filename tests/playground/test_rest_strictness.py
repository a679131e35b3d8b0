"""The REST API refuses what Discord refuses, in Discord's words, and takes the rest."""

import asyncio

import aiohttp
import pytest

from playground.attachments import UPLOAD_LIMIT
from playground.client import PlaygroundClient
from tests import openapi
from tests.playground.conftest import APPLICATION, CHANNEL, GUILD, MEMBER, Rest

MESSAGES = f"/channels/{CHANNEL}/messages"
COMMANDS = f"/applications/{APPLICATION}/commands"


@pytest.fixture(autouse=True)
async def every_answer_is_as_described(client: PlaygroundClient):
    """Whatever was asked, the answers must be ones that Discord's description knows."""
    yield
    if openapi.available():
        journal = await client.requests()
        assert [p for entry in journal for p in openapi.validate_response(entry)] == []


def code_at(body: object, *path: str) -> str:
    """The code of the first mistake at a place of a 50035."""
    assert body["code"] == 50035, body
    node = body["errors"]
    for part in path:
        node = node[part]
    return node["_errors"][0]["code"]


def button(custom_id: str = "a", **more: object) -> dict:
    return {"type": 2, "style": 1, "label": "x", "custom_id": custom_id, **more}


def row(*components: dict) -> dict:
    return {"type": 1, "components": list(components)}


# -- who may call, and where


@pytest.mark.parametrize(
    ("token", "status"), [("token-of-the-test-bot", 200), ("wrong", 401), (None, 401)]
)
async def test_the_token_decides(rest: Rest, token, status) -> None:
    answered, body, _ = await rest("GET", "/users/@me", token=token)
    assert answered == status
    if status == 401:
        assert body == {"message": "401: Unauthorized", "code": 0}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, 0),
        ("DELETE", "/users/@me", 405, 0),
        ("GET", "/channels/1", 404, 10003),
        ("GET", f"{MESSAGES}/1", 404, 10008),
        ("GET", "/guilds/1", 404, 10004),
        ("GET", f"/guilds/{GUILD}/members/1", 404, 10007),
        ("GET", "/users/1", 404, 10013),
        ("GET", f"{COMMANDS}/1", 404, 10063),
        ("GET", "/applications/1/commands", 403, 20012),
        ("POST", "/webhooks/1/x", 404, 10015),
        ("POST", f"/webhooks/{APPLICATION}/x", 401, 50027),
        ("POST", "/interactions/1/x/callback", 404, 10062),
    ],
)
async def test_what_does_not_exist_is_refused(rest: Rest, method, path, status, code) -> None:
    answered, body, _ = await rest(method, path, {} if method == "POST" else None)
    assert (answered, body["code"]) == (status, code)


@pytest.mark.parametrize(
    "path",
    [
        "/users/@me",
        "/users/@me/guilds",
        f"/users/{MEMBER}",
        "/applications/@me",
        "/oauth2/applications/@me",
        "/gateway",
        "/gateway/bot",
        f"/guilds/{GUILD}",
        f"/guilds/{GUILD}?with_counts=true",
        f"/guilds/{GUILD}/channels",
        f"/guilds/{GUILD}/roles",
        f"/guilds/{GUILD}/members/{MEMBER}",
        f"/channels/{CHANNEL}",
        MESSAGES,
        COMMANDS,
        f"/applications/{APPLICATION}/guilds/{GUILD}/commands",
    ],
)
async def test_what_exists_is_answered(rest: Rest, path) -> None:
    status, _, response = await rest("GET", path)
    assert status == 200
    assert response.headers["X-RateLimit-Bucket"]


# -- messages


@pytest.mark.parametrize(
    ("body", "where", "code"),
    [
        ({"content": "x" * 2001}, ("content",), "BASE_TYPE_MAX_LENGTH"),
        ({"content": {"a": 1}}, ("content",), "STRING_TYPE_CONVERT"),
        ({"embeds": [{"title": "x" * 257}]}, ("embeds", "0", "title"), "BASE_TYPE_MAX_LENGTH"),
        (
            {"embeds": [{"description": "x" * 4000}] * 2},
            ("embeds",),
            "MAX_EMBED_SIZE_EXCEEDED",
        ),
        ({"embeds": [{"title": "x"}] * 11}, ("embeds",), "BASE_TYPE_MAX_LENGTH"),
        (
            {"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]},
            ("embeds", "0", "fields"),
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            {"embeds": [{"fields": [{"name": "n"}]}]},
            ("embeds", "0", "fields", "0", "value"),
            "BASE_TYPE_REQUIRED",
        ),
        (
            {"embeds": [{"image": {"url": "ftp://x/y.png"}}]},
            ("embeds", "0", "image", "url"),
            "URL_TYPE_INVALID_SCHEME",
        ),
        (
            {"embeds": [{"title": "a", "image": {"url": "attachment://no.png"}}]},
            ("embeds", "0", "image", "url"),
            "ATTACHMENT_NOT_FOUND",
        ),
        (
            {"content": "a", "components": [row(button())] * 6},
            ("components",),
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            {"content": "a", "components": [row(*(button(str(n)) for n in range(6)))]},
            ("components", "0", "components"),
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            {"content": "a", "components": [row(button("same"), button("same"))]},
            ("components", "0", "components", "1", "custom_id"),
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (
            {"content": "a", "components": [row(button("x" * 101))]},
            ("components", "0", "components", "0", "custom_id"),
            "BASE_TYPE_BAD_LENGTH",
        ),
        ({"content": "a", "nonce": "n" * 26}, ("nonce",), "BASE_TYPE_MAX_LENGTH"),
        (
            {"content": "a", "message_reference": {"message_id": "123456"}},
            ("message_reference",),
            "REPLIES_UNKNOWN_MESSAGE",
        ),
        (
            {"content": "a", "allowed_mentions": {"parse": ["users"], "users": [MEMBER]}},
            ("allowed_mentions",),
            "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
    ],
)
async def test_a_malformed_message_is_refused_with_its_place(rest, body, where, code) -> None:
    status, answer, _ = await rest("POST", MESSAGES, body)
    assert status == 400
    assert answer["message"] == "Invalid Form Body"
    assert code_at(answer, *where) == code


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x" * 2000},
        {"embeds": [{"title": "x" * 256, "description": "y" * 4096}]},
        {"embeds": [{"title": "x"}] * 10},
        {"embeds": [{"fields": [{"name": "n", "value": "v"}] * 25}]},
        {
            "content": "a",
            "components": [row(*(button(f"{r}{n}") for n in range(5))) for r in range(5)],
        },
        {"content": "a", "nonce": "n" * 25},
        {
            "content": "a",
            "message_reference": {"message_id": "123456", "fail_if_not_exists": False},
        },
        {"content": "a", "allowed_mentions": {"parse": [], "users": [MEMBER]}},
    ],
)
async def test_a_message_at_the_limit_is_posted(rest, body) -> None:
    status, answer, _ = await rest("POST", MESSAGES, body)
    assert status == 200, answer
    assert isinstance(answer["id"], str)


@pytest.mark.parametrize("body", [{}, {"content": ""}, {"content": "   "}, {"embeds": []}])
async def test_an_empty_message_is_refused(rest, body) -> None:
    status, answer, _ = await rest("POST", MESSAGES, body)
    assert (status, answer["code"]) == (400, 50006)


async def test_broken_json_is_refused(rest: Rest) -> None:
    headers = {"Content-Type": "application/json"}
    status, answer, _ = await rest("POST", MESSAGES, data=b"{", headers=headers)
    assert (status, answer["code"]) == (400, 50109)


async def test_an_own_message_can_be_edited_and_deleted_another_not(rest, client) -> None:
    _, own, _ = await rest("POST", MESSAGES, {"content": "mine"})
    theirs = await client.post_message("theirs")
    status, edited, _ = await rest("PATCH", f"{MESSAGES}/{own['id']}", {"content": "new"})
    assert (status, edited["content"]) == (200, "new")
    status, answer, _ = await rest("PATCH", f"{MESSAGES}/{theirs['id']}", {"content": "new"})
    assert (status, answer["code"]) == (403, 50005)
    status, answer, _ = await rest("DELETE", f"{MESSAGES}/{theirs['id']}")
    assert (status, answer["code"]) == (403, 50013)
    status, _, _ = await rest("DELETE", f"{MESSAGES}/{own['id']}")
    assert status == 204
    assert [m["content"] for m in (await client.state())["messages"]] == ["theirs"]


async def test_messages_are_listed_newest_first_in_pages(rest: Rest, client) -> None:
    ids = [(await client.post_message(str(number)))["id"] for number in range(5)]
    _, page, _ = await rest("GET", f"{MESSAGES}?limit=2")
    assert [m["id"] for m in page] == [ids[4], ids[3]]
    _, page, _ = await rest("GET", f"{MESSAGES}?limit=2&before={ids[3]}")
    assert [m["id"] for m in page] == [ids[2], ids[1]]
    _, page, _ = await rest("GET", f"{MESSAGES}?limit=2&after={ids[0]}")
    assert [m["id"] for m in page] == [ids[2], ids[1]]
    # Without the content intent the words of others are empty here too.
    assert [m["content"] for m in page] == ["", ""]
    status, _, _ = await rest("GET", f"{MESSAGES}?limit=101")
    assert status == 400


async def test_a_reply_does_not_show_the_words_it_answers(rest: Rest, client) -> None:
    theirs = await client.post_message("secret")
    _, own, _ = await rest("POST", MESSAGES, {"content": "open"})
    contents = []
    for answered in (theirs, own):
        body = {"content": "reply", "message_reference": {"message_id": answered["id"]}}
        _, reply, _ = await rest("POST", MESSAGES, body)
        contents.append(reply["referenced_message"]["content"])
    assert contents == ["", "open"]


async def test_a_nonce_posts_once_within_minutes(rest: Rest, client) -> None:
    body = {"content": "a", "nonce": "job-7", "enforce_nonce": True}
    answers = await asyncio.gather(*(rest("POST", MESSAGES, body) for _ in range(3)))
    assert len({answer["id"] for _, answer, _ in answers}) == 1
    assert answers[0][1]["nonce"] == "job-7"
    _, free, _ = await rest("POST", MESSAGES, {"content": "a", "nonce": "job-7"})
    assert free["id"] != answers[0][1]["id"]
    await client.advance_clock(600)
    _, later, _ = await rest("POST", MESSAGES, body)
    assert later["id"] not in (free["id"], answers[0][1]["id"])


# -- permissions


@pytest.mark.parametrize(
    ("denied", "status", "code"),
    [
        ([], 200, None),
        (["SEND_MESSAGES"], 403, 50013),
        (["VIEW_CHANNEL"], 403, 50001),
        (["EMBED_LINKS"], 403, 50013),
        (["ATTACH_FILES"], 200, None),
    ],
)
async def test_the_bots_permissions_decide(rest, client, denied, status, code) -> None:
    await client.set_permissions(denied)
    answered, body, _ = await rest("POST", MESSAGES, {"embeds": [{"title": "x"}]})
    assert answered == status
    assert body.get("code") == code


async def test_permissions_come_back_and_hold_for_one_channel(rest, client) -> None:
    await client.set_permissions(["SEND_MESSAGES"])
    other = f"/channels/{int(CHANNEL) + 1}/messages"
    assert (await rest("POST", other, {"content": "a"}))[0] == 200
    await client.set_permissions([])
    assert (await rest("POST", MESSAGES, {"content": "a"}))[0] == 200


# -- uploads


def form(content: bytes, filename: str = "a.bin", payload: str = '{"content": "x"}'):
    data = aiohttp.FormData(quote_fields=False)
    data.add_field("payload_json", payload)
    data.add_field("files[0]", content, filename=filename)
    return data


async def test_a_file_of_ten_mebibytes_is_taken_and_one_byte_more_is_not(rest, client) -> None:
    status, answer, _ = await rest("POST", MESSAGES, data=form(b"\0" * UPLOAD_LIMIT))
    assert status == 200
    assert answer["attachments"][0]["size"] == UPLOAD_LIMIT
    status, answer, _ = await rest("POST", MESSAGES, data=form(b"\0" * (UPLOAD_LIMIT + 1)))
    assert (status, answer) == (413, {"message": "Request entity too large", "code": 40005})


async def test_files_of_a_refused_message_do_not_stay(rest, server) -> None:
    stored = server.options.data_dir / "attachments"
    status, _, _ = await rest("POST", MESSAGES, data=form(b"a", payload='{"nonce": 1.5}'))
    assert status in (200, 400)
    kept = len(list(stored.iterdir()))
    too_long = '{"content": "' + "x" * 2001 + '"}'
    status, _, _ = await rest("POST", MESSAGES, data=form(b"a", payload=too_long))
    assert status == 400
    assert len(list(stored.iterdir())) == kept


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "a/b\\c.png", "\u202eevil.png", "x" * 400]
)
async def test_a_hostile_file_name_never_becomes_a_path(rest, client, server, name) -> None:
    status, answer, _ = await rest("POST", MESSAGES, data=form(b"data", name))
    assert status == 200
    (attachment,) = answer["attachments"]
    assert "/" not in attachment["filename"] and not attachment["filename"].startswith(".")
    assert await client.fetch(attachment["url"]) == b"data"
    stored = list((server.options.data_dir / "attachments").iterdir())
    assert [path.name for path in stored] == [attachment["id"]]


async def test_a_page_among_the_attachments_does_not_run(rest, client, server) -> None:
    _, answer, _ = await rest("POST", MESSAGES, data=form(b"<script>", "a.html"))
    async with rest.session.get(answer["attachments"][0]["url"]) as response:
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.xml", "text/xml; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.webp", "image/webp"),
        ("a.safetensors", "application/octet-stream"),
    ],
)
async def test_the_name_decides_the_content_type(rest, name, content_type) -> None:
    _, answer, _ = await rest("POST", MESSAGES, data=form(b"x", name))
    (attachment,) = answer["attachments"]
    assert attachment["content_type"] == content_type
    async with rest.session.get(attachment["url"]) as response:
        assert response.headers["Content-Type"] == content_type


async def test_only_a_files_own_address_serves_it(rest, client) -> None:
    _, answer, _ = await rest("POST", MESSAGES, data=form(b"x", "a.txt"))
    url = answer["attachments"][0]["url"]
    assert await client.fetch(url) == b"x"
    for wrong in (url.replace(CHANNEL, str(int(CHANNEL) + 1)), url.replace("a.txt", "b.txt")):
        with pytest.raises(aiohttp.ClientResponseError):
            await client.fetch(wrong)


async def test_an_edit_keeps_the_files_it_names(rest, client) -> None:
    data = form(b"one", "one.txt")
    data.add_field("files[1]", b"two", filename="two.txt")
    _, message, _ = await rest("POST", MESSAGES, data=data)
    first, second = message["attachments"]
    path = f"{MESSAGES}/{message['id']}"
    _, edited, _ = await rest("PATCH", path, {"content": "same files"})
    assert [a["id"] for a in edited["attachments"]] == [first["id"], second["id"]]
    _, edited, _ = await rest("PATCH", path, {"attachments": [{"id": second["id"]}]})
    assert [a["id"] for a in edited["attachments"]] == [second["id"]]
    assert await client.fetch(second["url"]) == b"two"
    with pytest.raises(aiohttp.ClientResponseError):
        await client.fetch(first["url"])


# -- rate limits


async def test_the_sixth_message_in_five_seconds_is_a_429(rest: Rest) -> None:
    for number in range(5):
        status, _, response = await rest("POST", MESSAGES, {"content": str(number)})
        assert status == 200
        assert response.headers["X-RateLimit-Limit"] == "5"
        assert response.headers["X-RateLimit-Remaining"] == str(4 - number)
    status, body, response = await rest("POST", MESSAGES, {"content": "6"})
    assert status == 429
    assert body["global"] is False
    assert 0 < body["retry_after"] <= 5
    assert response.headers["Via"]
    assert int(response.headers["Retry-After"]) >= body["retry_after"]
    other = f"/channels/{int(CHANNEL) + 1}/messages"
    assert (await rest("POST", other, {"content": "another channel"}))[0] == 200
    await asyncio.sleep(body["retry_after"])
    assert (await rest("POST", MESSAGES, {"content": "7"}))[0] == 200


# -- commands


def command(**more: object) -> dict:
    return {"name": "draw", "description": "Draw", **more}


def option(name: str = "a", kind: int = 3, **more: object) -> dict:
    return {"name": name, "type": kind, "description": "x", **more}


@pytest.mark.parametrize(
    ("body", "where", "code"),
    [
        ({"description": "x"}, ("name",), "BASE_TYPE_REQUIRED"),
        (command(name="Draw"), ("name",), "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name="two words"), ("name",), "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name="x" * 33), ("name",), "BASE_TYPE_BAD_LENGTH"),
        (command(description=""), ("description",), "BASE_TYPE_BAD_LENGTH"),
        (command(description="x" * 101), ("description",), "BASE_TYPE_BAD_LENGTH"),
        (
            command(options=[option(f"o{n}") for n in range(26)]),
            ("options",),
            "BASE_TYPE_MAX_LENGTH",
        ),
        (command(options=[option(kind=12)]), ("options", "0", "type"), "BASE_TYPE_CHOICES"),
        (
            command(
                options=[option(choices=[{"name": str(n), "value": str(n)} for n in range(26)])]
            ),
            ("options", "0", "choices"),
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            command(options=[option("a"), option("b", required=True)]),
            ("options", "1"),
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (
            command(type=3, name="Render", description="no"),
            ("description",),
            "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION",
        ),
    ],
)
async def test_a_malformed_command_is_refused(rest, body, where, code) -> None:
    status, answer, _ = await rest("POST", COMMANDS, body)
    assert status == 400
    assert code_at(answer, *where) == code


@pytest.mark.parametrize(
    "body",
    [
        command(name="x" * 32, description="y" * 100),
        command(name="画"),
        command(options=[option(f"o{n}") for n in range(25)]),
        command(options=[option(choices=[{"name": str(n), "value": str(n)} for n in range(25)])]),
        command(options=[option("b", required=True), option("a")]),
        {"name": "Render this prompt", "type": 3},
        command(default_member_permissions="32", contexts=[0], nsfw=True),
    ],
)
async def test_a_command_at_the_limit_is_registered(rest, body) -> None:
    status, answer, _ = await rest("POST", COMMANDS, body)
    assert status == 201, answer
    status, again, _ = await rest("POST", COMMANDS, body)
    assert (status, again["id"]) == (200, answer["id"])
    assert again["version"] != answer["version"]


@pytest.mark.parametrize(("length", "status"), [(60, 201), (70, 400)])
async def test_of_a_text_in_several_languages_the_longest_counts(
    rest: Rest, length: int, status: int
) -> None:
    localized = {"ja": "x" * length, "de": "x"}
    options = [option(f"o{n}", description_localizations=localized) for n in range(5)]
    body = command(options=[option(f"s{n}", 1, options=options) for n in range(25)])
    answered, answer, _ = await rest("POST", COMMANDS, body)
    assert answered == status
    if status == 400:
        assert code_at(answer) == "APPLICATION_COMMAND_TOO_LARGE"


async def test_commands_are_edited_deleted_and_replaced(rest: Rest) -> None:
    _, made, _ = await rest("POST", COMMANDS, command())
    one = f"{COMMANDS}/{made['id']}"
    _, edited, _ = await rest("PATCH", one, {"description": "Paint"})
    assert (edited["name"], edited["description"]) == ("draw", "Paint")
    assert (await rest("DELETE", one))[0] == 204
    assert (await rest("GET", one))[0] == 404
    status, body, _ = await rest("PUT", COMMANDS, [command(), command()])
    assert status == 400
    assert code_at(body, "1", "name") == "APPLICATION_COMMANDS_DUPLICATE_NAME"
    status, body, _ = await rest("PUT", COMMANDS, [command(), command(name="paint")])
    assert [c["name"] for c in body] == ["draw", "paint"]
    kept = body[0]["id"]
    _, body, _ = await rest("PUT", COMMANDS, [command(description="new")])
    assert [c["id"] for c in body] == [kept]


# -- faults


async def test_a_planted_fault_meets_as_many_calls_as_it_should(rest, client) -> None:
    await client.add_fault("GET", "^/users/@me$", 503, 2, body={"message": "down", "code": 0})
    assert (await rest("GET", "/users/@me"))[0] == 503
    assert (await rest("GET", f"/users/{MEMBER}"))[0] == 200
    assert (await rest("GET", "/users/@me"))[0] == 503
    assert (await rest("GET", "/users/@me"))[0] == 200
    await client.add_fault("*", ".*", 500, 99)
    await client.clear_faults()
    assert (await rest("GET", "/users/@me"))[0] == 200


async def test_a_lost_answer_has_taken_effect(rest, client) -> None:
    await client.add_fault("POST", "/messages$", after_accept=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await rest("POST", MESSAGES, {"content": "was posted"})
    assert [m["content"] for m in (await client.state())["messages"]] == ["was posted"]


async def test_a_dropped_call_has_no_effect(rest, client) -> None:
    await client.add_fault("POST", "/messages$", drop=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await rest("POST", MESSAGES, {"content": "was not posted"})
    assert (await client.state())["messages"] == []
    assert (await rest("POST", MESSAGES, {"content": "was posted"}))[0] == 200
    assert [m["content"] for m in (await client.state())["messages"]] == ["was posted"]


async def test_a_planted_global_rate_limit_says_so(rest, client) -> None:
    await client.add_fault("GET", "^/users/@me$", 429, retry_after=0.25, is_global=True)
    status, body, response = await rest("GET", "/users/@me")
    assert (status, body["global"], body["retry_after"]) == (429, True, 0.25)
    assert response.headers["X-RateLimit-Global"] == "true"
