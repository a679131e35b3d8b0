"""What a renderer is asked and answers about a prompt, and what a job gets of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from newbie_pipeline.prompt.assist import Addition, Assisted, AssistMode
from newbie_pipeline.render import RenderResult, Truncation
from tests.worker.chosen_renderer import ChosenRenderer, Served
from tests.worker.conftest import job
from worker import client
from worker.errors import BadFrame
from worker.rules_frame import pack_rules
from worker.wire import pack, read_frame

ASSISTED = Assisted("<n>miku</n><clothing>dress</clothing>", (Addition("clothing", "dress"),))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    one = Served(ChosenRenderer(), tmp_path / "renderer.sock")
    yield one
    one.stop()


async def test_help_reaches_the_renderer_and_its_answer_the_job(served: Served) -> None:
    served.renderer.result = RenderResult(
        served.renderer.result.images, ASSISTED, Truncation(700, 512, "the end " * 1_000)
    )
    events: list[object] = []
    rendered = await served.draw(events, assist="complete", prompt="<n>miku</n>")
    assert [spec.assist for spec in served.renderer.specs] == [AssistMode.COMPLETE]
    assert rendered.assisted == ASSISTED
    assert rendered.truncation is not None
    assert (rendered.truncation.tokens, rendered.truncation.limit) == (700, 512)
    assert rendered.truncation.cut.startswith("the end the end")
    assert events == ["begin", (1, 1)]


async def test_without_help_nothing_is_said_about_the_prompt(served: Served) -> None:
    rendered = await served.draw()
    assert [spec.assist for spec in served.renderer.specs] == [AssistMode.OFF]
    assert (rendered.assisted, rendered.truncation) == (None, None)


async def test_a_completed_prompt_longer_than_a_header_crosses_whole(served: Served) -> None:
    longest = "<n>" + "長" * 21_000 + "</n>"
    additions = tuple(Addition(f"character_{n}/clothing", "ド" * 1_200) for n in range(100))
    assisted = Assisted(longest + "".join(each.text for each in additions), additions)
    served.renderer.result = RenderResult(served.renderer.result.images, assisted)
    assert (await served.draw(assist="complete")).assisted == assisted


async def test_an_answer_that_makes_no_sense_fails_that_job_alone(served: Served) -> None:
    good = served.renderer.result
    served.renderer.result = RenderResult(good.images, Assisted(" "))
    with pytest.raises(BadFrame):
        await served.draw(assist="complete")
    served.renderer.result = RenderResult(good.images, None, Truncation(5, 512, ""))
    with pytest.raises(BadFrame):
        await served.draw()
    served.renderer.result = good
    assert (await served.draw()).pictures


async def test_a_request_for_help_that_does_not_exist_is_hung_up_on(served: Served) -> None:
    assert (await served.draw()).pictures  # the server listens
    reader, writer = await asyncio.open_unix_connection(str(served.socket))
    await read_frame(reader)
    spec = {**client.spec_of(job().request), "assist": "improve"}
    writer.write(pack({"type": "render", "spec": spec}, pack_rules(client.NO_RULES)))
    with pytest.raises(asyncio.IncompleteReadError):
        await read_frame(reader)
    writer.close()
    assert (await served.draw()).pictures
