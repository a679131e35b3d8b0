"""What a member does, and the picture that comes back."""

from pathlib import Path

import pytest

from playground.client import DEFAULT_USER
from tests.e2e.conftest import EPHEMERAL, Member, fields, picture_urls

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MIKU = (
    "<character_1> <n>miku</n> <gender>1girl</gender> "
    "<appearance>blue_hair, long_twintails, teal_eyes</appearance> </character_1>"
)


async def test_a_text_prompt_comes_back_as_a_picture(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl, blue_hair", seed=5, guidance=3.5, size="832x1216")
    message = await member.picture(job_id)
    shown = fields(message)
    assert shown["Seed"] == "5"
    assert shown["Size"] == "832 × 1216"
    assert shown["Steps"] == "2"
    assert shown["Guidance"] == "3.5"
    assert shown["Time"].endswith(" s")
    assert not message["flags"] & EPHEMERAL
    [(image, recipe)] = await member.download(message)
    assert image.size == (832, 1216)
    assert (recipe.prompt, recipe.seed, recipe.num_inference_steps) == ("1girl, blue_hair", 5, 2)
    assert recipe.model_name == "tiny"
    assert (recipe.prompt_weights, recipe.character_encoding) == (True, "whole")


async def test_only_the_requester_is_addressed(member: Member) -> None:
    job_id = await member.newbie(prompt="@everyone <@500000000000000002> <@&1> 1girl")
    message = await member.picture(job_id)
    assert [user["id"] for user in message["mentions"]] == [DEFAULT_USER]
    assert message["mention_roles"] == []
    assert not message["mention_everyone"]
    assert "everyone" not in message["content"]


async def test_an_xml_file_comes_back_as_a_picture(member: Member) -> None:
    job_id = await member.newbie([("miku.xml", MIKU.encode())])
    [(_, recipe)] = await member.download(await member.picture(job_id))
    assert recipe.prompt == MIKU


async def test_the_two_character_example_comes_back_as_a_picture(member: Member) -> None:
    text = (ROOT / "docs/examples/two_characters.xml").read_bytes()
    job_id = await member.newbie([("two.xml", text)], count=2, seed=9)
    message = await member.picture(job_id)
    pictures = await member.download(message)
    assert [recipe.seed for _, recipe in pictures] == [9, 10]
    assert fields(message)["Seed"] == "9\n10"


async def test_the_same_seed_gives_the_same_pixels(member: Member) -> None:
    first = await member.newbie(prompt="1girl", seed=77)
    second = await member.newbie(prompt="1girl", seed=77)
    [(one, _)] = await member.download(await member.picture(first))
    [(two, _)] = await member.download(await member.picture(second))
    assert one.tobytes() == two.tobytes()


async def test_the_form_comes_back_as_a_picture(member: Member) -> None:
    client = member.client
    event = await client.wait_for_event(
        lambda event: event["type"] == "modal",
        lambda: client.command("newbie", {"steps": 2, "seed": 3}),
    )
    names = [_text_inputs(component) for component in event["data"]["components"]]
    job_id = await client.submit_modal(
        event["data"]["interaction_id"], {names[0]: MIKU}, custom_id=event["data"]["custom_id"]
    )
    [(_, recipe)] = await member.download(await member.picture(job_id))
    assert (recipe.prompt, recipe.seed, recipe.num_inference_steps) == (MIKU, 3, 2)


def _text_inputs(component: dict) -> str:
    inner = component.get("component") or component["components"][0]
    return str(inner["custom_id"])


async def test_a_posted_file_is_rendered_from_its_context_menu(member: Member) -> None:
    posted = await member.client.post_message("look", [("miku.xml", MIKU.encode())])
    job_id = await member.client.message_command("Render this prompt", posted["id"])
    [(_, recipe)] = await member.download(await member.picture(job_id))
    assert recipe.prompt == MIKU


async def test_a_posted_text_is_rendered_from_its_context_menu(member: Member) -> None:
    posted = await member.client.post_message(f"```xml\n{MIKU}\n```")
    job_id = await member.client.message_command("Render this prompt", posted["id"])
    [(_, recipe)] = await member.download(await member.picture(job_id))
    assert recipe.prompt == MIKU


async def test_a_picture_posted_after_the_token_died_is_a_reply(member: Member) -> None:
    member.stack.stop("worker")
    job_id = await member.newbie(prompt="1girl")
    await member.answer(job_id, lambda m: "In line" in m["content"])
    await member.client.advance_clock(16 * 60)
    member.stack.start("worker")
    reply = await member.client.wait_for_message(
        lambda m: (m.get("message_reference") or {}).get("message_id") and picture_urls(m),
        timeout=150,
    )
    assert [user["id"] for user in reply["mentions"]] == [DEFAULT_USER]
