"""A bot that dies between its promise and the queue leaves nobody waiting, and no picture."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable

import pytest

from bot.promises import GRACE_SECONDS
from jobs.queue import RenderQueue
from playground.client import PlaygroundClient
from supervisor.stack import Stack
from tests.bot.conftest import DIRECT, LOADING, Json, Member, is_private, jobs_of

# The bot, but for what one of its calls does: then it dies.
DYING_BOT = """
import os, signal
import bot.intake
from bot.__main__ import main
from bot.async_queue import AsyncQueue
from jobs.errors import QueueUnavailable

submit, tell = AsyncQueue.submit, bot.intake.tell

def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def before(*_, **__):
    die()

async def after(*args, **more):
    await submit(*args, **more)
    die()

async def unheard(*args, **more):
    await submit(*args, **more)
    raise QueueUnavailable("the answer is lost")

async def unreached(*_, **__):
    raise QueueUnavailable("Redis is away")

async def tell_and_die(*args):
    await tell(*args)
    die()

%s
main()
"""
DIES_BEFORE_IT_SUBMITS = "AsyncQueue.submit = before"
DIES_AFTER_IT_SUBMITTED = "AsyncQueue.submit = after"
DIES_AFTER_A_NO = "AsyncQueue.submit, bot.intake.tell = unreached, tell_and_die"
DIES_AFTER_A_WRONG_NO = "AsyncQueue.submit, bot.intake.tell = unheard, tell_and_die"


async def ask_a_dying_bot(member: Member, stack: Stack, how: str) -> str:
    """Ask a bot that dies of it; gives the interaction. No bot runs then."""
    before = (await member.discord.state())["application"]["sessions"]
    await asyncio.to_thread(stack.stop, "bot")
    environment: dict[str, str | None] = {**os.environ, **stack.environment("bot")}
    process = subprocess.Popen(
        (sys.executable, "-c", DYING_BOT % how),
        env={key: value for key, value in environment.items() if value is not None},
    )
    try:
        await member.discord.wait_for_bot(60, after_sessions=before)
        asked = await member.newbie(prompt="1girl")
        await asyncio.to_thread(process.wait, 30)
    finally:
        process.kill()
        process.wait()
    return asked


async def start_bot(discord: PlaygroundClient, stack: Stack) -> None:
    before = (await discord.state())["application"]["sessions"]
    await asyncio.to_thread(stack.start, "bot")
    await discord.wait_for_bot(60, after_sessions=before)


def let_time_pass(queue: RenderQueue) -> None:
    """Have all promises be as old as they must be for another bot to look at them."""
    for promise in queue.promises.open():
        at = time.time() - GRACE_SECONDS - 1
        queue.promises.make(promise.model_copy(update={"made_at": at}))


async def about(member: Member, asked: str) -> list[Json]:
    found = [m for m in await member.messages() if m.get("interaction_metadata")]
    return [message for message in found if message["interaction_metadata"]["id"] == asked]


async def eventually(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.05)


async def test_who_was_promised_a_picture_that_nobody_put_in_line_is_told(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await ask_a_dying_bot(member, running, DIES_BEFORE_IT_SUBMITS)
    [message] = await about(member, asked)
    assert message["flags"] & LOADING
    let_time_pass(queue)
    await start_bot(member.discord, running)
    answer = await member.answer(asked)
    assert "not accepted" in answer["content"]
    assert answer["id"] == message["id"]
    assert jobs_of(queue) == []
    await eventually(lambda: queue.promises.open() == [])


async def test_a_promise_whose_job_is_in_line_is_kept(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await ask_a_dying_bot(member, running, DIES_AFTER_IT_SUBMITTED)
    assert queue.promises.is_open(asked)
    let_time_pass(queue)
    await start_bot(member.discord, running)
    answer = await member.answer(asked, lambda message: "position" in message["content"])
    assert not is_private(answer)
    await eventually(lambda: queue.promises.open() == [])
    assert [job.id for job in jobs_of(queue)] == [asked]


async def test_a_job_whose_member_was_told_no_is_taken_out_of_the_line(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await ask_a_dying_bot(member, running, DIES_AFTER_A_WRONG_NO)
    [message] = await about(member, asked)
    assert is_private(message)
    assert "not accepted" in message["content"]
    assert [job.id for job in jobs_of(queue)] == [asked]
    let_time_pass(queue)
    await start_bot(member.discord, running)
    await eventually(lambda: jobs_of(queue) == [])
    await eventually(lambda: queue.promises.open() == [])
    assert await about(member, asked) == [message]


async def test_a_promise_that_may_still_be_on_its_way_is_left_alone(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await ask_a_dying_bot(member, running, DIES_BEFORE_IT_SUBMITS)
    await start_bot(member.discord, running)
    other = await member.newbie(prompt="1girl")
    await member.answer(other)
    [message] = await about(member, asked)
    assert message["flags"] & LOADING
    assert queue.promises.is_open(asked)


async def test_no_promise_stays_of_requests_that_were_answered(member: Member, queue: RenderQueue):
    for options in ({"prompt": "1girl"}, {"prompt": "<n>miku"}, {"file": ("a.xml", b"1girl")}):
        await member.answer(await member.newbie(**options))
    await member.answer(await member.newbie(file=("a.xml", b"<n>miku")))
    await eventually(lambda: queue.promises.open() == [])


async def test_without_redis_nothing_is_promised(member: Member, running: Stack):
    before = len(await member.messages())
    running.kill("redis")
    asked = await member.newbie(prompt="1girl")
    answer = await member.answer(asked)
    assert is_private(answer)
    callbacks = [
        entry["body"]
        for entry in await member.discord.requests()
        if entry["path"].startswith(f"/interactions/{asked}/")
    ]
    assert [body["type"] for body in callbacks] == [4], "no thinking comes before it"
    assert len(await member.messages()) == before + 1


TOKEN_IS_OVER = 15 * 60.0 + 1


@pytest.fixture
async def opened(discord: PlaygroundClient) -> AsyncIterator[None]:
    """Give all permissions back in the end."""
    yield
    await discord.set_permissions([])


async def leave_a_dead_promise(member: Member, stack: Stack, queue: RenderQueue, how: str) -> str:
    """Ask a bot that dies of it, and let the interaction's token die too."""
    asked = await ask_a_dying_bot(member, stack, how)
    let_time_pass(queue)
    await member.discord.advance_clock(TOKEN_IS_OVER)
    return asked


