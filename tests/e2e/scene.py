"""A job that goes the whole way through the bot and the worker's task, and what its member sees.

Only the pictures are chosen by the test, so that none takes long to draw.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import discord
import pytest
from PIL import Image

from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, OutcomeCode
from newbie_pipeline.recipe import read_recipe
from newbie_pipeline.render import RenderResult
from playground.client import DEFAULT_CHANNEL, DEFAULT_USER
from tests.e2e.conftest import EPHEMERAL, Member, Message, belongs_to
from tests.e2e.test_delivery import settings
from tests.e2e.test_tasks import run
from tests.worker.chosen_renderer import ChosenRenderer, Served
from worker import delivery, tasks
from worker.settings import WorkerSettings

TOKEN_DIES = 16 * 60
GENERAL = "600000000000000011"


@dataclass(frozen=True)
class Scene:
    """A member, the tasks of a worker, and what it draws with."""

    member: Member
    bench: tasks.Bench
    renderer: ChosenRenderer

    async def run(self, job: Job) -> Job:
        """Draw and post a job."""
        return await run(self.bench, job)

    async def close(self, way: str) -> None:
        """Close every way before the given one."""
        client = self.member.client
        if way in ("reply", "direct", "none"):
            await client.advance_clock(TOKEN_DIES)
        if way in ("direct", "none"):
            await client.set_permissions(["SEND_MESSAGES"])
        if way == "none":
            await client.set_permissions(["SEND_MESSAGES"], target=DEFAULT_USER, channel_id="dm")

    async def open(self) -> None:
        """Open every way again."""
        client = self.member.client
        await client.set_permissions([])
        await client.set_permissions([], target=DEFAULT_USER, channel_id="dm")

    async def visible(self, job: Job) -> list[Message]:
        """All messages about a job that its member can see, in any channel."""
        state = await self.member.client.state()
        found: list[Message] = []
        for channel in state["channels"]:
            inside = await self.member.client.state(channel_id=channel["id"])
            found += [message for message in inside["messages"] if is_about(message, job)]
        return found


@asynccontextmanager
async def staged(
    member: Member, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """Lay out a worker's tasks in this process; the renderer's socket lies in the directory."""
    monkeypatch.setattr(discord.http.Route, "BASE", member.stack.api_url)
    monkeypatch.setattr(delivery, "PAUSES", (0.1,) * 4)
    renderer = ChosenRenderer()
    renderer.result = RenderResult((Image.linear_gradient("L").convert("RGB"),))
    served = Served(renderer, directory / "renderer.sock")
    bench = tasks.Bench(
        queue=member.queue,
        lifecycle=Lifecycle(member.queue),
        queue_settings=member.queue.settings,
        discord=settings(member),
        worker=WorkerSettings(model=".", runtime_dir=served.socket.parent),
        version="0",
    )
    scene = Scene(member, bench, renderer)
    yield scene
    renderer.may_answer.set()
    await asyncio.to_thread(served.stop)
    await scene.open()


def is_about(message: Message, job: Job) -> bool:
    """Tell whether a message is a job's, whichever way it went."""
    reference = (message.get("message_reference") or {}).get("message_id")
    is_ours = belongs_to(message, job.id) or reference == job.address.message_id
    return is_ours or bool(pictures(message, job))


def pictures(message: Message, job: Job) -> list[str]:
    """Addresses of the pictures of a job in a message."""
    shown = [(embed.get("image") or {}).get("url", "") for embed in message["embeds"]]
    shown += [file["url"] for file in message["attachments"]]
    return [url for url in shown if f"/newbie-{job.id}-" in url]


async def shown_once(scene: Scene, job: Job, *, placeholder: bool = False) -> Message:
    """Look that one message shows the picture, that it is recorded, and that no other is left.

    With `placeholder` the interaction's message may still be there, since nobody could delete it.
    """
    found = await scene.visible(job)
    [message] = [one for one in found if pictures(one, job)]
    others = [one["id"] for one in found if one["id"] != message["id"]]
    assert others == ([job.address.message_id] if placeholder else [])
    ended = scene.member.queue.get(job.id)
    assert ended.state is JobState.ENDED
    assert ended.outcome
    assert (ended.outcome.code, ended.outcome.message_id) == (OutcomeCode.DONE, message["id"])
    assert scene.bench.lifecycle.results.get(job.id) is None
    [url] = pictures(message, job)
    assert read_recipe(await scene.member.client.fetch(url)).prompt == "1girl"
    return message


def is_direct(message: Message) -> bool:
    """Tell whether a message was written to the member directly."""
    return message["channel_id"] not in (DEFAULT_CHANNEL, GENERAL)


async def on_way(scene: Scene, job: Job, way: str) -> Message:
    """Look that the picture was posted once, and on this way."""
    message = await shown_once(scene, job, placeholder=False)
    went = "edit" if message["id"] == job.address.message_id else "reply"
    assert ("direct" if is_direct(message) else went) == way
    return message


async def kept(scene: Scene, job: Job) -> Job:
    """Look that a job's result is kept, and that nothing shows it."""
    found = scene.member.queue.get(job.id)
    assert found.state is JobState.KEPT
    assert [one for one in await scene.visible(job) if pictures(one, job)] == []
    assert scene.member.queue.active_ids() == []
    return found


async def fetched(scene: Scene, job: Job, channel: str = DEFAULT_CHANNEL) -> Message:
    """Use /newbie-fetch, and look that it gave the job's picture and nothing else is left."""
    client = scene.member.client
    sent = await client.command("newbie-fetch", channel_id=channel)
    await client.wait_for_message(
        lambda found: belongs_to(found, sent) and pictures(found, job), channel_id=channel
    )
    async with asyncio.timeout(30):  # it is recorded, and the old message goes, just after
        while len(await scene.visible(job)) > 1 or not is_over(scene, job):
            await asyncio.sleep(0.05)
    message = await shown_once(scene, job)
    assert message["flags"] & EPHEMERAL
    return message


def is_over(scene: Scene, job: Job) -> bool:
    return scene.member.queue.get(job.id).state is JobState.ENDED
