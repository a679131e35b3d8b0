"""The whole product from the page: what a newcomer does, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from newbie_pipeline.recipe import read_recipe
from playground.client import PlaygroundClient
from supervisor.stack import Stack
from tests.browser.page import CHROMIUM_FLAGS, ChannelPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


@pytest.fixture
async def page(stack: Stack, chromium: str) -> AsyncIterator[ChannelPage]:
    async with PlaygroundClient(stack.playground_url) as client:
        await client.wait_for_bot(60)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=list(CHROMIUM_FLAGS)
        )
        page = await ChannelPage.open(browser, stack.playground_url, user="mika")
        await page.wait_for_bot()
        yield page
        await browser.close()
        assert page.errors == []


async def test_a_newcomer_types_the_command_and_sees_a_picture(page: ChannelPage) -> None:
    await page.send_command(
        "newbie", {"prompt": "1girl, silver_hair", "steps": 2, "seed": 41004100}
    )
    message = page.test_id("message").filter(has_text="41004100").last
    picture = await page.wait_for_picture(message)
    recipe = read_recipe(await page.picture_bytes(picture))
    assert (recipe.prompt, recipe.seed) == ("1girl, silver_hair", 41004100)


async def test_a_newcomer_uploads_an_xml_file_and_sees_a_picture(page: ChannelPage) -> None:
    example = EXAMPLES / "two_characters.xml"
    await page.send_command("newbie", {"steps": 2, "seed": 42004200}, files={"file": example})
    message = page.test_id("message").filter(has_text="42004200").last
    picture = await page.wait_for_picture(message)
    recipe = read_recipe(await page.picture_bytes(picture))
    assert recipe.prompt == example.read_text().strip()


async def test_the_form_opens_and_draws(page: ChannelPage) -> None:
    await page.send_command("newbie", {"steps": 2, "seed": 43004300})
    await expect(page.modal).to_be_visible()
    await page.modal_field("prompt").get_by_test_id("modal-input").fill("1girl, umbrella")
    await page.test_id("modal-submit").click()
    message = page.test_id("message").filter(has_text="43004300").last
    recipe = read_recipe(await page.picture_bytes(await page.wait_for_picture(message)))
    assert recipe.prompt == "1girl, umbrella"


async def test_a_mistake_is_told_to_its_sender_alone(page: ChannelPage) -> None:
    await page.send_command("newbie", {"prompt": "<n>miku"})
    message = await page.wait_for_message("line 1")
    await expect(message.get_by_test_id("message-ephemeral")).to_be_visible()
    await page.switch_user("jun")
    await expect(page.test_id("message").filter(has_text="line 1")).to_have_count(0)


async def test_a_job_is_cancelled_in_its_message_and_from_the_list(
    page: ChannelPage, stack: Stack
) -> None:
    async with PlaygroundClient(stack.playground_url) as client:
        user = await client.add_user("canceller")
    await page.visit(user=user["id"])
    for seed in (44004400, 45004500):
        await page.send_command(
            "newbie", {"prompt": "1girl", "steps": 60, "count": 4, "seed": seed}
        )
    # Jobs of other members may wait in this channel, too.
    own = page.test_id("message").filter(
        has=page.test_id("reply-line").filter(has_text="canceller used /newbie")
    )
    buttons = page.test_id("component-button").filter(has_text="Cancel")
    waiting = own.filter(has=buttons)
    await expect(waiting).to_have_count(2)
    message_id = await waiting.last.get_attribute("data-message-id")
    message = page.page.locator(f'[data-message-id="{message_id}"]')
    await page.send_command("queue")
    queue = await page.wait_for_message("Your jobs in the queue: 2")
    await expect(queue.get_by_test_id("message-ephemeral")).to_be_visible()
    told = own.filter(has_text="This job was cancelled.")
    await queue.get_by_test_id("component-button").filter(has_text="Cancel 1").click()
    await expect(told).to_have_count(1)
    await message.get_by_test_id("component-button").filter(has_text="Cancel").click()
    await expect(told).to_have_count(2)
    await expect(told.get_by_test_id("component-button")).to_have_count(0)
