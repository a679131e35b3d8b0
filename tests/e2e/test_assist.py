"""`/newbie assist:...` from the member to the posted picture, with the tiny model behind it."""

import pytest

from newbie_pipeline.prompt.assist import AssistMode
from tests.e2e.conftest import Member

pytestmark = pytest.mark.slow

OPEN = (
    "<character_1><n>miku</n><gender>1girl</gender>"
    "<appearance>blue_hair</appearance><clothing></clothing></character_1>"
)


async def test_a_prompt_with_open_fields_is_completed(member: Member) -> None:
    offered = await member.client.autocomplete("newbie", {"assist": ""}, "assist")
    assert [choice["value"] for choice in offered] == ["off", "complete", "structure"]
    job_id = await member.newbie(prompt=OPEN, assist="complete", seed=6)
    message = await member.picture(job_id)
    [(_, recipe)] = await member.download(message)
    assert recipe.assist is AssistMode.COMPLETE
    said = message["embeds"][0]["description"]
    assert "```diff\n+ character_1/clothing: " in said
    assert recipe.written_prompt == OPEN
    assert recipe.prompt.startswith(OPEN.partition("</clothing>")[0])
    assert len(recipe.prompt) > len(OPEN)


async def test_a_prompt_without_help_is_posted_without_a_word_about_it(member: Member) -> None:
    job_id = await member.newbie(prompt=OPEN, assist="off")
    message = await member.picture(job_id)
    [(_, recipe)] = await member.download(message)
    assert (recipe.prompt, recipe.written_prompt, recipe.assist) == (OPEN, None, AssistMode.OFF)
    assert "description" not in message["embeds"][0]
