"""Interaction answers and webhook messages, call by call, without a library in between."""

import pytest

from playground.client import ActionRefused, PlaygroundClient
from tests import openapi
from tests.playground.conftest import APPLICATION, CHANNEL, TOKEN, Rest, raw_gateway

HOOK = f"/webhooks/{APPLICATION}"


@pytest.fixture(autouse=True)
async def every_answer_is_as_described(client: PlaygroundClient):
    """Whatever was asked, the answers must be ones that Discord's description knows."""
    yield
    if openapi.available():
        journal = await client.requests()
        assert [p for entry in journal for p in openapi.validate_response(entry)] == []


class Asked:
    """An interaction as the gateway brought it, and its addresses."""

    def __init__(self, data: dict) -> None:
        self.data = data
        self.callback = f"/interactions/{data['id']}/{data['token']}/callback"
        self.hook = f"{HOOK}/{data['token']}"
        self.original = f"{self.hook}/messages/@original"


@pytest.fixture
async def ask(rest: Rest, client: PlaygroundClient, server):
    """Let a member use /draw and return what the bot hears."""
    await rest(
        "POST",
        f"/applications/{APPLICATION}/commands",
        {
            "name": "draw",
            "description": "x",
            "options": [{"type": 3, "name": "a", "description": "x", "autocomplete": True}],
        },
    )
    async with raw_gateway(rest.session, server.url) as socket:
        await socket.receive_json()
        await socket.send_json({"op": 2, "d": {"token": TOKEN, "intents": 0, "properties": {}}})
        assert (await socket.receive_json())["t"] == "READY"

        async def act(kind: str = "command", **more: object) -> Asked:
            if kind == "command":
                await client.command("draw", channel_id=more.get("channel_id"))
            else:
                await client._act(kind, {"name": "draw", **more})
            event = await socket.receive_json(timeout=20)
            assert event["t"] == "INTERACTION_CREATE"
            return Asked(event["d"])

        yield act


@pytest.mark.parametrize(
    ("kind", "answer", "status"),
    [
        ("command", {"type": 4, "data": {"content": "x"}}, 204),
        ("command", {"type": 5}, 204),
        ("command", {"type": 6}, 400),
        ("command", {"type": 7, "data": {"content": "x"}}, 400),
        ("command", {"type": 8, "data": {"choices": []}}, 400),
        ("autocomplete", {"type": 8, "data": {"choices": []}}, 204),
        ("autocomplete", {"type": 4, "data": {"content": "x"}}, 400),
        ("command", {"type": 4, "data": {"content": ""}}, 400),
        ("command", {"type": 4, "data": {"content": "x" * 2001}}, 400),
        ("command", {}, 400),
    ],
)
async def test_only_fitting_answers_are_taken(rest, ask, kind, answer, status) -> None:
    more = {"options": [{"name": "a", "value": "", "focused": True}]} if kind != "command" else {}
    asked = await ask(kind, **more)
    answered, body, _ = await rest("POST", asked.callback, answer, token=None)
    assert answered == status, body
    if status == 400:
        # A refused answer does not count: the bot may still answer properly.
        proper = {"type": 5} if kind == "command" else {"type": 8, "data": {"choices": []}}
        assert (await rest("POST", asked.callback, proper, token=None))[0] == 204


async def test_a_wrong_token_answers_nothing(rest, ask) -> None:
    asked = await ask()
    wrong = asked.callback.replace(asked.data["token"], "x" * 30)
    status, body, _ = await rest("POST", wrong, {"type": 5}, token=None)
    assert (status, body["code"]) == (404, 10062)
    assert (await rest("POST", asked.callback, {"type": 5}, token=None))[0] == 204


@pytest.mark.parametrize(("seconds", "status"), [(1.0, 204), (3.2, 404)])
async def test_the_deadline_is_three_seconds(rest, ask, client, seconds, status) -> None:
    asked = await ask()
    await client.advance_clock(seconds)
    answered, body, _ = await rest("POST", asked.callback, {"type": 5}, token=None)
    assert answered == status
    if status == 404:
        assert body == {"message": "Unknown interaction", "code": 10062}


async def test_a_second_answer_is_refused(rest, ask) -> None:
    asked = await ask()
    assert (await rest("POST", asked.callback, {"type": 5}, token=None))[0] == 204
    status, body, _ = await rest("POST", asked.callback, {"type": 5}, token=None)
    assert (status, body["code"]) == (400, 40060)


