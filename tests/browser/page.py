"""The channel page as a member uses it: reusable by every test that drives the browser.

Works with the page's own `data-testid` attributes, listed in README.md next to this file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, FilePayload, Locator, Page, expect

CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# How long an expectation waits before it fails: on a busy machine an answer may take seconds.
EXPECT_MILLISECONDS = 15_000
DESKTOP = (1280, 800)
PHONE = (360, 740)

expect.set_options(timeout=EXPECT_MILLISECONDS)


class ChannelPage:
    """One member's browser window on one channel.

    `errors` collects what the browser's console complains about.
    """

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url.rstrip("/")
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self._on_console(line.type, line.text))

    def _on_console(self, kind: str, text: str) -> None:
        # A refusal is a 4xx answer, which the browser reports as well; it is not a fault.
        if kind == "error" and "Failed to load resource" not in text:
            self.errors.append(text)

    @classmethod
    async def open(
        cls,
        browser: Browser,
        base_url: str,
        *,
        user: str | None = None,
        channel: str | None = None,
        size: tuple[int, int] = DESKTOP,
        **context: Any,
    ) -> Self:
        """Open the page in a fresh browser profile as `user` (username or id)."""
        width, height = size
        profile: BrowserContext = await browser.new_context(
            viewport={"width": width, "height": height}, **context
        )
        page = cls(await profile.new_page(), base_url)
        await page.visit(user=user, channel=channel)
        return page

    async def visit(self, *, user: str | None = None, channel: str | None = None) -> None:
        """Load the page and wait until it shows the channel."""
        query = "&".join(
            f"{key}={value}" for key, value in (("user", user), ("channel", channel)) if value
        )
        await self.page.goto(f"{self.base_url}/?{query}")
        await self.wait_until_ready()

    async def wait_until_ready(self) -> None:
        """Wait until the state is shown and the feed is open."""
        await expect(self.test_id("app")).to_have_attribute("aria-busy", "false", timeout=15_000)

    async def close(self) -> None:
        """Close the window and forget its profile."""
        await self.page.context.close()

    # -- finding things

    def test_id(self, name: str) -> Locator:
        """Find by `data-testid`."""
        return self.page.get_by_test_id(name)

    def message(self, text: str) -> Locator:
        """Find the newest message that holds `text`."""
        return self.test_id("message").filter(has_text=text).last

    def option(self, name: str) -> Locator:
        """Find an option's field in the open command."""
        return self.page.locator(f'[data-testid=option][data-option="{name}"]')

    @property
    def composer(self) -> Locator:
        """The field for ordinary messages and for the slash."""
        return self.test_id("composer-input")

    @property
    def modal(self) -> Locator:
        """The bot's open modal."""
        return self.test_id("modal")

    def modal_field(self, custom_id: str) -> Locator:
        """Find a field of the open modal."""
        return self.modal.locator(f'[data-testid=modal-field][data-custom-id="{custom_id}"]')

    # -- doing things

    async def wait_for_bot(self, timeout: float = 30_000) -> None:
        """Wait until the page says that the bot is online."""
        await expect(self.test_id("bot-status")).to_have_attribute(
            "data-online", "true", timeout=timeout
        )

    async def send_message(self, text: str, files: Sequence[Path | FilePayload] = ()) -> None:
        """Post an ordinary message."""
        if files:
            await self.test_id("composer-files").set_input_files(list(files))
        await self.composer.fill(text)
        await self.composer.press("Enter")
        await expect(self.composer).to_have_value("")

    async def open_command(self, name: str) -> Locator:
        """Type a slash and the command's name, and pick it from the list."""
        await self.composer.press_sequentially(f"/{name}")
        await self.page.locator(f'[data-testid=command-option][data-command="{name}"]').click()
        form = self.test_id("command-form")
        await expect(form).to_have_attribute("data-command", name)
        return form

    async def fill_option(self, name: str, value: Any) -> None:
        """Fill one option, adding its field when it is not there.

        `value`: text or a number; a bool for True and False; a choice's name; for an
        attachment a path or a file payload.
        """
        field = self.option(name)
        if not await field.count():
            await self.page.locator(f'[data-testid=option-add][data-option="{name}"]').click()
        if isinstance(value, Path | dict):
            await field.get_by_test_id("option-file").set_input_files([value])
        elif isinstance(value, bool):
            await field.locator(f'input[value="{str(value).lower()}"]').check()
        else:
            await field.get_by_test_id("option-input").fill(str(value))
            # Leaving the field closes its list, which may lie over the next field.
            await field.get_by_test_id("option-input").blur()

    async def send_command(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        files: Mapping[str, Path | FilePayload] | None = None,
    ) -> None:
        """Use a slash command; `files` maps attachment options to files."""
        await self.open_command(name)
        for option, value in {**(options or {}), **(files or {})}.items():
            await self.fill_option(option, value)
        await self.test_id("command-send").click()
        await expect(self.test_id("command-form")).to_have_count(0)

    async def use_message_command(self, message: Locator, name: str) -> None:
        """Choose an app from a message's menu."""
        await message.hover()
        await message.get_by_test_id("message-menu").click()
        await self.test_id("message-command").filter(has_text=name).click()

    async def switch_user(self, username: str) -> None:
        """Become another user."""
        await self.test_id("user-switch").click()
        await self.test_id(f"user-{username}").click()
        await self.wait_until_ready()

    async def wait_for_message(self, text: str, timeout: float = 15_000) -> Locator:
        """Wait for a message that holds `text`, and return it."""
        message = self.message(text)
        await expect(message).to_be_visible(timeout=timeout)
        return message

    async def wait_for_picture(
        self, message: Locator | None = None, timeout: float = 120_000
    ) -> Locator:
        """Wait for a picture that the browser has drawn, and return its element.

        Looks for the newest one, or inside `message`.
        """
        scope = message or self.page.locator("body")
        kinds = ("embed-image", "attachment-image")
        picture = scope.locator(", ".join(f"img[data-testid={kind}]" for kind in kinds)).last
        await expect(picture).to_be_visible(timeout=timeout)
        await expect(picture).not_to_have_js_property("naturalWidth", 0, timeout=timeout)
        return picture

    async def picture_bytes(self, picture: Locator) -> bytes:
        """Download the file behind a picture."""
        url = await picture.evaluate("image => image.currentSrc")
        response = await self.page.request.get(url)
        return await response.body()

    async def horizontal_overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        return await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
