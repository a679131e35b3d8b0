"""A real playground server, a real small bot, and a headless Chromium for the page's tests."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from playground.client import PlaygroundClient
from tests.browser.page import CHROMIUM_FLAGS, ChannelPage

ROOT = Path(__file__).parents[2]
TOKEN = "ODAw.playground.browser-tests"
OpenPage = Callable[..., Awaitable[ChannelPage]]


def stop(process: subprocess.Popen[str]) -> None:
    """End a process and wait for it."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a playground server says when it listens; it runs as long as the tests."""
    data_dir = tmp_path_factory.mktemp("playground")
    command = [sys.executable, "-m", "playground", "--port", "0"]
    command += ["--data-dir", str(data_dir), "--token", TOKEN]
    with (data_dir / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            pytest.fail((data_dir / "server.log").read_text())
        yield json.loads(line)
    finally:
        stop(process)


@pytest.fixture(scope="session")
def sample_bot(server: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real discord.py bot that is connected to the server."""
    script = Path(__file__).with_name("sample_bot.py")
    command = [sys.executable, str(script), server["api"], server["gateway"], TOKEN]
    with (tmp_path_factory.mktemp("bot") / "bot.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stderr=log, text=True)
    try:
        yield
    finally:
        stop(process)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One headless Chromium for all tests."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=list(CHROMIUM_FLAGS)
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def client(server: dict[str, str]) -> AsyncIterator[PlaygroundClient]:
    """The control API, for what no page can do."""
    async with PlaygroundClient(server["url"]) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(
    browser: Browser, server: dict[str, str], sample_bot: None, client: PlaygroundClient
) -> AsyncIterator[OpenPage]:
    """Open windows on the channel while the bot is online; no script error may happen in any."""
    await client.wait_for_bot()
    pages: list[ChannelPage] = []

    async def open_one(user: str = "mika", **settings: object) -> ChannelPage:
        page = await ChannelPage.open(browser, server["url"], user=user, **settings)
        page.page.set_default_timeout(10_000)
        pages.append(page)
        await page.wait_for_bot()
        return page

    yield open_one
    errors = [error for page in pages for error in page.errors]
    for page in pages:
        await page.close()
    assert errors == []
