"""`/newbie-admin job`: one job of this server, looked at, cancelled, moved to the front."""

import pytest

from jobs.guild_edits import MISSING
from jobs.lifecycle import Lifecycle
from jobs.models import JobState, Outcome, OutcomeCode
from jobs.queue import RenderQueue
from playground.client import PlaygroundClient
from tests.bot.admin.conftest import Server, new_server
from tests.bot.admin.test_queue import begin, draw, entries, shows, submit
from tests.bot.conftest import Json
from tests.jobs.conftest import address, place, request


async def files(discord: PlaygroundClient, message: Json) -> dict[str, str]:
    """Download the files of a message, by the beginning of their names."""
    return {
        file["filename"].partition("-")[0]: (await discord.fetch(file["url"])).decode()
        for file in message["attachments"]
    }


async def test_all_about_a_job_is_shown_and_its_prompt_is_a_file(
    server: Server, queue: RenderQueue
):
    asked = request(
        prompt="a_secret_prompt", negative_prompt="no hats", num_inference_steps=20, count=2
    )
    where = {"guild_id": server.id, "channel_id": server.channel, "requester_id": "500"}
    job = queue.submit(asked, address(1, **where))
    message = await server.moderator.admin_message("job info", job=job.id)
    said = message["content"]
    for part in (
        f"**Job** `{job.id}` of <@500>",
        "In line: position 1. No worker is running",
        "1024 × 1024, steps: 20, pictures: 2",
        "Guidance: 4",
        "Help with the prompt: off",
        f"<#{server.channel}>, https://discord.com/channels/{server.id}/{server.channel}/4001",
        "Attempt: 1 of at most 3",
    ):
        assert part in said
    assert "secret" not in said
    found = await files(server.discord, message)
    assert found == {"prompt": "a_secret_prompt", "negative": "no hats"}


async def test_how_a_job_went_is_shown(server: Server, queue: RenderQueue):
    job = submit(queue, server, 1)
    begin(queue, "ticket-7")
    lifecycle = Lifecycle(queue)
    lifecycle.progress(job.id, 0, 5, 28)
    said = await server.moderator.admin("job info", job=job.id)
    assert "Drawing: step 5 of 28." in said
    assert "`ticket-7`" in said
    lifecycle.keep(job.id, 0, Outcome(code=OutcomeCode.DONE, seconds=3.25), None)
    lifecycle.end(job.id, 0, Outcome(code=OutcomeCode.DONE, seconds=3.25, message_id="4001"))
    said = await server.moderator.admin("job info", job=job.id)
    assert "Outcome: `done`" in said
    assert "Drawing took 3.2 s" in said
    assert "Ended: <t:" in said


@pytest.mark.parametrize("command", ["job info", "job cancel", "job front"])
async def test_a_job_of_another_server_is_as_if_there_were_none(
    discord: PlaygroundClient, server: Server, queue: RenderQueue, command: str
):
    other = await new_server(discord, "Next door")
    job = submit(queue, other, 1)
    for person in (server.moderator, server.owner):
        said = await person.admin(command, job=job.id)
        assert said == (await person.admin(command, job="4711")).replace("4711", job.id)
        assert f"There is no job `{job.id}` in this server." in said
    said = await server.moderator.admin(command, job=job.id, everywhere=True)
    assert "Only the bot's owner" in said
    assert queue.get(job.id).state is JobState.WAITING
    assert entries(queue, other.id) == []
    assert "There is no job" not in await other.moderator.admin(command, job=job.id)
    await discord.leave_guild(other.id)


@pytest.mark.parametrize("command", ["job info", "job cancel", "job front"])
async def test_the_bots_owner_reaches_every_servers_jobs_when_they_say_so(
    discord: PlaygroundClient, server: Server, queue: RenderQueue, command: str
):
    other = await new_server(discord, "Next door")
    job = submit(queue, other, 1)
    said = await server.owner.admin(command, job=job.id, everywhere=True)
    assert job.id in said
    assert "There is no job" not in said
    # The entry is where the job is.
    assert len(entries(queue, other.id)) == (command != "job info")
    assert entries(queue, server.id) == []
    await discord.leave_guild(other.id)


@pytest.mark.parametrize("wrong", ["teapot", "0" * 21, "1001:result", "../1", "１２"])
async def test_what_is_no_number_names_no_job(server: Server, queue: RenderQueue, wrong: str):
    assert "There is no job" in await server.moderator.admin("job info", job=wrong)


