"""What a member may ask for ends up in the queue, and the place in line is shown."""

import asyncio

import pytest

from jobs.models import JobState, Size
from jobs.queue import RenderQueue
from playground.client import DEFAULT_CHANNEL, PlaygroundClient
from tests.bot.conftest import Member, is_private, jobs_of, last_request, new_member

AFTER_DARK = "600000000000000012"
XML = (
    "<character_1> <n>miku</n> <gender>1girl</gender> "
    "<appearance>blue_hair, long_twintails, teal_eyes</appearance> </character_1>"
)


async def test_a_text_prompt_is_stored_and_its_place_shown(member: Member, queue: RenderQueue):
    interaction_id = await member.newbie(prompt="1girl, blue_hair")
    message = await member.answer(interaction_id)
    assert "position 1" in message["content"]
    assert not is_private(message)
    (job,) = jobs_of(queue)
    assert job.id == interaction_id
    assert job.state is JobState.WAITING
    assert job.request.prompt == "1girl, blue_hair"
    assert job.address.message_id == message["id"]
    assert job.address.channel_id == DEFAULT_CHANNEL
    assert job.address.requester_id == member.id
    assert queue.rq.get_job_ids() == [f"ticket-{interaction_id}-0"]


async def test_a_job_knows_the_channel_that_it_came_from_and_whether_that_is_for_adults(
    discord: PlaygroundClient, member: Member, queue: RenderQueue
):
    for channel, age_restricted in ((DEFAULT_CHANNEL, False), (AFTER_DARK, True)):
        job_id = await discord.command(
            "newbie", {"prompt": "1girl"}, user_id=member.id, channel_id=channel
        )
        async with asyncio.timeout(30):
            while job_id not in queue.active_ids():
                await asyncio.sleep(0.05)
        address = queue.get(job_id).address
        assert (address.channels, address.age_restricted) == ((channel,), age_restricted)


async def test_all_options_arrive(member: Member, queue: RenderQueue):
    await member.answer(
        await member.newbie(
            prompt=XML,
            negative_prompt="blurry",
            size="832x1216",
            steps=30,
            guidance=6.5,
            seed=4_294_967_295,
            count=4,
        )
    )
    (job,) = jobs_of(queue)
    request = job.request
    assert (request.prompt, request.negative_prompt) == (XML, "blurry")
    assert (request.size, request.num_inference_steps) == (Size.PORTRAIT_2_3, 30)
    assert (request.guidance_scale, request.seed, request.count) == (6.5, 2**32 - 1, 4)


async def test_what_was_repaired_is_told_to_the_sender_alone(member: Member, queue: RenderQueue):
    interaction_id = await member.newbie(prompt="<character><n>miku</N></character>")
    notes = await member.answer(interaction_id, is_private)
    assert "line 1, column 19" in notes["content"]
    assert "`</N>` closes `<n>`" in notes["content"]
    (job,) = jobs_of(queue)
    assert job.request.prompt == "<character_1><n>miku</n></character_1>"


async def test_a_clean_prompt_gets_no_notes(member: Member, queue: RenderQueue):
    await member.answer(
        await member.newbie(prompt="<character><n>miku</N></character>"), is_private
    )
    before = len([each for each in await member.messages() if is_private(each)])
    clean = await member.newbie(prompt=XML)
    await member.answer(clean, lambda message: "position 2" in message["content"])
    noted = await member.newbie(prompt="<character><n>miku</N></character>")
    await member.answer(noted, is_private)
    assert len([each for each in await member.messages() if is_private(each)]) == before + 1


