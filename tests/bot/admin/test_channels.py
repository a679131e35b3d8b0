"""`/newbie-admin channel`: where one may draw."""

from jobs.guild import Access
from jobs.queue import RenderQueue
from tests.bot.admin.conftest import Server


async def test_channels_are_allowed_denied_and_reset(server: Server, queue: RenderQueue):
    admin, channel, other = server.moderator.admin, server.channel, server.other_channel
    assert "all channels but those that are denied" in await admin("channel list")
    said = await admin("channel deny", channel=other, reason="talk only")
    assert f"drawing in <#{other}>: no rule → denied. Reason: `talk only`" in said
    settings = server.settings(queue)
    assert (settings.is_open([channel]), settings.is_open([other])) == (True, False)
    said = await admin("channel allow", channel=other)
    assert f"drawing in <#{other}>: denied → allowed." in said
    assert "all channels without a rule are closed" in said
    settings = server.settings(queue)
    assert (settings.is_open([channel]), settings.is_open([other])) == (False, True)
    assert "Nothing was changed" in await admin("channel allow", channel=other)
    assert "allowed → no rule." in await admin("channel reset", channel=other)
    assert server.settings(queue).access == {}


async def test_what_is_set_for_channels_is_listed(server: Server, queue: RenderQueue):
    admin = server.moderator.admin
    await admin("channel deny", channel=server.channel)
    await admin("channel allow", channel=server.other_channel)
    await admin("limits set", name="rating", value="adult", channel=server.adult_channel)
    await admin("limits set", name="steps", value="20", channel=server.channel)
    assert (await admin("channel list")).splitlines() == [
        "**Channels**: one may draw only in those that are allowed.",
        f"- <#{server.other_channel}>: allowed",
        f"- <#{server.channel}>: denied, steps **20**",
        f"- <#{server.adult_channel}>: no rule, rating **adult**",
    ]
    assert server.settings(queue).access == {
        server.channel: Access.DENY,
        server.other_channel: Access.ALLOW,
    }
