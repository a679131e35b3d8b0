"""`/newbie-admin moderators`: which roles may use the commands."""

from jobs.queue import RenderQueue
from tests.bot.admin.conftest import Server


async def test_a_role_is_named_listed_and_taken_back(server: Server, queue: RenderQueue):
    role, moderator = server.helper_role, server.moderator
    assert "No other role" in await moderator.admin("moderators list")
    said = await moderator.admin("moderators add", role=role, reason="they help")
    assert f"moderator roles: <@&{role}> added. Reason: `they help`" in said
    assert "Integrations" in said
    assert f"- <@&{role}>" in await moderator.admin("moderators list")
    assert server.settings(queue).moderators == {role}
    assert "Nothing was changed" in await moderator.admin("moderators add", role=role)
    assert f"<@&{role}> removed" in await moderator.admin("moderators remove", role=role)
    assert "No other role" in await moderator.admin("moderators list")


async def test_the_role_that_everybody_has_cannot_moderate(server: Server, queue: RenderQueue):
    said = await server.moderator.admin("moderators add", role=server.id)
    assert "everybody would be a moderator" in said
    assert server.settings(queue).moderators == frozenset()
