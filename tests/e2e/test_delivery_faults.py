"""Whatever Discord does while a picture waits, is drawn or is posted: one message shows it.

A job goes the whole way through the bot and the worker's task; only the pictures are chosen by the
test, so that none takes long to draw.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import discord
import pytest
from PIL import Image

from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, OutcomeCode
from newbie_pipeline.recipe import read_recipe
from newbie_pipeline.render import RenderResult
from playground.client import DEFAULT_CHANNEL, DEFAULT_USER
from supervisor.stack import Stack, StackOptions
from tests.e2e.conftest import EPHEMERAL, Member, Message, belongs_to
from tests.e2e.test_delivery import settings
from tests.e2e.test_tasks import discord_away, report, run, waiting
from tests.worker.chosen_renderer import ChosenRenderer, Served
from worker import delivery, tasks
from worker.settings import WorkerSettings

pytestmark = pytest.mark.slow

EDIT = ("PATCH", r"^/webhooks/\d+/[^/]+/messages/@original$")
REPLY = ("POST", rf"^/channels/{DEFAULT_CHANNEL}/messages$")
DIRECT = ("POST", rf"^/channels/(?!{DEFAULT_CHANNEL}/)\d+/messages$")
WAYS = {"edit": EDIT, "reply": REPLY, "direct": DIRECT}
TOKEN_DIES = 16 * 60
LARGE = {"status": 413, "body": {"code": 40005, "message": "Request entity too large"}}
GENERAL = "600000000000000011"


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product without a worker: these tests run its tasks themselves."""
    data_dir = tmp_path_factory.mktemp("stack")
    parts = ("redis", "playground", "bot")
    with Stack(StackOptions(data_dir, parts=parts, log_dir=data_dir / "logs")) as stack:
        yield stack


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    own_stack.start()
    return own_stack


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


