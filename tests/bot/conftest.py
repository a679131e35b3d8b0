"""The real bot against the real playground and a real Redis, and members who use it."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from jobs.connection import connect
from jobs.models import Job
from jobs.queue import RenderQueue
from jobs.settings import QueueSettings, RedisSettings
from playground.client import PlaygroundClient
from supervisor.stack import Stack, StackOptions
from tests import openapi

Json = dict[str, Any]
EPHEMERAL = 64
LOADING = 128
# The type of a channel of direct messages.
DIRECT = 1


@pytest.fixture(scope="session")
def bot_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data_dir = tmp_path_factory.mktemp("bot")
    options = StackOptions(
        data_dir,
        parts=("redis", "playground", "bot"),
        log_dir=data_dir / "logs",
        log_format="json",
        settings={"NEWBIE_BOT_POSITION_INTERVAL": "0.3"},
    )
    with Stack(options) as stack:
        stack.start()
        yield stack


@pytest.fixture
def running(bot_stack: Stack) -> Stack:
    """The stack with every part running and an empty queue."""
    bot_stack.start()
    with connect(RedisSettings(url=bot_stack.redis_url)) as redis:
        redis.flushall()
    return bot_stack


@pytest.fixture
def redis(running: Stack) -> Iterator[Redis]:
    with connect(RedisSettings(url=running.redis_url)) as redis:
        yield redis


@pytest.fixture
def queue(redis: Redis) -> RenderQueue:
    return RenderQueue(redis, QueueSettings())


class Member:
    """Somebody in the server, who sees their own ephemeral messages and no one else's."""

    def __init__(self, discord: PlaygroundClient, user_id: str) -> None:
        self.discord = discord
        self.id = user_id

    async def newbie(
        self,
        *,
        file: tuple[str, bytes] | None = None,
        unchecked: bool = False,
        channel_id: str | None = None,
        **options: Any,
    ) -> str:
        files = [file] if file else []
        values = {**options, "file": 0} if file else options
        return await self.discord.command(
            "newbie",
            values,
            files,
            user_id=self.id,
            channel_id=channel_id,
            unchecked=unchecked,
        )

    async def answer(
        self,
        interaction_id: str,
        wanted: Callable[[Json], object] = lambda message: True,
        channel_id: str | None = None,
    ) -> Json:
        """Wait for a finished answer to an interaction."""

        def fits(message: Json) -> object:
            return (
                message.get("interaction_metadata", {}).get("id") == interaction_id
                and not message["flags"] & LOADING
                and wanted(message)
            )

        return await self.discord.wait_for_message(fits, self.id, timeout=30, channel_id=channel_id)

    async def messages(self, channel_id: str | None = None) -> list[Json]:
        return list((await self.discord.state(self.id, channel_id))["messages"])


@pytest.fixture
async def discord(running: Stack) -> AsyncIterator[PlaygroundClient]:
    async with PlaygroundClient(running.playground_url) as client:
        await client.wait_for_bot()
        await client.clear_faults()
        before = await last_request(client)
        yield client
        await check_requests(client, before)


async def last_request(client: PlaygroundClient) -> int:
    """Number of the last request that the bot has sent."""
    return max((row["n"] for row in await client.requests()), default=0)


async def check_requests(client: PlaygroundClient, since: int) -> None:
    """Check by Discord's own description, where it is there, all that the bot has sent."""
    if openapi.available():
        sent = await client.requests(since)
        problems = [problem for row in sent for problem in openapi.validate_request(row)]
        assert problems == []


@pytest.fixture
async def member(discord: PlaygroundClient) -> Member:
    return await new_member(discord)


async def new_member(discord: PlaygroundClient, name: str = "mina") -> Member:
    return Member(discord, (await discord.add_user(name))["id"])


def jobs_of(queue: RenderQueue) -> list[Job]:
    return [job for job in queue.read(queue.active_ids()).values() if job is not None]


def is_private(message: Json) -> bool:
    return bool(message["flags"] & EPHEMERAL)
