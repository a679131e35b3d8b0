"""What is refused: one sentence, for the sender alone, and nothing in the queue."""

import pytest

from jobs.queue import RenderQueue
from playground.client import PlaygroundClient
from tests.bot.conftest import Json, Member, is_private, jobs_of, new_member

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


async def refusal(member: Member, interaction_id: str, queue: RenderQueue) -> str:
    """Wait for the private sentence, and check that nothing else is left behind."""
    message = await member.discord.wait_for_message(
        lambda found: is_private(found) and found["author"].get("bot"), member.id, timeout=30
    )
    answers = [found for found in await member.messages() if is_answer(found, interaction_id)]
    assert [found["id"] for found in answers if not is_private(found)] == []
    assert jobs_of(queue) == []
    assert queue.rq.count == 0
    return str(message["content"])


def is_answer(message: Json, interaction_id: str) -> bool:
    return bool(message.get("interaction_metadata", {}).get("id") == interaction_id)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("   ", "The prompt holds no text"),
        ("<n></n>", "The prompt holds no text"),
        ("<a><n>miku</a>x</n>", "line 1, column 11"),
        ("<n>miku", "is never closed"),
        ("```xml\n<n>miku\n```", "is never closed"),
        ("<!DOCTYPE a><a>x</a>", "not allowed"),
    ],
)
async def test_a_broken_prompt(member: Member, queue: RenderQueue, prompt: str, words: str):
    interaction_id = await member.newbie(prompt=prompt, unchecked=True)
    assert words in await refusal(member, interaction_id, queue)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.png", PNG, ".xml or .txt"),
        ("prompt.xml.exe", b"<n>miku</n>", ".xml or .txt"),
        ("picture.xml", PNG, "not a text"),
        ("zeros.txt", b"miku\x00\x00", "not a text"),
        ("latin.txt", b"caf\xe9 au lait, 1girl", "not valid"),
        ("big.xml", b"<n>" + b"m" * 65_530 + b"</n>", "65537 bytes"),
        ("huge.txt", b"m" * 1_000_000, "1000000 bytes"),
        ("broken.xml", b"<a>\n  <n>miku</a>\n and luka</n>", "line 2, column 10"),
        ("empty.xml", b"<n> </n>", "holds no text"),
    ],
)
async def test_a_bad_file(
    member: Member, queue: RenderQueue, name: str, content: bytes, words: str
):
    interaction_id = await member.newbie(file=(name, content))
    assert words in await refusal(member, interaction_id, queue)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 0}, "steps is `0`; allowed are whole numbers from 1 to 60"),
        ({"steps": 61}, "steps is `61`"),
        ({"guidance": 0.5}, "guidance is `0.5`; allowed are numbers from 1 to 20"),
        ({"seed": -1}, "seed is `-1`; allowed are whole numbers from 0 to 4294967295"),
        ({"seed": 2**32}, "seed is `4294967296`"),
        ({"count": 5}, "count is `5`; allowed are whole numbers from 1 to 4"),
        ({"size": "64x64"}, "size is `64x64`; allowed are 1024x1024"),
        ({"size": "<@1> `x`"}, "size is `<@1> ˋxˋ`"),
        ({"assist": "caption"}, "assist is `caption`; allowed are off, complete, structure"),
        ({"assist": "<@1>"}, "assist is `<@1>`"),
        ({"assist": 7}, "assist is `7`"),
        ({"negative_prompt": "x" * 4001}, "negative_prompt has 4001 characters; at most 4000"),
    ],
)
async def test_an_option_from_a_client_that_checks_nothing(
    member: Member, queue: RenderQueue, options: dict, words: str
):
    interaction_id = await member.newbie(prompt="1girl", unchecked=True, **options)
    assert words in await refusal(member, interaction_id, queue)


async def test_a_bad_option_is_told_before_the_form_is_filled_in(
    member: Member, queue: RenderQueue
):
    interaction_id = await member.newbie(steps=999, unchecked=True)
    assert "steps is `999`" in await refusal(member, interaction_id, queue)


