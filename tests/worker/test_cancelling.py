"""A render stops when its job is cancelled, and at no other time."""

import asyncio
import time

import pytest

from jobs.connection import connect
from jobs.errors import QueueUnavailable
from jobs.lifecycle import Lifecycle
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from tests.jobs.conftest import address, request
from worker.cancelling import unless_cancelled
from worker.errors import Cancelled, HandedBack
from worker.handing_back import HandBack


@pytest.fixture
def lifecycle(redis_url: str) -> Lifecycle:
    redis = connect(RedisSettings(url=redis_url))
    redis.flushdb()
    return Lifecycle(RenderQueue(redis, QueueSettings()))


async def render(seconds: float, stopped: list[float]) -> str:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        stopped.append(time.monotonic())
        raise
    return "drawn"


async def test_a_render_that_nobody_cancels_is_finished(lifecycle: Lifecycle) -> None:
    lifecycle.queue.submit(request(), address())
    assert await unless_cancelled(lifecycle, "1001", render(0.5, []), HandBack()) == "drawn"


async def test_a_cancelled_render_stops_soon(lifecycle: Lifecycle) -> None:
    lifecycle.queue.submit(request(), address())
    assert lifecycle.claim("a")
    stopped: list[float] = []
    drawing = asyncio.create_task(
        unless_cancelled(lifecycle, "1001", render(60, stopped), HandBack())
    )
    await asyncio.sleep(0.3)
    assert lifecycle.queue.cancel("1001", "500")
    with pytest.raises(Cancelled):
        await asyncio.wait_for(drawing, 5)
    assert len(stopped) == 1


async def test_a_render_that_is_to_be_handed_back_stops_soon(lifecycle: Lifecycle) -> None:
    lifecycle.queue.submit(request(), address())
    assert lifecycle.claim("a")
    stopped: list[float] = []
    hand_back = HandBack()
    drawing = asyncio.create_task(
        unless_cancelled(lifecycle, "1001", render(60, stopped), hand_back)
    )
    await asyncio.sleep(0.3)
    assert not stopped
    hand_back.is_wanted = True
    with pytest.raises(HandedBack):
        await asyncio.wait_for(drawing, 5)
    assert len(stopped) == 1


async def test_what_is_drawn_is_not_handed_back_any_more(lifecycle: Lifecycle) -> None:
    lifecycle.queue.submit(request(), address())
    hand_back = HandBack()

    async def draw() -> str:
        hand_back.is_wanted = True
        return "drawn"

    assert await unless_cancelled(lifecycle, "1001", draw(), hand_back) == "drawn"


async def test_an_error_of_the_render_stays_what_it_is(lifecycle: Lifecycle) -> None:
    async def fail() -> None:
        raise QueueUnavailable("for example")

    with pytest.raises(QueueUnavailable):
        await unless_cancelled(lifecycle, "1001", fail(), HandBack())


async def test_whoever_is_stopped_stops_the_render(lifecycle: Lifecycle) -> None:
    stopped: list[float] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await unless_cancelled(lifecycle, "1001", render(60, stopped), HandBack())
    assert len(stopped) == 1


async def test_without_redis_the_render_goes_on() -> None:
    nowhere = connect(RedisSettings(url="unix:///nonexistent/redis.sock", timeout=0.1))
    lifecycle = Lifecycle(RenderQueue(nowhere, QueueSettings()))
    assert await unless_cancelled(lifecycle, "1001", render(0.6, []), HandBack()) == "drawn"
