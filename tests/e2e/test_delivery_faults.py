"""Whatever Discord does while a picture waits, is drawn or is posted: one message shows it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jobs.models import Job, JobState, OutcomeCode
from newbie_pipeline.render import RenderResult
from playground.client import DEFAULT_CHANNEL, DEFAULT_USER
from supervisor.stack import Stack
from tests.e2e.conftest import EPHEMERAL, Member, belongs_to
from tests.e2e.scene import (
    GENERAL,
    Scene,
    fetched,
    is_direct,
    is_over,
    kept,
    on_way,
    pictures,
    shown_once,
    staged,
)
from tests.e2e.test_tasks import discord_away, report, waiting
from worker.earlier_message import IN_CHANNEL

pytestmark = pytest.mark.slow

EDIT = ("PATCH", r"^/webhooks/\d+/[^/]+/messages/@original$")
REPLY = ("POST", rf"^/channels/{DEFAULT_CHANNEL}/messages$")
DIRECT = ("POST", rf"^/channels/(?!{DEFAULT_CHANNEL}/)\d+/messages$")
WAYS = {"edit": EDIT, "reply": REPLY, "direct": DIRECT}
LARGE = {"status": 413, "body": {"code": 40005, "message": "Request entity too large"}}


@pytest.fixture
def stack(stack_without_worker: Stack) -> Stack:
    return stack_without_worker


@pytest.fixture
async def scene(
    member: Member, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    async with staged(member, tmp_path_factory.mktemp("run"), monkeypatch) as laid_out:
        yield laid_out


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


PLACEHOLDER = r"^/channels/\d+/messages/\d+$"


@pytest.mark.parametrize("fault", ["away", "rate limited", "cut off", "answer lost"])
async def test_the_first_message_goes_away_whatever_happens_in_between(
    scene: Scene, fault: str
) -> None:
    job = await waiting(scene.member)
    await scene.close("reply")
    await scene.member.client.add_fault("DELETE", PLACEHOLDER, **FAULTS[fault])
    await scene.run(job)
    await on_way(scene, job, "reply")


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


# -- when nobody knows for long whether it was posted


async def posted_without_an_answer(scene: Scene, job: Job, way: str) -> Job:
    """Draw a job whose picture Discord takes, and its answer is lost; give it as it is long after.

    That is beyond the minutes for which Discord remembers a nonce, and beyond the token.
    """
    method, path = WAYS[way]
    await scene.member.client.add_fault(method, path, after_accept=True, times=5)
    left = await scene.run(job)
    assert left.state is JobState.RENDERED
    await scene.close("reply")
    return left


@pytest.mark.parametrize("way", WAYS)
async def test_what_was_posted_long_ago_without_an_answer_is_found(scene: Scene, way: str) -> None:
    job = await waiting(scene.member)
    await scene.close(way)
    await report(scene.bench, await posted_without_an_answer(scene, job, way))
    await on_way(scene, job, way)


async def test_a_reply_is_found_though_many_messages_came_before_it(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.close("reply")
    for number in range(IN_CHANNEL + 1):
        await scene.member.client.post_message(f"chatter {number}")
    await report(scene.bench, await posted_without_an_answer(scene, job, "reply"))
    await on_way(scene, job, "reply")


async def test_nothing_is_posted_again_until_somebody_could_look(scene: Scene) -> None:
    job = await waiting(scene.member)
    await scene.close("reply")
    left = await posted_without_an_answer(scene, job, "reply")
    await scene.member.client.add_fault("GET", REPLY[1], drop=True, times=3)
    await report(scene.bench, left)
    await on_way(scene, job, "reply")


async def test_words_that_were_posted_long_ago_are_found(scene: Scene) -> None:
    job = await waiting(scene.member)
    scene.renderer.result = RenderResult(())
    await scene.close("reply")
    await scene.member.client.add_fault(*REPLY, after_accept=True, times=5)
    left = await scene.run(job)
    assert left.state is JobState.FAILING
    await scene.close("reply")
    ended = await report(scene.bench, left)
    [message] = await scene.visible(job)
    assert job.id in message["content"]
    assert ended.outcome
    assert ended.outcome.message_id == message["id"]


async def test_what_did_not_arrive_is_posted_by_the_next_try(scene: Scene) -> None:
    job = await waiting(scene.member)
    other = await waiting(scene.member)
    await scene.run(job)
    with discord_away():
        left = await scene.run(other)
    await scene.close("reply")
    await report(scene.bench, left)
    await on_way(scene, other, "reply")


# -- when every way is closed


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
