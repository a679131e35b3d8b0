"""The option `model`, and requests that no living worker can draw."""

import asyncio

import pytest
from redis import Redis

from bot.abilities import check_needs, model_choices, model_mark, model_names, with_model
from bot.errors import Refused
from bot.options import Options
from bot.refusals import sentence
from jobs import presence
from jobs.capability import Capability, Needs
from jobs.keys import Keys
from jobs.queue import RenderQueue
from jobs.registration import Description
from playground.client import PlaygroundClient
from tests.bot.conftest import Json, Member, is_private, jobs_of

KEYS = Keys("newbie")
LOCALES = ("en-US", "zh-CN", "ja")
BASE, FLAT = Capability(model="Base-1.0"), Capability(model="flat", assist=False)
SMALL = Capability(model="small", max_pixels=1_000_000)
SILENT = Capability()
SQUARE = 1024 * 1024


def names(workers: list[Capability], typed: str = "") -> list[str]:
    return [choice.value for choice in model_choices(typed, workers)]


def refusal(call: object, *args: object) -> Refused:
    with pytest.raises(Refused) as refused:
        call(*args)
    return refused.value


def test_models_are_offered_where_there_is_a_choice() -> None:
    assert names([FLAT, BASE, FLAT]) == ["Base-1.0", "flat"]
    assert names([FLAT, BASE], " BASE") == ["Base-1.0"]
    assert names([FLAT, BASE], "other") == []
    for without_choice in ([], [SILENT], [FLAT, FLAT], [FLAT, SILENT]):
        assert names(without_choice) == []


def test_no_more_is_offered_than_discord_shows() -> None:
    many = [Capability(model=f"{number:03}") for number in range(40)]
    assert names(many) == [f"{number:03}" for number in range(25)]
    assert model_names([Capability(model="x" * 101)]) == []


@pytest.mark.parametrize("given", ["Base-1.0", " base-1.0 ", "BASE-1.0"])
def test_a_model_is_named_as_its_worker_names_it(given: str) -> None:
    assert with_model(Options(model=given), [FLAT, BASE]).model == "Base-1.0"


def test_names_that_differ_in_case_alone_are_told_apart() -> None:
    both = [Capability(model="a"), Capability(model="A")]
    for name in ("a", "A"):
        assert with_model(Options(model=name), both).model == name


@pytest.mark.parametrize("given", [None, "", "  "])
def test_without_a_model_any_draws(given: str | None) -> None:
    assert with_model(Options(model=given), [FLAT]).model is None


def test_a_model_that_nobody_has_is_refused_with_those_that_there_are() -> None:
    refused = refusal(with_model, Options(model="bose"), [FLAT, BASE])
    for locale in LOCALES:
        said = sentence(refused, locale)
        assert "`bose`" in said
        assert "`Base-1.0`, `flat`" in said
        assert "{" not in said


@pytest.mark.parametrize("workers", [[], [SILENT], [FLAT, SILENT]])
def test_a_model_that_somebody_may_have_is_accepted(workers: list[Capability]) -> None:
    assert with_model(Options(model="bose"), workers).model == "bose"


def test_a_name_cannot_format_or_mention_and_many_are_cut_short() -> None:
    hostile = [Capability(model=f"`@everyone` {number:02}") for number in range(20)]
    said = sentence(refusal(with_model, Options(model="x"), hostile), "en-US")
    assert said.count("`") == 2 * 13
    assert len(said) < 2000
    assert "…" in said


def test_a_form_whose_model_went_is_refused() -> None:
    marked = Options(model_mark=model_mark("gone"))
    for workers, word in (([FLAT], "`flat`"), ([], "/newbie")):
        refused = refusal(with_model, marked, workers)
        said = {sentence(refused, locale) for locale in LOCALES}
        assert len(said) == 3
        assert all(word in text for text in said)
    assert with_model(Options(model_mark=model_mark("FLAT")), [FLAT]).model == "flat"


def test_a_size_that_no_worker_holds_is_refused_with_those_that_can_be_drawn() -> None:
    refused = refusal(check_needs, Needs(pixels=SQUARE), [SMALL, SMALL])
    for locale in LOCALES:
        said = sentence(refused, locale)
        assert "640x1536, 1536x640" in said
        assert "1024x1024" not in said
    check_needs(Needs(pixels=1_000_000), [SMALL])
    check_needs(Needs(pixels=SQUARE), [SMALL, BASE])
    check_needs(Needs(pixels=SQUARE), [])


