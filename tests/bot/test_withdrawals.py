"""A submission whose answer got lost is taken back when Redis answers again."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from bot.async_queue import AsyncQueue
from bot.threads import Threads
from bot.withdrawals import Withdrawals
from jobs.connection import connect
from jobs.errors import QueueUnavailable
from jobs.lifecycle import Lifecycle
from jobs.models import DeliveryAddress, RenderRequest
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from supervisor.stack import Stack

REQUEST = RenderRequest(prompt="1girl", seed=1)
ADDRESS = DeliveryAddress(
    application_id="1",
    interaction_id="1001",
    interaction_token="token",
    interaction_at=0.0,
    guild_id="1",
    channel_id="1",
    message_id="1",
    requester_id="1",
)


class LossyRoad:
    """A way to Redis that can lose the answer to the next transaction, and everything after."""

    def __init__(self, path: Path, target: str) -> None:
        self.target = target
        self.loses_answers = False
        self._is_cut = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def repair(self) -> None:
        self.loses_answers = self._is_cut = False

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.target)
            for source, sink, is_answer in ((near, far, False), (far, near, True)):
                threading.Thread(
                    target=self._carry, args=(source, sink, is_answer), daemon=True
                ).start()

    def _carry(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(65_536):
                if is_answer and self._is_cut:
                    continue
                if not is_answer and self.loses_answers and b"EXEC" in data:
                    self._is_cut = True
                sink.sendall(data)
        except OSError:
            pass
        finally:
            sink.close()


@pytest.fixture
def road(running: Stack, tmp_path: Path) -> Iterator[tuple[LossyRoad, RenderQueue]]:
    url = running.redis_url
    password, target = url.removeprefix("unix://:").split("?")[0].split("@")
    path = tmp_path / "road.sock"
    lossy = LossyRoad(path, target)
    settings = RedisSettings(url=f"unix://:{password}@{path}?db=0", timeout=0.5)
    with connect(settings) as connection:
        yield lossy, RenderQueue(connection, QueueSettings())
    lossy.close()


async def submit_with_a_lost_answer(road: LossyRoad, queue: AsyncQueue) -> None:
    road.loses_answers = True
    with pytest.raises(QueueUnavailable):
        await queue.submit(REQUEST, ADDRESS)


async def wait_until_gone(queue: RenderQueue) -> None:
    async with asyncio.timeout(30):
        while queue.active_ids():
            await asyncio.sleep(0.05)


async def test_a_job_that_was_said_to_be_refused_is_removed(
    road: tuple[LossyRoad, RenderQueue], queue: RenderQueue, redis: Redis
):
    lossy, behind_it = road
    bots_queue = AsyncQueue(behind_it, Threads())
    await submit_with_a_lost_answer(lossy, bots_queue)
    assert queue.active_ids() == ["1001"], "Redis did take it"
    withdrawals = Withdrawals(bots_queue, pause=0.1)
    withdrawals.add("1001")
    await asyncio.sleep(0.3)
    assert queue.active_ids() == ["1001"], "Redis still cannot be heard"
    lossy.repair()
    await wait_until_gone(queue)
    assert queue.rq.get_job_ids() == []
    assert redis.keys("*1001*") == []
    await withdrawals.close()


async def test_a_job_that_began_is_left_to_the_worker(queue: RenderQueue):
    queue.submit(REQUEST, ADDRESS)
    assert Lifecycle(queue).claim("ticket") is not None
    withdrawals = Withdrawals(AsyncQueue(queue, Threads()), pause=0.05)
    withdrawals.add("1001")
    await asyncio.sleep(0.4)
    assert queue.active_ids() == ["1001"]
    await withdrawals.close()


async def test_other_jobs_stay(queue: RenderQueue):
    queue.submit(REQUEST, ADDRESS)
    queue.submit(REQUEST, ADDRESS.model_copy(update={"interaction_id": "1002"}))
    withdrawals = Withdrawals(AsyncQueue(queue, Threads()), pause=0.05)
    withdrawals.add("1001")
    withdrawals.add("1003")
    async with asyncio.timeout(30):
        while "1001" in queue.active_ids():
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    assert queue.active_ids() == ["1002"]
    assert queue.rq.get_job_ids() == ["ticket-1002-0"]
    await withdrawals.close()
