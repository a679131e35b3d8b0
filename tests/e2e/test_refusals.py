"""Bad input: one clear sentence for its sender, and nothing in the queue."""

import pytest

from tests.e2e.conftest import EPHEMERAL, Member, belongs_to

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(60), ".xml"),
        ("prompt.xml", b"\x89PNG\r\n\x1a\n" + bytes(60), "text"),
        ("big.xml", b"<n>" + b"a" * 65_536 + b"</n>", "64 KiB"),
        ("broken.xml", b"<character_1>\n <n>miku</m>\n</character_1>", "line 2, column"),
        ("empty.xml", b"  \n ", "holds no text"),
        ("bomb.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "line 1"),
    ],
)
async def test_a_bad_file_is_refused(member: Member, name: str, data: bytes, says: str) -> None:
    sentence = await member.refusal(await member.newbie([(name, data)]))
    assert says in sentence
    assert sentence.count("\n") == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"prompt": "   "}, "holds no text"),
        ({"prompt": "<n>miku"}, "line 1"),
        ({"prompt": "x", "size": "4096x4096"}, "4096x4096"),
        ({"prompt": "x", "count": 9}, "9"),
        ({"prompt": "x", "count": 0}, "0"),
        ({"prompt": "x", "steps": 5000}, "5000"),
        ({"prompt": "x", "guidance": 99.5}, "99.5"),
        ({"prompt": "x", "seed": -4}, "-4"),
    ],
)
async def test_a_bad_option_of_a_hostile_client_is_refused(
    member: Member, options: dict[str, object], says: str
) -> None:
    interaction_id = await member.client.command("newbie", options, unchecked=True)
    assert says in await member.refusal(interaction_id)


async def test_a_repaired_prompt_is_drawn_and_its_sender_is_told(member: Member) -> None:
    file = ("numbers.xml", "<character>\n<n>初音ミク</N>\n</character>\n".encode("cp932"))
    interaction_id = await member.newbie([file])
    notes = await member.answer(interaction_id, lambda m: m["flags"] & EPHEMERAL)
    assert "Shift-JIS" in notes["content"]
    assert "line 2, column 8" in notes["content"]
    message = await member.picture(interaction_id)
    ((_, recipe),) = await member.download(message)
    assert recipe.prompt == "<character_1>\n<n>初音ミク</n>\n</character_1>"


async def test_a_refusal_leaves_nothing_in_the_channel_for_others(member: Member) -> None:
    interaction_id = await member.newbie([("broken.xml", b"<a>\n<b></a>")])
    await member.refusal(interaction_id)
    state = await member.client.state("500000000000000002")
    assert [m for m in state["messages"] if belongs_to(m, interaction_id)] == []
    mine = [m for m in await member.messages() if belongs_to(m, interaction_id)]
    assert all(message["flags"] & EPHEMERAL for message in mine)


async def test_without_redis_the_member_is_told_and_it_recovers(member: Member) -> None:
    member.stack.kill("redis")
    try:
        interaction_id = await member.newbie(prompt="1girl")
        message = await member.answer(interaction_id, lambda m: m["content"])
    finally:
        member.stack.start("redis")
    assert message["flags"] & EPHEMERAL
    assert await member.picture(await member.newbie(prompt="1girl"))