async def test_before_the_answer_the_token_is_no_webhook(rest, ask) -> None:
    asked = await ask()
    status, body, _ = await rest("POST", asked.hook, {"content": "x"}, token=None)
    assert (status, body["code"]) == (404, 10015)
    await rest("POST", asked.callback, {"type": 5}, token=None)
    status, body, _ = await rest("POST", f"{asked.hook}?wait=true", {"content": "x"}, token=None)
    assert (status, body["content"]) == (200, "x")


async def test_a_followup_without_wait_has_no_body(rest, ask) -> None:
    asked = await ask()
    await rest("POST", asked.callback, {"type": 4, "data": {"content": "a"}}, token=None)
    assert (await rest("POST", asked.hook, {"content": "x"}, token=None))[0] == 204


async def test_with_response_tells_about_the_message(rest, ask) -> None:
    asked = await ask()
    answer = {"type": 4, "data": {"content": "a", "flags": 64}}
    path = f"{asked.callback}?with_response=true"
    status, body, _ = await rest("POST", path, answer, token=None)
    assert status == 200
    assert body["interaction"]["response_message_ephemeral"] is True
    assert body["resource"]["message"]["id"] == body["interaction"]["response_message_id"]


async def test_an_ephemeral_message_lives_only_through_its_token(rest, ask) -> None:
    asked = await ask()
    answer = {"type": 4, "data": {"content": "a", "flags": 64}}
    await rest("POST", asked.callback, answer, token=None)
    _, original, _ = await rest("GET", asked.original, token=None)
    status, body, _ = await rest("GET", f"/channels/{CHANNEL}/messages/{original['id']}")
    assert (status, body["code"]) == (404, 10008)
    _, listed, _ = await rest("GET", f"/channels/{CHANNEL}/messages")
    assert listed == []


async def test_messages_of_another_interaction_cannot_be_touched(rest, ask) -> None:
    first, second = await ask(), await ask()
    for asked in (first, second):
        await rest("POST", asked.callback, {"type": 4, "data": {"content": "a"}}, token=None)
    _, message, _ = await rest("GET", first.original, token=None)
    own = f"{first.hook}/messages/{message['id']}"
    foreign = f"{second.hook}/messages/{message['id']}"
    status, body, _ = await rest("PATCH", foreign, {"content": "b"}, token=None)
    assert (status, body["code"]) == (404, 10008)
    assert (await rest("PATCH", own, {"content": "b"}, token=None))[0] == 200


@pytest.mark.parametrize(("seconds", "status"), [(880, 200), (901, 401)])
async def test_the_token_lives_fifteen_minutes(rest, ask, client, seconds, status) -> None:
    asked = await ask()
    await rest("POST", asked.callback, {"type": 5}, token=None)
    await client.advance_clock(seconds)
    for method, path in (("PATCH", asked.original), ("POST", f"{asked.hook}?wait=true")):
        answered, body, _ = await rest(method, path, {"content": "x"}, token=None)
        assert answered == status
        if status == 401:
            assert body == {"message": "Invalid Webhook Token", "code": 50027}


@pytest.mark.parametrize(
    ("components", "status"),
    [
        ([{"type": 18, "label": "L", "component": {"type": 4, "custom_id": "a", "style": 1}}], 204),
        ([{"type": 18, "label": "L", "component": {"type": 19, "custom_id": "a"}}], 204),
        (
            [{"type": 1, "components": [{"type": 4, "custom_id": "a", "style": 2, "label": "L"}]}],
            204,
        ),
        ([{"type": 1, "components": [{"type": 4, "custom_id": "a", "style": 2}]}], 400),
        (
            [
                {
                    "type": 18,
                    "label": "x" * 46,
                    "component": {"type": 4, "custom_id": "a", "style": 1},
                }
            ],
            400,
        ),
        ([], 400),
        ([{"type": 1, "components": [{"type": 2, "custom_id": "a", "style": 1}]}], 400),
    ],
)
async def test_modals_are_checked(rest, ask, components, status) -> None:
    asked = await ask()
    modal = {"type": 9, "data": {"custom_id": "m", "title": "T", "components": components}}
    answered, body, _ = await rest("POST", asked.callback, modal, token=None)
    assert answered == status, body


