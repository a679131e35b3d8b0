"""What the channel shows: text that cannot become HTML, ephemeral answers, files, changes."""

import pytest
from playwright.async_api import Browser, WebSocketRoute, expect

from playground.client import PlaygroundClient
from tests.browser.conftest import OpenPage
from tests.browser.page import ChannelPage
from tests.browser.sample_bot import solid_png

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOSTILE = """<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>
[click](javascript:document.title='owned') <javascript:alert(1)> **<svg onload=alert(1)>**
`<b>code</b>` ||<i>spoiler</i>|| "onmouseover="alert(1)"""


async def test_hostile_text_stays_text_wherever_a_bot_puts_it(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_command("say", {"text": HOSTILE})
    answer = await page.wait_for_message("onmouseover")
    await expect(answer.get_by_test_id("embed-title")).to_contain_text("<img src=x")
    await expect(answer.get_by_test_id("message-content")).to_contain_text("<script>")
    inside = answer.locator(".message-body")
    await expect(inside.locator("script, svg[onload], [onerror], [onmouseover]")).to_have_count(0)
    await expect(inside.locator("img, iframe, object, embed, style, link, form")).to_have_count(0)
    assert await inside.locator("a").evaluate_all("links => links.map(link => link.href)") == []
    assert "owned" not in await page.page.title()


async def test_a_diff_shows_what_was_added_and_removed(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_message("```diff\n+ <b>new</b>\nsame\n- old\n```\n```xml\n+ plain\n```")
    content = (await page.wait_for_message("same")).get_by_test_id("message-content")
    await expect(content.locator("pre").first).to_have_text("+ <b>new</b>\nsame\n- old")
    await expect(content.locator(".diff-added")).to_have_text(["+ <b>new</b>"])
    await expect(content.locator(".diff-removed")).to_have_text(["- old"])


async def test_markdown_of_a_member_is_shown_as_discord_shows_it(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_message(
        "# Top\n**bold _both_** *it* __under__ ~~gone~~ `a*b*c` snake_case_name\n"
        "> quoted\n- one\n- two\n"
        "-# small\n<@500000000000000002> <#600000000000000011> <t:86400:D> \\*plain\\* 2 * 3 * 4\n"
        "https://example.org/a_b_c). [name](https://example.org/x)\n```xml\n<n>miku</n>\n```"
    )
    content = (await page.wait_for_message("snake_case_name")).get_by_test_id("message-content")
    for selector, text in (
        (".heading-1", "Top"),
        ("strong", "bold both"),
        ("strong em", "both"),
        ("u", "under"),
        ("s", "gone"),
        ("p code", "a*b*c"),
        ("blockquote", "quoted"),
        ("ul", "onetwo"),
        (".subtext", "small"),
        ("time", "January 2, 1970"),
        ("pre code", "<n>miku</n>"),
    ):
        await expect(content.locator(selector)).to_have_text(text)
    await expect(content.locator(".mention")).to_have_text(["@Jun", "#general"])
    await expect(content).to_contain_text("*plain* 2 * 3 * 4")
    links = content.locator("a")
    assert await links.evaluate_all("all => all.map(a => [a.href, a.target, a.rel])") == [
        ["https://example.org/a_b_c", "_blank", "noopener noreferrer nofollow"],
        ["https://example.org/x", "_blank", "noopener noreferrer nofollow"],
    ]


async def test_a_spoiler_hides_until_it_is_asked_for_with_the_keyboard(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_message("the end: ||they live||")
    spoiler = (await page.wait_for_message("the end")).locator(".spoiler")
    await expect(spoiler.locator(".spoiler-text")).to_have_css("opacity", "0")
    await spoiler.press("Enter")
    await expect(spoiler.locator(".spoiler-text")).to_have_css("opacity", "1")


async def test_pictures_that_are_spoilers_are_blurred_one_by_one_until_they_are_clicked(
    open_page: OpenPage, client: PlaygroundClient
) -> None:
    files = [("open.png", solid_png(40, 60, (0, 0, 255)))]
    files += [(f"SPOILER_{k}.png", solid_png(40, 60, (255, 0, 0))) for k in range(2)]
    await client.post_message("three pictures", files)
    page = await open_page()
    message = await page.wait_for_message("three pictures")
    blurs = [".spoiler-text >> nth=0", ".spoiler-text >> nth=1"]
    for blur in blurs:
        await expect(message.locator(blur)).to_have_css("filter", "blur(36px)")
    await expect(message.get_by_test_id("attachment-open")).to_have_count(3)
    await message.locator(".spoiler").first.click()
    await expect(message.locator(blurs[0])).to_have_css("filter", "none")
    await expect(message.locator(blurs[1])).to_have_css("filter", "blur(36px)")
    await expect(page.test_id("viewer")).to_have_count(0)
    # The viewer goes from one picture to the next, but not to one that is still hidden.
    await message.get_by_test_id("attachment-open").nth(1).press("Enter")
    await expect(page.test_id("viewer")).to_contain_text("SPOILER_0.png (2 of 2)")


async def test_text_made_of_marks_alone_does_not_hold_the_page_up(open_page: OpenPage) -> None:
    page = await open_page()
    text = "*_~|`" * 398 + "the end"
    await page.send_message(text)
    await page.wait_for_message("the end")
    await page.send_message("still here")
    await page.wait_for_message("still here")


async def test_an_ephemeral_answer_is_for_its_addressee_who_can_dismiss_it(
    open_page: OpenPage,
) -> None:
    mika, jun = await open_page(), await open_page(user="jun")
    await mika.send_command("whisper", {"text": "between us"})
    answer = await mika.wait_for_message("psst: between us")
    await expect(answer.get_by_test_id("message-ephemeral")).to_contain_text(
        "Only you can see this"
    )
    await mika.send_message("after the whisper")
    await jun.wait_for_message("after the whisper")
    await expect(jun.message("psst: between us")).to_have_count(0)
    await answer.get_by_test_id("message-dismiss").click()
    await expect(mika.message("psst: between us")).to_have_count(0)
    await mika.page.reload()
    await mika.wait_for_message("after the whisper")
    await expect(mika.message("psst: between us")).to_have_count(0)


async def test_a_deferred_answer_says_that_the_bot_thinks_until_it_has_thought(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await page.send_command("ponder")
    await expect(page.test_id("message-thinking")).to_be_visible()
    await page.wait_for_message("I have thought.")
    await expect(page.test_id("message-thinking")).to_have_count(0)


async def test_several_pictures_stand_in_a_grid_and_open_full_screen(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_command("draw", {"prompt": "a red square, thrice", "count": 3})
    answer = await page.wait_for_message("20 characters")
    await expect(answer.get_by_test_id("attachment-image")).to_have_count(3)
    await answer.get_by_test_id("attachment-open").nth(1).click()
    viewer = page.test_id("viewer")
    await expect(viewer).to_contain_text("picture-1.png (2 of 3)")
    await page.page.keyboard.press("ArrowRight")
    await expect(viewer).to_contain_text("picture-2.png (3 of 3)")
    async with page.page.expect_download() as download:
        await page.test_id("viewer-download").click()
    assert (await download.value).suggested_filename == "picture-2.png"
    await page.page.keyboard.press("Escape")
    await expect(viewer).to_have_count(0)
    await expect(answer.get_by_test_id("attachment-open").nth(1)).to_be_focused()


async def test_files_of_a_message_are_shown_each_in_its_way(open_page: OpenPage) -> None:
    page = await open_page()
    await page.send_message(
        "one of each",
        [
            {"name": "tall.png", "mimeType": "image/png", "buffer": solid_png(40, 80, (9, 9, 9))},
            {"name": "notes.xml", "mimeType": "application/xml", "buffer": b"<n>miku</n>"},
        ],
    )
    message = await page.wait_for_message("one of each")
    box = await message.get_by_test_id("attachment-open").bounding_box()
    assert box is not None
    assert box["height"] / box["width"] == pytest.approx(2, rel=0.02)
    await message.get_by_test_id("attachment-preview").click()
    await expect(message.locator(".file-preview")).to_have_text("<n>miku</n>")


async def test_a_message_that_is_too_long_can_become_a_file(open_page: OpenPage) -> None:
    page = await open_page()
    text = "<caption>" + "long " * 420 + "</caption>"
    await page.composer.fill(text)
    await page.composer.press("Enter")
    await expect(page.test_id("composer-error")).to_contain_text("the most is 2000")
    await page.test_id("composer-as-file").click()
    await expect(page.test_id("tray-file")).to_contain_text("message.xml")
    await page.test_id("composer-send").click()
    await expect(page.test_id("attachment-file").last).to_contain_text("message.xml")


async def test_a_deleted_message_leaves_and_members_cannot_delete_others(
    open_page: OpenPage,
) -> None:
    mika, jun, robin = await open_page(), await open_page(user="jun"), await open_page(user="robin")
    await mika.send_message("soon gone")
    message = await jun.wait_for_message("soon gone")
    await message.hover()
    await message.get_by_test_id("message-menu").click()
    await expect(jun.test_id("copy-text")).to_be_visible()
    await expect(jun.test_id("delete-message")).to_have_count(0)
    message = await robin.wait_for_message("soon gone")
    await message.click(button="right", position={"x": 300, "y": 12})
    await robin.test_id("delete-message").click()
    for page in (mika, jun, robin):
        await expect(page.message("soon gone")).to_have_count(0)


async def test_what_was_missed_while_the_feed_was_down_is_fetched(
    open_page: OpenPage, client: PlaygroundClient
) -> None:
    page = await open_page()
    feeds: list[WebSocketRoute] = []
    down = False

    async def pass_on(feed: WebSocketRoute) -> None:
        if down:
            await feed.close()
        else:
            feed.connect_to_server()
            feeds.append(feed)

    await page.page.route_web_socket("**/playground/events*", pass_on)
    await page.page.reload()
    await page.wait_until_ready()
    down = True
    await feeds[-1].close()
    await expect(page.test_id("connection-lost")).to_be_visible()
    await client.post_message("said while away")
    await expect(page.message("said while away")).to_have_count(0)
    down = False
    await page.wait_for_message("said while away")
    await expect(page.test_id("connection-lost")).to_be_hidden()
    await client.post_message("said after that")
    await page.wait_for_message("said after that")


async def test_older_messages_are_drawn_when_one_scrolls_up_to_them(
    open_page: OpenPage, client: PlaygroundClient
) -> None:
    channel = next(c for c in (await client.state())["channels"] if c["name"] == "after-dark")
    for number in range(130):
        await client.post_message(f"number {number}.", channel_id=channel["id"])
    page = await open_page(channel="after-dark")
    await expect(page.message("number 129.")).to_be_in_viewport()
    assert await page.test_id("message").count() < 100
    await expect(page.message("number 0.")).to_have_count(0)
    scroller = page.page.locator(".scroller")
    await scroller.hover()
    for _ in range(40):
        await page.page.mouse.wheel(0, -1200)
        if await page.message("number 0.").count():
            break
        await page.page.wait_for_timeout(50)
    await expect(page.message("number 0.")).to_be_attached()
    await expect(page.message("number 129.")).to_be_attached()


async def test_pictures_show_under_every_name_of_this_machine(
    browser: Browser, server: dict[str, str], open_page: OpenPage
) -> None:
    first = await open_page()
    await first.send_command("draw", {"prompt": "one for localhost"})
    await first.wait_for_message("17 characters")
    page = await ChannelPage.open(browser, server["url"].replace("127.0.0.1", "localhost"))
    try:
        picture = await page.wait_for_picture(await page.wait_for_message("17 characters"))
        assert "//localhost:" in await picture.evaluate("image => image.currentSrc")
        assert page.errors == []
    finally:
        await page.close()
