"""Posting from the worker: what Discord may answer, and which way the message goes then."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.settings import DiscordSettings
from playground.client import DEFAULT_USER
from supervisor.stack import Stack
from tests.e2e.conftest import Member, belongs_to
from tests.e2e.test_survival import accepted
from worker import delivery
from worker.delivery import Delivery
from worker.errors import DiscordUnreachable, Undeliverable
from worker.presentation import Content

pytestmark = pytest.mark.slow

PICTURE = Content("<@500000000000000001> done", files=(("a.png", b"not a real picture"),))
EDIT = r"/messages/@original$"
REPLY = r"/channels/\d+/messages$"


@pytest.fixture
def stack(whole_stack: Stack) -> Stack:
    """The product without a worker: these tests stand in its place."""
    whole_stack.stop("worker")
    whole_stack.start("redis", "playground", "bot")
    return whole_stack


@pytest.fixture
async def job(member: Member, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Job]:
    """A job that this test works on, in the worker's place."""
    import discord

    monkeypatch.setattr(discord.http.Route, "BASE", member.stack.api_url)
    monkeypatch.setattr(delivery, "PAUSES", (0.1, 0.1))
    job_id = await member.newbie(prompt="1girl")
    await accepted(member, job_id)
    await member.answer(job_id, lambda m: "In line" in m["content"])
    lifecycle = Lifecycle(member.queue)
    member.queue.rq.empty()
    claimed = lifecycle.claim("test")
    assert claimed
    yield claimed
    lifecycle.end(job_id, 0, Outcome(code=OutcomeCode.STOPPED))
    assert member.queue.get(job_id).state is JobState.ENDED


def settings(member: Member, token: str | None = None) -> DiscordSettings:
    return DiscordSettings(
        token=SecretStr(token or member.stack.token), api_url=member.stack.api_url
    )


async def post(member: Member, job: Job, token: str | None = None) -> str:
    async with Delivery(settings(member, token), job.address, job.id) as way:
        return await way.post(PICTURE)


async def ours(member: Member, job: Job, channel: str | None = None) -> list[dict]:
    """All messages of the bot that answer the job or reply to its message."""
    state = await member.client.state(channel_id=channel)
    return [
        message
        for message in state["messages"]
        if belongs_to(message, job.id)
        or (message.get("message_reference") or {}).get("message_id") == job.address.message_id
    ]


async def test_the_interactions_own_message_is_edited(member: Member, job: Job) -> None:
    assert await post(member, job) == job.address.message_id
    [message] = await ours(member, job)
    assert [file["filename"] for file in message["attachments"]] == ["a.png"]


async def test_posting_twice_leaves_one_message(member: Member, job: Job) -> None:
    await post(member, job)
    await post(member, job)
    assert len(await ours(member, job)) == 1


async def test_after_the_token_died_it_is_one_reply_however_often(member: Member, job: Job) -> None:
    await member.client.advance_clock(16 * 60)
    first = await post(member, job)
    assert await post(member, job) == first != job.address.message_id
    replies = [m for m in await ours(member, job) if not belongs_to(m, job.id)]
    assert len(replies) == 1
    assert [user["id"] for user in replies[0]["mentions"]] == [DEFAULT_USER]


async def test_after_its_message_was_deleted_it_is_posted_in_the_channel(
    member: Member, job: Job
) -> None:
    await member.client.delete_message(job.address.message_id)
    posted = await post(member, job)
    assert posted in [message["id"] for message in await member.messages()]


async def test_where_the_bot_may_not_write_the_requester_gets_it_directly(
    member: Member, job: Job
) -> None:
    await member.client.advance_clock(16 * 60)
    await member.client.set_permissions(["SEND_MESSAGES"])
    posted = await post(member, job)
    state = await member.client.state()
    [direct] = [c["id"] for c in state["channels"] if c["type"] == 1]
    inside = await member.client.state(channel_id=direct)
    assert posted in [message["id"] for message in inside["messages"]]


@pytest.mark.parametrize("status", [500, 503])
async def test_an_outage_is_waited_out(member: Member, job: Job, status: int) -> None:
    await member.client.add_fault("PATCH", EDIT, status, times=1)
    assert await post(member, job) == job.address.message_id


async def test_a_rate_limit_is_waited_out(member: Member, job: Job) -> None:
    await member.client.add_fault("PATCH", EDIT, 429, times=2, retry_after=0.2)
    assert await post(member, job) == job.address.message_id


async def test_an_answer_that_got_lost_posts_nothing_twice(member: Member, job: Job) -> None:
    await member.client.advance_clock(16 * 60)
    await member.client.add_fault("POST", REPLY, times=1, after_accept=True)
    await post(member, job)
    assert len([m for m in await ours(member, job) if not belongs_to(m, job.id)]) == 1


async def test_a_token_that_discord_does_not_know_is_no_refusal(member: Member, job: Job) -> None:
    await member.client.advance_clock(16 * 60)
    with pytest.raises(DiscordUnreachable):
        await post(member, job, token="MTAw.wrong.token")


async def test_when_nobody_answers_it_is_left_for_later(
    member: Member, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    import discord

    monkeypatch.setattr(discord.http.Route, "BASE", "http://127.0.0.1:9/api/v10")
    with pytest.raises(DiscordUnreachable):
        await post(member, job)


async def test_when_every_way_is_refused_that_is_said(member: Member, job: Job) -> None:
    await member.client.add_fault("*", r"/messages", 403, times=9, body={"code": 50013})
    with pytest.raises(Undeliverable):
        await post(member, job)


async def test_passing_news_that_fail_do_no_harm(member: Member, job: Job) -> None:
    await member.client.add_fault("PATCH", EDIT, 403, times=1, body={"code": 50013})
    async with Delivery(settings(member), job.address, job.id) as way:
        await way.show(Content("step 1"))
    assert await post(member, job) == job.address.message_id
