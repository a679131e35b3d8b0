"""A stand-in per test, with a real discord.py bot on it where a test wants one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands

from playground.client import PlaygroundClient
from playground.server import PlaygroundServer, ServerOptions
from tests import openapi

TOKEN = "token-of-the-test-bot"
CHANNEL = "600000000000000010"
GUILD = "600000000000000001"
APPLICATION = "800000000000000001"
MEMBER = "500000000000000001"
OTHER_MEMBER = "500000000000000002"
MODERATOR = "500000000000000003"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[PlaygroundServer]:
    """A running stand-in."""
    async with PlaygroundServer(ServerOptions(tmp_path / "playground", TOKEN)) as running:
        yield running


@pytest.fixture
async def client(server: PlaygroundServer) -> AsyncIterator[PlaygroundClient]:
    """A client of its control API."""
    async with PlaygroundClient(server.url) as connected:
        yield connected


class Rest:
    """Calls the REST API as a bot does, without a library in between."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def __call__(
        self, method: str, path: str, body: object = None, *, token: str | None = TOKEN, **more
    ) -> tuple[int, object, aiohttp.ClientResponse]:
        headers = {"Authorization": f"Bot {token}"} if token else {}
        headers |= more.pop("headers", {})
        if body is not None:
            more["json"] = body
        url = f"{self.url}/api/v10{path}"
        async with self.session.request(method, url, headers=headers, **more) as response:
            text = await response.read()
            return response.status, (await response.json() if text else None), response


@pytest.fixture
async def rest(server: PlaygroundServer) -> AsyncIterator[Rest]:
    """The REST API, raw."""
    async with aiohttp.ClientSession() as session:
        yield Rest(session, server.url)


class Bot(discord.Client):
    """A real discord.py client with a command tree that a test fills."""

    def __init__(self, intents: discord.Intents | None = None) -> None:
        # The default waits two seconds for guilds that this server has already sent.
        super().__init__(intents=intents or discord.Intents.default(), guild_ready_timeout=0.1)
        self.tree = app_commands.CommandTree(self)
        self.resumed = asyncio.Event()
        self.ready_count = 0
        self.errors: list[BaseException] = []

        @self.tree.error
        async def keep(interaction: discord.Interaction, error: BaseException) -> None:
            self.errors.append(error)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_ready(self) -> None:
        self.ready_count += 1

    async def on_resumed(self) -> None:
        self.resumed.set()


StartBot = Callable[[Bot], Awaitable[None]]


@pytest.fixture
async def start_bot(
    server: PlaygroundServer, client: PlaygroundClient, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StartBot]:
    """Start a bot on the stand-in; it is stopped after the test."""
    monkeypatch.setattr(discord.http.Route, "BASE", f"{server.url}/api/v10")
    gateway = yarl.URL(f"{server.url.replace('http', 'ws', 1)}/gateway/")
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
    running: list[tuple[Bot, asyncio.Task[None]]] = []

    async def start(bot: Bot) -> None:
        task = asyncio.create_task(bot.start(TOKEN))
        running.append((bot, task))
        waiting = asyncio.create_task(client.wait_for_bot(20))
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waiting.cancel()
            await task
        await waiting
        await bot.wait_until_ready()

    yield start
    for bot, task in running:
        await bot.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if openapi.available():
        journal = await client.requests()
        assert [p for entry in journal for p in openapi.validate_request(entry)] == []
        assert [p for entry in journal for p in openapi.validate_response(entry)] == []


@asynccontextmanager
async def raw_gateway(
    session: aiohttp.ClientSession, url: str, **query: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Open the gateway without a library in between."""
    params = {"v": "10", "encoding": "json", **query}
    async with session.ws_connect(f"{url}/gateway/", params=params) as socket:
        yield socket
