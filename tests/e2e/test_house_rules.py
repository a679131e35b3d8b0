"""What is set for a channel counts for what is posted there: words, rating, spoilers."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator

import pytest
from PIL import Image

from jobs.guild import WordKind
from jobs.guild_edits import add_words, set_value
from jobs.models import Job, Outcome, OutcomeCode
from jobs.settings_table import Rating, Scope
from jobs.wording import say
from newbie_pipeline.prompt.assist import Addition, Assisted
from newbie_pipeline.recipe import read_recipe
from newbie_pipeline.render import RenderResult
from playground.client import DEFAULT_CHANNEL
from tests.e2e import test_tasks
from tests.e2e.conftest import Member, fields, picture_urls
from tests.e2e.test_delivery import EDIT
from tests.e2e.test_survival import accepted
from tests.e2e.test_tasks import discord_away, report, run, waiting
from tests.tiny_classifier import make_classifier
from tests.worker.chosen_renderer import ChosenRenderer, Served
from worker import tasks
from worker.screening import Screen

pytestmark = pytest.mark.slow

stack, bench, chosen = test_tasks.stack, test_tasks.bench, test_tasks.chosen

AFTER_DARK = "600000000000000012"
WHITE, BLACK = (Image.new("RGB", (4, 4), colour) for colour in ("white", "black"))
PLAIN = "<character_1><n>miku</n></character_1>"
HELPED = "<character_1><n>miku</n><clothing>{}</clothing></character_1>"
CHILD = "<character_1><n>kid</n><appearance>child</appearance></character_1>"


class Moderator:
    """Sets what a test needs in the playground's server, for as long as the test runs."""

    def __init__(self, member: Member, guild: str) -> None:
        self.store, self.guild = member.queue.guilds, guild

    def block(self, *words: str) -> None:
        self.store.change(self.guild, add_words(WordKind.BLOCKED, words), by="1")

    def set(self, name: str, value: object, channel: str = DEFAULT_CHANNEL) -> None:
        self.store.change(self.guild, set_value(name, value, Scope.CHANNEL, channel), by="1")


@pytest.fixture
async def moderator(member: Member) -> AsyncIterator[Moderator]:
    guild = (await member.client.state())["guild"]["id"]
    one = Moderator(member, guild)
    yield one
    keys = one.store.keys(guild)
    member.queue.redis.delete(keys.settings, keys.audit)


def ended(job: Job) -> Outcome:
    assert job.outcome
    return job.outcome


async def told(member: Member, job: Job, code: OutcomeCode) -> str:
    """Wait for the sentence that tells the owner, and look that nothing else is shown."""
    sentence = say(f"outcome.{code.value}", "en-US", job_id=job.id)
    message = await member.answer(job.id, lambda m: sentence in m["content"])
    assert not picture_urls(message)
    assert message["embeds"] == []
    return str(message["content"])


Chosen = tuple[tasks.Bench, ChosenRenderer]


@pytest.mark.parametrize(
    ("written", "addition", "code"),
    [
        (PLAIN, "frilly_hat", OutcomeCode.ADDITIONS_REFUSED),
        (PLAIN, "nude", OutcomeCode.ADDITIONS_REFUSED),
        (CHILD, "lingerie", OutcomeCode.FORBIDDEN),
        (PLAIN, "scarf", OutcomeCode.DONE),
        (CHILD, "scarf", OutcomeCode.DONE),
    ],
)
async def test_what_a_renderer_added_against_the_rules_is_not_posted(
    member: Member,
    moderator: Moderator,
    chosen: Chosen,
    written: str,
    addition: str,
    code: OutcomeCode,
) -> None:
    bench, renderer = chosen
    moderator.block("hat", "frilly hat")
    whole = written.replace("</character_1>", f"<clothing>{addition}</clothing></character_1>")
    assisted = Assisted(whole, (Addition("character_1/clothing", addition),))
    renderer.result = RenderResult(renderer.result.images, assisted)
    job = await waiting(member, prompt=written, assist="complete")
    assert ended(await run(bench, job)).code is code
    if code is OutcomeCode.DONE:
        [(_, recipe)] = await member.download(await member.picture(job.id))
        assert recipe.prompt == whole
    else:
        assert addition not in await told(member, job, code)


async def test_the_renderer_is_told_what_may_not_be_added(
    member: Member, moderator: Moderator, chosen: Chosen
) -> None:
    bench, renderer = chosen
    moderator.block("hat")
    job = await waiting(member, prompt=PLAIN, assist="complete")
    assert ended(await run(bench, job)).code is OutcomeCode.DONE
    assert not renderer.allows(HELPED.format("h4t"))
    assert not renderer.allows(HELPED.format("nude"))
    assert renderer.allows(HELPED.format("scarf"))


async def test_a_prompt_whose_word_was_blocked_while_it_waited_is_not_drawn(
    member: Member, moderator: Moderator, chosen: Chosen
) -> None:
    bench, renderer = chosen
    job = await waiting(member, prompt="1girl, hat")
    moderator.block("hat")
    assert ended(await run(bench, job)).code is OutcomeCode.PROMPT_REFUSED
    assert "hat" not in (await told(member, job, OutcomeCode.PROMPT_REFUSED)).split()
    assert renderer.specs == []
    other = await waiting(member, prompt="1girl, chat")
    assert ended(await run(bench, other)).code is OutcomeCode.DONE


