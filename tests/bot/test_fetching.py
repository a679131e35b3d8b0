"""What waits for a member is handed over once, in private, whatever happens on the way."""

import asyncio
import io
import itertools

import pytest
from PIL import Image

from jobs.lifecycle import Lifecycle
from jobs.message_parts import PlainMessage, to_parts
from jobs.models import Handover, Job, JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from playground.client import DEFAULT_CHANNEL, PlaygroundClient
from playground.guilds import GUILD_ID
from supervisor.stack import Stack
from tests.bot.conftest import Json, Member, is_private, new_member
from tests.jobs.conftest import address, request

DRAWN = Outcome(code=OutcomeCode.DONE, seconds=1.5)
EDIT = r"^/webhooks/\d+/[^/]+/messages/"
FOLLOWUP = r"^/webhooks/\d+/[^/]+$"


def png(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), shade).save(file, "PNG")
    return file.getvalue()


def picture(name: str, shade: int = 0) -> dict[str, bytes]:
    """Parts of a message that shows a picture in its embed, and a file beside it."""
    embed = {"title": "Your picture", "image": {"url": f"attachment://{name}.png"}}
    files = ((f"{name}.png", png(shade)), (f"{name}.xml", b"<n>miku</n>"))
    return to_parts(PlainMessage("done", embed, files))


_numbers = itertools.count(10**17)


def kept(
    member: Member, queue: RenderQueue, name: str = "a", *, code: OutcomeCode | None = None
) -> Job:
    """Have a job whose result Discord took on no way: a picture, or a failure of some code.

    The bot has no part in it: after `/newbie` it would look what waits, at any later moment.
    """
    number = next(_numbers)
    submitted = queue.submit(
        request(),
        address(number, requester_id=member.id, guild_id=GUILD_ID, channel_id=DEFAULT_CHANNEL),
    )
    return set_aside(queue, submitted.id, name, code)


def set_aside(
    queue: RenderQueue, job_id: str, name: str = "a", code: OutcomeCode | None = None
) -> Job:
    """Bring the one job in line to its end, and keep its result."""
    lifecycle = Lifecycle(queue)
    queue.rq.empty()
    job = lifecycle.claim(f"ticket-{name}")
    assert job
    assert job.id == job_id
    if code is None:
        assert lifecycle.keep(job.id, 0, DRAWN, picture(name))
        assert lifecycle.kept.set_aside(job, DRAWN, picture(name))
    else:
        assert lifecycle.fail(job.id, 0, code)
        assert lifecycle.kept.set_aside(job, Outcome(code=code), None)
    lifecycle.release(job)
    return queue.get(job.id)


async def fetch(member: Member, channel: str | None = None) -> str:
    return await member.discord.command("newbie-fetch", user_id=member.id, channel_id=channel)


async def ended(queue: RenderQueue, job: Job) -> Job:
    async with asyncio.timeout(60):
        while queue.get(job.id).state is not JobState.ENDED:
            await asyncio.sleep(0.05)
    return queue.get(job.id)


def shows(message: Json, name: str) -> bool:
    """Tell whether a message shows a picture."""
    urls = [(embed.get("image") or {}).get("url", "") for embed in message["embeds"]]
    return any(f"/{name}.png" in url for url in urls)


async def showing(member: Member, name: str = "a") -> list[Json]:
    return [message for message in await member.messages() if shows(message, name)]


async def private_texts(member: Member) -> list[str]:
    return [message["content"] for message in await member.messages() if is_private(message)]


