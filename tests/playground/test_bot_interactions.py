"""A real discord.py bot answers members through the stand-in, over real sockets."""

import asyncio
import io
import struct
import zlib

import discord
import pytest

from playground.client import ActionRefused, PlaygroundClient
from tests.playground.conftest import (
    CHANNEL,
    MEMBER,
    MODERATOR,
    OTHER_MEMBER,
    Bot,
    StartBot,
)


def png(width: int, height: int) -> bytes:
    """A complete small picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x40\x80\xc0" * width) * height)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


async def test_a_synced_command_is_offered_to_members(start_bot: StartBot, client) -> None:
    bot = Bot()

    @bot.tree.command(description="Draw something")
    async def draw(interaction: discord.Interaction, prompt: str, count: int = 1) -> None: ...

    await start_bot(bot)
    (command,) = (await client.state())["commands"]
    assert command["name"] == "draw"
    assert [(o["name"], o["type"], o["required"]) for o in command["options"]] == [
        ("prompt", 3, True),
        ("count", 4, False),
    ]


async def test_defer_then_edit_shows_thinking_and_then_the_answer(start_bot, client) -> None:
    bot = Bot()
    go_on = asyncio.Event()

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction, prompt: str) -> None:
        await interaction.response.defer(thinking=True)
        await go_on.wait()
        await interaction.edit_original_response(content=f"done: {prompt}")

    await start_bot(bot)
    interaction_id = await client.command("draw", {"prompt": "a cat"})
    thinking = await client.wait_for_message(lambda m: m["flags"] & 128, timeout=20)
    go_on.set()
    done = await client.wait_for_message(lambda m: m["content"] == "done: a cat", timeout=20)
    assert done["id"] == thinking["id"]
    assert not done["flags"] & 128
    assert done["interaction_metadata"]["id"] == interaction_id
    assert done["interaction_metadata"]["user"]["id"] == MEMBER
    assert not bot.errors


async def test_first_followup_takes_the_place_of_the_thinking_message(start_bot, client) -> None:
    bot = Bot()
    sent: list[discord.WebhookMessage] = []

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        sent.append(await interaction.followup.send("first", wait=True))
        sent.append(await interaction.followup.send("second", wait=True))

    await start_bot(bot)
    await client.command("draw")
    await client.wait_for_message(lambda m: m["content"] == "second", timeout=20)
    messages = (await client.state())["messages"]
    assert [m["content"] for m in messages] == ["first", "second"]
    # The defer was ephemeral, so the first one is; the second says nothing and is public.
    assert [m["flags"] & 64 for m in messages] == [64, 0]
    assert [int(m["id"]) for m in messages] == [m.id for m in sent]
    assert messages[1]["message_reference"]["message_id"] == messages[0]["id"]


async def test_ephemeral_messages_reach_their_addressee_alone(start_bot, client) -> None:
    bot = Bot()

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("for all")
        await interaction.followup.send("for you", ephemeral=True)

    await start_bot(bot)
    await client.command("draw", user_id=MEMBER)
    await client.wait_for_message(lambda m: m["content"] == "for you", timeout=20)
    own = [m["content"] for m in (await client.state(MEMBER))["messages"]]
    others = [m["content"] for m in (await client.state(OTHER_MEMBER))["messages"]]
    assert own == ["for all", "for you"]
    assert others == ["for all"]


async def test_the_original_response_can_be_deleted(start_bot, client) -> None:
    bot = Bot()

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("soon gone")
        await interaction.delete_original_response()
        with pytest.raises(discord.NotFound) as refused:
            await interaction.edit_original_response(content="back?")
        await interaction.followup.send(f"code {refused.value.code}")

    await start_bot(bot)
    await client.command("draw")
    await client.wait_for_message(lambda m: m["content"] == "code 10008", timeout=20)
    assert len((await client.state())["messages"]) == 1


async def test_attachments_travel_both_ways(start_bot, client: PlaygroundClient) -> None:
    bot = Bot()
    picture = png(20, 10)

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction, file: discord.Attachment) -> None:
        data = await file.read()
        answer = discord.File(io.BytesIO(data), "../evil name.png", description="a test")
        await interaction.response.send_message(f"{file.size} {file.width}", file=answer)

    await start_bot(bot)
    await client.command("draw", {"file": 0}, [("mine.png", picture)])
    shown = await client.wait_for_message(lambda m: m["attachments"], timeout=20)
    assert shown["content"] == f"{len(picture)} 20"
    (attachment,) = shown["attachments"]
    assert (attachment["width"], attachment["height"]) == (20, 10)
    assert attachment["content_type"] == "image/png"
    assert attachment["description"] == "a test"
    assert attachment["size"] == len(picture)
    assert "/" not in attachment["filename"] and ".." not in attachment["filename"]
    assert await client.fetch(attachment["url"]) == picture


async def test_an_embedded_picture_leaves_the_attachment_list(start_bot, client) -> None:
    bot = Bot()
    picture = png(4, 4)

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None:
        embed = discord.Embed(title="done", color=0x123456)
        embed.set_image(url="attachment://out.png")
        embed.set_footer(text="seed 7")
        embed.add_field(name="Size", value="4 x 4")
        file = discord.File(io.BytesIO(picture), "out.png")
        await interaction.response.send_message(embed=embed, file=file)

    await start_bot(bot)
    await client.command("draw")
    shown = await client.wait_for_message(lambda m: m["embeds"], timeout=20)
    (embed,) = shown["embeds"]
    assert shown["attachments"] == []
    assert (embed["image"]["width"], embed["image"]["height"]) == (4, 4)
    assert embed["fields"] == [{"name": "Size", "value": "4 x 4", "inline": True}]
    assert await client.fetch(embed["image"]["url"]) == picture


class NameForm(discord.ui.Modal, title="Your prompt"):
    """A modal of discord.py's two styles: labels around inputs, and a file upload."""

    prompt = discord.ui.Label(
        text="Prompt",
        component=discord.ui.TextInput(style=discord.TextStyle.paragraph, max_length=100),
    )
    file = discord.ui.Label(
        text="File", component=discord.ui.FileUpload(required=False, max_values=1)
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        files = self.file.component.values
        content = (await files[0].read()).decode() if files else "no file"
        text = f"{self.prompt.component.value} / {content}"
        await interaction.response.send_message(text)


@pytest.mark.parametrize(
    ("files", "expected"), [((), "hi / no file"), ((("p.xml", b"<a/>"),), "hi / <a/>")]
)
async def test_a_modal_with_labels_opens_and_submits(start_bot, client, files, expected) -> None:
    bot = Bot()

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(NameForm())

    await start_bot(bot)
    opened = await client.wait_for_event(
        lambda e: e["type"] == "modal", lambda: client.command("draw"), timeout=20
    )
    modal = opened["data"]
    assert modal["title"] == "Your prompt"
    assert [c["type"] for c in modal["components"]] == [18, 18]
    text_id = modal["components"][0]["component"]["custom_id"]
    with pytest.raises(ActionRefused) as refused:
        await client.submit_modal(
            modal["interaction_id"], {text_id: "hi"}, files, user_id=OTHER_MEMBER
        )
    assert refused.value.code == "unknown_modal"
    with pytest.raises(ActionRefused, match="required"):
        await client.submit_modal(modal["interaction_id"], {}, files)
    with pytest.raises(ActionRefused, match="at most 100"):
        await client.submit_modal(modal["interaction_id"], {text_id: "x" * 101}, files)
    await client.submit_modal(modal["interaction_id"], {text_id: "hi"}, files)
    shown = await client.wait_for_message(lambda m: m["content"] == expected, timeout=20)
    metadata = shown["interaction_metadata"]
    assert metadata["triggering_interaction_metadata"]["id"] == modal["interaction_id"]


class ClassicForm(discord.ui.Modal, title="Classic"):
    """A modal as discord.py sends it with the input's own label: an action row."""

    prompt = discord.ui.TextInput(label="Prompt", default="as it was")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(content=self.prompt.value, view=None)


class Buttons(discord.ui.View):
    """A view with a button that opens a form, one that updates, and a select."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Form", custom_id="form")
    async def form(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.send_modal(ClassicForm())

    @discord.ui.button(label="Off", custom_id="off", disabled=True)
    async def off(self, interaction: discord.Interaction, _: discord.ui.Button) -> None: ...

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="later")

    @discord.ui.select(
        custom_id="pick", options=[discord.SelectOption(label=n, value=n) for n in ("a", "b")]
    )
    async def pick(self, interaction: discord.Interaction, select: discord.ui.Select) -> None:
        await interaction.response.edit_message(content=f"picked {select.values[0]}")


async def with_buttons(start_bot: StartBot, client: PlaygroundClient) -> tuple[Bot, str]:
    """Start a bot and let it post the view; return the message's id."""
    bot = Bot()

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("choose", view=Buttons())

    await start_bot(bot)
    await client.command("draw")
    message = await client.wait_for_message(lambda m: m["components"], timeout=20)
    return bot, message["id"]


async def test_a_button_updates_its_message(start_bot, client) -> None:
    _, message_id = await with_buttons(start_bot, client)
    await client.press(message_id, "later", user_id=OTHER_MEMBER)
    changed = await client.wait_for_message(lambda m: m["content"] == "later", timeout=20)
    assert changed["id"] == message_id
    assert changed["edited_timestamp"]


async def test_a_select_carries_its_values(start_bot, client) -> None:
    _, message_id = await with_buttons(start_bot, client)
    with pytest.raises(ActionRefused):
        await client.press(message_id, "pick", ["c"])
    await client.press(message_id, "pick", ["b"])
    await client.wait_for_message(lambda m: m["content"] == "picked b", timeout=20)


async def test_a_disabled_or_missing_button_cannot_be_pressed(start_bot, client) -> None:
    _, message_id = await with_buttons(start_bot, client)
    for custom_id, code in (("off", "disabled"), ("none", "unknown_component")):
        with pytest.raises(ActionRefused) as refused:
            await client.press(message_id, custom_id)
        assert refused.value.code == code


async def test_a_button_opens_a_classic_modal_that_updates_the_message(start_bot, client) -> None:
    _, message_id = await with_buttons(start_bot, client)
    opened = await client.wait_for_event(
        lambda e: e["type"] == "modal", lambda: client.press(message_id, "form"), timeout=20
    )
    modal = opened["data"]
    (row,) = modal["components"]
    assert row["type"] == 1
    assert row["components"][0]["value"] == "as it was"
    field = row["components"][0]["custom_id"]
    await client.submit_modal(modal["interaction_id"], {field: "changed"})
    changed = await client.wait_for_message(lambda m: m["content"] == "changed", timeout=20)
    assert changed["id"] == message_id
    assert changed["components"] == []


async def test_a_message_command_gets_content_and_files_without_the_content_intent(
    start_bot, client
) -> None:
    bot = Bot()
    heard: list[discord.Message] = []

    @bot.event
    async def on_message(message: discord.Message) -> None:
        if message.author != bot.user:
            heard.append(message)

    @bot.tree.context_menu(name="Render this prompt")
    async def render(interaction: discord.Interaction, message: discord.Message) -> None:
        data = (await message.attachments[0].read()).decode()
        await interaction.response.send_message(f"{message.content} {data}")

    await start_bot(bot)
    posted = await client.post_message("look", [("p.xml", b"<n>miku</n>")], user_id=OTHER_MEMBER)
    await client.message_command("Render this prompt", posted["id"])
    shown = await client.wait_for_message(lambda m: m["content"] == "look <n>miku</n>", timeout=20)
    assert shown["type"] == 23
    assert shown["interaction_metadata"]["target_message_id"] == posted["id"]
    assert [(m.content, m.attachments) for m in heard] == [("", [])]


async def test_a_mention_gives_the_bot_the_content(start_bot, client) -> None:
    bot = Bot()
    heard: asyncio.Queue[discord.Message] = asyncio.Queue()

    @bot.event
    async def on_message(message: discord.Message) -> None:
        heard.put_nowait(message)

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None: ...

    await start_bot(bot)
    await client.post_message(f"hello <@{bot.user.id}>")
    message = await asyncio.wait_for(heard.get(), 20)
    assert message.content.startswith("hello")


async def test_a_user_command_gets_its_member(start_bot, client) -> None:
    bot = Bot()

    @bot.tree.context_menu(name="Who")
    async def who(interaction: discord.Interaction, member: discord.Member) -> None:
        shown = f"{member.display_name} {member.guild_permissions.manage_guild}"
        await interaction.response.send_message(shown)

    await start_bot(bot)
    await client.user_command("Who", MODERATOR)
    await client.wait_for_message(lambda m: m["content"] == "Robin True", timeout=20)


async def test_autocomplete_answers_with_choices(start_bot, client) -> None:
    bot = Bot()

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction, style: str) -> None: ...

    @draw.autocomplete("style")
    async def styles(interaction: discord.Interaction, typed: str):
        known = ("ink", "oil", "inkwash")
        return [
            discord.app_commands.Choice(name=name.title(), value=name)
            for name in known
            if name.startswith(typed)
        ]

    await start_bot(bot)
    choices = await client.autocomplete("draw", {"style": "in"}, "style")
    assert choices == [
        {"name": "Ink", "value": "ink"},
        {"name": "Inkwash", "value": "inkwash"},
    ]


