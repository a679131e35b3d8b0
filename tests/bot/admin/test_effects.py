"""What moderators set with a command counts with a member's next request, and no longer."""

from typing import Any

import pytest

from jobs.queue import RenderQueue
from tests.bot.admin.conftest import Person, Server


async def asked(person: Person, **options: Any) -> str:
    """Ask for a picture in the person's channel and give the answer."""
    sent = await person.newbie(channel_id=person.channel, **{"prompt": "1girl", **options})
    return str((await person.answer(sent, channel_id=person.channel))["content"])


@pytest.mark.parametrize(
    ("forbid", "allow", "request_", "words"),
    [
        (
            ("member block", {"member": "{member}", "reason": "spam"}),
            ("member unblock", {"member": "{member}"}),
            {},
            "blocked you from drawing",
        ),
        (
            ("limits set", {"name": "steps", "value": "20"}),
            ("limits reset", {"name": "steps"}),
            {"steps": 21},
            "at most 20 are allowed",
        ),
        (
            ("limits set", {"name": "use", "value": "no", "role": "{server}"}),
            ("limits set", {"name": "use", "value": "yes", "member": "{member}"}),
            {},
            "You may not draw here",
        ),
        (
            ("words add", {"kind": "blocked", "words": "teapot"}),
            ("words remove", {"kind": "blocked", "words": "Teapot"}),
            {"prompt": "1girl, t-e-a-p-o-t"},
            "do not allow",
        ),
        (
            ("words add", {"kind": "adult", "words": "bathtub"}),
            ("words remove", {"kind": "adult", "words": "bathtub"}),
            {"prompt": "1girl, bathtub"},
            "age-restricted",
        ),
        (
            ("channel deny", {"channel": "{channel}"}),
            ("channel reset", {"channel": "{channel}"}),
            {},
            "not drawn in this channel",
        ),
        (
            ("channel allow", {"channel": "{other}"}),
            ("channel allow", {"channel": "{channel}"}),
            {},
            "not drawn in this channel",
        ),
    ],
)
async def test_what_is_forbidden_is_refused_until_it_is_allowed(
    server: Server,
    queue: RenderQueue,
    forbid: tuple[str, dict],
    allow: tuple[str, dict],
    request_: dict,
    words: str,
):
    ids = {
        "member": server.member.id,
        "server": server.id,
        "channel": server.channel,
        "other": server.other_channel,
    }
    for (command, options), is_forbidden in ((forbid, True), (allow, False)):
        given = {name: value.format(**ids) for name, value in options.items()}
        assert "Done" in await server.moderator.admin(command, **given)
        said = await asked(server.member, **request_)
        assert (words in said) == is_forbidden
        assert ("In line" in said) != is_forbidden
        assert len(queue.active_ids()) == (not is_forbidden)


async def test_an_adult_prompt_is_drawn_where_moderators_and_discord_say_so(
    server: Server, queue: RenderQueue
):
    member, prompt = server.member, "1girl, nude"
    for channel in (server.channel, server.adult_channel):
        member.channel = channel
        assert "age-restricted" in await asked(member, prompt=prompt)
        await server.moderator.admin("limits set", name="rating", value="adult", channel=channel)
    member.channel = server.channel
    assert "age-restricted" in await asked(member, prompt=prompt)
    assert queue.active_ids() == []
    member.channel = server.adult_channel
    assert "In line" in await asked(member, prompt=prompt)
