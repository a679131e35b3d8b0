"""`/newbie-admin member`: blocks, and what is told about one member."""

import time

from jobs.guild import NO_GUILD
from jobs.lifecycle import Lifecycle
from jobs.queue import RenderQueue
from tests.bot.admin.conftest import Server
from tests.jobs.conftest import address, request, terms

HOUR = 3_600


async def test_a_member_is_blocked_for_a_while_and_unblocked(server: Server, queue: RenderQueue):
    admin, member = server.moderator.admin, server.member.id
    said = await admin("member block", member=member, duration="2 hours", reason="spam")
    block = server.settings(queue).block_of(member, time.time())
    assert block is not None
    assert block.until is not None
    assert abs(block.until - time.time() - 2 * HOUR) < 60
    assert (block.by, block.reason) == (server.moderator.id, "spam")
    assert f"<@{member}> was blocked until <t:{int(block.until)}:f>. Reason: `spam`" in said
    said = await admin("member info", member=member)
    assert f"<@{member}> was blocked by <@{server.moderator.id}>" in said
    assert "Reason: `spam`" in said
    assert f"<@{member}> was unblocked" in await admin("member unblock", member=member)
    assert server.settings(queue).block_of(member, time.time()) is None
    assert "is not blocked" in await admin("member info", member=member)
    assert "Nothing was changed" in await admin("member unblock", member=member)


async def test_without_a_time_a_block_is_for_good(server: Server, queue: RenderQueue):
    member = server.member.id
    assert "for good" in await server.moderator.admin("member block", member=member)
    block = server.settings(queue).block_of(member, time.time() + 10 * 365 * 24 * HOUR)
    assert block is not None
    assert "Until: for good" in await server.moderator.admin("member info", member=member)


async def test_a_time_that_is_none_is_refused(server: Server, queue: RenderQueue):
    for duration in ("soon", "10s", "400d", "-1h"):
        said = await server.moderator.admin(
            "member block", member=server.member.id, duration=duration
        )
        assert "duration has to be a time from 1m to 365d" in said, duration
    assert server.settings(queue).blocked == {}


async def test_times_are_suggested(server: Server):
    offered = await server.moderator.suggested("member block", "duration", duration="")
    assert offered[:3] == ["10m", "1h", "6h"]
    typed = await server.moderator.suggested("member block", "duration", duration="90m")
    assert typed == ["90m"]


async def test_what_a_member_has_in_hand_and_used_is_told(server: Server, queue: RenderQueue):
    member, wanted = server.member.id, request()
    for number in range(8):
        at = address(number, guild_id=server.id, requester_id=member)
        queue.submit(wanted, at, terms(wanted))
    elsewhere = address(20, guild_id=None, requester_id=member)
    queue.submit(wanted, elsewhere, terms(wanted))
    queue.submit(wanted, address(21, guild_id=server.id, requester_id="501"), terms(wanted))
    assert Lifecycle(queue).claim("ticket") is not None
    await server.moderator.admin("limits set", name="waiting", value="5", member=member)
    said = await server.moderator.admin("member info", member=member)
    assert "Jobs in this server: 7 in line (limit 5), 1 being drawn (limit 2)." in said
    assert "In line: `1001`, `1002`, `1003`, `1004`, `1005` and 2 more" in said
    assert "224 in the last hour (limit 2240), 224 in the last 24 hours (limit 11200)" in said
    assert "The last request was accepted <t:" in said
    assert "`waiting` **5** (this member)" in said
    assert queue.statistics.read(NO_GUILD, 1, time.time()).accepted == 1


async def test_of_a_member_who_did_nothing_there_is_nothing_to_tell(server: Server):
    said = await server.moderator.admin("member info", member=server.helper.id)
    assert "0 in line (limit 10), 0 being drawn (limit 2)" in said
    assert "In line:" not in said
    assert "was accepted" not in said
