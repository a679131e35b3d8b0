"""Redis, Discord or the bot itself gone for a while: nobody waits for ever."""

import asyncio
import os
import re
import signal

import pytest

from jobs.queue import RenderQueue
from playground.client import PlaygroundClient
from supervisor.stack import Stack
from tests.bot.conftest import LOADING, Json, Member, is_private, jobs_of, new_member


def is_about(message: Json, interaction_id: str) -> bool:
    return (message.get("interaction_metadata") or {}).get("id") == interaction_id


async def private_answer(member: Member) -> str:
    message = await member.discord.wait_for_message(is_private, member.id, timeout=30)
    return str(message["content"])


async def test_a_stopped_redis_is_told_and_nothing_is_accepted(member: Member, running: Stack):
    running.kill("redis")
    sent = await member.newbie(prompt="1girl")
    assert "not accepted" in await private_answer(member)
    assert all(
        is_private(message) for message in await member.messages() if is_about(message, sent)
    )
    running.start("redis")
    other = await new_member(member.discord)
    await other.answer(await other.newbie(prompt="1girl"))


async def test_a_silent_redis_is_told_to_fifty_members(
    discord: PlaygroundClient, running: Stack, queue: RenderQueue
):
    members = [await new_member(discord, f"member{n}") for n in range(50)]
    pid = running.pid("redis")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.gather(*(one.newbie(prompt="1girl") for one in members))
        answers = await asyncio.gather(*(private_answer(one) for one in members))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert all("not accepted" in answer for answer in answers)
    await asyncio.sleep(0.5)
    assert jobs_of(queue) == []
    assert queue.rq.count == 0


async def fate(member: Member, interaction_id: str) -> str:
    """Wait until a request has a finished answer: in line for all to see, or refused in private."""

    def fits(message: Json) -> bool:
        is_ours = is_about(message, interaction_id)
        return not message["flags"] & LOADING and (is_private(message) or is_ours)

    message = await member.discord.wait_for_message(fits, member.id, timeout=60)
    return str(message["content"])


async def test_redis_killed_in_the_middle_of_many_submissions_leaves_nothing_half_accepted(
    discord: PlaygroundClient, running: Stack, queue: RenderQueue
):
    members = [await new_member(discord, f"member{n}") for n in range(16)]

    async def submit(number: int) -> str:
        await asyncio.sleep(number * 0.02)
        return await members[number].newbie(prompt="1girl")

    async def kill() -> None:
        await asyncio.sleep(0.16)
        await asyncio.to_thread(running.kill, "redis")

    _, *ids = await asyncio.gather(kill(), *(submit(n) for n in range(15)))
    ids.append(await submit(15))  # this one for sure finds no Redis
    await asyncio.sleep(2)
    await asyncio.to_thread(running.start, "redis")
    fates = await asyncio.gather(*map(fate, members, ids))
    told = {one for one, text in zip(ids, fates, strict=True) if "In line" in text}
    assert all("In line" in text or "not accepted" in text for text in fates)
    assert "not accepted" in " ".join(fates)
    async with asyncio.timeout(30):  # what was taken although its member was told otherwise
        while set(queue.active_ids()) != told:
            await asyncio.sleep(0.1)
    assert len(queue.line) == len(told)
    other = await new_member(discord)
    await other.answer(await other.newbie(prompt="1girl"))


async def test_an_answer_that_is_too_late_leaves_nothing_in_the_queue(
    member: Member, queue: RenderQueue
):
    unknown = {"code": 10062, "message": "Unknown interaction"}
    await member.discord.add_fault("POST", r"/interactions/.*", 404, body=unknown)
    await member.newbie(prompt="1girl")
    await asyncio.sleep(0.5)
    assert jobs_of(queue) == []
    await member.answer(await member.newbie(prompt="1girl"))
    assert len(jobs_of(queue)) == 1


async def test_an_acknowledgement_that_fails_once_is_tried_again(
    member: Member, queue: RenderQueue
):
    await member.discord.add_fault("POST", r".*/callback", status=500)
    await member.answer(await member.newbie(file=("a.xml", b"1girl")))
    assert len(jobs_of(queue)) == 1


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_refusal_whose_answer_got_lost_is_said_once(
    member: Member, queue: RenderQueue, lost: int
):
    await member.discord.add_fault("POST", r".*/callback", after_accept=True, times=lost)
    await member.newbie(prompt="<n>miku")
    assert "is never closed" in await private_answer(member)
    await asyncio.sleep(0.3)
    assert len([message for message in await member.messages() if is_private(message)]) == 1
    await member.discord.clear_faults()