async def test_a_kept_picture_is_handed_over_in_private(member: Member, queue: RenderQueue):
    job_id = await member.newbie(prompt="1girl")
    await member.answer(job_id)
    job = set_aside(queue, job_id)
    message = await member.answer(await fetch(member), lambda found: shows(found, "a"))
    assert is_private(message)
    assert message["content"] == "done"
    assert await member.discord.fetch(message["embeds"][0]["image"]["url"]) == png(0)
    [file] = message["attachments"]
    assert await member.discord.fetch(file["url"]) == b"<n>miku</n>"
    closed = await ended(queue, job)
    assert closed.outcome == DRAWN.model_copy(update={"message_id": message["id"]})
    others = await new_member(member.discord, "other")
    async with asyncio.timeout(20):  # what said where the result is goes last
        while job.address.message_id in [found["id"] for found in await others.messages()]:
            await asyncio.sleep(0.05)
    assert await member.answer(await fetch(member), lambda found: "No result" in found["content"])
    assert len(await showing(member)) == 1


async def test_everything_that_waits_comes_each_in_a_message_of_its_own(
    member: Member, queue: RenderQueue
):
    jobs = [
        kept(member, queue, "a"),
        kept(member, queue, "b", code=OutcomeCode.RENDER_FAILED),
        kept(member, queue, "c"),
    ]
    sent = await fetch(member)
    for job in jobs:
        await ended(queue, job)
    answers = [
        message
        for message in await member.messages()
        if (message.get("interaction_metadata") or {}).get("id") == sent
    ]
    assert [is_private(message) for message in answers] == [True] * 3
    first, second, third = answers
    assert shows(first, "a")
    assert "error in the model" in second["content"]
    assert shows(third, "c")


