"""The whole product over real sockets, and a member who uses it.

Whatever bot and worker sent to Discord in a test is held against Discord's own description of
its API when that is at hand.
"""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from jobs.connection import connect
from jobs.keys import GuildKeys
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from newbie_pipeline.recipe import Recipe, read_recipe
from playground.client import DEFAULT_USER, PlaygroundClient
from supervisor.stack import Stack, StackOptions

Message = dict[str, Any]

# A render takes about a second alone; other work on a small machine makes it many times that.
PICTURE_SECONDS = 150.0
EPHEMERAL = 64


class Member:
    """A member of the playground's community, and what only a test can look at."""

    def __init__(self, client: PlaygroundClient, stack: Stack, queue: RenderQueue) -> None:
        self.client, self.stack, self.queue = client, stack, queue

    async def newbie(self, files: list[tuple[str, bytes]] | None = None, **options: Any) -> str:
        """Use /newbie with few steps; gives the interaction's id, which is the job's id."""
        values = {"steps": 2, **({"file": 0} if files else {}), **options}
        return await self.client.command("newbie", values, files=files or [])

    async def answer(
        self, interaction_id: str, fits: Callable[[Message], object], timeout: float = 30.0
    ) -> Message:
        """Wait until the message of an interaction fits."""

        def wanted(message: Message) -> object:
            return belongs_to(message, interaction_id) and fits(message)

        return await self.client.wait_for_message(wanted, timeout=timeout)

    async def picture(self, interaction_id: str) -> Message:
        """Wait for the finished picture of an interaction."""
        return await self.answer(interaction_id, picture_urls, PICTURE_SECONDS)

    async def refusal(self, interaction_id: str) -> str:
        """Wait for a refusal that only the sender sees, and look that nothing is in the queue."""
        message = await self.answer(interaction_id, lambda m: m["content"])
        assert message["flags"] & EPHEMERAL, "a refusal is only for its sender"
        assert self.queue.active_ids() == []
        assert not self.queue.redis.exists(self.queue.keys.job(interaction_id))
        return str(message["content"])

    async def download(self, message: Message) -> list[tuple[Image.Image, Recipe]]:
        """Download the pictures of a message with their recipes."""
        found = []
        for url in picture_urls(message):
            data = await self.client.fetch(url)
            found.append((Image.open(io.BytesIO(data)), read_recipe(data)))
        return found

    async def messages(self) -> list[Message]:
        """What the channel shows now."""
        state = await self.client.state()
        return list(state["messages"])


def belongs_to(message: Message, interaction_id: str) -> bool:
    """Tell whether a message answers an interaction."""
    metadata = message.get("interaction_metadata") or message.get("interaction") or {}
    return bool(metadata.get("id") == interaction_id)


def picture_urls(message: Message) -> list[str]:
    """Find a message's pictures; one that an embed shows is no attachment of its own."""
    shown = [embed["image"]["url"] for embed in message["embeds"] if embed.get("image")]
    files = message["attachments"]
    return shown + [file["url"] for file in files if file["filename"].endswith(".png")]


def fields(message: Message) -> dict[str, str]:
    """Read the fields of a message's embed."""
    return {field["name"]: field["value"] for field in message["embeds"][0].get("fields", [])}


def shows_progress(message: Message) -> bool:
    """Tell whether a message says that its picture is being drawn."""
    return re.match(r"Drawing", message["content"]) is not None


@pytest.fixture(scope="session")
def bot_without_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data_dir = tmp_path_factory.mktemp("stack")
    parts = ("redis", "playground", "bot")
    with Stack(StackOptions(data_dir, parts=parts, log_dir=data_dir / "logs")) as stack:
        yield stack


@pytest.fixture
def stack_without_worker(bot_without_worker: Stack) -> Stack:
    """The product without a worker, for tests that run its tasks themselves."""
    bot_without_worker.start()
    return bot_without_worker


@pytest.fixture
def queue(stack: Stack) -> RenderQueue:
    """The queue of the running product, emptied of what an earlier test left."""
    return RenderQueue(connect(RedisSettings(url=stack.redis_url)), QueueSettings(lease=3))


@pytest.fixture
async def member(stack: Stack, queue: RenderQueue) -> AsyncIterator[Member]:
    """A member, with a bot that is online and nothing left in the queue."""
    async with PlaygroundClient(stack.playground_url) as client:
        await client.wait_for_bot(60)
        forget_use(queue)
        journal = await client.requests()
        before = journal[-1]["n"] if journal else 0
        yield Member(client, stack, queue)
        await client.clear_faults()
        await client.set_permissions([])
        async with asyncio.timeout(30):  # a job is closed just after its picture came
            while queue.active_ids():
                await asyncio.sleep(0.1)
        check_against_description(await client.requests(before))


def forget_use(queue: RenderQueue) -> None:
    """Let members begin with their whole budget: one of them asks for all that tests draw."""
    for key in queue.redis.scan_iter(GuildKeys(queue.settings.name, "*").use("*")):
        queue.redis.delete(key)


def check_against_description(journal: list[dict[str, Any]]) -> None:
    """Hold REST calls against Discord's own description, where it is at hand."""
    from tests import openapi

    if not openapi.available():
        return
    problems = [
        f"{entry['method']} {entry['path']}: {problem}"
        for entry in journal
        for problem in openapi.validate_request(entry)
    ]
    assert problems == []


__all__ = [
    "DEFAULT_USER",
    "EPHEMERAL",
    "Member",
    "belongs_to",
    "fields",
    "picture_urls",
    "shows_progress",
]
