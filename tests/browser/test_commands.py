"""Slash commands: picking one, filling its options, what is refused, and the keyboard alone."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from playground.client import PlaygroundClient
from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

XML = """<character_1>
  <n>miku</n>
  <appearance>blue_hair, long_twintails</appearance>
</character_1>
<caption>Two lines & "quotes" stay as they are.</caption>"""


async def test_the_slash_lists_commands_with_descriptions_and_narrows_as_one_types(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await page.composer.press_sequentially("/")
    picker = page.test_id("command-picker")
    await expect(picker).to_contain_text("/echo")
    await expect(picker).to_contain_text("Say back every option")
    await page.composer.press_sequentially("wh")
    await expect(page.test_id("command-option")).to_have_count(1)
    await expect(picker).to_contain_text("/whisper")
    await page.composer.press("Escape")
    await expect(picker).to_be_hidden()


async def test_every_kind_of_option_reaches_the_bot_as_it_was_filled(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_command(
        "echo",
        {
            "text": "all kinds",
            "count": 3,
            "ratio": 0.25,
            "loud": False,
            "size": "large",
            "who": "Jun",
        },
    )
    answer = await page.wait_for_message("all kinds")
    fields = answer.get_by_test_id("embed-field")
    for name, value in (
        ("count", "3"),
        ("ratio", "0.25"),
        ("loud", "False"),
        ("size", "large"),
        ("who", "@Jun"),
    ):
        await expect(fields.filter(has_text=name)).to_contain_text(value)
    await expect(answer.get_by_test_id("reply-line")).to_have_text("MMika used /echo")
    await expect(answer.get_by_test_id("embed-footer")).to_contain_text("said the echo")


async def test_pasted_xml_keeps_its_lines_on_the_way_to_the_bot(open_page: OpenPage) -> None:
    page = await open_page()
    await page.open_command("echo")
    field = page.option("text").get_by_test_id("option-input")
    await field.evaluate(
        """(area, text) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            const init = {clipboardData: data, bubbles: true, cancelable: true};
            const paste = new ClipboardEvent("paste", init);
            if (area.dispatchEvent(paste)) document.execCommand("insertText", false, text);
        }""",
        XML,
    )
    await expect(field).to_have_value(XML)
    await page.test_id("command-send").click()
    answer = await page.wait_for_message("miku")
    assert await answer.locator("pre").inner_text() == XML


async def test_an_uploaded_xml_file_arrives_whole_and_brings_a_picture_back(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = await open_page()
    file = tmp_path / "prompt.xml"
    file.write_text(XML)
    await page.send_command("draw", files={"file": file})
    answer = await page.wait_for_message(f"{len(XML)} characters")
    picture = await page.wait_for_picture(answer)
    assert (await page.picture_bytes(picture)).startswith(b"\x89PNG")
    assert await picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [96, 64]


async def test_a_file_dropped_on_the_page_goes_to_the_open_command(open_page: OpenPage) -> None:
    page = await open_page()
    await page.open_command("draw")
    transfer = await page.page.evaluate_handle(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["12345"], "dropped.xml", {type: "application/xml"}));
            return data;
        }"""
    )
    await page.page.dispatch_event("main", "dragenter", {"dataTransfer": transfer})
    await expect(page.test_id("drop-overlay")).to_contain_text("/draw")
    await page.page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    await expect(page.test_id("drop-overlay")).to_be_hidden()
    await expect(page.option("file")).to_contain_text("dropped.xml")
    await page.test_id("command-send").click()
    await page.wait_for_message("5 characters")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("count", "9", "Enter a number from 1 to 4."),
        ("count", "1.5", "Enter a whole number."),
        ("ratio", "much", "Enter a number."),
        ("size", "huge", "Choose one of the options in the list."),
        ("text", "", "This option is required."),
    ],
)
async def test_a_wrong_value_is_named_at_its_field_and_nothing_is_sent(
    open_page: OpenPage, client: PlaygroundClient, option: str, value: str, words: str
) -> None:
    page = await open_page()
    await page.open_command("echo")
    await page.fill_option("text", "unsent")
    await page.fill_option(option, value)
    await page.test_id("command-send").click()
    await expect(page.option(option).get_by_test_id("option-error")).to_have_text(words)
    await expect(page.option(option).locator("textarea, input").first).to_be_focused()
    await expect(page.test_id("command-form")).to_be_visible()
    assert not any("unsent" in str(message) for message in (await client.state())["messages"])


async def test_a_corrected_value_loses_its_error_and_is_sent(open_page: OpenPage) -> None:
    page = await open_page()
    await page.open_command("echo")
    await page.fill_option("text", "corrected")
    await page.fill_option("count", 9)
    await page.test_id("command-send").click()
    await expect(page.option("count").get_by_test_id("option-error")).not_to_be_empty()
    await page.fill_option("count", 2)
    await expect(page.option("count").get_by_test_id("option-error")).to_be_empty()
    await page.test_id("command-send").click()
    await page.wait_for_message("corrected")


