"""The rules of a place reach the renderer, and what they refuse is not added to a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.admission import PromptRules
from jobs.guild_edits import MAX_WORDS
from jobs.settings_table import Rating
from jobs.words import MAX_ENTRY
from tests.conftest import RendererProcess
from tests.worker.conftest import job
from worker import client
from worker.client import Rendered
from worker.errors import BadFrame, ForbiddenPicture
from worker.rules_frame import pack_rules, read_rules

OPEN = (
    "<character_1><n>miku</n><gender>1girl</gender>"
    "<appearance>{}</appearance><clothing></clothing></character_1>"
)
WORDS = st.lists(st.text(max_size=20), max_size=5).map(tuple)


@given(st.sampled_from(Rating), WORDS, WORDS)
def test_rules_come_back_as_they_were(
    allowed: Rating, blocked: tuple[str, ...], adult: tuple[str, ...]
) -> None:
    rules = PromptRules(allowed, blocked, adult)
    assert read_rules(pack_rules(rules)) == rules


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'{"allowed": "all"}', b'{"blocked": "a"}'])
def test_what_are_no_rules_is_refused(payload: bytes) -> None:
    with pytest.raises(BadFrame):
        read_rules(payload)


async def draw(
    renderer: RendererProcess, rules: PromptRules, appearance: str = "blue_hair"
) -> Rendered:
    request = job(prompt=OPEN.format(appearance), assist="complete", seed=6).request
    return await client.render(
        renderer.socket, request, lambda _step, _total: None, wait=60, rules=rules
    )


async def added(
    renderer: RendererProcess, rules: PromptRules, appearance: str = "blue_hair"
) -> dict[str, str]:
    rendered = await draw(renderer, rules, appearance)
    assert rendered.assisted is not None
    return {each.place: each.text for each in rendered.assisted.additions}


@pytest.mark.slow
async def test_a_word_that_the_place_refuses_is_not_added_and_the_picture_is_drawn(
    renderer: RendererProcess,
) -> None:
    everything = await added(renderer, client.NO_RULES)
    place, text = next(iter(everything.items()))
    word = text.split(", ")[0]
    for rules in (PromptRules(blocked=(word,)), PromptRules(adult=(word,))):
        rest = await added(renderer, rules)
        assert word not in rest.get(place, "").split(", ")
    # Where adult pictures may be drawn, its own word is no reason to leave it out.
    assert await added(renderer, PromptRules(Rating.ADULT, adult=(word,))) == everything


@pytest.mark.slow
async def test_what_is_never_drawn_ends_the_job_before_a_step(renderer: RendererProcess) -> None:
    everything = await added(renderer, client.NO_RULES, "child")
    words = tuple({word for text in everything.values() for word in text.split(", ")})
    rules = PromptRules(adult=words)
    assert rules.refuse(OPEN.format("child")) is None, "their own prompt is of an ordinary child"
    with pytest.raises(ForbiddenPicture):
        await draw(renderer, rules, "child")
    assert (await draw(renderer, client.NO_RULES, "child")).pictures


@pytest.mark.slow
async def test_the_longest_lists_that_a_server_can_have_are_taken(
    renderer: RendererProcess,
) -> None:
    longest = tuple(f"{number:04}" + "長" * (MAX_ENTRY - 4) for number in range(2 * MAX_WORDS))
    assert await added(renderer, PromptRules(blocked=longest, adult=longest))
