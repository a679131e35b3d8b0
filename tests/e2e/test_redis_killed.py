"""Redis is killed in the middle of everything and comes back from its file: nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from jobs.models import Job, JobState
from supervisor.stack import Stack
from tests.e2e.conftest import Member, belongs_to
from tests.e2e.scene import Scene, fetched, kept, on_way, pictures, shown_once, staged
from tests.e2e.test_tasks import waiting

pytestmark = pytest.mark.slow

# Long enough to kill Redis meanwhile; then the call goes through.
HELD_UP = {"status": 429, "retry_after": 3.0}
EDIT = ("PATCH", r"^/webhooks/\d+/[^/]+/messages/")
MESSAGE = ("POST", r"^/channels/\d+/messages$")


@pytest.fixture
def stack(stack_without_worker: Stack) -> Stack:
    return stack_without_worker


@pytest.fixture
async def scene(
    member: Member, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    async with staged(member, tmp_path_factory.mktemp("run"), monkeypatch) as laid_out:
        yield laid_out


async def planted(member: Member, since: int) -> None:
    """Wait until a planted fault has met a call."""
    async with asyncio.timeout(60):
        while not any(row["planted"] for row in await member.client.requests(since)):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def without_redis(stack: Stack) -> AsyncIterator[None]:
    """Kill Redis, and start it again after the block."""
    await asyncio.to_thread(stack.kill, "redis")
    try:
        yield
    finally:
        await asyncio.to_thread(stack.start, "redis")


async def last_request(member: Member) -> int:
    return int((await member.client.requests())[-1]["n"])


async def settled(scene: Scene, job: Job, state: JobState) -> None:
    async with asyncio.timeout(60):
        while scene.member.queue.get(job.id).state is not state:
            await asyncio.sleep(0.1)


async def visible_picture(scene: Scene, job: Job) -> None:
    async with asyncio.timeout(60):
        while not [one for one in await scene.visible(job) if pictures(one, job)]:
            await asyncio.sleep(0.1)


async def test_in_the_middle_of_a_render(scene: Scene) -> None:
    job = await waiting(scene.member)
    scene.renderer.may_answer.clear()
    drawing = asyncio.create_task(scene.run(job))
    async with asyncio.timeout(30):
        while not scene.renderer.specs:
            await asyncio.sleep(0.02)
    async with without_redis(scene.member.stack):
        # It is drawn while Redis is away, and waits for it.
        scene.renderer.may_answer.set()
        await asyncio.sleep(1)
    await drawing
    await on_way(scene, job, "edit")


Then = Callable[[Scene, Job], Awaitable[object]]


async def at_once(_scene: Scene, _job: Job) -> None:
    """Redis comes back before the picture is posted."""


@pytest.mark.parametrize("until", [at_once, visible_picture])
@pytest.mark.parametrize("way", ["edit", "reply"])
async def test_in_the_middle_of_posting(scene: Scene, way: str, until: Then) -> None:
    job = await waiting(scene.member)
    await scene.close(way)
    since = await last_request(scene.member)
    await scene.member.client.add_fault(*(EDIT if way == "edit" else MESSAGE), **HELD_UP)
    posting = asyncio.create_task(scene.run(job))
    await planted(scene.member, since)
    async with without_redis(scene.member.stack):
        await until(scene, job)
    await posting
    await on_way(scene, job, way)


async def test_just_when_a_result_is_set_aside(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.close("none")
    since = await last_request(scene.member)
    await scene.member.client.add_fault(*MESSAGE, **HELD_UP)
    posting = asyncio.create_task(scene.run(job))
    await planted(scene.member, since)
    async with without_redis(scene.member.stack):
        await asyncio.sleep(4)
    await posting
    await kept(scene, job)
    await fetched(scene, job)


@pytest.mark.parametrize("until", [at_once, visible_picture])
async def test_in_the_middle_of_handing_over(scene: Scene, until: Then) -> None:
    job = await waiting(scene.member)
    await scene.close("none")
    await scene.run(job)
    await kept(scene, job)
    since = await last_request(scene.member)
    await scene.member.client.add_fault(*EDIT, **HELD_UP)
    await scene.member.client.command("newbie-fetch")
    await planted(scene.member, since)
    async with without_redis(scene.member.stack):
        await until(scene, job)
    await settled(scene, job, JobState.ENDED)
    async with asyncio.timeout(30):  # the old message goes last
        while len(await scene.visible(job)) > 1:
            await asyncio.sleep(0.1)
    await shown_once(scene, job)


async def test_before_a_handing_over_is_noted(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.close("none")
    await scene.run(job)
    async with without_redis(scene.member.stack):
        sent = await scene.member.client.command("newbie-fetch")
        await scene.member.client.wait_for_message(
            lambda found: belongs_to(found, sent) and "is not lost" in found["content"]
        )
    await kept(scene, job)
    await fetched(scene, job)