async def test_subcommands_nest_their_options(start_bot, client) -> None:
    bot = Bot()
    group = discord.app_commands.Group(name="queue", description="x")

    @group.command(description="x")
    async def pause(interaction: discord.Interaction, minutes: int) -> None:
        await interaction.response.send_message(f"paused {minutes}")

    bot.tree.add_command(group)
    await start_bot(bot)
    await client.command("queue", {"pause": {"minutes": 5}})
    await client.wait_for_message(lambda m: m["content"] == "paused 5", timeout=20)


async def test_a_moderators_command_is_hidden_from_members(start_bot, client) -> None:
    bot = Bot()

    @bot.tree.command(description="x")
    @discord.app_commands.default_permissions(manage_guild=True)
    async def settings(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("here", ephemeral=True)

    await start_bot(bot)
    assert (await client.state(MEMBER))["commands"] == []
    with pytest.raises(ActionRefused) as refused:
        await client.command("settings", user_id=MEMBER)
    assert refused.value.status == 403
    assert [c["name"] for c in (await client.state(MODERATOR))["commands"]] == ["settings"]
    await client.command("settings", user_id=MODERATOR)
    await client.wait_for_message(lambda m: m["content"] == "here", MODERATOR, timeout=20)


async def test_options_are_checked_as_the_client_does_unless_told_not_to(start_bot, client) -> None:
    bot = Bot()
    seen: asyncio.Queue[object] = asyncio.Queue()

    @bot.event
    async def on_interaction(interaction: discord.Interaction) -> None:
        seen.put_nowait(interaction.data.get("options"))

    @bot.tree.command(description="x")
    @discord.app_commands.choices(size=[discord.app_commands.Choice(name="S", value="s")])
    async def draw(
        interaction: discord.Interaction,
        prompt: discord.app_commands.Range[str, 2, 8],
        steps: discord.app_commands.Range[int, 1, 30] = 28,
        size: str = "s",
    ) -> None:
        await interaction.response.send_message("ok")

    await start_bot(bot)
    for options, code in (
        ({}, "required"),
        ({"prompt": "x"}, "out_of_range"),
        ({"prompt": "x" * 9}, "out_of_range"),
        ({"prompt": "cat", "steps": 31}, "out_of_range"),
        ({"prompt": "cat", "steps": "many"}, "wrong_type"),
        ({"prompt": "cat", "size": "xl"}, "not_a_choice"),
        ({"prompt": "cat", "nothing": 1}, "unknown_option"),
    ):
        with pytest.raises(ActionRefused) as refused:
            await client.command("draw", options)
        assert refused.value.code == code, options
    await client.command("draw", {"prompt": "cat", "steps": 30, "size": "s"})
    await asyncio.wait_for(seen.get(), 20)
    await client.command("draw", {"prompt": "x", "steps": 99}, unchecked=True)
    options = await asyncio.wait_for(seen.get(), 20)
    assert {o["name"]: o["value"] for o in options} == {"prompt": "x", "steps": 99}


async def test_a_reply_pings_only_whom_it_may(start_bot, client) -> None:
    bot = Bot()

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None: ...

    await start_bot(bot)
    asked = await client.post_message("please")
    channel = bot.get_channel(int(CHANNEL))
    partial = channel.get_partial_message(int(asked["id"]))
    content = f"<@{MEMBER}> <@{OTHER_MEMBER}> @everyone"
    quiet = discord.AllowedMentions(users=[discord.Object(MEMBER)], replied_user=False)
    silent = await partial.reply(content, allowed_mentions=discord.AllowedMentions.none())
    chosen = await partial.reply(content, allowed_mentions=quiet)
    loud = await partial.reply(content)
    assert [m.id for m in silent.mentions] == []
    assert [m.id for m in chosen.mentions] == [int(MEMBER)]
    assert {m.id for m in loud.mentions} == {int(MEMBER), int(OTHER_MEMBER)}
    # The bot has no right to mention everyone.
    assert not loud.mention_everyone
    assert silent.reference.message_id == int(asked["id"])


async def test_a_direct_message_reaches_its_member_unless_they_take_none(start_bot, client) -> None:
    bot = Bot()

    @bot.tree.command(description="x")
    async def draw(interaction: discord.Interaction) -> None: ...

    await start_bot(bot)
    user = await bot.fetch_user(int(MEMBER))
    sent = await user.send("your picture")
    dm_id = str(sent.channel.id)
    shown = await client.wait_for_message(lambda m: m["content"], channel_id=dm_id, timeout=20)
    assert shown["id"] == str(sent.id)
    with pytest.raises(ActionRefused):
        await client.state(OTHER_MEMBER, dm_id)
    await client.set_permissions(["SEND_MESSAGES"], target=MEMBER, channel_id="dm")
    with pytest.raises(discord.Forbidden) as refused:
        await user.send("again")
    assert refused.value.code == 50007