def test_what_each_alone_can_but_none_together_is_refused() -> None:
    workers = [FLAT, SMALL]
    needs = Needs(pixels=SQUARE, assist=True)
    refused = refusal(check_needs, needs, workers)
    assert refused.code == "no_worker_for_all"
    assert len({sentence(refused, locale) for locale in LOCALES}) == 3
    check_needs(needs, [*workers, BASE])
    assert refusal(check_needs, needs.model_copy(update={"model": "flat"}), [FLAT, BASE])


def serve(redis: Redis, name: str, capability: Capability) -> None:
    presence.beat(redis, KEYS, name, Description(model=capability.model, capability=capability))


async def offered(member: Member, expected: list[str], typed: str = "") -> None:
    """Wait until the bot has looked at the workers again."""
    async with asyncio.timeout(20):
        while True:
            found = await member.discord.autocomplete(
                "newbie", {"model": typed}, "model", user_id=member.id
            )
            if [choice["value"] for choice in found] == expected:
                return
            await asyncio.sleep(0.1)


async def private_sentence(member: Member) -> str:
    message = await member.discord.wait_for_message(is_private, member.id, timeout=30)
    return str(message["content"])


async def test_the_option_follows_the_workers(member: Member, redis: Redis) -> None:
    await offered(member, [])
    serve(redis, "a", BASE)
    serve(redis, "b", FLAT)
    await offered(member, ["Base-1.0", "flat"])
    await offered(member, ["flat"], "fl")
    presence.leave(redis, KEYS, "a")
    await offered(member, [])


async def test_a_model_is_stored_with_the_request(
    member: Member, redis: Redis, queue: RenderQueue
) -> None:
    serve(redis, "a", BASE)
    serve(redis, "b", FLAT)
    await member.answer(await member.newbie(prompt="1girl", model="base-1.0"))
    await member.answer(await member.newbie(prompt="1girl"))
    assert [job.request.model for job in jobs_of(queue)] == ["Base-1.0", None]


async def test_a_model_that_no_worker_has_is_not_accepted(
    member: Member, redis: Redis, queue: RenderQueue
) -> None:
    serve(redis, "a", BASE)
    await member.newbie(prompt="1girl", model="other")
    assert "`Base-1.0`" in await private_sentence(member)
    assert jobs_of(queue) == []


async def test_without_a_known_worker_any_model_waits_for_one(
    member: Member, queue: RenderQueue
) -> None:
    await member.answer(await member.newbie(prompt="1girl", model="other"))
    assert [job.request.model for job in jobs_of(queue)] == ["other"]


async def test_a_size_that_no_worker_holds_is_not_accepted(
    member: Member, redis: Redis, queue: RenderQueue
) -> None:
    serve(redis, "a", SMALL)
    await member.newbie(prompt="1girl", size="1024x1024")
    assert "640x1536" in await private_sentence(member)
    await member.answer(await member.newbie(prompt="1girl", size="640x1536"))
    assert len(jobs_of(queue)) == 1


async def opened_form(member: Member, **options: object) -> Json:
    event = await member.discord.wait_for_event(
        lambda event: event["type"] == "modal", lambda: member.newbie(**options), member.id
    )
    return dict(event["data"])


async def test_the_form_carries_the_model(member: Member, redis: Redis, queue: RenderQueue) -> None:
    serve(redis, "a", BASE)
    serve(redis, "b", FLAT)
    await offered(member, ["Base-1.0", "flat"])
    form = await opened_form(member, model="flat", seed=4)
    sent = await member.discord.submit_modal(
        form["interaction_id"], {"prompt": "1girl"}, user_id=member.id
    )
    await member.answer(sent)
    (job,) = jobs_of(queue)
    assert (job.request.model, job.request.seed) == ("flat", 4)


async def test_a_form_is_not_opened_for_a_model_that_nobody_has(
    member: Member, redis: Redis
) -> None:
    serve(redis, "a", BASE)
    serve(redis, "b", FLAT)
    await offered(member, ["Base-1.0", "flat"])
    await member.newbie(model="other")
    assert "`Base-1.0`, `flat`" in await private_sentence(member)


async def test_the_option_asks_for_suggestions(discord: PlaygroundClient, member: Member) -> None:
    state = await discord.state(member.id)
    (command,) = [each for each in state["commands"] if each["name"] == "newbie"]
    (option,) = [each for each in command["options"] if each["name"] == "model"]
    assert option["autocomplete"] is True
    assert option["max_length"] == 100
    assert option["name_localizations"] == {"zh-CN": "模型", "zh-TW": "模型", "ja": "モデル"}
