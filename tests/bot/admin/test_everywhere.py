"""What the bot's owner sets for all servers, and that nobody else can."""

import time

from jobs.guild import EVERY_GUILD, WordKind
from jobs.limits import Limit
from jobs.queue import RenderQueue
from jobs.settings_table import Scope
from tests.bot.admin.conftest import Server, leaves, offered
from tests.bot.admin.test_gate import required


async def test_every_option_for_all_servers_is_refused_to_moderators(
    server: Server, queue: RenderQueue
):
    tried = []
    for leaf in leaves(await offered(server.discord)):
        if "everywhere" not in [option["name"] for option in leaf.options]:
            continue
        options = {**required(leaf, server), "everywhere": True}
        said = await server.moderator.admin(leaf.path, **options)
        assert "Only the bot's owner may do that for all servers" in said, leaf.path
        tried.append(leaf.path)
    assert {*tried} >= {
        *("limits show", "limits set", "limits reset", "stats", "audit show"),
        *("words add", "words remove", "words list", "member block", "member unblock"),
    }
    assert queue.guilds.get(EVERY_GUILD).version == 0


async def test_a_ceiling_holds_in_every_server(server: Server, queue: RenderQueue):
    owner, moderator = server.owner.admin, server.moderator.admin
    assert "Nothing is set" in await owner("limits show", everywhere=True)
    said = await owner("limits set", name="steps", value="10", everywhere=True)
    assert "On all servers: **steps**: not set → **10**." in said
    assert "`steps` **10** (the bot's owner)" in await owner("limits show", everywhere=True)
    said = await moderator("limits set", name="steps", value="20")
    assert "**steps**: not set → **20**." in said
    assert "The bot's owner allows at most 10" in said
    assert "⚠️" not in await moderator("limits set", name="steps", value="5")
    await moderator("limits set", name="steps", value="20")
    assert "`steps` **10** (the bot's owner)" in await moderator("limits show")
    await owner("limits reset", name="steps", everywhere=True)
    assert "`steps` **20** (this server)" in await moderator("limits show")
    assert server.settings(queue).limits(Scope.GUILD) == {Limit.STEPS: 20}


async def test_what_is_set_for_all_servers_is_for_no_part_of_one(
    server: Server, queue: RenderQueue
):
    for target in ({"role": server.helper_role}, {"channel": server.channel}):
        said = await server.owner.admin(
            "limits set", name="steps", value="9", everywhere=True, **target
        )
        assert "cannot be for one role, channel or member" in said
    assert queue.guilds.get(EVERY_GUILD).version == 0


async def test_the_capacity_of_all_servers_is_the_owners(server: Server):
    owner = server.owner.admin
    said = await owner("limits set", name="total_capacity", value="50 000")
    assert "only the bot's owner sets it, with the option everywhere" in said
    said = await owner("limits set", name="total_capacity", value="50 000", everywhere=True)
    assert "**total_capacity**: not set → **50000**" in said
    assert "`total_capacity` **50000** (the bot's owner)" in await owner("limits show")
    assert "total_capacity" not in await server.moderator.admin("limits show")


async def test_words_of_all_servers_refuse_and_are_shown_to_the_owner_alone(
    server: Server, queue: RenderQueue
):
    owner, moderator = server.owner.admin, server.moderator.admin
    await owner("words add", kind="blocked", words="teapot", everywhere=True)
    await owner("words add", kind="adult", words="bathtub", everywhere=True)
    assert queue.guilds.get(EVERY_GUILD).words[WordKind.BLOCKED] == ("teapot",)
    assert "- `teapot`" in await owner("words list", kind="blocked", everywhere=True)
    assert "empty" in await moderator("words list", kind="blocked")
    for text, words in (("a teapot", "blocked words match"), ("a bathtub", "It is adult")):
        said = await moderator("words test", text=text)
        assert "⛔" in said
        assert words in said
        assert "bot owner's" in said
        assert text.split()[1] not in said
    await owner("words remove", kind="blocked", words="teapot", everywhere=True)
    assert "✅" in await moderator("words test", text="a teapot")


async def test_a_block_on_all_servers_is_not_a_moderators_to_lift(
    server: Server, queue: RenderQueue
):
    owner, moderator, member = server.owner.admin, server.moderator.admin, server.member.id
    said = await owner("member block", member=member, everywhere=True)
    assert f"On all servers: <@{member}> was blocked for good." in said
    assert "blocked on all servers" in await moderator("member info", member=member)
    said = await moderator("member unblock", member=member)
    assert "that stays" in said
    assert queue.guilds.get(EVERY_GUILD).block_of(member, time.time()) is not None
    assert "was unblocked" in await owner("member unblock", member=member, everywhere=True)
    assert "is not blocked" in await moderator("member info", member=member)
    assert "that stays" not in await moderator("member unblock", member=member)


async def test_changes_for_all_servers_have_an_audit_of_their_own(server: Server):
    owner = server.owner.admin
    await owner("limits set", name="steps", value="10", everywhere=True, reason="GPU")
    said = await owner("audit show", everywhere=True)
    assert f"<@{server.owner.id}>: **steps**: not set → **10**. Reason: `GPU`" in said
    assert await owner("audit show") == "Nothing was changed yet."
