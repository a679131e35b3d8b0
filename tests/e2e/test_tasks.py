"""The tasks that RQ runs, with a real renderer, a real Redis and the playground."""

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager

import discord
import pytest

from jobs.capability import Capability
from jobs.errors import UnknownJob
from jobs.lifecycle import Lifecycle
from jobs.models import Job, JobState, OutcomeCode
from jobs.promises import Promise
from jobs.queue import RenderQueue
from jobs.registration import Description
from jobs.settings import QueueSettings
from newbie_pipeline.prompt.assist import Addition, Assisted, AssistMode
from newbie_pipeline.render import RenderResult, Truncation
from supervisor.stack import Stack
from tests.conftest import RendererProcess
from tests.e2e.conftest import DEFAULT_USER, Member, fields, picture_urls
from tests.e2e.test_delivery import settings
from tests.e2e.test_survival import accepted
from tests.worker.chosen_renderer import ChosenRenderer, Served
from worker import client, delivery, tasks
from worker.description_file import DESCRIPTION_FILE, write_description
from worker.handing_back import HandBack
from worker.settings import WorkerSettings

pytestmark = pytest.mark.slow


@pytest.fixture
def stack(whole_stack: Stack) -> Stack:
    """The product without a worker: these tests run its tasks themselves."""
    whole_stack.stop("worker")
    whole_stack.start("redis", "playground", "bot")
    return whole_stack


@pytest.fixture
def bench(
    member: Member, renderer: RendererProcess, monkeypatch: pytest.MonkeyPatch
) -> tasks.Bench:
    monkeypatch.setattr(discord.http.Route, "BASE", member.stack.api_url)
    monkeypatch.setattr(delivery, "PAUSES", (0.1,))
    return tasks.Bench(
        queue=member.queue,
        lifecycle=Lifecycle(member.queue),
        queue_settings=member.queue.settings,
        discord=settings(member),
        worker=WorkerSettings(model=".", runtime_dir=renderer.socket.parent),
        version="0",
    )


@contextmanager
def discord_away() -> Iterator[None]:
    """Have nobody answer where Discord should be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discord.http.Route, "BASE", "http://127.0.0.1:9/api/v10")
        yield


async def waiting(member: Member, **options: object) -> Job:
    """Have a job in line, and take RQ's part of it away."""
    job_id = await member.newbie(**{"prompt": "1girl", **options})
    await accepted(member, job_id)
    await member.answer(job_id, lambda m: "In line" in m["content"])
    member.queue.rq.empty()
    return member.queue.get(job_id)


async def run(bench: tasks.Bench, job: Job) -> Job:
    """Draw what is first in line."""
    tasks.install(bench)
    await asyncio.to_thread(tasks.render)
    return bench.queue.get(job.id)


async def report(bench: tasks.Bench, job: Job) -> Job:
    """Post what an earlier process has left."""
    tasks.install(bench)
    await asyncio.to_thread(tasks.report, job.id, job.attempt)
    return bench.queue.get(job.id)


async def test_a_job_that_takes_too_long_is_ended_and_its_owner_told(
    member: Member, bench: tasks.Bench, renderer: RendererProcess
) -> None:
    job = await waiting(member, steps=60, count=4)
    # Shorter than any setting allows, so that the test need not wait.
    short = QueueSettings.model_construct(**{**dict(bench.queue_settings), "job_timeout": 1})
    ended = await run(tasks.Bench(**{**vars(bench), "queue_settings": short}), job)
    assert ended.state is JobState.ENDED
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.TIMED_OUT
    await member.answer(job.id, lambda m: "longer than" in m["content"])
    pid = renderer.pid()
    assert (await run(bench, await waiting(member))).outcome.code is OutcomeCode.DONE
    assert renderer.pid() == pid


