"""The option `assist`: what is offered, what is refused, and what happens while Redis is silent."""

import asyncio
import os
import signal

import discord
import pytest
from redis import Redis

from bot.abilities import assist_choices, check_needs
from bot.errors import Refused
from bot.refusals import sentence
from bot.translation import CatalogueTranslator
from jobs import presence
from jobs.capability import Capability, Needs
from jobs.keys import Keys
from jobs.models import MEMBER_ASSIST
from jobs.queue import RenderQueue
from jobs.registration import Description
from newbie_pipeline.prompt.assist import AssistMode
from playground.client import PlaygroundClient
from supervisor.stack import Stack
from tests.bot.conftest import Json, Member, is_private, jobs_of

KEYS = Keys("newbie")
WITHOUT_GEMMA = "(not available: the worker runs without Gemma)"
LOCALES = ("en-US", "zh-CN", "zh-TW", "ja", "pt-BR")
WITH, WITHOUT = Capability(), Capability(assist=False)
NOBODY, MISSING, AVAILABLE = (), (WITHOUT, WITHOUT), (WITHOUT, WITH)


def say_hello(redis: Redis, name: str, assist: bool | None) -> None:
    """Have a worker give a sign of life, as `worker.renderer` and the worker write it."""
    said = None if assist is None else Description(capability=Capability(assist=assist))
    presence.beat(redis, KEYS, name, said)


def names_of(choices: list[discord.app_commands.Choice[str]], locale: str) -> list[str]:
    """Translate choices as discord.py does before it sends them."""
    translator = CatalogueTranslator()

    async def translated() -> list[str]:
        payloads = [
            await choice.get_translated_payload_for_locale(translator, discord.Locale(locale))
            for choice in choices
        ]
        return [payload["name"] for payload in payloads]

    return asyncio.run(translated())


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("seen", [NOBODY, MISSING, AVAILABLE])
def test_each_choice_is_offered_in_the_members_language(locale: str, seen: tuple[Capability, ...]):
    choices = assist_choices("", seen, locale)
    assert [choice.value for choice in choices] == ["off", "complete", "structure"]
    names = names_of(choices, locale)
    assert len(set(names)) == 3
    assert all(name.startswith(mode.value) for name, mode in zip(names, MEMBER_ASSIST, strict=True))
    assert all(len(name) <= 100 for name in names)
    if locale not in ("en-US", "pt-BR"):
        assert names != names_of(choices, "en-US")


def test_only_what_no_worker_can_do_is_marked():
    marks = {
        seen: [name.endswith(WITHOUT_GEMMA) for name in names_of(choices, "en-US")]
        for seen in (AVAILABLE, NOBODY, MISSING)
        for choices in [assist_choices("", seen, "en-US")]
    }
    assert marks == {
        AVAILABLE: [False, False, False],
        NOBODY: [False, False, False],
        MISSING: [False, True, True],
    }


@pytest.mark.parametrize(
    ("typed", "locale", "found"),
    [
        ("st", "en-US", ["structure"]),
        (" COMP", "en-US", ["complete"]),
        ("sentence", "en-US", ["structure"]),
        ("整理", "zh-CN", ["structure"]),
        ("補う", "ja", ["complete"]),
        ("整理", "en-US", []),
        ("x" * 6000, "en-US", []),
    ],
)
def test_what_is_typed_is_searched_in_what_is_shown(typed: str, locale: str, found: list[str]):
    choices = assist_choices(typed, AVAILABLE, locale)
    assert [choice.value for choice in choices] == found


def test_what_no_worker_can_do_is_refused():
    with pytest.raises(Refused) as refused:
        check_needs(Needs(pixels=1, assist=True), MISSING)
    said = {locale: sentence(refused.value, locale) for locale in LOCALES}
    assert all("Gemma" in text and "{" not in text for text in said.values())
    assert len({said["en-US"], said["zh-CN"], said["ja"]}) == 3


@pytest.mark.parametrize(
    ("assist", "seen"), [(False, MISSING), (True, AVAILABLE), (True, NOBODY), (False, NOBODY)]
)
def test_what_a_worker_can_do_or_may_be_able_to_do_is_allowed(
    assist: bool, seen: tuple[Capability, ...]
):
    check_needs(Needs(pixels=1, assist=assist), seen)


async def suggestions(member: Member, typed: str = "") -> list[Json]:
    return await member.discord.autocomplete(
        "newbie", {"assist": typed}, "assist", user_id=member.id
    )


async def offered(member: Member, marked: list[bool]) -> None:
    """Wait until the bot has looked at the workers again."""
    async with asyncio.timeout(20):
        while True:
            names = [choice["name"] for choice in await suggestions(member)]
            if [name.endswith(WITHOUT_GEMMA) for name in names] == marked:
                return
            await asyncio.sleep(0.1)


