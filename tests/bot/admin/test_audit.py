"""`/newbie-admin audit`: who changed what, in pages, and in a channel for all moderators."""

import pytest

from bot.admin.audit import AuditButton
from bot.admin.pages import Turn, numbered
from bot.errors import Refused
from jobs.queue import RenderQueue
from playground.client import PlaygroundClient
from supervisor.stack import Stack
from tests.bot.admin.conftest import Json, Server


def buttons(message: Json) -> dict[str, str]:
    """Custom ids of a message's buttons by their labels."""
    rows = message["components"]
    return {each["label"]: each["custom_id"] for row in rows for each in row["components"]}


async def press(server: Server, message: Json, label: str) -> Json:
    """Press a button, and give the message as it is then."""
    moderator = server.moderator
    wanted = buttons(message)[label]

    async def act() -> None:
        await server.discord.press(
            message["id"], wanted, user_id=moderator.id, channel_id=server.channel
        )

    event = await server.discord.wait_for_event(
        lambda event: event["type"] == "message_update" and event["data"]["id"] == message["id"],
        act,
        moderator.id,
    )
    return dict(event["data"])


async def test_changes_are_told_newest_first_with_who_what_and_why(server: Server):
    admin = server.moderator.admin
    assert await admin("audit show") == "Nothing was changed yet."
    await admin("limits set", name="steps", value="20", reason="<@&1> `slow`")
    await admin("words add", kind="blocked", words="teapot")
    heading, newest, oldest = (await admin("audit show")).splitlines()
    assert heading == "**Changes**, the newest first"
    assert newest.startswith("- <t:")
    assert newest.endswith(f"<@{server.moderator.id}>: blocked words: `teapot` added.")
    assert oldest.endswith(
        f"<@{server.moderator.id}>: **steps**: not set → **20**. Reason: `<@&1> ˋslowˋ`"
    )


async def test_what_changes_nothing_is_not_in_the_audit(server: Server):
    await server.moderator.admin("limits reset", name="steps")
    await server.moderator.admin("limits set", name="steps", value="99")
    assert await server.moderator.admin("audit show") == "Nothing was changed yet."


async def test_older_changes_are_on_further_pages(server: Server, running: Stack):
    moderator = server.moderator
    for number in range(1, 24):
        await moderator.admin("limits set", name="capacity", value=str(number), reason="x" * 120)
    page = await moderator.admin_message("audit show")
    assert list(buttons(page)) == ["Older ▶"]
    seen = page["content"].splitlines()[1:]
    while "Older ▶" in buttons(page):
        page = await press(server, page, "Older ▶")
        assert len(page["content"]) <= 2_000
        seen += page["content"].splitlines()[1:]
    values = [line.partition("→ **")[2].partition("**")[0] for line in seen]
    assert values == [str(number) for number in range(23, 0, -1)]
    page = await press(server, page, "◀ Newest")
    assert "→ **23**" in page["content"]
    running.restart("bot")
    assert "→ **1**" not in page["content"]
    page = await press(server, page, "Older ▶")
    assert "→ **23**" not in page["content"]


async def test_pages_are_turned_only_while_one_moderates(server: Server):
    helper = server.helper
    await server.moderator.admin("moderators add", role=server.helper_role)
    for number in range(1, 15):
        await server.moderator.admin("limits set", name="capacity", value=str(number))
    page = await helper.admin_message("audit show")
    await server.moderator.admin("moderators remove", role=server.helper_role)
    pressed = await server.discord.press(
        page["id"], buttons(page)["Older ▶"], user_id=helper.id, channel_id=server.channel
    )
    answer = await helper.private_answer(pressed)
    assert "Only moderators of this server" in answer["content"]


def test_only_who_asked_turns_pages():
    button = AuditButton("1", "/", "Older ▶")
    button.check_asker(1)
    with pytest.raises(Refused, match="not_your_page"):
        button.check_asker(2)


@pytest.mark.parametrize(
    ("total", "cursor", "shown", "turns"),
    [
        (0, "", range(0), []),
        (10, "", range(10), []),
        (11, "", range(10), ["1"]),
        (25, "1", range(10, 20), ["0", "2"]),
        (25, "2", range(20, 25), ["1"]),
        (11, "9", range(10, 11), ["0"]),
    ],
)
def test_numbered_pages(total: int, cursor: str, shown: range, turns: list[str]):
    found, buttons = numbered(total, 10, cursor, "x")
    assert list(found) == list(shown)
    assert [turn.cursor for turn in buttons] == [f"x{number}" for number in turns]
    assert all(isinstance(turn, Turn) for turn in buttons)