def tells_late(message: Json, asked: str) -> bool:
    return message.get("nonce") == asked and "not accepted" in message["content"]


async def direct_channels(member: Member) -> list[str]:
    channels = (await member.discord.state(member.id))["channels"]
    return [channel["id"] for channel in channels if channel["type"] == DIRECT]


async def test_when_its_token_is_over_the_member_is_told_in_the_channel(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await leave_a_dead_promise(member, running, queue, DIES_BEFORE_IT_SUBMITS)
    [thinking] = await about(member, asked)
    await start_bot(member.discord, running)
    await eventually(lambda: queue.promises.open() == [])
    [told] = [m for m in await member.messages() if tells_late(m, asked)]
    assert [user["id"] for user in told["mentions"]] == [member.id]
    assert told["message_reference"]["message_id"] == thinking["id"]
    assert await about(member, asked) == [], "nothing goes on thinking"


async def test_a_member_is_told_in_a_channel_that_the_bot_cannot_read(
    member: Member, running: Stack, queue: RenderQueue, opened: None
):
    asked = await leave_a_dead_promise(member, running, queue, DIES_BEFORE_IT_SUBMITS)
    await member.discord.set_permissions(["READ_MESSAGE_HISTORY"])
    await start_bot(member.discord, running)
    await eventually(lambda: queue.promises.open() == [])
    [told] = [m for m in await member.messages() if tells_late(m, asked)]
    assert "message_reference" not in told
    assert len(await about(member, asked)) == 1, "what it cannot find it cannot delete"


@pytest.mark.parametrize("taken", ["SEND_MESSAGES", "VIEW_CHANNEL"])
async def test_where_the_bot_may_not_write_any_more_the_member_is_told_directly(
    member: Member, running: Stack, queue: RenderQueue, opened: None, taken: str
):
    asked = await leave_a_dead_promise(member, running, queue, DIES_BEFORE_IT_SUBMITS)
    await member.discord.set_permissions([taken])
    await start_bot(member.discord, running)
    await eventually(lambda: queue.promises.open() == [])
    [direct] = await direct_channels(member)
    assert [tells_late(m, asked) for m in await member.messages(direct)] == [True]
    assert not any(tells_late(m, asked) for m in await member.messages())


async def test_a_connection_that_breaks_is_no_reason_to_tell_nobody_or_twice(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await leave_a_dead_promise(member, running, queue, DIES_BEFORE_IT_SUBMITS)
    sending = ("POST", r"^/channels/\d+/messages$")
    await member.discord.add_fault(*sending, drop=True, times=6)
    await member.discord.add_fault(*sending, after_accept=True)
    await start_bot(member.discord, running)
    await eventually(lambda: queue.promises.open() == [])
    assert sum(tells_late(m, asked) for m in await member.messages()) == 1


async def test_nobody_is_told_twice_what_the_message_says_already(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await ask_a_dying_bot(member, running, DIES_BEFORE_IT_SUBMITS)
    [left] = queue.promises.open()
    let_time_pass(queue)
    await start_bot(member.discord, running)
    await member.answer(asked)
    await eventually(lambda: queue.promises.open() == [])
    # As if it had died before it could note that it has told.
    queue.promises.make(left.model_copy(update={"made_at": time.time() - GRACE_SECONDS - 1}))
    await member.discord.advance_clock(TOKEN_IS_OVER)
    await eventually(lambda: queue.promises.open() == [])
    assert not any(tells_late(m, asked) for m in await member.messages())


async def test_nobody_is_told_twice_who_was_told_privately(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await ask_a_dying_bot(member, running, DIES_AFTER_A_NO)
    [message] = await about(member, asked)
    assert is_private(message)
    let_time_pass(queue)
    await member.discord.advance_clock(TOKEN_IS_OVER)
    await start_bot(member.discord, running)
    await eventually(lambda: queue.promises.open() == [])
    assert not any(tells_late(m, asked) for m in await member.messages())


async def test_when_its_token_is_over_a_job_in_line_stays_there(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await leave_a_dead_promise(member, running, queue, DIES_AFTER_IT_SUBMITTED)
    await start_bot(member.discord, running)
    await eventually(lambda: queue.promises.open() == [])
    assert [job.id for job in jobs_of(queue)] == [asked]


async def test_when_its_token_is_over_a_wrong_no_is_still_made_true(
    member: Member, running: Stack, queue: RenderQueue
):
    asked = await leave_a_dead_promise(member, running, queue, DIES_AFTER_A_WRONG_NO)
    await start_bot(member.discord, running)
    await eventually(lambda: jobs_of(queue) == [])
    await eventually(lambda: queue.promises.open() == [])
    [message] = await about(member, asked)
    assert is_private(message)
