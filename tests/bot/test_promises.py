"""A bot that dies between its promise and the queue leaves nobody waiting, and no picture."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable

from bot.promises import GRACE_SECONDS
from jobs.queue import RenderQueue
from playground.client import PlaygroundClient
from supervisor.stack import Stack
from tests.bot.conftest import LOADING, Json, Member, is_private, jobs_of

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

async def tell_and_die(*args):
    await tell(*args)
    die()

%s
main()
"""
DIES_BEFORE_IT_SUBMITS = "AsyncQueue.submit = before"
DIES_AFTER_IT_SUBMITTED = "AsyncQueue.submit = after"
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