@pytest.mark.parametrize("cursor", ["-1", "1.0", "1234567", "x"])
def test_a_page_that_is_no_number_is_refused(cursor: str):
    with pytest.raises(Refused, match="page_outdated"):
        numbered(5, 10, cursor)


async def test_changes_are_told_in_the_audit_channel(server: Server, queue: RenderQueue):
    admin, channel = server.moderator.admin, server.other_channel
    await admin("limits set", name="steps", value="10")
    said = await admin("audit channel", channel=channel, reason="openness")
    assert f"audit channel: not set → <#{channel}>. Reason: `openness`" in said
    await admin("limits set", name="steps", value="20")
    await admin("limits set", name="steps", value="99")
    await admin("member block", member=server.member.id, reason="<@1> `x` @everyone")
    told = await server.told(channel)
    by = f"<@{server.moderator.id}>: "
    assert told[0] == f"{by}audit channel: not set → <#{channel}>. Reason: `openness`"
    assert told[1] == f"{by}**steps**: **10** → **20**."
    assert told[2] == (
        f"{by}<@{server.member.id}> was blocked for good. Reason: `<@1> ˋxˋ @everyone`"
    )
    assert len(told) == 3
    messages = (await server.discord.state(server.moderator.id, channel))["messages"]
    assert all(each["mentions"] == [] and not each["mention_everyone"] for each in messages)


async def test_taking_the_audit_channel_away_is_told_there(server: Server, queue: RenderQueue):
    admin, channel = server.moderator.admin, server.other_channel
    await admin("audit channel", channel=channel)
    await admin("audit channel", channel=server.adult_channel)
    await admin("audit channel")
    await admin("limits set", name="steps", value="20")
    assert server.settings(queue).audit_channel is None
    assert [line.partition(": ")[2] for line in await server.told(channel)] == [
        f"audit channel: not set → <#{channel}>.",
        f"audit channel: <#{channel}> → <#{server.adult_channel}>.",
    ]
    assert [line.partition(": ")[2] for line in await server.told(server.adult_channel)] == [
        f"audit channel: <#{channel}> → <#{server.adult_channel}>.",
        f"audit channel: <#{server.adult_channel}> → not set.",
    ]


@pytest.mark.parametrize(
    ("right", "shown"),
    [("SEND_MESSAGES", "Send Messages"), ("VIEW_CHANNEL", "View Channel")],
)
async def test_a_channel_where_the_bot_may_not_post_cannot_be_the_audit_channel(
    server: Server, discord: PlaygroundClient, queue: RenderQueue, right: str, shown: str
):
    channel = server.other_channel
    await discord.set_permissions([right], channel_id=channel)
    said = await server.moderator.admin("audit channel", channel=channel)
    assert f"**{shown}**" in said
    assert server.settings(queue).audit_channel is None
    await discord.set_permissions([], channel_id=channel)
    assert "Done" in await server.moderator.admin("audit channel", channel=channel)


async def test_a_change_is_told_once_though_the_answer_to_it_was_lost(
    server: Server, discord: PlaygroundClient
):
    admin, channel = server.moderator.admin, server.other_channel
    await admin("audit channel", channel=channel)
    await discord.add_fault("POST", rf"/channels/{channel}/messages", after_accept=True)
    assert "⚠️" not in await admin("limits set", name="steps", value="20")
    assert [line.partition(": ")[2] for line in await server.told(channel)][1:] == [
        "**steps**: not set → **20**."
    ]


@pytest.mark.parametrize("status", [403, 500])
async def test_a_change_stands_though_the_audit_channel_is_out_of_reach(
    server: Server, discord: PlaygroundClient, queue: RenderQueue, status: int
):
    admin, channel = server.moderator.admin, server.other_channel
    await admin("audit channel", channel=channel)
    # The library asks five times before it gives up on a server error.
    await discord.add_fault("POST", rf"/channels/{channel}/messages", status=status, times=5)
    said = await admin("limits set", name="steps", value="20")
    assert "Done. **steps**: not set → **20**." in said
    assert "could not be posted in the audit channel" in said
    await discord.clear_faults()
    assert "⚠️" not in await admin("limits set", name="steps", value="30")
    assert [line.partition(": ")[2] for line in await server.told(channel)][1:] == [
        "**steps**: **20** → **30**."
    ]
    assert "not set → **20**" in await admin("audit show")
