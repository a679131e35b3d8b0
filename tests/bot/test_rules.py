"""What moderators set is kept to when a request comes, and counts from the next request on."""

import time

import pytest

from jobs.guild import EVERY_GUILD, Access, Block, QueueState, WordKind
from jobs.guild_edits import (
    Edit,
    add_words,
    block,
    remove_field,
    set_access,
    set_queue,
    set_value,
    unblock,
)
from jobs.keys import GuildKeys
from jobs.queue import RenderQueue
from jobs.settings_table import Rating, Scope
from playground.client import PlaygroundClient
from playground.world import CHANNELS, GUILD_ID
from tests.bot.conftest import Member, is_private, jobs_of, new_member

HERE, GENERAL, AFTER_DARK = (channel.id for channel in CHANNELS)
MODERATOR = "1"
ADULT_PROMPT = "1girl, nude"


async def refusal(member: Member, **options: object) -> str:
    """Ask for a picture and give the private sentence that says why there will be none."""
    channel = options.get("channel_id")
    before = {message["id"] for message in await member.messages(channel)}
    await member.newbie(**options)
    message = await member.discord.wait_for_message(
        lambda found: (
            is_private(found) and found["author"].get("bot") and found["id"] not in before
        ),
        member.id,
        timeout=30,
        channel_id=channel,
    )
    return str(message["content"])


async def accepted(member: Member, queue: RenderQueue, **options: object) -> str:
    """Ask for a picture and wait until it is in line."""
    sent = await member.newbie(**options)
    await member.answer(
        sent, lambda message: "In line" in message["content"], options.get("channel_id")
    )
    assert sent in queue.active_ids()
    return sent


def change(queue: RenderQueue, edit: Edit, guild: str = GUILD_ID) -> None:
    queue.guilds.change(guild, edit, by=MODERATOR)


@pytest.mark.parametrize("guild", [GUILD_ID, EVERY_GUILD])
async def test_a_blocked_member_is_refused_until_the_block_is_lifted(
    member: Member, queue: RenderQueue, guild: str
):
    until = time.time() + 3600
    change(queue, block(member.id, Block(by=MODERATOR, at=time.time(), until=until)), guild)
    assert f"<t:{int(until) + 1}:R>" in await refusal(member, prompt="1girl")
    assert jobs_of(queue) == []
    other = await new_member(member.discord, "rin")
    await accepted(other, queue, prompt="1girl")
    change(queue, unblock(member.id), guild)
    await accepted(member, queue, prompt="1girl")


@pytest.mark.parametrize("state", [QueueState.PAUSED, QueueState.DRAINING])
async def test_nothing_is_accepted_while_the_queue_is_closed(
    member: Member, queue: RenderQueue, state: QueueState
):
    change(queue, set_queue(state))
    assert "not accepted" in await refusal(member, prompt="1girl")
    assert jobs_of(queue) == []
    change(queue, set_queue(QueueState.RUNNING))
    await accepted(member, queue, prompt="1girl")


async def test_the_form_does_not_open_for_who_may_not_draw(member: Member, queue: RenderQueue):
    change(queue, set_queue(QueueState.PAUSED))
    assert "moderators" in (await refusal(member)).lower()
    change(queue, set_queue(QueueState.RUNNING))
    await member.discord.wait_for_event(
        lambda event: event["type"] == "modal", member.newbie, member.id
    )


async def test_only_allowed_channels_are_drawn_in(member: Member, queue: RenderQueue):
    change(queue, set_access(HERE, Access.ALLOW))
    await refusal(member, prompt="1girl", channel_id=GENERAL)
    assert jobs_of(queue) == []
    await accepted(member, queue, prompt="1girl", channel_id=HERE)


async def test_blocked_words_are_refused_and_not_repeated(member: Member, queue: RenderQueue):
    change(queue, add_words(WordKind.BLOCKED, ["spider"]))
    said = await refusal(member, prompt="<character_1><n>s.p.i.d.e.r</n></character_1>")
    assert "spider" not in said.lower().replace(".", "")
    assert jobs_of(queue) == []
    await accepted(member, queue, prompt="1girl, spiderweb_print")


