"""What a newcomer sees first: the demo model, as `newbie run` uses it where no model is set."""

from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from jobs.connection import connect
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from newbie_pipeline.demo.analysis import measure
from newbie_pipeline.demo.packaged import DEMO, DEMO_NAME
from newbie_pipeline.demo.scene import HairColor
from playground.client import PlaygroundClient
from supervisor.stack import Stack, StackOptions
from tests.e2e.conftest import PICTURE_SECONDS, Member, Message, fields

pytestmark = pytest.mark.slow

TWO_GIRLS = """<character_1>
  <n>sora</n>
  <gender>1girl</gender>
  <appearance>blue_hair, twintails, green_eyes</appearance>
  <clothing>white_dress</clothing>
  <expression>smile</expression>
  <position>left</position>
</character_1>
<character_2>
  <n>momo</n>
  <gender>1girl</gender>
  <appearance>pink_hair, short_hair, brown_eyes</appearance>
  <clothing>black_hoodie</clothing>
  <expression>happy</expression>
  <position>right</position>
</character_2>
<general_tags>
  <count>2girls</count>
  <background>night_sky</background>
  <objects>telescope</objects>
</general_tags>
"""


@pytest.fixture(scope="module")
def demo_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data_dir = tmp_path_factory.mktemp("demo")
    with Stack(StackOptions(data_dir, model=DEMO, log_dir=data_dir / "logs")) as stack:
        stack.start()
        yield stack


@pytest.fixture
async def member(demo_stack: Stack) -> AsyncIterator[Member]:
    queue = RenderQueue(connect(RedisSettings(url=demo_stack.redis_url)), QueueSettings())
    async with PlaygroundClient(demo_stack.playground_url) as client:
        await client.wait_for_bot()
        yield Member(client, demo_stack, queue)


async def test_two_characters_come_back_with_their_hair_on_their_sides(member: Member) -> None:
    job_id = await member.newbie([("two.xml", TWO_GIRLS.encode())], steps=28, seed=11)
    message = await member.picture(job_id)

    [(image, recipe)] = await member.download(message)
    assert recipe.model_name == DEMO_NAME
    left, right = measure(np.asarray(image.convert("RGB"))).figures
    assert (left.hair_color, right.hair_color) == (HairColor.BLUE, HairColor.PINK)


async def test_the_message_says_what_drew_it_and_what_that_does_not_know(member: Member) -> None:
    job_id = await member.newbie([("two.xml", TWO_GIRLS.encode())], steps=1, seed=11)
    message = await member.picture(job_id)

    assert DEMO_NAME in message["embeds"][0]["footer"]["text"]
    about = fields(message)["Demo model"]
    assert "small demo model" in about
    assert "`telescope`" in about
    assert "blue_hair" not in about


async def test_it_says_that_it_cannot_help_with_a_prompt(member: Member) -> None:
    job_id = await member.newbie(prompt="1girl, blue hair", assist="complete", steps=1)
    # The bot refuses it once the worker has said what it can; before, the picture says so.
    await member.answer(job_id, speaks_of_gemma, PICTURE_SECONDS)


def speaks_of_gemma(message: Message) -> bool:
    texts = [message["content"], *(e.get("description", "") for e in message["embeds"])]
    return any("Gemma" in text for text in texts)
