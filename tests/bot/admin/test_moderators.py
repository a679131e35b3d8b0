"""`/newbie-admin moderators`: which roles may use the commands."""

from jobs.queue import RenderQueue
from tests.bot.admin.conftest import Moderator

MODERATOR_ROLE = "600000000000000002"


async def test_a_role_is_named_listed_and_taken_back(moderator: Moderator, queue: RenderQueue):
    said = await moderator.admin("moderators add", role=MODERATOR_ROLE, reason="help")
    assert "moderator roles: <@&600000000000000002> added. Reason: `help`" in said
    assert "Integrations" in said
    assert f"<@&{MODERATOR_ROLE}>" in await moderator.admin("moderators list")
    guild = (await moderator.discord.state())["guild"]["id"]
    assert queue.guilds.get(guild).moderators == {MODERATOR_ROLE}
    assert "removed" in await moderator.admin("moderators remove", role=MODERATOR_ROLE)
    assert "No other role" in await moderator.admin("moderators list")
