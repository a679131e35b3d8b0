"""Writing a place into a message, and when to leave the message alone."""

import asyncio

import discord
import pytest

from bot import waiting_message
from bot.async_queue import AsyncQueue, Place
from bot.threads import Threads
from bot.waiting_message import show_place
from jobs import presence
from jobs.cost import Speed
from jobs.lifecycle import Lifecycle
from jobs.models import DeliveryAddress, RenderRequest
from jobs.queue import RenderQueue

JOB = "1001"


@pytest.fixture
def waiting(queue: RenderQueue) -> AsyncQueue:
    queue.submit(
        RenderRequest(prompt="1girl", seed=1),
        DeliveryAddress(
            application_id="1",
            interaction_id=JOB,
            interaction_token="token",
            interaction_at=0.0,
            guild_id="1",
            channel_id="1",
            message_id="1",
            requester_id="1",
        ),
    )
    return AsyncQueue(queue, Threads())


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-US", "In line: position 1, about 2 to 4 minutes."),
        ("zh-CN", "排队中：第 1 位，大约 2 到 4 分钟。"),
        ("ja", "順番待ち：1 番目です。約 2～4 分かかる見込みです。"),
    ],
)
async def test_with_a_worker_the_wait_is_written_beside_it(
    waiting: AsyncQueue, queue: RenderQueue, locale: str, text: str
):
    speed = Speed(job_seconds=12.0, megapixel_step_seconds=6.0, spread=0.3)
    presence.beat(queue.redis, queue.keys, "worker", speed=speed)
    message = Message()
    await show_place(waiting, JOB, locale, message.edit)
    assert message.texts == [text]


class Message:
    """Keeps what is written into it, after a while."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.texts: list[str] = []
        self.seconds = seconds

    async def edit(self, text: str, view: discord.ui.View | None) -> None:
        await asyncio.sleep(self.seconds)
        self.texts.append(text)
        self.buttons = [] if view is None else [item.to_component_dict() for item in view.children]


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-GB", "In line: position 1."),
        ("zh-CN", "排队中：第 1 位。"),
        ("ja", "順番待ち：1 番目です。"),
    ],
)
async def test_the_place_is_written_in_the_members_language(
    waiting: AsyncQueue, locale: str, text: str
):
    message = Message()
    place = await show_place(waiting, JOB, locale, message.edit)
    assert place == Place(1, wait=None)
    assert message.texts[0].startswith(text)


@pytest.mark.parametrize(
    ("locale", "label"), [("en-GB", "Cancel"), ("zh-TW", "取消"), ("ja", "キャンセル")]
)
async def test_a_button_is_written_beside_it_in_the_members_language(
    waiting: AsyncQueue, locale: str, label: str
):
    message = Message()
    await show_place(waiting, JOB, locale, message.edit)
    [button] = message.buttons
    assert (button["label"], button["custom_id"]) == (label, f"newbie:cancel:{JOB}")


async def test_a_job_that_began_is_not_written_over(waiting: AsyncQueue, queue: RenderQueue):
    assert Lifecycle(queue).claim("ticket") is not None
    message = Message()
    assert await show_place(waiting, JOB, "en-US", message.edit) is None
    assert message.texts == []


async def test_a_message_that_another_writes_is_not_written_over(
    waiting: AsyncQueue, queue: RenderQueue
):
    message = Message()
    with queue.writer(JOB, wait=0):
        assert await show_place(waiting, JOB, "en-US", message.edit) is None
    assert message.texts == []
    assert await show_place(waiting, JOB, "en-US", message.edit) is not None


async def test_a_job_that_is_gone_is_no_error(waiting: AsyncQueue):
    assert await show_place(waiting, "1002", "en-US", Message().edit) is None


async def test_an_edit_that_hangs_is_given_up_while_its_lock_still_holds(
    waiting: AsyncQueue, queue: RenderQueue, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(waiting_message, "EDIT_SECONDS", 0.3)
    monkeypatch.setattr(waiting_message, "WRITER_LOCK_SECONDS", 2.3)
    message = Message(seconds=30)
    writing = asyncio.create_task(show_place(waiting, JOB, "en-US", message.edit))
    await asyncio.sleep(0.8)
    with queue.writer(JOB, wait=0) as held:
        assert not held, "the request may still be on its way"
    with pytest.raises(TimeoutError):
        await writing
    with queue.writer(JOB, wait=0) as held:
        assert held
    assert message.texts == []
