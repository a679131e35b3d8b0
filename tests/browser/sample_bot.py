"""A small real bot for the page's tests: `python sample_bot.py API_URL GATEWAY_URL TOKEN`.

Each command shows one thing that a bot does to a channel; the tests ask for it by name.
"""

import asyncio
import io
import struct
import sys
import zlib
from typing import Literal

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

STYLES = ("Watercolour", "Ink", "Oil", "Pastel", "Pixel art", "Cel shading")


def solid_png(width: int, height: int, rgb: tuple[int, int, int]) -> bytes:
    """Make a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    rows = (b"\0" + bytes(rgb) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


class Counter(discord.ui.View):
    """Buttons and a menu that change their own message."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.presses = 0

    @discord.ui.button(label="Count", style=discord.ButtonStyle.primary, custom_id="count")
    async def count(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        self.presses += 1
        await interaction.response.edit_message(content=f"Pressed {self.presses} times")

    @discord.ui.button(label="Never", style=discord.ButtonStyle.danger, custom_id="never")
    async def never(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        """Leave the member without an answer."""

    @discord.ui.button(label="Off", custom_id="off", disabled=True)
    async def off(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        """Cannot be pressed."""

    @discord.ui.select(
        placeholder="Pick a size",
        custom_id="pick",
        options=[
            discord.SelectOption(label="Small", value="s", description="512 x 512"),
            discord.SelectOption(label="Large", value="l", description="1024 x 1024"),
        ],
    )
    async def pick(self, interaction: discord.Interaction, select: discord.ui.Select) -> None:
        await interaction.response.edit_message(content=f"Picked {select.values[0]}")


class Form(discord.ui.Modal, title="Tell me more"):
    """A modal with every kind of input."""

    story = discord.ui.Label(
        text="Story",
        description="A few words or many lines",
        component=discord.ui.TextInput(
            style=discord.TextStyle.paragraph, min_length=3, max_length=200, custom_id="story"
        ),
    )
    size = discord.ui.Label(
        text="Size",
        component=discord.ui.Select(
            custom_id="size",
            options=[
                discord.SelectOption(label="Small", value="s"),
                discord.SelectOption(label="Large", value="l"),
            ],
        ),
    )
    paper = discord.ui.Label(
        text="Paper", component=discord.ui.FileUpload(custom_id="paper", required=False)
    )
    name: discord.ui.TextInput = discord.ui.TextInput(
        label="Name", default="nobody", required=False, custom_id="name"
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        story, size = self.story.component.value, self.size.component.values[0]
        files = ", ".join(file.filename for file in self.paper.component.values) or "none"
        text = f"story={story!r} size={size} name={self.name.value} files={files}"
        await interaction.response.send_message(text)


bot = discord.Client(intents=discord.Intents.default())
tree = app_commands.CommandTree(bot)


@tree.command(description="Say back every option")
@app_commands.describe(
    text="What to say",
    count="How often",
    ratio="Between none and all",
    loud="Whether to shout",
    who="To whom",
    size="How large",
    style="Start typing to search",
    file="Something to read",
)
async def echo(
    interaction: discord.Interaction,
    text: app_commands.Range[str, 1, 2000],
    count: app_commands.Range[int, 1, 4] | None = None,
    ratio: app_commands.Range[float, 0.0, 1.0] | None = None,
    loud: bool | None = None,
    who: discord.Member | None = None,
    size: Literal["small", "large"] | None = None,
    style: str | None = None,
    file: discord.Attachment | None = None,
) -> None:
    await interaction.response.defer()
    embed = discord.Embed(title="Echo", description=f"```\n{text}\n```", colour=0x8B97FF)
    given = {"count": count, "ratio": ratio, "loud": loud, "size": size, "style": style}
    given["who"] = who.mention if who else None
    given["file"] = f"{file.filename}: {len(await file.read())} bytes" if file else None
    for name, value in given.items():
        if value is not None:
            embed.add_field(name=name, value=str(value))
    embed.set_footer(text="said the echo")
    await interaction.edit_original_response(embed=embed)


@echo.autocomplete("style")
async def complete_style(
    interaction: discord.Interaction, current: str
) -> list[app_commands.Choice[str]]:
    found = [style for style in STYLES if current.lower() in style.lower()]
    return [app_commands.Choice(name=style, value=style.lower()) for style in found]


@tree.command(description="Draw something, from words or from a file")
async def draw(
    interaction: discord.Interaction,
    prompt: str | None = None,
    file: discord.Attachment | None = None,
    count: app_commands.Range[int, 1, 4] = 1,
) -> None:
    await interaction.response.defer()
    read = (await file.read()).decode() if file else prompt or ""
    pictures = [
        discord.File(io.BytesIO(solid_png(96, 64, (200, 60 * n, 90))), f"picture-{n}.png")
        for n in range(count)
    ]
    embed = discord.Embed(title="Drawn", description=f"{len(read)} characters")
    if count == 1:
        embed.set_image(url="attachment://picture-0.png")
    await interaction.edit_original_response(content="", embed=embed, attachments=pictures)


@tree.command(description="Say something that only you can see")
async def whisper(interaction: discord.Interaction, text: str) -> None:
    await interaction.response.send_message(f"psst: {text}", ephemeral=True)


@tree.command(description="Say something as it is")
async def say(interaction: discord.Interaction, text: str) -> None:
    embed = discord.Embed(title=text[:200], description=text)
    embed.add_field(name=text[:200], value=text[:200])
    await interaction.response.send_message(text, embed=embed)


@tree.command(description="Think for a while")
async def ponder(interaction: discord.Interaction) -> None:
    await interaction.response.defer()
    await asyncio.sleep(1)
    await interaction.edit_original_response(content="I have thought.")


@tree.command(description="Write to you alone")
async def post(interaction: discord.Interaction, text: str) -> None:
    await interaction.user.send(text)
    await interaction.response.send_message("Sent", ephemeral=True)


@tree.command(description="Never answer")
async def silence(interaction: discord.Interaction) -> None:
    """Leave the member without an answer."""


@tree.command(description="Open a form")
async def ask(interaction: discord.Interaction) -> None:
    await interaction.response.send_modal(Form())


@tree.command(description="Think for ever")
async def brood(interaction: discord.Interaction) -> None:
    await interaction.response.defer(thinking=True)


@tree.command(description="Show buttons")
async def panel(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("Not pressed", view=Counter())


@tree.context_menu(name="Count the letters")
async def letters(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"{len(message.content)} letters")


mod = app_commands.Group(
    name="mod",
    description="For moderators",
    default_permissions=discord.Permissions(manage_messages=True),
    guild_only=True,
)
queue = app_commands.Group(name="queue", description="The queue", parent=mod)


@queue.command(name="pause", description="Stop for a while")
async def pause(
    interaction: discord.Interaction, minutes: app_commands.Range[int, 1, 60] = 5
) -> None:
    await interaction.response.send_message(f"Paused for {minutes} minutes", ephemeral=True)


tree.add_command(mod)


@bot.event
async def setup_hook() -> None:
    await tree.sync()


if __name__ == "__main__":
    Route.BASE = sys.argv[1]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(sys.argv[2])
    bot.run(sys.argv[3], log_handler=None)