async def test_adult_prompts_are_for_channels_that_are_open_for_them(
    member: Member, queue: RenderQueue
):
    await refusal(member, prompt=ADULT_PROMPT, channel_id=HERE)
    await refusal(member, prompt=ADULT_PROMPT, channel_id=AFTER_DARK)
    for channel in (HERE, AFTER_DARK):
        change(queue, set_value("rating", Rating.ADULT, Scope.CHANNEL, channel))
    # Discord shows this channel to everybody, whatever moderators say of it.
    await refusal(member, prompt=ADULT_PROMPT, channel_id=HERE)
    assert jobs_of(queue) == []
    await accepted(member, queue, prompt=ADULT_PROMPT, channel_id=AFTER_DARK)
    await refusal(member, prompt="loli", channel_id=AFTER_DARK)


@pytest.mark.parametrize(
    ("name", "value", "options", "allowed"),
    [
        ("steps", 20, {"steps": 21}, {"steps": 20}),
        ("count", 1, {"count": 2}, {"count": 1}),
        ("size", 0.97, {"size": "1024x1024"}, {"size": "832x1216"}),
        ("hourly_budget", 28.0, {"count": 2}, {"count": 1}),
        ("prompt_length", 5, {"prompt": "1girls"}, {"prompt": "1girl"}),
    ],
)
async def test_a_limit_is_told_with_its_value(
    member: Member, queue: RenderQueue, name: str, value: float, options: dict, allowed: dict
):
    change(queue, set_value(name, value))
    assert f"{value:g}" in await refusal(member, **{"prompt": "1girl", **options})
    assert jobs_of(queue) == []
    await accepted(member, queue, **{"prompt": "1girl", **allowed})


async def test_a_cooldown_says_when_to_come_back(member: Member, queue: RenderQueue):
    change(queue, set_value("cooldown", 3600))
    sent = await accepted(member, queue, prompt="1girl")
    over = queue.get(sent).submitted_at + 3600
    assert f"<t:{int(over) + 1}:R>" in await refusal(member, prompt="1girl")
    assert len(jobs_of(queue)) == 1
    change(queue, set_value("cooldown", 0, Scope.MEMBER, member.id))
    await accepted(member, queue, prompt="1girl")


async def test_help_with_prompts_can_be_kept_from_members(member: Member, queue: RenderQueue):
    change(queue, set_value("assist", frozenset()))
    await refusal(member, prompt="1girl", assist="complete")
    assert jobs_of(queue) == []
    await accepted(member, queue, prompt="1girl", assist="off")


async def test_a_weight_is_a_share_of_the_line(member: Member, queue: RenderQueue):
    change(queue, set_value("weight", 3.0, Scope.MEMBER, member.id))
    sent = await accepted(member, queue, prompt="1girl")
    assert queue.get(sent).weight == 3.0
    other = await new_member(member.discord, "rin")
    assert queue.get(await accepted(other, queue, prompt="1girl")).weight == 1.0


async def test_settings_of_an_unknown_kind_let_nothing_pass(member: Member, queue: RenderQueue):
    key = GuildKeys(queue.settings.name, GUILD_ID).settings
    queue.redis.hset(key, mapping={"queue": '"sideways"', "version": 1})
    assert "settings" in await refusal(member, prompt="1girl")
    assert jobs_of(queue) == []
    change(queue, remove_field("queue"))
    await accepted(member, queue, prompt="1girl")


async def test_refusals_are_counted(member: Member, discord: PlaygroundClient, queue: RenderQueue):
    change(queue, set_queue(QueueState.PAUSED))
    await refusal(member, prompt="1girl")
    change(queue, set_queue(QueueState.RUNNING))
    await accepted(member, queue, prompt="1girl")
    summary = queue.statistics.read(GUILD_ID, 1, time.time())
    assert (summary.accepted, summary.members) == (1, 1)
    assert summary.refusals == {"paused": 1}