async def test_nobody_gets_what_waits_for_another(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    job = kept(member, queue)
    other = await new_member(discord, "other")
    answer = await other.answer(await fetch(other))
    assert answer["content"] == "No result waits for you."
    assert queue.get(job.id).state is JobState.KEPT
    await member.answer(await fetch(member), lambda found: shows(found, "a"))


async def test_results_can_be_fetched_in_direct_messages(
    member: Member, queue: RenderQueue, running: Stack
):
    job = kept(member, queue)
    async with member.discord.http.post(
        f"{running.api_url}/users/@me/channels",
        json={"recipient_id": member.id},
        headers={"Authorization": f"Bot {running.token}"},
    ) as response:
        direct = (await response.json())["id"]
    await fetch(member, direct)
    await ended(queue, job)
    inside = (await member.discord.state(member.id, direct))["messages"]
    assert [shows(message, "a") for message in inside] == [True]


async def test_of_two_at_the_same_moment_one_shows_the_result(member: Member, queue: RenderQueue):
    job = kept(member, queue)
    # Whoever has the result waits a moment, so that both are under way.
    await member.discord.add_fault("PATCH", EDIT, 429, retry_after=1.5)
    first, second = await asyncio.gather(fetch(member), fetch(member))
    await ended(queue, job)
    answers = [await member.answer(one) for one in (first, second)]
    assert sorted(shows(message, "a") for message in answers) == [False, True]
    [other] = [message["content"] for message in answers if not shows(message, "a")]
    assert "in another message" in other


@pytest.mark.parametrize("fault", [{"after_accept": True}, {"drop": True}])
async def test_a_broken_connection_is_tried_again(
    member: Member, queue: RenderQueue, fault: dict[str, bool]
):
    job = kept(member, queue)
    await member.discord.add_fault("PATCH", EDIT, **fault)
    await fetch(member)
    await ended(queue, job)
    assert len(await showing(member)) == 1


async def test_an_answer_that_stays_lost_loses_nothing_and_shows_nothing_twice(
    member: Member, queue: RenderQueue
):
    job = kept(member, queue)
    # Four tries to show it, and the word that it goes on waiting: all arrive, no answer comes back.
    await member.discord.add_fault("PATCH", EDIT, after_accept=True, times=4)
    told = await member.answer(await fetch(member), lambda found: "still waits" in found["content"])
    assert not told["embeds"]
    assert not told["attachments"]
    assert queue.get(job.id).state is JobState.KEPT
    await member.answer(await fetch(member), lambda found: shows(found, "a"))
    await ended(queue, job)
    assert len(await showing(member)) == 1
    assert told["id"] not in [message["id"] for message in await member.messages()]


async def test_a_message_that_may_show_the_result_already_is_removed_first(
    member: Member, queue: RenderQueue
):
    job = kept(member, queue)
    # Four tries to show it arrive, four to say that it goes on waiting do not. No answer comes.
    await member.discord.add_fault("PATCH", EDIT, after_accept=True, times=4)
    await member.discord.add_fault("PATCH", EDIT, drop=True, times=4)
    shown = await member.answer(await fetch(member), lambda found: shows(found, "a"))
    async with asyncio.timeout(60):  # until it has given up
        while queue.redis.exists(queue.keys.handover(job.id)):
            await asyncio.sleep(0.05)
    assert [message["id"] for message in await showing(member)] == [shown["id"]]
    assert queue.get(job.id).state is JobState.KEPT
    again = await member.answer(await fetch(member), lambda found: shows(found, "a"))
    assert again["id"] != shown["id"]
    assert [message["id"] for message in await showing(member)] == [again["id"]]


async def test_when_a_message_for_it_could_not_be_made_for_sure_the_result_waits(
    member: Member, queue: RenderQueue
):
    first, second = kept(member, queue, "a"), kept(member, queue, "b")
    await member.discord.add_fault("POST", FOLLOWUP, after_accept=True)
    await fetch(member)
    await ended(queue, first)
    await member.discord.wait_for_message(
        lambda found: "still waits" in found["content"], member.id
    )
    assert queue.get(second.id).state is JobState.KEPT
    assert await showing(member, "b") == []
    await member.answer(await fetch(member), lambda found: shows(found, "b"))
    await ended(queue, second)
    assert [len(await showing(member, name)) for name in "ab"] == [1, 1]


async def test_a_bot_that_dies_in_the_middle_loses_nothing(
    member: Member, queue: RenderQueue, running: Stack
):
    job = kept(member, queue)
    await member.discord.add_fault("PATCH", EDIT, 429, retry_after=60, times=9)
    await fetch(member)
    async with asyncio.timeout(30):
        while queue.get(job.id).handover is None:
            await asyncio.sleep(0.02)
    running.kill("bot")
    await member.discord.clear_faults()
    running.start("bot")
    await member.discord.wait_for_bot(60)
    # Its lock ends by itself; no test waits that long.
    queue.redis.delete(queue.keys.handover(job.id))
    await member.answer(await fetch(member), lambda found: shows(found, "a"))
    await ended(queue, job)
    assert len(await showing(member)) == 1


async def test_what_can_not_be_removed_any_more_is_shown_again(member: Member, queue: RenderQueue):
    job = kept(member, queue)
    old = Handover(token="of an hour ago", message_id="4711", at=1.0)
    Lifecycle(queue).kept.note(job, old)
    await member.answer(await fetch(member), lambda found: shows(found, "a"))
    await ended(queue, job)


async def test_files_that_discord_finds_too_large_go_on_waiting(member: Member, queue: RenderQueue):
    job = kept(member, queue)
    await member.discord.add_fault("PATCH", EDIT, 413, body={"code": 40005, "message": "x"})
    await member.answer(await fetch(member), lambda found: "too large" in found["content"])
    assert queue.get(job.id).state is JobState.KEPT
    await member.answer(await fetch(member), lambda found: shows(found, "a"))


async def test_without_redis_a_member_is_told_and_nothing_is_lost(
    member: Member, queue: RenderQueue, running: Stack
):
    job = kept(member, queue)
    await asyncio.sleep(1.5)  # the append-only file is written every second
    running.kill("redis")
    sent = await fetch(member)
    message = await member.answer(sent)
    assert is_private(message)
    assert "is not lost" in message["content"]
    running.start("redis")
    await member.answer(await fetch(member), lambda found: shows(found, "a"))
    await ended(queue, job)


async def test_what_waited_too_long_is_told_once(member: Member, queue: RenderQueue):
    job = kept(member, queue)
    queue.redis.zadd(queue.keys.member_kept(member.id), {job.id: 1.0})
    queue.redis.zadd(queue.keys.kept, {job.id: 1.0})
    assert Lifecycle(queue).kept.expire() == 1
    await member.answer(await fetch(member), lambda found: "waited too long" in found["content"])
    closed = queue.get(job.id).outcome
    assert closed == Outcome(code=OutcomeCode.EXPIRED)
    await member.answer(await fetch(member), lambda found: "No result" in found["content"])


async def test_a_picture_whose_bytes_are_gone_says_so(member: Member, queue: RenderQueue):
    job = kept(member, queue)
    queue.redis.delete(queue.keys.result(job.id))
    await member.answer(await fetch(member), lambda found: "was removed" in found["content"])
    closed = (await ended(queue, job)).outcome
    assert closed
    assert closed.code is OutcomeCode.EXPIRED


# -- any other contact


async def reminder(member: Member) -> str:
    message = await member.discord.wait_for_message(
        lambda found: is_private(found) and "/newbie-fetch" in found["content"], member.id
    )
    return str(message["content"])


async def test_an_accepted_request_tells_what_waits(member: Member, queue: RenderQueue):
    kept(member, queue)
    sent = await member.newbie(prompt="1girl")
    text = await reminder(member)
    until = queue.redis.zscore(queue.keys.kept, queue.redis.zrange(queue.keys.kept, 0, 0)[0])
    assert text.startswith("One of your results")
    assert f"<t:{int(until)}:f>" in text
    shown = await member.answer(sent, lambda found: not is_private(found))
    assert "In line" in shown["content"]


async def test_several_results_are_counted(member: Member, queue: RenderQueue):
    for name in "ab":
        kept(member, queue, name)
    await member.newbie(prompt="1girl")
    await member.discord.wait_for_message(
        lambda found: found["content"].startswith("2 of your results"), member.id
    )


async def test_notes_on_a_prompt_and_what_waits_come_together(member: Member, queue: RenderQueue):
    kept(member, queue)
    await member.newbie(prompt="<a><n>miku</N></a>")
    text = await reminder(member)
    assert text.startswith("Notes on your prompt")
    await asyncio.sleep(0.3)
    assert await private_texts(member) == [text]


async def test_a_refused_request_tells_what_waits(member: Member, queue: RenderQueue):
    kept(member, queue)
    await member.newbie(prompt="<n>miku")
    await reminder(member)
    texts = await private_texts(member)
    assert "is never closed" in texts[0]
    assert len(texts) == 2


async def test_a_form_tells_what_waits_when_it_is_sent_and_not_when_it_opens(
    member: Member, queue: RenderQueue
):
    kept(member, queue)
    opened: list[str] = []

    async def act() -> None:
        opened.append(await member.newbie())

    event = await member.discord.wait_for_event(lambda one: one["type"] == "modal", act, member.id)
    await asyncio.sleep(0.3)
    assert await private_texts(member) == []
    [field] = [
        inner["custom_id"]
        for component in event["data"]["components"]
        for inner in [component.get("component") or {}]
        if inner.get("custom_id") == "prompt"
    ]
    await member.discord.submit_modal(opened[0], {field: "1girl"}, user_id=member.id)
    await reminder(member)


async def test_a_member_for_whom_nothing_waits_hears_nothing(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    kept(member, queue)
    other = await new_member(discord, "other")
    await other.answer(await other.newbie(prompt="1girl"))
    await asyncio.sleep(0.3)
    assert await private_texts(other) == []


@pytest.fixture(scope="module", autouse=True)
def _no_traceback_in_the_log(bot_stack: Stack):
    path = bot_stack.log_path("bot")
    before = path.stat().st_size
    yield
    assert "Traceback" not in path.read_text("utf-8")[before:]