async def test_a_file_that_is_gone_is_told(member: Member, running: Stack, queue: RenderQueue):
    posted = await member.discord.post_message("", [("a.xml", b"1girl")], user_id=member.id)
    (attachment,) = posted["attachments"]
    stored = [path for path in running.data_dir.rglob("*") if attachment["id"] in path.name]
    for path in stored:
        path.unlink()
    assert stored
    await member.discord.message_command("Render this prompt", posted["id"], user_id=member.id)
    assert "did not hand the file over" in await private_answer(member)
    assert jobs_of(queue) == []


async def test_a_lost_edit_does_not_lose_the_job(member: Member, queue: RenderQueue):
    await member.discord.add_fault("PATCH", r"/webhooks/.*", 400, times=1)
    interaction_id = await member.newbie(prompt="1girl")
    message = await member.answer(interaction_id)
    assert "position 1" in message["content"]
    assert len(jobs_of(queue)) == 1


async def test_the_bot_comes_back_after_its_connection_was_cut(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    assert await discord.disconnect_bot() == 1
    await discord.wait_for_bot()
    await member.answer(await member.newbie(prompt="1girl"))
    assert len(jobs_of(queue)) == 1


async def test_requests_that_are_open_are_finished_before_the_bot_ends(
    discord: PlaygroundClient, running: Stack, queue: RenderQueue
):
    members = [await new_member(discord, f"member{n}") for n in range(10)]
    ids = await asyncio.gather(*(one.newbie(prompt="1girl") for one in members))
    await asyncio.to_thread(running.stop, "bot")
    assert running.status("bot").exit_code == 0
    accepted = {job.id for job in jobs_of(queue)}
    for one, interaction_id in zip(members, ids, strict=True):
        texts = [
            message["content"]
            for message in await one.messages()
            if is_about(message, interaction_id)
        ]
        # Whoever was acknowledged also got an answer, and the other way round.
        assert (interaction_id in accepted) == any("position" in text for text in texts)
        assert "" not in texts


async def test_requests_that_arrive_while_the_bot_ends_are_refused_or_not_read(
    discord: PlaygroundClient, running: Stack, queue: RenderQueue
):
    members = [await new_member(discord, f"member{n}") for n in range(4)]
    began = running.log_path("bot").stat().st_size
    has_ended = asyncio.Event()

    async def keep_asking(member: Member) -> None:
        while not has_ended.is_set():
            await member.newbie(prompt="<n>miku")
            await discord.command("queue", user_id=member.id)
            await asyncio.sleep(0.02)  # about as many as the bot can answer

    asking = [asyncio.create_task(keep_asking(one)) for one in members]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(running.stop, "bot")
    has_ended.set()
    await asyncio.gather(*asking)
    assert running.status("bot").exit_code == 0
    log = running.log_path("bot").read_text("utf-8")[began:]
    assert "member_not_told" not in log
    assert "Session is closed" not in log


async def test_the_log_has_one_line_a_request_and_no_secret(
    member: Member, running: Stack, queue: RenderQueue
):
    secret = "xyzzy_prompt_text"
    accepted = await member.newbie(prompt=f"1girl, {secret}")
    await member.answer(accepted)
    refused = await member.newbie(prompt=f"<{secret}>1girl")
    await private_answer(member)
    (job,) = jobs_of(queue)
    log = running.log_path("bot").read_text("utf-8")
    for job_id, event, code in ((accepted, "accepted", "accepted"), (refused, "refused", "E301")):
        (line,) = [line for line in log.splitlines() if job_id in line]
        for field in (f'"event": "{event}"', f'"code": "{code}"', f'"user_id": "{member.id}"'):
            assert field in line
        assert re.search(r'"duration_ms": \d+', line)
        assert '"guild_id": "' in line
    assert secret not in log
    assert running.token not in log
    assert job.address.interaction_token.get_secret_value() not in log


@pytest.fixture(scope="module", autouse=True)
def _no_traceback_in_the_log(bot_stack: Stack):
    path = bot_stack.log_path("bot")
    before = path.stat().st_size
    yield
    assert "Traceback" not in path.read_text("utf-8")[before:]