@pytest.fixture
async def scene(
    member: Member, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setattr(discord.http.Route, "BASE", member.stack.api_url)
    monkeypatch.setattr(delivery, "PAUSES", (0.1,) * 4)
    renderer = ChosenRenderer()
    renderer.result = RenderResult((Image.linear_gradient("L").convert("RGB"),))
    served = Served(renderer, tmp_path_factory.mktemp("run") / "renderer.sock")
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


FAULTS: dict[str, dict[str, Any]] = {
    "rate limited": {"status": 429, "retry_after": 0.3, "times": 2},
    "rate limited globally": {"status": 429, "retry_after": 0.3, "is_global": True},
    "broken": {"status": 500},
    "away": {"status": 503, "times": 2},
    "cut off": {"drop": True, "times": 2},
    "answer lost": {"after_accept": True},
    "answer lost again": {"after_accept": True, "times": 3},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_that_passes_is_waited_out_on_the_same_way(
    scene: Scene, fault: str, way: str
) -> None:
    job = await waiting(scene.member)
    await scene.close(way)
    method, path = WAYS[way]
    await scene.member.client.add_fault(method, path, **FAULTS[fault])
    await scene.run(job)
    await on_way(scene, job, way)


async def test_a_token_that_expired_while_the_job_waited(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.close("reply")
    await scene.run(job)
    message = await on_way(scene, job, "reply")
    assert [user["id"] for user in message["mentions"]] == [DEFAULT_USER]


async def test_a_token_that_is_over_by_our_own_clock_is_not_tried(scene: Scene) -> None:
    job = await waiting(scene.member)
    old = job.address.model_copy(update={"interaction_at": 1.0})
    key = scene.member.queue.keys.job(job.id)
    scene.member.queue.redis.hset(key, "address", old.model_dump_json())
    before = (await scene.member.client.requests())[-1]["n"]
    await scene.run(job)
    await on_way(scene, job, "reply")
    calls = await scene.member.client.requests(before)
    assert [row["path"] for row in calls if row["method"] == "PATCH"] == []


async def test_a_token_that_expires_during_the_render(scene: Scene) -> None:
    job = await waiting(scene.member)
    scene.renderer.may_answer.clear()
    drawing = asyncio.create_task(scene.run(job))
    async with asyncio.timeout(30):
        while not scene.renderer.specs:
            await asyncio.sleep(0.02)
    await scene.close("reply")
    scene.renderer.may_answer.set()
    await drawing
    await on_way(scene, job, "reply")


async def test_a_message_that_was_deleted_while_its_job_waited(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.member.client.delete_message(job.address.message_id)
    await scene.run(job)
    await on_way(scene, job, "reply")


async def sent_in(scene: Scene, channel: str) -> Job:
    """Have a job in line that was asked for in another channel."""
    client = scene.member.client
    job_id = await client.command("newbie", {"prompt": "1girl", "steps": 2}, channel_id=channel)
    await client.wait_for_message(
        lambda found: belongs_to(found, job_id) and "In line" in found["content"],
        channel_id=channel,
    )
    scene.member.queue.rq.empty()
    return scene.member.queue.get(job_id)


async def test_a_channel_that_was_deleted(scene: Scene) -> None:
    channel = await scene.member.client.add_channel("sketches")
    job = await sent_in(scene, channel)
    await scene.member.client.delete_channel(channel)
    await scene.run(job)
    assert is_direct(await shown_once(scene, job))


TAKEN = ("SEND_MESSAGES", "ATTACH_FILES", "EMBED_LINKS", "VIEW_CHANNEL")


@pytest.mark.parametrize("right", TAKEN)
async def test_a_right_that_was_taken_away_matters_only_without_the_token(
    scene: Scene, right: str
) -> None:
    job = await waiting(scene.member)
    await scene.member.client.set_permissions([right])
    await scene.run(job)
    await on_way(scene, job, "edit")


@pytest.mark.parametrize("right", TAKEN)
async def test_where_the_bot_may_not_post_any_more_the_member_gets_it_directly(
    scene: Scene, right: str
) -> None:
    job = await waiting(scene.member)
    await scene.close("reply")
    await scene.member.client.set_permissions([right])
    await scene.run(job)
    # What the bot cannot see it cannot delete either.
    message = await shown_once(scene, job, placeholder=right == "VIEW_CHANNEL")
    assert is_direct(message)


async def test_where_the_bot_may_not_reply_any_more_it_posts(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.close("reply")
    await scene.member.client.set_permissions(["READ_MESSAGE_HISTORY"])
    await scene.run(job)
    message = await on_way(scene, job, "reply")
    assert message.get("message_reference") is None


@pytest.mark.parametrize("way", WAYS)
async def test_an_upload_that_is_too_large_is_posted_smaller_on_the_same_way(
    scene: Scene, way: str
) -> None:
    job = await waiting(scene.member)
    await scene.close(way)
    method, path = WAYS[way]
    await scene.member.client.add_fault(method, path, **LARGE)
    await scene.run(job)
    [url] = pictures(await on_way(scene, job, way), job)
    assert url.endswith(".webp")


async def test_an_upload_that_stays_too_large_goes_down_the_ladder(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.member.client.add_fault(*EDIT, **LARGE, times=9)
    await scene.run(job)
    await on_way(scene, job, "reply")
    await scene.member.client.clear_faults()


# -- when every way is closed


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


async def test_with_direct_messages_closed_the_picture_is_kept_and_fetched(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.close("none")
    await scene.run(job)
    await kept(scene, job)
    [pointer] = await scene.visible(job)
    assert pointer["id"] == job.address.message_id
    assert "/newbie-fetch" in pointer["content"]
    await fetched(scene, job)


async def test_the_answers_of_discord_say_why(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.close("none")
    before = (await scene.member.client.requests())[-1]["n"]
    await scene.run(job)
    refused = [
        row["response"]["code"]
        for row in await scene.member.client.requests(before)
        if row["status"] >= 400
    ]
    assert refused == [50027, 50013, 50007]
    await fetched(scene, job)


async def test_a_picture_of_a_deleted_channel_is_fetched_in_another(scene: Scene) -> None:
    channel = await scene.member.client.add_channel("sketches")
    job = await sent_in(scene, channel)
    await scene.close("none")
    await scene.member.client.delete_channel(channel)
    await scene.run(job)
    await kept(scene, job)
    await fetched(scene, job, GENERAL)


async def test_of_a_picture_that_was_too_large_the_smaller_one_is_kept(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.member.client.add_fault(*EDIT, **LARGE, times=9)
    await scene.member.client.set_permissions(["SEND_MESSAGES"])
    await scene.member.client.set_permissions(
        ["SEND_MESSAGES"], target=DEFAULT_USER, channel_id="dm"
    )
    await scene.run(job)
    await scene.member.client.clear_faults()
    await kept(scene, job)
    [url] = pictures(await fetched(scene, job), job)
    assert url.endswith(".webp")


async def test_a_picture_that_an_earlier_process_left_is_kept_too(scene: Scene) -> None:
    job = await waiting(scene.member)
    with discord_away():
        left = await scene.run(job)
    assert left.state is JobState.RENDERED
    await scene.close("none")
    await report(scene.bench, left)
    await kept(scene, job)
    await fetched(scene, job)


async def test_the_words_of_a_failure_are_kept_and_fetched(scene: Scene) -> None:
    job = await waiting(scene.member)
    scene.renderer.result = RenderResult(())  # fewer pictures than seeds: the task breaks
    await scene.close("none")
    assert (await scene.run(job)).state is JobState.KEPT
    client = scene.member.client
    sent = await client.command("newbie-fetch")
    words = await client.wait_for_message(
        lambda found: belongs_to(found, sent) and job.id in found["content"]
    )
    async with asyncio.timeout(30):
        while not is_over(scene, job):
            await asyncio.sleep(0.05)
    outcome = scene.member.queue.get(job.id).outcome
    assert outcome
    assert (outcome.code, outcome.message_id) == (OutcomeCode.INTERNAL, words["id"])


async def test_without_room_its_member_is_told_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await waiting(scene.member)
    monkeypatch.setattr(scene.bench.lifecycle.kept._results, "_most_bytes", 0)
    await scene.close("none")
    await scene.run(job)
    found = await kept(scene, job)
    assert found.outcome
    assert found.outcome.code is OutcomeCode.NOT_KEPT
    sent = await scene.member.client.command("newbie-fetch")
    await scene.member.client.wait_for_message(
        lambda one: belongs_to(one, sent) and "too many pictures wait" in one["content"]
    )


async def test_a_way_that_opens_again_is_taken_by_the_next_job(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.close("none")
    await scene.run(job)
    await scene.open()
    other = await waiting(scene.member)
    await scene.run(other)
    shown, reminder = await scene.visible(other)
    assert shown["id"] == other.address.message_id
    assert pictures(shown, other)
    assert reminder["flags"] & EPHEMERAL
    assert "/newbie-fetch" in reminder["content"]
    await fetched(scene, job)