@pytest.mark.parametrize("name", ["prompt.xml", "PROMPT.TXT"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
async def test_a_file_is_read(member: Member, queue: RenderQueue, name: str, mark: bytes):
    await member.answer(await member.newbie(file=(name, mark + XML.encode() + b"\r\n"), seed=5))
    (job,) = jobs_of(queue)
    assert (job.request.prompt, job.request.seed) == (XML, 5)


async def test_a_file_of_exactly_the_limit_is_read(member: Member, queue: RenderQueue):
    content = b"<n>" + b"m" * (65_536 - 7) + b"</n>"
    await member.answer(await member.newbie(file=("big.xml", content)))
    (job,) = jobs_of(queue)
    assert job.request.prompt.encode() == content


async def test_the_form_opens_without_prompt_and_keeps_the_other_options(
    member: Member, queue: RenderQueue
):
    modal = await member.discord.wait_for_event(
        lambda event: event["type"] == "modal",
        lambda: member.newbie(
            size="1216x832", steps=12, guidance=3.5, seed=77, count=2, negative_prompt="lowres"
        ),
        member.id,
    )
    fields = [label["component"] for label in modal["data"]["components"]]
    assert [field["custom_id"] for field in fields] == ["prompt", "negative_prompt"]
    assert fields[0]["max_length"] == 4000
    assert fields[1]["value"] == "lowres"
    sent = await member.discord.submit_modal(
        modal["data"]["interaction_id"],
        {"prompt": f"```xml\n{XML}\n```", "negative_prompt": "lowres, text"},
        user_id=member.id,
    )
    message = await member.answer(sent)
    assert "position 1" in message["content"]
    (job,) = jobs_of(queue)
    request = job.request
    assert (request.prompt, request.negative_prompt) == (XML, "lowres, text")
    assert (request.size, request.num_inference_steps) == (Size.LANDSCAPE_3_2, 12)
    assert (request.guidance_scale, request.seed, request.count) == (3.5, 77, 2)


async def test_a_form_opened_before_a_restart_can_be_sent_after_it(
    member: Member, queue: RenderQueue, running
):
    modal = await member.discord.wait_for_event(
        lambda event: event["type"] == "modal", lambda: member.newbie(seed=9), member.id
    )
    running.restart("bot")
    await member.discord.wait_for_bot()
    sent = await member.discord.submit_modal(
        modal["data"]["interaction_id"], {"prompt": "1girl"}, user_id=member.id
    )
    await member.answer(sent)
    (job,) = jobs_of(queue)
    assert (job.request.prompt, job.request.seed) == ("1girl", 9)


@pytest.mark.parametrize(
    ("content", "files"),
    [
        (XML, []),
        (f"my favourite:\n```xml\n{XML}\n```\nenjoy", []),
        ("see the file", [("miku.xml", XML.encode())]),
        ("", [("preview.png", b"\x89PNG\r\n\x1a\n"), ("miku.txt", XML.encode())]),
    ],
)
async def test_a_posted_prompt_is_rendered_by_the_message_command(
    member: Member, discord: PlaygroundClient, queue: RenderQueue, content: str, files: list
):
    author = await new_member(discord, "rin")
    posted = await discord.post_message(content, files, user_id=author.id)
    interaction_id = await discord.message_command(
        "Render this prompt", posted["id"], user_id=member.id
    )
    await member.answer(interaction_id)
    (job,) = jobs_of(queue)
    assert job.request.prompt == XML
    assert job.address.requester_id == member.id


async def test_places_count_up_in_the_order_of_arrival(member: Member, queue: RenderQueue):
    for place in (1, 2, 3):
        message = await member.answer(await member.newbie(prompt="1girl"))
        assert f"position {place}." in message["content"]
    assert len(jobs_of(queue)) == 3


async def test_seeds_differ_where_none_is_given(member: Member, queue: RenderQueue):
    for _ in range(3):
        await member.answer(await member.newbie(prompt="1girl"))
    assert len({job.request.seed for job in jobs_of(queue)}) == 3


async def test_an_acknowledgement_that_got_lost_is_made_up_for(member: Member, queue: RenderQueue):
    await member.discord.add_fault("POST", r"/interactions/.*/callback", after_accept=True)
    interaction_id = await member.newbie(prompt="1girl")
    message = await member.answer(interaction_id)
    assert "position 1" in message["content"]
    (job,) = jobs_of(queue)
    assert job.address.message_id == message["id"]


async def test_no_message_of_the_bot_may_mention_anyone(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    since = await last_request(discord)
    await member.answer(await member.newbie(prompt=f"<@{member.id}> @everyone"))
    await member.answer(await member.newbie(prompt=f"<@{member.id}></n>"))
    bodies = [
        row["body"].get("data", row["body"])
        for row in await discord.requests(since)
        if isinstance(row["body"], dict) and "content" in str(row["body"])
    ]
    assert len(bodies) >= 2
    for body in bodies:
        assert body["allowed_mentions"]["parse"] == []
        assert not body["allowed_mentions"].get("users")
    for message in await member.messages():
        assert message["mentions"] == []
        assert message["mention_everyone"] is False


async def test_fifty_members_at_once_are_all_served(discord: PlaygroundClient, queue: RenderQueue):
    import asyncio

    members = [await new_member(discord, f"member{n}") for n in range(50)]
    ids = await asyncio.gather(*(one.newbie(prompt="1girl") for one in members))
    messages = await asyncio.gather(
        *(one.answer(one_id) for one, one_id in zip(members, ids, strict=True))
    )
    assert all("position" in message["content"] for message in messages)
    assert {job.id for job in jobs_of(queue)} == set(ids)