async def test_prompt_and_file_together(member: Member, queue: RenderQueue):
    interaction_id = await member.newbie(prompt="1girl", file=("a.xml", b"1girl"))
    assert "not both" in await refusal(member, interaction_id, queue)


async def test_a_value_of_the_wrong_type_is_answered_too(member: Member, queue: RenderQueue):
    interaction_id = await member.newbie(prompt="1girl", guidance="much", unchecked=True)
    assert "on our side" in await refusal(member, interaction_id, queue)


async def test_a_broken_prompt_in_the_form(member: Member, queue: RenderQueue):
    modal = await member.discord.wait_for_event(
        lambda event: event["type"] == "modal", member.newbie, member.id
    )
    sent = await member.discord.submit_modal(
        modal["data"]["interaction_id"], {"prompt": "<n>miku"}, user_id=member.id
    )
    assert "is never closed" in await refusal(member, sent, queue)


@pytest.mark.parametrize(
    ("content", "files", "words"),
    [
        ("", [("preview.png", PNG)], "holds neither text nor"),
        ("```\n1girl\n```\n```\nblurry\n```", [], "2 code blocks"),
        ("<n>miku", [], "is never closed"),
        ("look", [("broken.xml", b"<n>miku")], "is never closed"),
        ("look", [("big.xml", b"m" * 70_000)], "70000 bytes"),
    ],
)
async def test_a_posted_message_without_a_usable_prompt(
    member: Member,
    discord: PlaygroundClient,
    queue: RenderQueue,
    content: str,
    files: list,
    words: str,
):
    author = await new_member(discord, "rin")
    posted = await discord.post_message(content, files, user_id=author.id)
    sent = await discord.message_command("Render this prompt", posted["id"], user_id=member.id)
    assert words in await refusal(member, sent, queue)
    assert not [found for found in await author.messages() if is_answer(found, sent)]


@pytest.mark.parametrize(
    ("right", "shown"),
    [
        ("SEND_MESSAGES", "Send Messages"),
        ("ATTACH_FILES", "Attach Files"),
        ("EMBED_LINKS", "Embed Links"),
    ],
)
async def test_a_channel_where_the_picture_could_not_be_posted(
    member: Member, discord: PlaygroundClient, queue: RenderQueue, right: str, shown: str
):
    await discord.set_permissions([right])
    try:
        sent = await member.newbie(prompt="1girl")
        assert shown in await refusal(member, sent, queue)
    finally:
        await discord.set_permissions([])


async def test_a_right_that_pictures_do_not_need_may_be_missing(
    member: Member, discord: PlaygroundClient, queue: RenderQueue
):
    await discord.set_permissions(["ADD_REACTIONS"])
    try:
        sent = await member.newbie(prompt="1girl")
        await member.answer(sent, lambda message: "In line" in message["content"])
        assert [job.id for job in jobs_of(queue)] == [sent]
    finally:
        await discord.set_permissions([])


NEVER = "<character_1><n>mina</n><appearance>loli</appearance></character_1>"
NEVER_TAGS = "<general_tags><other>nsfw, nude</other></general_tags>"


@pytest.mark.parametrize("source", ["prompt", "file"])
async def test_what_is_never_drawn(member: Member, queue: RenderQueue, source: str):
    text = NEVER + NEVER_TAGS
    given = {"prompt": text} if source == "prompt" else {"file": ("a.xml", text.encode())}
    words = await refusal(member, await member.newbie(**given), queue)
    assert "never drawn" in words
    assert "loli" not in words


async def test_half_of_what_is_never_drawn_is_no_reason_by_itself(
    member: Member, queue: RenderQueue
):
    sent = await member.newbie(prompt=NEVER)
    await member.answer(sent, lambda message: "In line" in message["content"])
    assert [job.id for job in jobs_of(queue)] == [sent]
