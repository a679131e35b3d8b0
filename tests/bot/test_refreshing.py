"""The place in line stays true, and never covers what the worker shows."""

import asyncio
from itertools import pairwise

from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from playground.client import PlaygroundClient
from supervisor.stack import Stack
from tests.bot.conftest import Json, Member, last_request


async def wait_in_line(member: Member, count: int) -> list[Json]:
    """Ask for pictures one after another; give the messages that show their places."""
    messages = []
    for _ in range(count):
        messages.append(await member.answer(await member.newbie(prompt="1girl")))
    return messages


def begin_next(queue: RenderQueue) -> str:
    """Take the next job out of the line as a worker does."""
    ticket = queue.rq.get_job_ids(0, 1)[0]
    queue.rq.remove(ticket)
    job = Lifecycle(queue).claim(ticket)
    assert job is not None
    return job.id


async def edits(discord: PlaygroundClient, since: int, token: str = "") -> list[Json]:
    """Find the edits of all messages, or of the one that a token opens."""
    return [
        row
        for row in await discord.requests(since)
        if row["method"] == "PATCH" and token in row["path"]
    ]


async def edits_after(
    discord: PlaygroundClient, since: int, wanted: int, token: str = ""
) -> list[Json]:
    """Wait for so many edits, and a little longer for one too many."""
    async with asyncio.timeout(30):
        while len(await edits(discord, since, token)) < wanted:
            await asyncio.sleep(0.05)
    await asyncio.sleep(1.5)
    return await edits(discord, since, token)


def token_of(queue: RenderQueue, message: Json) -> str:
    """Find the token that opens the message of a job."""
    job = queue.get(message["interaction_metadata"]["id"])
    return job.address.interaction_token.get_secret_value()


async def shows(member: Member, message: Json, text: str) -> None:
    await member.discord.wait_for_message(
        lambda found: found["id"] == message["id"] and text in found["content"],
        member.id,
        timeout=30,
    )


async def test_who_moves_up_sees_it(member: Member, queue: RenderQueue):
    _, second = await wait_in_line(member, 2)
    assert "position 2." in second["content"]
    begin_next(queue)
    await shows(member, second, "position 1.")