async def test_what_the_server_refuses_is_shown_in_the_form_which_keeps_its_text(
    open_page: OpenPage, client: PlaygroundClient
) -> None:
    page = await open_page(user="jun")
    await page.open_command("whisper")
    await page.fill_option("text", "not lost")
    jun = (await client.state())["users"]
    user_id = next(user["id"] for user in jun if user["username"] == "jun")
    await client.set_permissions(["USE_APPLICATION_COMMANDS"], target=user_id)
    try:
        await page.test_id("command-send").click()
        await expect(page.test_id("command-error")).to_contain_text("permission")
        await expect(page.option("text").get_by_test_id("option-input")).to_have_value("not lost")
    finally:
        await client.set_permissions([], target=user_id)


async def test_suggestions_follow_what_is_typed_and_the_chosen_value_is_sent(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await page.open_command("echo")
    await page.fill_option("text", "suggested")
    await page.page.locator('[data-testid=option-add][data-option="style"]').click()
    style = page.option("style")
    await expect(style.get_by_test_id("suggestion")).to_have_count(6)
    await style.get_by_test_id("option-input").press_sequentially("pi")
    await expect(style.get_by_test_id("suggestion")).to_have_text(["Pixel art"])
    await page.page.keyboard.press("Enter")
    await expect(style.get_by_test_id("option-input")).to_have_value("Pixel art")
    await page.page.keyboard.press("Enter")
    answer = await page.wait_for_message("suggested")
    await expect(answer.get_by_test_id("embed-field")).to_have_text("stylepixel art")


async def test_typing_fast_asks_for_suggestions_once(
    open_page: OpenPage, client: PlaygroundClient
) -> None:
    page = await open_page()
    asked: list[str] = []
    page.page.on(
        "request",
        lambda request: "autocomplete" in (request.post_data or "") and asked.append(request.url),
    )
    await page.open_command("echo")
    await page.page.locator('[data-testid=option-add][data-option="style"]').click()
    await expect(page.option("style").get_by_test_id("suggestion")).to_have_count(6)
    asked.clear()
    await page.option("style").get_by_test_id("option-input").press_sequentially("pastel", delay=10)
    await expect(page.option("style").get_by_test_id("suggestion")).to_have_text(["Pastel"])
    assert len(asked) == 1


async def test_a_sub_command_of_a_group_is_offered_to_a_moderator_alone(
    open_page: OpenPage,
) -> None:
    member = await open_page()
    await member.composer.press_sequentially("/")
    await expect(member.test_id("command-picker")).to_contain_text("/echo")
    await expect(member.test_id("command-picker")).not_to_contain_text("/mod queue pause")
    moderator = await open_page(user="robin")
    await moderator.send_command("mod queue pause", {"minutes": 12})
    await moderator.wait_for_message("Paused for 12 minutes")


async def test_a_command_can_be_sent_with_the_keyboard_alone(open_page: OpenPage) -> None:
    page = await open_page()
    keyboard = page.page.keyboard
    await keyboard.type("/ech")
    await expect(page.test_id("command-picker")).to_contain_text("/echo")
    await keyboard.press("Enter")
    await expect(page.option("text").get_by_test_id("option-input")).to_be_focused()
    await keyboard.type("first line")
    await keyboard.press("Shift+Enter")
    await keyboard.type("second line")
    await keyboard.press("Tab")
    await expect(page.test_id("option-add").first).to_be_focused()
    await keyboard.press("Enter")
    await keyboard.type("2")
    await keyboard.press("Enter")
    answer = await page.wait_for_message("second line")
    assert await answer.locator("pre").inner_text() == "first line\nsecond line"
    await expect(answer.get_by_test_id("embed-field")).to_have_text("count2")
    await expect(page.composer).to_be_focused()


async def test_escape_leaves_a_command_and_backspace_takes_an_option_out(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await page.open_command("draw")
    await page.page.locator('[data-testid=option-add][data-option="count"]').click()
    await expect(page.option("count")).to_be_visible()
    await page.page.keyboard.press("Backspace")
    await expect(page.option("count")).to_have_count(0)
    await page.page.keyboard.press("Escape")
    await expect(page.test_id("command-form")).to_have_count(0)
    await expect(page.composer).to_be_focused()


async def test_text_typed_after_the_name_goes_to_the_first_text_option(open_page: OpenPage) -> None:
    page = await open_page()
    await page.composer.fill("/echo carried over")
    await expect(page.option("text").get_by_test_id("option-input")).to_have_value("carried over")


async def test_a_form_that_was_left_is_there_again_with_its_text(open_page: OpenPage) -> None:
    page = await open_page()
    await page.open_command("echo")
    await page.fill_option("text", "a long prompt")
    await page.option("text").get_by_test_id("option-input").press("Escape")
    await expect(page.test_id("command-form")).to_have_count(0)
    await page.open_command("echo")
    await expect(page.option("text").get_by_test_id("option-input")).to_have_value("a long prompt")
    await page.test_id("command-send").click()
    await page.wait_for_message("a long prompt")
    await page.open_command("echo")
    await expect(page.option("text").get_by_test_id("option-input")).to_have_value("")


async def test_a_press_hits_its_button_although_it_takes_the_focus_from_a_wrong_value(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await page.open_command("echo")
    await page.page.locator('[data-testid=option-add][data-option="count"]').click()
    await page.page.keyboard.type("99")
    await page.test_id("command-cancel").click(delay=60)
    await expect(page.test_id("command-form")).to_have_count(0)
    await page.open_command("echo")
    await expect(page.option("count").get_by_test_id("option-error")).to_contain_text("from 1 to 4")