async def test_the_choices_follow_what_the_workers_say(member: Member, redis: Redis):
    await offered(member, [False, False, False])
    say_hello(redis, "a", assist=False)
    await offered(member, [False, True, True])
    assert [choice["value"] for choice in await suggestions(member, "str")] == ["structure"]
    say_hello(redis, "b", assist=True)
    await offered(member, [False, False, False])


async def test_choices_come_while_redis_is_silent(member: Member, running: Stack):
    pid = running.pid("redis")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        found = [await suggestions(member, typed) for typed in ("", "c", "co")]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert [len(choices) for choices in found] == [3, 2, 1]


@pytest.mark.parametrize("given", ["complete", "structure", " Complete "])
async def test_help_is_stored_with_the_request(member: Member, queue: RenderQueue, given: str):
    await member.answer(await member.newbie(prompt="1girl", assist=given))
    (job,) = jobs_of(queue)
    assert job.request.assist is AssistMode(given.strip().lower())


async def test_without_the_option_there_is_no_help(member: Member, queue: RenderQueue):
    await member.answer(await member.newbie(prompt="1girl"))
    posted = await member.discord.post_message("1girl", user_id=member.id)
    await member.answer(
        await member.discord.message_command("Render this prompt", posted["id"], user_id=member.id)
    )
    assert [job.request.assist for job in jobs_of(queue)] == [AssistMode.OFF, AssistMode.OFF]


async def private_sentence(member: Member) -> str:
    message = await member.discord.wait_for_message(is_private, member.id, timeout=30)
    return str(message["content"])


async def test_help_is_refused_where_all_workers_run_without_gemma(
    member: Member, redis: Redis, queue: RenderQueue
):
    say_hello(redis, "a", assist=False)
    await member.newbie(prompt="1girl", assist="complete")
    assert "without Gemma" in await private_sentence(member)
    assert jobs_of(queue) == []
    # The same worker draws prompts as they are.
    await member.answer(await member.newbie(prompt="1girl", assist="off"))
    assert len(jobs_of(queue)) == 1


@pytest.mark.parametrize("second", [True, None])
async def test_help_is_accepted_where_a_worker_has_gemma_or_has_not_said(
    member: Member, redis: Redis, queue: RenderQueue, second: bool | None
):
    say_hello(redis, "a", assist=False)
    say_hello(redis, "b", assist=second)
    await member.answer(await member.newbie(prompt="1girl", assist="structure"))
    (job,) = jobs_of(queue)
    assert job.request.assist is AssistMode.STRUCTURE


async def opened_form(member: Member, **options: object) -> Json:
    await offered(member, [False, False, False])  # the bot forgot the workers of other tests
    event = await member.discord.wait_for_event(
        lambda event: event["type"] == "modal", lambda: member.newbie(**options), member.id
    )
    return dict(event["data"])


async def send_form(member: Member, form: Json) -> str:
    return await member.discord.submit_modal(
        form["interaction_id"], {"prompt": "1girl"}, user_id=member.id
    )


async def test_the_form_carries_the_option(member: Member, queue: RenderQueue):
    form = await opened_form(member, assist="complete", seed=4)
    await member.answer(await send_form(member, form))
    (job,) = jobs_of(queue)
    assert (job.request.assist, job.request.seed) == (AssistMode.COMPLETE, 4)


async def test_a_form_is_not_opened_where_its_prompt_would_be_refused(member: Member, redis: Redis):
    say_hello(redis, "a", assist=False)
    await offered(member, [False, True, True])
    await member.newbie(assist="complete")
    assert "without Gemma" in await private_sentence(member)


async def test_a_form_that_is_sent_after_gemma_went_is_refused(
    member: Member, redis: Redis, queue: RenderQueue
):
    form = await opened_form(member, assist="complete")
    say_hello(redis, "a", assist=False)
    await send_form(member, form)
    assert "without Gemma" in await private_sentence(member)
    assert jobs_of(queue) == []


async def test_the_option_asks_for_suggestions(discord: PlaygroundClient, member: Member):
    state = await discord.state(member.id)
    (command,) = [each for each in state["commands"] if each["name"] == "newbie"]
    (option,) = [each for each in command["options"] if each["name"] == "assist"]
    assert option["autocomplete"] is True
    assert not option.get("choices")
    assert option["name_localizations"] == {"zh-CN": "辅助", "zh-TW": "辅助", "ja": "補助"}
    assert set(option["description_localizations"]) == {"zh-CN", "zh-TW", "ja"}
