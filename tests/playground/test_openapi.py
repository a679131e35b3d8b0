"""Discord's own description judges the stand-in, and the judge itself is put to the test."""

import copy
import io

import discord
import pytest

from playground.client import PlaygroundClient
from tests import openapi
from tests.playground.conftest import CHANNEL, GUILD, MEMBER, Bot, Rest, StartBot

pytestmark = pytest.mark.skipif(not openapi.available(), reason=openapi.REASON)


class Choice(discord.ui.View):
    """A message with every kind of component that this stand-in has."""

    @discord.ui.button(label="Again", custom_id="again", emoji="🔁")
    async def again(self, interaction: discord.Interaction, _: discord.ui.Button) -> None: ...

    @discord.ui.select(custom_id="pick", options=[discord.SelectOption(label="a", value="a")])
    async def pick(self, interaction: discord.Interaction, _: discord.ui.Select) -> None: ...


async def test_a_whole_conversation_is_as_described(
    start_bot: StartBot, client: PlaygroundClient
) -> None:
    bot = Bot()

    @bot.tree.command(description="Draw")
    @discord.app_commands.default_permissions(send_messages=True)
    @discord.app_commands.guild_only()
    async def draw(
        interaction: discord.Interaction,
        prompt: discord.app_commands.Range[str, 1, 100] = "",
        file: discord.Attachment | None = None,
        style: str | None = None,
    ) -> None:
        embed = discord.Embed(
            title="t", url="https://example.org", timestamp=discord.utils.utcnow()
        )
        embed.set_author(name="a", icon_url="https://example.org/a.png")
        embed.set_image(url="attachment://x.png").set_thumbnail(url="https://example.org/b.png")
        picture = discord.File(io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(16)), "x.png")
        await interaction.response.send_message("hi", embed=embed, file=picture, view=Choice())
        message = await interaction.original_response()
        await message.edit(content="edited", attachments=[])
        await interaction.followup.send("more", ephemeral=True, suppress_embeds=True)

    @draw.autocomplete("style")
    async def styles(interaction: discord.Interaction, typed: str):
        return [discord.app_commands.Choice(name=typed.title(), value=typed)]

    @bot.tree.context_menu(name="Render this")
    async def render(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.delete_original_response()
        await interaction.followup.send("done")

    await start_bot(bot)
    assert await client.autocomplete("draw", {"style": "ink"}, "style") == [
        {"name": "Ink", "value": "ink"}
    ]
    await client.command("draw", {"file": 0}, [("p.xml", b"<a/>")])
    await client.wait_for_message(lambda m: m["content"] == "more", timeout=20)
    posted = await client.post_message("words")
    await client.message_command("Render this", posted["id"])
    await client.wait_for_message(lambda m: m["content"] == "done", timeout=20)
    channel = await bot.fetch_channel(int(CHANNEL))
    sent = await channel.send("note", nonce="n-1", silent=True)
    await sent.reply("reply", mention_author=False)
    assert [m async for m in channel.history(limit=10)]
    await sent.delete()
    member = await bot.get_guild(int(GUILD)).fetch_member(int(MEMBER))
    await (await member.create_dm()).send("hello")
    journal = await client.requests()
    assert len({entry["route"] for entry in journal}) >= 10
    assert [p for entry in journal for p in openapi.validate_request(entry)] == []
    assert [p for entry in journal for p in openapi.validate_response(entry)] == []


async def test_the_judge_finds_what_is_wrong(rest: Rest, client: PlaygroundClient) -> None:
    messages = f"/channels/{CHANNEL}/messages"
    for body in (
        {"content": 7},
        {"content": "x", "embeds": [{"title": "t" * 300}]},
        {"content": "x", "message_reference": {}},
        {"content": "x", "components": [{"type": 1, "components": [{"type": 99}]}]},
        {"content": "x", "nonce": "n" * 26},
    ):
        await rest("POST", messages, body)
        (entry,) = (await client.requests())[-1:]
        assert openapi.validate_request(entry), body
    for choices in (
        [{"name": "x"}],
        [{"name": "x", "value": "y"}] * 26,
        [{"name": "", "value": 1}],
    ):
        answer = {"type": 8, "data": {"choices": choices}}
        await rest("POST", "/interactions/1/token/callback", answer, token=None)
        (entry,) = (await client.requests())[-1:]
        assert openapi.validate_request(entry), choices
    await rest("GET", f"{messages}?limit=many")
    await rest("GET", f"{messages}?limits=1")
    await rest("GET", "/channels/newbie")
    await rest("POST", "/no/such/route", {})
    for entry in (await client.requests())[-4:]:
        assert openapi.validate_request(entry), entry["path"]


async def test_the_judge_finds_a_wrong_answer(rest: Rest, client: PlaygroundClient) -> None:
    await rest("GET", f"/guilds/{GUILD}/members/{MEMBER}")
    await rest("GET", "/channels/1")
    good, refused = await client.requests()
    assert openapi.validate_response(good) == openapi.validate_response(refused) == []
    for change in (
        {"user": {}},
        {"joined_at": "yesterday"},
        {"roles": ["a role"]},
        {"mute": "no"},
    ):
        wrong = copy.deepcopy(good)
        wrong["response"].update(change)
        assert openapi.validate_response(wrong), change
    assert openapi.validate_response({**refused, "response": {"message": "no code"}})
    assert openapi.validate_response({**good, "status": 302})
