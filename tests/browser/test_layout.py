"""The frame: the first visit, phones, users and channels, and that nothing comes from outside."""

from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.page import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EMPTY_CHANNEL = "general"  # No other test may post here.


async def test_a_first_visit_says_what_to_try_and_an_example_fills_the_command(
    open_page: OpenPage,
) -> None:
    page = await open_page(channel=EMPTY_CHANNEL)
    await expect(page.test_id("welcome")).to_contain_text("Welcome to #general")
    await page.test_id("example-two").click()
    prompt = page.option("prompt").get_by_test_id("option-input")
    text = await prompt.input_value()
    assert text.startswith("<character_1>\n")
    assert "</character_2>" in text
    await page.page.keyboard.press("Escape")
    await page.test_id("example-file").click()
    await expect(page.option("file")).to_contain_text("example-prompt.xml")


@pytest.mark.parametrize("size", [PHONE, (768, 1024), (1920, 1080)])
async def test_the_page_is_never_wider_than_its_window(
    open_page: OpenPage, size: tuple[int, int]
) -> None:
    page = await open_page(size=size, channel=EMPTY_CHANNEL)
    assert await page.horizontal_overflow() == 0
    await page.page.goto(f"{page.base_url}/?user=mika&channel=newbie")
    await page.wait_until_ready()
    await page.send_message("w" * 300 + " ```" + "x" * 300 + "```")
    await page.send_command("draw", {"prompt": "wide", "count": 2})
    await page.wait_for_message("4 characters")
    assert await page.horizontal_overflow() == 0
    await page.open_command("echo")
    for option in ("count", "size", "file"):
        await page.page.locator(f'[data-testid=option-add][data-option="{option}"]').click()
    assert await page.horizontal_overflow() == 0
    for button in ("command-send", "command-cancel"):
        await expect(page.test_id(button)).to_be_in_viewport(ratio=1)


async def test_on_a_phone_the_channel_list_is_a_drawer(open_page: OpenPage) -> None:
    page = await open_page(size=PHONE, channel=EMPTY_CHANNEL)
    channel = page.test_id("channel").filter(has_text="newbie")
    await expect(channel).not_to_be_visible()
    await page.test_id("drawer-open").click()
    await channel.click()
    await expect(page.test_id("channel-title")).to_have_text("newbie")
    await expect(channel).not_to_be_visible()
    await page.test_id("drawer-open").click()
    await page.page.keyboard.press("Escape")
    await expect(page.test_id("drawer-open")).to_be_focused()


async def test_switching_the_user_shows_the_channel_through_their_eyes(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await page.send_command("whisper", {"text": "for mika"})
    await page.wait_for_message("psst: for mika")
    await page.switch_user("robin")
    await expect(page.test_id("user-switch")).to_contain_text("Moderator")
    await expect(page.message("psst: for mika")).to_have_count(0)
    await page.send_command("mod queue pause", {})
    await page.wait_for_message("Paused for 5 minutes")
    await page.send_message("robin was here")
    message = await page.wait_for_message("robin was here")
    await expect(message.get_by_test_id("message-author")).to_have_text("Robin")
    await page.switch_user("mika")
    await page.wait_for_message("psst: for mika")
    await expect(page.message("Paused for 5 minutes")).to_have_count(0)
    assert "user=mika" in page.page.url


async def test_a_direct_message_brings_its_channel_into_the_list(open_page: OpenPage) -> None:
    mika, jun = await open_page(), await open_page(user="jun")
    await jun.send_command("post", {"text": "for you alone"})
    direct = jun.page.locator(".channels ul").nth(1).get_by_test_id("channel")
    await expect(direct).to_have_class("channel is-unread")
    await direct.click()
    await jun.wait_for_message("for you alone")
    await jun.send_message("thank you")
    await jun.wait_for_message("thank you")
    await expect(mika.test_id("channel")).to_have_count(3)
    await expect(mika.message("for you alone")).to_have_count(0)


async def test_the_reader_stays_in_place_when_messages_come_below(open_page: OpenPage) -> None:
    page = await open_page()
    for number in range(14):
        await page.send_message(f"line {number}\n\n\n\nend of {number}")
    await page.wait_for_message("end of 13")
    scroller = page.page.locator(".scroller")
    await scroller.hover()
    await page.page.mouse.wheel(0, -600)
    await expect(page.test_id("jump-to-present")).to_be_visible()
    before = await scroller.evaluate("node => node.scrollTop")
    other = await open_page(user="jun")
    await other.send_message("below the fold")
    await expect(page.test_id("jump-to-present")).to_have_text("1 new message")
    assert await scroller.evaluate("node => node.scrollTop") == before
    await page.test_id("jump-to-present").click()
    await expect(page.message("below the fold")).to_be_in_viewport()


async def test_everything_that_the_page_loads_comes_from_its_own_server(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    hosts: set[str] = set()
    page.page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    await page.page.reload()
    await page.wait_for_bot()
    assert hosts == {urlsplit(page.base_url).netloc}


async def test_every_button_has_a_name_that_a_screen_reader_can_say(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_command("panel")
    await page.wait_for_message("Not pressed")
    await page.open_command("draw")
    nameless = await page.page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], input, textarea")]
            .filter((node) => node.checkVisibility())
            .filter((node) => !(node.getAttribute("aria-label") || node.textContent.trim()
                || node.labels?.length || node.getAttribute("aria-labelledby")))
            .map((node) => node.outerHTML)"""
    )
    assert nameless == []