async def test_while_discord_is_away_a_finished_picture_is_kept_and_posted_later(
    member: Member, bench: tasks.Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    assert (kept.state, kept.attempt, kept.reports) == (JobState.RENDERED, 0, 1)
    assert kept.report_after > time.time()
    # Nothing is drawn for it again: there is no renderer any more.
    monkeypatch.setattr(client, "render", None)
    ended = await report(bench, kept)
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.DONE
    [(picture, recipe)] = await member.download(await member.picture(job.id))
    assert picture.size == (1024, 1024)
    assert recipe.prompt == "1girl"
    assert bench.lifecycle.results.get(job.id) is None


async def test_without_room_for_it_a_picture_that_cannot_be_posted_is_drawn_again(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    small = RenderQueue(bench.queue.redis, QueueSettings(results_mib=0))
    narrow = dataclasses.replace(bench, queue=small, lifecycle=Lifecycle(small))
    with discord_away():
        back = await run(narrow, job)
    assert (back.state, back.attempt) == (JobState.WAITING, 1)
    ended = await run(narrow, job)
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.DONE
    await member.picture(job.id)


async def test_a_kept_picture_whose_bytes_are_gone_is_drawn_again(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    bench.queue.redis.delete(bench.queue.keys.result(job.id))
    back = await report(bench, kept)
    assert (back.state, back.attempt) == (JobState.WAITING, 1)
    assert (await run(bench, job)).state is JobState.ENDED
    await member.picture(job.id)


async def test_two_reports_of_one_job_post_once(member: Member, bench: tasks.Bench) -> None:
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    before = (await member.client.requests())[-1]["n"]
    await asyncio.gather(report(bench, kept), report(bench, kept))
    edits = [row for row in await member.client.requests(before) if row["method"] == "PATCH"]
    assert len(edits) == 1
    assert bench.queue.get(job.id).state is JobState.ENDED


async def test_a_cancelled_job_stops_within_a_step_and_says_so(
    member: Member, bench: tasks.Bench, renderer: RendererProcess
) -> None:
    job = await waiting(member, steps=60, count=4)
    task = asyncio.create_task(run(bench, job))
    while bench.queue.get(job.id).progress.step == 0:
        await asyncio.sleep(0.05)
    assert bench.queue.cancel(job.id, DEFAULT_USER)
    async with asyncio.timeout(10):
        ended = await task
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.CANCELLED
    assert ended.progress.step < 200
    message = await member.answer(job.id, lambda m: "cancelled" in m["content"])
    assert not picture_urls(message)
    pid = renderer.pid()
    assert (await run(bench, await waiting(member))).outcome.code is OutcomeCode.DONE
    assert renderer.pid() == pid


async def test_an_attempt_that_was_overtaken_posts_nothing(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member, steps=15)
    task = asyncio.create_task(run(bench, job))
    while bench.queue.get(job.id).progress.step == 0:
        await asyncio.sleep(0.05)
    bench.lifecycle.abandon(bench.queue.get(job.id))
    now = await task
    assert (now.state, now.attempt, now.delivered) == (JobState.WAITING, 1, None)
    member.queue.rq.empty()
    await run(bench, job)
    await member.picture(job.id)


async def test_a_job_that_is_handed_back_is_in_line_again_at_once(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member, steps=60, count=4)
    task = asyncio.create_task(run(bench, job))
    while bench.queue.get(job.id).progress.step == 0:
        await asyncio.sleep(0.05)
    bench.hand_back.is_wanted = True
    async with asyncio.timeout(20):
        back = await task
    assert (back.state, back.attempt, back.lost_attempts) == (JobState.WAITING, 1, 0)
    await member.answer(job.id, lambda m: "In line" in m["content"])
    # Whoever stops takes no other job either.
    assert (await run(bench, job)).state is JobState.WAITING
    member.queue.rq.empty()
    ended = await run(dataclasses.replace(bench, hand_back=HandBack()), job)
    assert (ended.attempt, ended.outcome.code) == (1, OutcomeCode.DONE)


async def test_a_ticket_is_passed_on_where_its_worker_can_draw_nothing_of_what_waits(
    member: Member, chosen: tuple[tasks.Bench, ChosenRenderer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "REST_SECONDS", 0.01)
    bench, _ = chosen
    large = await waiting(member, size="1024x1024")
    description = bench.worker.socket.with_name(DESCRIPTION_FILE)
    write_description(description, Description(capability=Capability(max_pixels=1_000_000)))
    assert (await run(bench, large)).state is JobState.WAITING
    assert len(member.queue.rq.get_job_ids()) == 1
    # It is not passed on for ever: the next worker draws the job, and then nothing waits.
    write_description(description, Description())
    assert (await run(bench, large)).outcome.code is OutcomeCode.DONE
    member.queue.rq.empty()
    await run(bench, large)
    assert member.queue.rq.get_job_ids() == []


async def test_a_picture_that_is_posted_is_not_posted_again(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    bench.queue.redis.hset(bench.queue.keys.job(job.id), "delivered", "4711")
    ended = await report(bench, kept)
    assert ended.outcome
    assert (ended.outcome.code, ended.outcome.message_id) == (OutcomeCode.DONE, "4711")
    assert "In line" in (await member.answer(job.id, lambda m: m["content"]))["content"]


async def taken_back(member: Member, job: Job, bench: tasks.Bench) -> None:
    """Have a job whose member was told that it is not accepted, by a bot that then died."""
    await member.client.delete_message(job.address.message_id)
    promise = Promise(
        application_id=job.address.application_id,
        interaction_id=job.id,
        channel_id=job.address.channel_id,
        requester_id=job.address.requester_id,
        interaction_token=job.address.interaction_token,
        locale=job.address.locale,
        made_at=time.time(),
    )
    bench.queue.promises.make(promise)


async def test_nothing_is_posted_for_a_job_whose_member_was_told_no(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    await taken_back(member, job, bench)
    before = len(await member.messages())
    with pytest.raises(UnknownJob):
        await run(bench, job)
    assert len(await member.messages()) == before
    assert not bench.queue.promises.is_open(job.id)
    assert bench.queue.active_ids() == []
    assert member.queue.redis.keys(f"newbie:*{job.id}*") == []


async def test_a_picture_that_was_kept_is_dropped_when_its_member_was_told_no(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    await taken_back(member, job, bench)
    with pytest.raises(UnknownJob):
        await report(bench, kept)
    assert member.queue.redis.keys(f"newbie:*{job.id}*") == []


async def test_a_job_whose_message_somebody_else_deleted_is_posted(
    member: Member, bench: tasks.Bench
) -> None:
    job = await waiting(member)
    await taken_back(member, job, bench)
    bench.queue.promises.settle(job.id)
    ended = await run(bench, job)
    assert ended.outcome
    assert ended.outcome.code is OutcomeCode.DONE
    assert ended.outcome.message_id in [message["id"] for message in await member.messages()]


HELPED = "<character_1><n>miku</n><clothing>white_dress</clothing></character_1>"
HOSTILE = "``` <@500000000000000002> @everyone\n# big"


@pytest.fixture
def chosen(
    bench: tasks.Bench, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[tasks.Bench, ChosenRenderer]]:
    """The bench with a renderer whose answers the test chooses."""
    renderer = ChosenRenderer()
    served = Served(renderer, tmp_path_factory.mktemp("run") / "renderer.sock")
    worker = bench.worker.model_copy(update={"runtime_dir": served.socket.parent})
    yield dataclasses.replace(bench, worker=worker), renderer
    renderer.may_answer.set()
    served.stop()


async def test_what_was_added_and_what_was_cut_is_shown_with_the_picture(
    member: Member, chosen: tuple[tasks.Bench, ChosenRenderer]
) -> None:
    bench, renderer = chosen
    additions = (Addition("character_1/clothing", "white_dress"), Addition("caption", HOSTILE))
    renderer.result = RenderResult(
        renderer.result.images, Assisted(HELPED, additions), Truncation(700, 512, HOSTILE)
    )
    job = await waiting(member, prompt="<n>miku</n>", assist="complete")
    assert job.request.assist is AssistMode.COMPLETE
    assert (await run(bench, job)).outcome.code is OutcomeCode.DONE
    message = await member.picture(job.id)
    embed = message["embeds"][0]
    harmless = "ˋˋˋ <@500000000000000002> @everyone # big"
    assert embed["description"] == (
        "Added to your prompt:\n"
        f"```diff\n+ character_1/clothing: white_dress\n+ caption: {harmless}\n```"
    )
    assert harmless in fields(message)["Your prompt is too long"]
    assert [user["id"] for user in message["mentions"]] == [DEFAULT_USER]
    assert not message["mention_everyone"]
    assert message["attachments"] == []
    [(_, recipe)] = await member.download(message)
    assert (recipe.prompt, recipe.written_prompt) == (HELPED, "<n>miku</n>")
    assert recipe.assist is AssistMode.COMPLETE


async def test_a_prompt_that_was_put_into_xml_comes_along_as_a_file(
    member: Member, chosen: tuple[tasks.Bench, ChosenRenderer]
) -> None:
    bench, renderer = chosen
    renderer.result = RenderResult(renderer.result.images * 2, Assisted(HELPED))
    job = await waiting(member, prompt="miku in white", assist="structure", count=2)
    await run(bench, job)
    message = await member.answer(job.id, lambda m: m["attachments"])
    names = [file["filename"] for file in message["attachments"]]
    assert [name.rpartition(".")[2] for name in names] == ["png", "png", "xml"]
    assert await member.client.fetch(message["attachments"][2]["url"]) == HELPED.encode()
    assert f"The whole prompt is in `{names[2]}`." in message["embeds"][0]["description"]


async def test_while_the_language_model_writes_the_message_says_so(
    member: Member, chosen: tuple[tasks.Bench, ChosenRenderer]
) -> None:
    bench, renderer = chosen
    renderer.may_answer.clear()
    job = await waiting(member, assist="complete")
    task = asyncio.create_task(run(bench, job))
    await member.answer(job.id, lambda m: m["content"] == "Completing your prompt.")
    renderer.may_answer.set()
    await task
    message = await member.picture(job.id)
    # The renderer says nothing about help: it has none to give.
    assert "runs without Gemma" in message["embeds"][0]["description"]
