"""`/newbie-admin limits`: what is shown, set and taken back, and for whom."""

import pytest

from jobs.limits import Limit
from jobs.queue import RenderQueue
from jobs.settings_table import SETTINGS, Rating, Scope, names
from tests.bot.admin.conftest import Server


async def test_defaults_are_shown_where_nothing_is_set(server: Server):
    said = await server.moderator.admin("limits show")
    assert "`hourly_budget` **2240** (default)" in said
    shown = [line for line in said.splitlines() if line.startswith("`")]
    assert [line.split("`")[1] for line in shown] == [
        limit.value for limit in Limit if not SETTINGS[limit.value].is_operators
    ]


async def test_set_and_reset_tell_what_was_and_what_is(server: Server, queue: RenderQueue):
    admin = server.moderator.admin
    assert "**steps**: not set → **20**. Reason: `slow`" in await admin(
        "limits set", name="steps", value="20", reason="slow"
    )
    assert "**steps**: **20** → **unlimited**." in await admin(
        "limits set", name="steps", value="Unlimited"
    )
    assert server.settings(queue).limits(Scope.GUILD) == {Limit.STEPS: None}
    assert "Nothing was changed" in await admin("limits set", name=" STEPS ", value="no limit")
    assert "**steps**: **unlimited** → not set." in await admin("limits reset", name="steps")
    assert "Nothing was changed" in await admin("limits reset", name="steps")
    assert server.settings(queue).limits(Scope.GUILD) == {}


async def test_a_value_for_a_role_a_channel_and_a_member(server: Server, queue: RenderQueue):
    admin = server.moderator.admin
    for target, id_, mark in (
        ("role", server.helper_role, f"<@&{server.helper_role}>"),
        ("channel", server.channel, f"<#{server.channel}>"),
        ("member", server.helper.id, f"<@{server.helper.id}>"),
    ):
        said = await admin("limits set", name="cooldown", value="5 min", **{target: id_})
        assert f"**cooldown** of {mark}: not set → **5m**." in said
        limits = server.settings(queue).limits(Scope(target), id_)
        assert limits == {Limit.COOLDOWN: 300}
        assert "not set" in await admin("limits reset", name="cooldown", **{target: id_})
        assert server.settings(queue).limits(Scope(target), id_) == {}


async def test_where_each_value_comes_from_is_shown(server: Server):
    admin, helpers = server.moderator.admin, server.helper_role
    await admin("limits set", name="steps", value="20")
    await admin("limits set", name="steps", value="30", role=helpers)
    await admin("limits set", name="count", value="1", channel=server.channel)
    await admin("limits set", name="size", value="2", member=server.helper.id)
    said = await admin("limits show", member=server.helper.id, channel=server.channel)
    assert f"**Limits** for <@{server.helper.id}> · <#{server.channel}>" in said
    assert f"`steps` **30** (<@&{helpers}>)" in said
    assert f"`count` **1** (<#{server.channel}>)" in said
    assert "`size` **2** (this member)" in said
    assert "`waiting` **10** (default)" in said
    assert "`rating` **general** (default)" in said
    said = await admin("limits show", member=server.member.id)
    assert "`steps` **20** (this server)" in said
    assert "rating" not in said
    assert f"`steps` **30** (<@&{helpers}>)" in await admin("limits show", role=helpers)


async def test_what_is_no_value_is_refused_with_what_is(server: Server, queue: RenderQueue):
    for options, words in (
        ({"name": "steps", "value": "99"}, "steps has to be a whole number from 1 to 60"),
        ({"name": "assist", "value": "all of it"}, "assist has to be one of these"),
        ({"name": "stepz", "value": "9"}, "There is no setting named `stepz`"),
        ({"name": "<@1>`x", "value": "9"}, "named `<@1>ˋx`"),
        ({"name": "capacity", "value": "9", "role": server.helper_role}, "these only: guild"),
        ({"name": "rating", "value": "adult"}, "these only: channel"),
        ({"name": "rating", "value": "lewd", "channel": server.channel}, "general, adult"),
        (
            {"name": "steps", "value": "9", "role": server.helper_role, "channel": server.channel},
            "not several at once",
        ),
        ({"name": "total_capacity", "value": "9"}, "only the bot's owner sets it"),
        ({"name": "steps", "value": "9", "everywhere": True}, "Only the bot's owner"),
    ):
        assert words in await server.moderator.admin("limits set", **options), options
    assert server.settings(queue).version == 0


async def test_adult_pictures_wait_for_discords_own_restriction(server: Server, queue: RenderQueue):
    admin = server.moderator.admin
    warning = "no effect until <#{}> is age-restricted"
    for channel, is_warned in ((server.channel, True), (server.adult_channel, False)):
        said = await admin("limits set", name="rating", value="adult", channel=channel)
        assert (warning.format(channel) in said) == is_warned
        assert server.settings(queue).rating([channel]) is Rating.ADULT
        said = await admin("limits show", channel=channel)
        assert f"`rating` **adult** (<#{channel}>)" in said
        assert (warning.format(channel) in said) == is_warned
        said = await admin("limits set", name="rating", value="general", channel=channel)
        assert "⚠️" not in said


async def test_pictures_as_spoilers_in_one_channel(server: Server, queue: RenderQueue):
    said = await server.moderator.admin(
        "limits set", name="spoilers", value="yes", channel=server.channel
    )
    assert f"**spoilers** of <#{server.channel}>: not set → **yes**." in said
    assert server.settings(queue).posts_spoilers([server.channel])
    assert not server.settings(queue).posts_spoilers([server.other_channel])


async def test_names_are_suggested_for_the_place_that_is_typed(server: Server):
    suggested = server.moderator.suggested
    assert await suggested("limits set", "name", name="") == names()
    assert await suggested("limits reset", "name", name="bud") == ["hourly_budget", "daily_budget"]
    in_channel = await suggested("limits set", "name", name="", channel=server.channel)
    assert "rating" in in_channel
    assert "capacity" not in in_channel
    assert "total_capacity" not in await suggested("limits set", "name", name="cap")
    assert "total_capacity" in await server.owner.suggested("limits set", "name", name="cap")


@pytest.mark.parametrize(
    ("name", "typed", "offered"),
    [
        ("use", "", ["yes", "no"]),
        ("steps", "2", ["2", "20", "28"]),
        ("cooldown", "90s", ["90s"]),
        ("rating", "a", ["adult"]),
        ("nothing", "", []),
    ],
)
async def test_values_are_suggested(server: Server, name: str, typed: str, offered: list[str]):
    assert (
        await server.moderator.suggested("limits set", "value", name=name, value=typed) == offered
    )
