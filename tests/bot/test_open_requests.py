"""What is being answered is finished before the bot leaves Discord, within a limit."""

import asyncio

from bot.open_requests import OpenRequests


async def answer(requests: OpenRequests, gate: asyncio.Event, done: list[str]) -> None:
    requests.note_current()
    await gate.wait()
    done.append("told")


async def test_one_that_has_just_arrived_is_finished():
    requests, gate, done = OpenRequests(), asyncio.Event(), []
    task = asyncio.create_task(answer(requests, gate, done))  # it has not taken its first step
    asyncio.get_running_loop().call_later(0.05, gate.set)
    await requests.finish(30)
    assert done == ["told"]
    await task


async def test_one_that_hangs_is_waited_for_no_longer_than_said():
    requests, gate, done = OpenRequests(), asyncio.Event(), []
    task = asyncio.create_task(answer(requests, gate, done))
    await requests.finish(0.05)
    assert done == []
    gate.set()
    await task


async def test_one_that_has_ended_is_not_waited_for():
    requests, gate = OpenRequests(), asyncio.Event()
    gate.set()
    await asyncio.create_task(answer(requests, gate, []))
    async with asyncio.timeout(5):
        await requests.finish(30)