async def test_settings_that_cannot_be_read_keep_everything_from_being_drawn(
    member: Member, moderator: Moderator, chosen: Chosen
) -> None:
    bench, renderer = chosen
    job = await waiting(member)
    settings = moderator.store.keys(moderator.guild).settings
    member.queue.redis.hset(settings, "queue", '"closed"')
    assert ended(await run(bench, job)).code is OutcomeCode.SETTINGS_UNREADABLE
    await told(member, job, OutcomeCode.SETTINGS_UNREADABLE)
    assert renderer.specs == []


async def test_in_a_channel_of_spoilers_a_picture_is_a_blurred_file(
    member: Member, moderator: Moderator, bench: tasks.Bench
) -> None:
    moderator.set("spoilers", True)
    job = await waiting(member)
    assert ended(await run(bench, job)).code is OutcomeCode.DONE
    message = await member.picture(job.id)
    assert [file["filename"] for file in message["attachments"]] == [
        f"SPOILER_newbie-{job.id}-{job.request.seed}.png"
    ]
    [embed] = message["embeds"]
    assert "image" not in embed
    assert read_recipe(await member.client.fetch(picture_urls(message)[0])).prompt == "1girl"
    moderator.set("spoilers", False)
    openly = await waiting(member)
    await run(bench, openly)
    message = await member.picture(openly.id)
    assert message["attachments"] == []
    assert message["embeds"][0]["image"]


async def test_a_spoiler_that_is_posted_later_and_smaller_is_still_one(
    member: Member, moderator: Moderator, bench: tasks.Bench
) -> None:
    moderator.set("spoilers", True)
    job = await waiting(member)
    with discord_away():
        kept = await run(bench, job)
    # What was set when it was drawn counts.
    moderator.set("spoilers", False)
    await member.client.add_fault("PATCH", EDIT, 413, times=1)
    assert ended(await report(bench, kept)).code is OutcomeCode.DONE
    message = await member.answer(job.id, lambda m: m["attachments"])
    assert [file["filename"] for file in message["attachments"]] == [
        f"SPOILER_newbie-{job.id}-{job.request.seed}.webp"
    ]
    assert "image" not in message["embeds"][0]


async def in_channel(member: Member, channel: str) -> Job:
    job_id = await member.client.command("newbie", {"prompt": "1girl"}, channel_id=channel)
    await accepted(member, job_id)
    async with asyncio.timeout(30):
        while not member.queue.line.ids(1):
            await asyncio.sleep(0.05)
    member.queue.rq.empty()
    return member.queue.get(job_id)


@pytest.mark.parametrize("channel", [DEFAULT_CHANNEL, AFTER_DARK])
async def test_only_a_channel_that_discord_restricts_is_open_for_adult_additions(
    member: Member, moderator: Moderator, chosen: Chosen, channel: str
) -> None:
    bench, renderer = chosen
    moderator.set("rating", Rating.ADULT, channel)
    job = await in_channel(member, channel)
    assert ended(await run(bench, job)).code is OutcomeCode.DONE
    assert renderer.allows(HELPED.format("nude")) is (channel == AFTER_DARK)


@pytest.fixture
def screened(
    bench: tasks.Bench, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[tasks.Bench, ChosenRenderer]]:
    """The bench with chosen pictures, which a real classifier looks at: white ones are adult."""
    folder = make_classifier(tmp_path_factory.mktemp("model") / "classifier")
    settings = bench.worker.model_copy(
        update={"classifier": str(folder), "classifier_adult_labels": "nsfw"}
    )
    renderer = ChosenRenderer()
    socket = tmp_path_factory.mktemp("run") / "renderer.sock"
    served = Served(renderer, socket, Screen.load(settings))
    yield (
        dataclasses.replace(
            bench, worker=settings.model_copy(update={"runtime_dir": socket.parent})
        ),
        renderer,
    )
    served.stop()


async def test_of_several_pictures_those_that_are_found_adult_are_held_back_and_counted(
    member: Member, moderator: Moderator, screened: Chosen
) -> None:
    bench, renderer = screened
    renderer.result = RenderResult((WHITE, BLACK, WHITE))
    job = await waiting(member, count=3, seed=7)
    assert ended(await run(bench, job)).code is OutcomeCode.DONE
    message = await member.picture(job.id)
    [(picture, recipe)] = await member.download(message)
    assert (picture.getpixel((0, 0)), recipe.seed) == ((0, 0, 0), 8)
    assert fields(message)["Held back"].startswith("2 of 3 pictures")


@pytest.mark.parametrize("channel", [DEFAULT_CHANNEL, AFTER_DARK])
async def test_a_picture_that_is_found_adult_is_posted_only_where_it_may_be(
    member: Member, moderator: Moderator, screened: Chosen, channel: str
) -> None:
    bench, renderer = screened
    renderer.result = RenderResult((WHITE,))
    moderator.set("rating", Rating.ADULT, channel)
    job = await in_channel(member, channel)
    code = ended(await run(bench, job)).code
    if channel == AFTER_DARK:
        assert code is OutcomeCode.DONE
    else:
        assert code is OutcomeCode.PICTURE_REFUSED
        await told(member, job, code)


async def test_where_the_classifier_cannot_be_loaded_the_owner_is_told(
    member: Member,
    moderator: Moderator,
    bench: tasks.Bench,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = bench.worker.model_copy(
        update={"classifier": "/nowhere", "classifier_adult_labels": "nsfw"}
    )
    socket = tmp_path_factory.mktemp("run") / "renderer.sock"
    served = Served(ChosenRenderer(), socket, Screen.load(settings))
    worker = settings.model_copy(update={"runtime_dir": socket.parent})
    job = await waiting(member)
    try:
        code = ended(await run(dataclasses.replace(bench, worker=worker), job)).code
    finally:
        served.stop()
    assert code is OutcomeCode.CLASSIFIER_FAILED
    await told(member, job, code)