async def test_a_waiting_job_is_cancelled_with_a_reason(server: Server, queue: RenderQueue):
    await server.moderator.admin("audit channel", channel=server.other_channel)
    message = await draw(server.member)
    job_id = message["interaction_metadata"]["id"]
    said = await server.moderator.admin("job cancel", job=job_id, reason="not here")
    assert f"Job `{job_id}` was cancelled. Reason: `not here`" in said
    assert "The job is cancelled." in said
    await shows(server.member, message, f"cancelled by the moderator <@{server.moderator.id}>.")
    entry = entries(queue, server.id)[0]
    assert (entry.by, entry.what) == (server.moderator.id, f"job:{job_id}")
    assert (entry.old, entry.new, entry.reason) == (MISSING, "cancelled", "not here")
    assert f"Job `{job_id}` was cancelled." in (await server.told(server.other_channel))[-1]
    assert f"Job `{job_id}` was cancelled." in await server.moderator.admin("audit show")


async def test_a_running_job_is_stopped(server: Server, queue: RenderQueue):
    job = submit(queue, server, 1)
    begin(queue)
    said = await server.moderator.admin("job cancel", job=job.id)
    assert "drawing stops at the next step" in said
    assert queue.get(job.id).cancelled_by == server.moderator.id
    said = await server.moderator.admin("job cancel", job=job.id)
    assert said == "This job is cancelled already."
    assert len(entries(queue, server.id)) == 1


async def test_what_is_drawn_is_not_cancelled_and_not_written_down(
    server: Server, queue: RenderQueue
):
    job = submit(queue, server, 1)
    begin(queue)
    Lifecycle(queue).keep(job.id, 0, Outcome(code=OutcomeCode.DONE), None)
    assert "already drawn" in await server.moderator.admin("job cancel", job=job.id)
    assert queue.get(job.id).state is JobState.RENDERED
    assert entries(queue, server.id) == []


async def test_a_waiting_job_is_moved_to_the_front(server: Server, queue: RenderQueue):
    jobs = [submit(queue, server, number) for number in range(3)]
    said = await server.moderator.admin("job front", job=jobs[2].id, reason="birthday")
    assert f"Job `{jobs[2].id}` was moved to the front. Reason: `birthday`" in said
    assert [place(queue, job.id) for job in jobs] == [2, 3, 1]
    [entry] = entries(queue, server.id)
    assert (entry.what, entry.new, entry.reason) == (f"job:{jobs[2].id}", "front", "birthday")
    begun = begin(queue)
    assert begun
    assert begun.id == jobs[2].id
    assert "not in line any more" in await server.moderator.admin("job front", job=begun.id)
    assert len(entries(queue, server.id)) == 1


async def test_jobs_of_this_server_are_offered_by_number_and_prompt(
    discord: PlaygroundClient, server: Server, queue: RenderQueue
):
    other = await new_server(discord, "Next door")
    theirs = submit(queue, other, 99)
    where = {"guild_id": server.id, "channel_id": server.channel}
    jobs = [queue.submit(request(), address(number, **where)) for number in range(29)]
    cat = queue.submit(request(prompt="A sleeping Cat"), address(50, **where))
    offered = await server.moderator.suggested("job info", "job", job="")
    assert offered == [job.id for job in jobs[:25]]
    assert await server.moderator.suggested("job cancel", "job", job="1010") == [jobs[10].id]
    assert await server.moderator.suggested("job front", "job", job="sleeping c") == [cat.id]
    assert await server.moderator.suggested("job info", "job", job=theirs.id) == []
    assert await other.moderator.suggested("job info", "job", job="") == [theirs.id]
    found = await server.owner.suggested("job info", "job", everywhere=True, job=theirs.id)
    assert found == [theirs.id]
    found = await server.moderator.suggested("job info", "job", everywhere=True, job=theirs.id)
    assert found == []
    await discord.leave_guild(other.id)


async def test_a_moderator_who_presses_the_button_stands_in_the_audit_channel(
    server: Server, queue: RenderQueue
):
    await server.moderator.admin("audit channel", channel=server.other_channel)
    message = await draw(server.member)
    job_id = message["interaction_metadata"]["id"]
    await server.discord.press(
        message["id"],
        f"newbie:cancel:{job_id}",
        user_id=server.moderator.id,
        channel_id=server.channel,
    )
    told = await server.discord.wait_for_message(
        lambda found: job_id in found["content"],
        server.moderator.id,
        channel_id=server.other_channel,
    )
    assert told["content"] == f"<@{server.moderator.id}>: Job `{job_id}` was cancelled."
    assert told["mentions"] == []