async def test_nothing_is_edited_while_the_line_stands_still(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    await wait_in_line(member, 3)
    async with asyncio.timeout(30):
        while True:  # what was planned before a place was noted comes a second apart
            since = await last_request(discord)
            await asyncio.sleep(1.5)
            if not await edits(discord, since):
                break
    since = await last_request(discord)
    await asyncio.sleep(1.5)
    assert await edits(discord, since) == []


async def test_a_report_in_line_does_not_set_off_edits_without_end(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    first, _ = await wait_in_line(member, 2)
    job_id = first["interaction_metadata"]["id"]
    lifecycle = Lifecycle(queue)
    assert lifecycle.fail(job_id, 0, OutcomeCode.WORKER_LOST)
    lifecycle.enqueue_report(queue.get(job_id))
    await asyncio.sleep(1.6)
    since = await last_request(discord)
    await asyncio.sleep(2.2)
    assert await edits(discord, since) == []


async def test_edits_in_one_channel_are_a_second_apart(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    messages = await wait_in_line(member, 4)
    since = await last_request(discord)
    begin_next(queue)
    for place, message in enumerate(messages[1:], 1):
        await shows(member, message, f"position {place}.")
    times = [row["at"] for row in await edits(discord, since)]
    assert len(times) == 3
    assert all(after - before >= 0.95 for before, after in pairwise(times))


async def test_a_job_that_began_is_not_edited_any_more(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    first, second = await wait_in_line(member, 2)
    since = await last_request(discord)
    begin_next(queue)
    await shows(member, second, "position 1.")
    await asyncio.sleep(1.0)
    assert await edits(discord, since, token_of(queue, first)) == []


async def test_a_message_that_another_writes_is_left_alone_until_it_is_free(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    _, second = await wait_in_line(member, 2)
    since = await last_request(discord)
    with queue.writer(second["interaction_metadata"]["id"], wait=5) as held:
        assert held
        begin_next(queue)
        await asyncio.sleep(1.5)
        assert await edits(discord, since, token_of(queue, second)) == []
    await shows(member, second, "position 1.")


async def test_a_restarted_bot_goes_on(member: Member, queue: RenderQueue, running: Stack):
    _, second = await wait_in_line(member, 2)
    running.kill("bot")
    begin_next(queue)
    running.start("bot")
    await shows(member, second, "position 1.")


async def test_a_deleted_message_is_tried_once(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    _, second, third = await wait_in_line(member, 3)
    await discord.delete_message(second["id"])
    since = await last_request(discord)
    begin_next(queue)
    await shows(member, third, "position 2.")
    await asyncio.sleep(1.6)
    assert len(await edits(discord, since, token_of(queue, second))) == 1


async def test_a_message_whose_token_is_over_is_kept_true_all_the_same(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    _, second = await wait_in_line(member, 2)
    await discord.advance_clock(15 * 60 + 1)
    begin_next(queue)
    await shows(member, second, "position 1.")


async def test_a_message_in_a_channel_that_is_closed_since_is_tried_once(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    _, second = await wait_in_line(member, 2)
    await discord.advance_clock(15 * 60 + 1)
    await discord.set_permissions(["VIEW_CHANNEL"])
    try:
        since = await last_request(discord)
        begin_next(queue)
        patches = await edits_after(discord, since, 2)
        assert [row["path"].endswith(second["id"]) for row in patches] == [False, True]
    finally:
        await discord.set_permissions([])


async def ended(queue: RenderQueue, job_id: str) -> Job:
    async with asyncio.timeout(10):
        while (job := queue.get(job_id)).state is not JobState.ENDED:
            await asyncio.sleep(0.05)
    return job


async def test_a_cancelled_job_is_told_at_once_though_no_worker_is_there(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    first, second = await wait_in_line(member, 2)
    job_id = first["interaction_metadata"]["id"]
    token = token_of(queue, first)
    since = await last_request(discord)
    assert queue.cancel(job_id, member.id)
    await shows(member, first, "This job was cancelled.")
    await shows(member, second, "position 1.")
    assert (await ended(queue, job_id)).outcome == Outcome(
        code=OutcomeCode.CANCELLED, message_id=first["id"]
    )
    await asyncio.sleep(0.8)
    assert len(await edits(discord, since, token)) == 1
    assert queue.active_ids() == [second["interaction_metadata"]["id"]]


async def test_a_job_that_is_cancelled_after_its_token_is_told_at_once_too(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [first] = await wait_in_line(member, 1)
    job_id = first["interaction_metadata"]["id"]
    await discord.advance_clock(15 * 60 + 1)
    assert queue.cancel(job_id, member.id)
    await shows(member, first, "This job was cancelled.")
    assert (await ended(queue, job_id)).outcome == Outcome(
        code=OutcomeCode.CANCELLED, message_id=first["id"]
    )


async def test_a_cancelled_job_that_a_worker_tells_is_left_to_it(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [first] = await wait_in_line(member, 1)
    job_id = first["interaction_metadata"]["id"]
    token = token_of(queue, first)
    since = await last_request(discord)
    with Lifecycle(queue).lease(job_id, 0):
        assert queue.cancel(job_id, member.id)
        await asyncio.sleep(1.0)
    assert await edits(discord, since, token) == []
    await shows(member, first, "This job was cancelled.")


async def test_a_cancelled_job_whose_message_is_gone_is_left_to_a_worker(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    [first] = await wait_in_line(member, 1)
    job_id = first["interaction_metadata"]["id"]
    token = token_of(queue, first)
    await discord.delete_message(first["id"])
    since = await last_request(discord)
    assert queue.cancel(job_id, member.id)
    assert len(await edits_after(discord, since, 1, token)) == 1
    assert queue.get(job_id).state is JobState.FAILING
    assert queue.rq.get_job_ids() == [f"report-{job_id}-0"]