async def test_autocomplete_takes_twenty_five_choices_and_no_more(rest, ask) -> None:
    options = [{"name": "a", "value": "", "focused": True}]
    for count, status in ((26, 400), (25, 204)):
        asked = await ask("autocomplete", options=options)
        choices = [{"name": str(n), "value": str(n)} for n in range(count)]
        answer = {"type": 8, "data": {"choices": choices}}
        assert (await rest("POST", asked.callback, answer, token=None))[0] == status


@pytest.mark.parametrize(
    ("choice", "status"),
    [
        ({"name": "Ink", "value": "ink"}, 204),
        ({"name": "Ink", "value": "ink", "name_localizations": {"ja": "墨"}}, 204),
        ({"name": "x" * 100, "value": "y" * 100}, 204),
        ({"name": "x" * 101, "value": "y"}, 400),
        ({"name": "x", "value": "y" * 101}, 400),
        ({"name": "", "value": "y"}, 400),
        ({"name": "x", "value": ""}, 400),
        ({"name": "x"}, 400),
        ({"value": "y"}, 400),
        ({"name": "x", "value": ["y"]}, 400),
        ({"name": "x", "value": {"y": 1}}, 400),
        ("ink", 400),
    ],
)
async def test_a_suggestion_is_checked_like_a_choice(rest, ask, choice, status) -> None:
    asked = await ask("autocomplete", options=[{"name": "a", "value": "i", "focused": True}])
    answer = {"type": 8, "data": {"choices": [choice]}}
    answered, body, _ = await rest("POST", asked.callback, answer, token=None)
    assert answered == status, body


@pytest.mark.parametrize(
    ("option", "value", "status"),
    [
        ("whole", 7, 204),
        ("whole", "seven", 400),
        ("whole", None, 400),
        ("broken", 0.5, 204),
        ("broken", "0.5", 400),
        ("broken", None, 400),
    ],
)
async def test_a_suggestion_is_of_its_options_type(
    rest, ask, client, option, value, status
) -> None:
    options = [
        {"type": kind, "name": name, "description": "x", "autocomplete": True}
        for name, kind in (("whole", 4), ("broken", 10))
    ]
    group = {"type": 1, "name": "by", "description": "x", "options": options}
    body = {"name": "draw", "description": "x", "options": [group]}
    await rest("POST", f"/applications/{APPLICATION}/commands", body)
    typed = [{"name": option, "value": "", "focused": True}]
    asked = await ask("autocomplete", options=[{"name": "by", "options": typed}])
    answer = {"type": 8, "data": {"choices": [{"name": "x", "value": value}]}}
    answered, body, _ = await rest("POST", asked.callback, answer, token=None)
    assert answered == status, body


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], "focus"),
        ([{"name": "a", "value": "x"}], "focus"),
        ([{"name": name, "value": "", "focused": True} for name in ("a", "b")], "focus"),
        ([{"name": "c", "value": "", "focused": True}], "no_suggestions"),
    ],
)
async def test_suggestions_are_asked_for_one_option_that_has_them(
    rest, ask, client, options, code
) -> None:
    declared = [
        {"type": 3, "name": name, "description": "x", "autocomplete": name != "c"} for name in "abc"
    ]
    body = {"name": "draw", "description": "x", "options": declared}
    await rest("POST", f"/applications/{APPLICATION}/commands", body)
    with pytest.raises(ActionRefused) as refused:
        await ask("autocomplete", options=options)
    assert refused.value.code == code
    # Another option that is filled in already may come along.
    others = [{"name": "c", "value": "x"}, {"name": "a", "value": "", "focused": True}]
    asked = await ask("autocomplete", options=others)
    assert [entry.get("focused") for entry in asked.data["data"]["options"]] == [None, True]


async def test_in_a_deleted_channel_a_token_opens_nothing(rest, client, ask) -> None:
    channel = await client.add_channel("sketches")
    answered, late = await ask(channel_id=channel), await ask(channel_id=channel)
    assert (await rest("POST", answered.callback, {"type": 5}))[0] == 204
    await client.delete_channel(channel)
    for method, path, body in (
        ("PATCH", answered.original, {"content": "x"}),
        ("POST", answered.hook, {"content": "x"}),
        ("POST", late.callback, {"type": 5}),
    ):
        status, answer, _ = await rest(method, path, body, token=None)
        assert (status, answer["code"]) == (404, 10003), path
