"""`/queue`: a member sees their own jobs and no others', and cancels from the list."""

import os
import signal

from jobs import presence
from jobs.cost import Speed
from jobs.guild import QueueState
from jobs.lifecycle import Lifecycle
from jobs.models import JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from playground.client import DEFAULT_MODERATOR, PlaygroundClient
from playground.guilds import GUILD_ID
from supervisor.stack import Stack
from tests.bot.conftest import Json, Member, is_private, new_member
from tests.bot.test_cancel_button import buttons, job_id_of, message_now
from tests.bot.test_refreshing import begin_next, shows, wait_in_line


async def ask(member: Member) -> Json:
    """Use the command and give the list."""
    sent = await member.discord.command("queue", {}, user_id=member.id)
    return await member.answer(sent, is_private)


def labels(message: Json) -> list[str]:
    return [button["label"] for button in buttons(message)]


async def press(message: Json, label: str, by: Member) -> str:
    [button] = [one for one in buttons(message) if one["label"] == label]
    return await by.discord.press(message["id"], button["custom_id"], user_id=by.id)


async def test_who_has_nothing_in_line_is_told_so_and_how_much_there_is_in_all(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    await wait_in_line(member, 2)
    presence.beat(queue.redis, queue.keys, "worker")
    found = await ask(await new_member(discord, "other"))
    assert is_private(found)
    assert found["content"] == (
        "You have no job in the queue.\nIn all: 2 in line, 0 being drawn or posted, workers: 1"
    )
    assert labels(found) == ["Refresh"]


async def test_a_member_sees_their_own_jobs_alone_each_where_it_is(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    speed = Speed(job_seconds=12.0, megapixel_step_seconds=6.0, spread=0.3)
    presence.beat(queue.redis, queue.keys, "worker", speed=speed)
    other = await new_member(discord, "other")
    await other.answer(await other.newbie(prompt="somebody_elses_prompt"))
    drawn, running, waiting = await wait_in_line(member, 3)
    lifecycle = Lifecycle(queue)
    while queue.get(job_id_of(running)).state is JobState.WAITING:
        begin_next(queue)
    lifecycle.keep(job_id_of(drawn), 0, Outcome(code=OutcomeCode.DONE), None)
    lifecycle.progress(job_id_of(running), 0, 5, 28)
    found = await ask(member)
    content = found["content"]
    assert labels(found) == ["Cancel 2", "Cancel 3", "Refresh"]
    assert "Your jobs in the queue: 3" in content
    assert "somebody" not in content
    assert "Drawn; the picture is being posted." in content
    assert "Drawing: step 5 of 28." in content
    for message in (drawn, running, waiting):
        channel = message["channel_id"]
        assert f"https://discord.com/channels/{GUILD_ID}/{channel}/{message['id']}" in content


async def test_a_waiting_job_is_shown_with_its_place_and_time(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    speed = Speed(job_seconds=12.0, megapixel_step_seconds=6.0, spread=0.3)
    presence.beat(queue.redis, queue.keys, "worker", speed=speed)
    await wait_in_line(await new_member(discord, "other"), 1)
    await wait_in_line(member, 1)
    found = await ask(member)
    assert "**1.** In line: position 2, about 4 to 8 minutes." in found["content"]
    assert "`1girl`" in found["content"]
    assert labels(found) == ["Cancel 1", "Refresh"]


async def test_a_job_is_cancelled_from_the_list_which_shows_what_is_left(
    member: Member, queue: RenderQueue
):
    first, second = await wait_in_line(member, 2)
    found = await ask(member)
    await press(found, "Cancel 1", member)
    await shows(member, found, "The job is cancelled.")
    await shows(member, first, "This job was cancelled.")
    assert queue.active_ids() == [job_id_of(second)]
    await press(await message_now(member, found), "Refresh", member)
    await shows(member, found, "Your jobs in the queue: 1")
    assert labels(await message_now(member, found)) == ["Cancel 1", "Refresh"]


async def test_a_running_job_is_cancelled_from_the_list(member: Member, queue: RenderQueue):
    [message] = await wait_in_line(member, 1)
    found = await ask(member)
    begin_next(queue)
    await press(found, "Cancel 1", member)
    await shows(member, found, "drawing stops at the next step")
    job = queue.get(job_id_of(message))
    assert (job.state, job.cancelled_by) == (JobState.RUNNING, member.id)
    assert labels(await message_now(member, found)) == ["Refresh"]


async def test_what_is_drawn_meanwhile_is_told_above_the_list(member: Member, queue: RenderQueue):
    [message] = await wait_in_line(member, 1)
    found = await ask(member)
    begin_next(queue)
    Lifecycle(queue).keep(job_id_of(message), 0, Outcome(code=OutcomeCode.DONE), None)
    await press(found, "Cancel 1", member)
    await shows(member, found, "its picture is already drawn")
    assert queue.get(job_id_of(message)).cancelled_by is None


async def test_six_jobs_take_two_pages_and_a_page_that_is_gone_gives_the_last(
    member: Member, queue: RenderQueue
):
    messages = await wait_in_line(member, 6)
    found = await ask(member)
    assert "Page 1 of 2" in found["content"]
    assert labels(found) == [*(f"Cancel {n}" for n in range(1, 6)), "Refresh", "Next"]
    await press(found, "Next", member)
    await shows(member, found, "Page 2 of 2")
    second = await message_now(member, found)
    assert "**6.** In line: position 6" in second["content"]
    assert labels(second) == ["Cancel 6", "Previous", "Refresh"]
    queue.withdraw(job_id_of(messages[0]))
    await press(second, "Refresh", member)
    await shows(member, found, "Your jobs in the queue: 5")
    assert labels(await message_now(member, found))[-1] == "Refresh"


async def test_the_list_works_after_a_restart_of_the_bot(
    member: Member, discord: PlaygroundClient, running: Stack
):
    await wait_in_line(member, 1)
    found = await ask(member)
    sessions = (await discord.state(DEFAULT_MODERATOR))["application"]["sessions"]
    running.restart("bot")
    await discord.wait_for_bot(after_sessions=sessions)
    await press(found, "Cancel 1", member)
    await shows(member, found, "The job is cancelled.")


async def test_a_paused_job_is_shown_as_such(member: Member, queue: RenderQueue):
    await wait_in_line(member, 1)
    queue.set_state(GUILD_ID, QueueState.PAUSED, by=DEFAULT_MODERATOR)
    found = await ask(member)
    assert "**1.** The queue is paused; the job keeps its place." in found["content"]
    assert "In all: 1 in line, 0 being drawn" in found["content"]
    assert labels(found) == ["Cancel 1", "Refresh"]


async def test_a_silent_redis_is_told_and_the_list_stays(
    member: Member, queue: RenderQueue, running: Stack
):
    await wait_in_line(member, 1)
    found = await ask(member)
    pid = running.pid("redis")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        pressed = await press(found, "Refresh", member)
        answer = await member.answer(pressed, is_private)
        asked = await ask(member)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "cannot be reached" in answer["content"]
    assert "cannot be reached" in asked["content"]
    assert (await message_now(member, found))["content"] == found["content"]
