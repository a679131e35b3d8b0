"""Modals, message commands, buttons and menus, and interactions that nobody answers."""

import asyncio

import pytest
from playwright.async_api import Locator, expect

from playground.client import PlaygroundClient
from tests.browser.conftest import OpenPage
from tests.browser.page import ChannelPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def open_panel(page: ChannelPage) -> Locator:
    """Have the bot post its buttons; those of other tests stand above."""
    panels = page.test_id("message").filter(has=page.page.locator('[data-custom-id="never"]'))
    before = await panels.count()
    await page.send_command("panel")
    await expect(panels).to_have_count(before + 1)
    message_id = await panels.last.get_attribute("data-message-id")
    return page.page.locator(f'[data-message-id="{message_id}"]')


async def test_a_modal_is_filled_and_sent_with_every_kind_of_input(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_command("ask")
    await expect(page.test_id("modal-title")).to_have_text("Tell me more")
    await expect(page.modal_field("story").get_by_test_id("modal-input")).to_be_focused()
    await expect(page.modal_field("name").get_by_test_id("modal-input")).to_have_value("nobody")
    await page.modal_field("story").get_by_test_id("modal-input").fill("one\ntwo")
    await page.modal_field("size").get_by_test_id("select-open").click()
    await page.modal_field("size").get_by_test_id("select-option").filter(has_text="Large").click()
    await (
        page.modal_field("paper")
        .get_by_test_id("modal-file")
        .set_input_files([{"name": "page.txt", "mimeType": "text/plain", "buffer": b"text"}])
    )
    await page.modal_field("name").get_by_test_id("modal-input").fill("Mika")
    await page.test_id("modal-submit").click()
    await page.wait_for_message("story='one\\ntwo' size=l name=Mika files=page.txt")
    await expect(page.modal).to_have_count(0)


async def test_a_modal_names_what_is_wrong_and_keeps_what_was_typed(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_command("ask")
    await page.modal_field("story").get_by_test_id("modal-input").fill("ab")
    await page.test_id("modal-submit").click()
    story, size = page.modal_field("story"), page.modal_field("size")
    await expect(story.get_by_test_id("modal-field-error")).to_have_text(
        "At least 3 characters; this has 2."
    )
    await expect(size.get_by_test_id("modal-field-error")).to_have_text("Choose one.")
    await expect(story.get_by_test_id("modal-input")).to_be_focused()
    await expect(story.get_by_test_id("modal-input")).to_have_value("ab")
    await page.page.keyboard.press("Escape")
    await expect(page.modal).to_have_count(0)


async def test_a_message_command_is_found_in_a_message_s_menu_and_by_right_click(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await page.send_message("seven letters")
    message = await page.wait_for_message("seven letters")
    await page.use_message_command(message, "Count the letters")
    answer = await page.wait_for_message("13 letters")
    await expect(answer.get_by_test_id("reply-line")).to_have_text("MMika used Count the letters")
    await message.click(button="right", position={"x": 300, "y": 12})
    await expect(page.test_id("message-command")).to_have_text(["Count the letters"])
    await page.page.keyboard.press("Escape")
    await expect(page.test_id("menu")).to_have_count(0)


async def test_a_button_changes_its_message_and_keeps_the_keyboard_s_focus(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    message = await open_panel(page)
    count = message.locator('[data-custom-id="count"]')
    await expect(message.locator('[data-custom-id="off"]')).to_be_disabled()
    await count.press("Enter")
    await expect(message).to_contain_text("Pressed 1 times")
    await expect(count).to_be_focused()
    await expect(message.get_by_test_id("message-edited")).to_be_visible()
    await count.press("Enter")
    await expect(message).to_contain_text("Pressed 2 times")


async def test_a_select_menu_sends_what_was_chosen(open_page: OpenPage) -> None:
    page = await open_page()
    message = await open_panel(page)
    await expect(message.get_by_test_id("select-open")).to_be_visible()
    await page.page.wait_for_timeout(500)  # a message that is drawn anew closes its menu
    await message.get_by_test_id("select-open").click()
    await expect(message.get_by_test_id("select-option").first).to_contain_text("512 x 512")
    await message.get_by_test_id("select-option").filter(has_text="Large").click()
    await expect(message).to_contain_text("Picked l")


async def test_a_button_that_nobody_answers_stops_waiting_and_says_so(open_page: OpenPage) -> None:
    page = await open_page()
    message = await open_panel(page)
    never = message.locator('[data-custom-id="never"]')
    # Looked for while it is pressed: a slow machine is told of the click after the three seconds.
    await asyncio.gather(
        expect(never).to_have_attribute("aria-busy", "true"),
        never.click(),
    )
    await expect(message.get_by_test_id("message-failure")).to_contain_text(
        "The application did not respond"
    )
    await expect(never).not_to_have_attribute("aria-busy", "true")


async def test_a_command_that_nobody_answers_says_so_to_its_sender_alone(
    open_page: OpenPage,
) -> None:
    mika, jun = await open_page(), await open_page(user="jun")
    await mika.send_command("silence")
    notice = mika.test_id("notice")
    await expect(notice).to_have_attribute("data-state", "pending")
    await expect(notice).to_have_attribute("data-state", "failed", timeout=8_000)
    await expect(notice).to_contain_text("The application did not respond")
    await expect(jun.test_id("notice")).to_have_count(0)
    await notice.get_by_test_id("notice-dismiss").click()
    await expect(notice).to_have_count(0)


async def test_one_can_type_on_at_once_after_a_modal_was_closed(open_page: OpenPage) -> None:
    page = await open_page()
    for _ in range(3):
        await page.send_command("ask")
        await expect(page.modal).to_be_visible()
        await page.page.keyboard.press("Escape")
        await page.composer.press_sequentially("/pond")
        await expect(page.composer).to_have_value("/pond")
        await page.composer.fill("")


async def test_a_bot_that_thinks_past_its_token_did_not_respond(
    open_page: OpenPage, client: PlaygroundClient
) -> None:
    page = await open_page()
    await page.send_command("brood")
    thinking = page.test_id("message").filter(has=page.test_id("message-thinking"))
    await expect(thinking).to_have_count(1)
    message_id = await thinking.get_attribute("data-message-id")
    await client.advance_clock(15 * 60 + 1)
    await page.visit(user="mika")
    message = page.page.locator(f'[data-message-id="{message_id}"]')
    await expect(message.get_by_test_id("message-over")).to_have_text(
        "The application did not respond"
    )
    await expect(message.get_by_test_id("message-thinking")).to_have_count(0)
