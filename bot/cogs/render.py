"""The commands that ask for a picture: `/newbie`, its form, and "Render this prompt"."""

from typing import Any, cast

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot.abilities import assist_choices, model_choices
from bot.client import NewbieBot
from bot.errors import Refused
from bot.intake import Ask
from bot.options import Options, typed_choice
from bot.prompt_form import (
    NEGATIVE_PROMPT_FIELD,
    PREFIX,
    PROMPT_FIELD,
    field_values,
    options_of,
)
from bot.prompt_text import choose_file, prompt_in_message
from bot.translation import words
from jobs.models import (
    GUIDANCE,
    MAX_COUNT,
    MAX_MODEL_NAME,
    MAX_NEGATIVE_PROMPT_CHARACTERS,
    MAX_SEED,
    STEPS,
    Size,
)

Interaction = discord.Interaction[NewbieBot]

OPTIONS = (
    *("prompt", "file", "negative_prompt", "size", "steps", "guidance", "seed", "count"),
    *("assist", "model"),
)
IN_SERVERS = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
FOR_SERVERS = app_commands.AppInstallationType(guild=True, user=False)


def size_choices() -> list[Choice[str]]:
    """List the sizes with names that say which way round they are."""
    choices = []
    for size in Size:
        shape = "square" if size.width == size.height else "portrait"
        key = f"bot.size.{'landscape' if size.width > size.height else shape}"
        choices.append(
            Choice(name=words(key, width=size.width, height=size.height), value=size.value)
        )
    return choices


class Render(commands.Cog):
    """Takes requests for pictures."""

    def __init__(self, bot: NewbieBot) -> None:
        self.bot = bot
        self.menu = app_commands.ContextMenu(
            name=words("bot.menu.render"),
            callback=self.render_message,
            type=discord.AppCommandType.message,
            allowed_contexts=IN_SERVERS,
            allowed_installs=FOR_SERVERS,
        )

    async def cog_load(self) -> None:
        """Offer the message command; a cog's decorators know slash commands only."""
        self.bot.tree.add_command(self.menu)

    async def cog_unload(self) -> None:
        """Take the message command back."""
        self.bot.tree.remove_command(self.menu.name, type=self.menu.type)

    @app_commands.command(name="newbie", description=words("bot.command.newbie"))
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.rename(**{name: words(f"bot.option.{name}") for name in OPTIONS})
    @app_commands.describe(**{name: words(f"bot.option.{name}.description") for name in OPTIONS})
    @app_commands.choices(size=size_choices())
    async def newbie(
        self,
        interaction: Interaction,
        *,
        prompt: str | None = None,
        file: discord.Attachment | None = None,
        negative_prompt: Range[str, 0, MAX_NEGATIVE_PROMPT_CHARACTERS] | None = None,
        size: str | None = None,
        steps: Range[int, STEPS[0], STEPS[1]] | None = None,
        guidance: Range[float, GUIDANCE[0], GUIDANCE[1]] | None = None,
        seed: Range[int, 0, MAX_SEED] | None = None,
        count: Range[int, 1, MAX_COUNT] | None = None,
        assist: str | None = None,
        model: Range[str, 0, MAX_MODEL_NAME] | None = None,
    ) -> None:
        """Take a prompt or a file; open the form when there is neither."""

        def read() -> Ask:
            if prompt is not None and file is not None:
                raise Refused("prompt_and_file")
            source = file if prompt is None else prompt
            options = Options(
                size=size,
                steps=steps,
                guidance=guidance,
                seed=seed,
                count=count,
                negative_prompt=negative_prompt,
                assist=typed_choice(assist),
                model=model,
            )
            return Ask(source, options)

        await self.bot.intake.take(interaction, "newbie", read)

    @newbie.autocomplete("assist")
    async def suggest_assist(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer what the language model can do, and say where no worker has it."""
        return assist_choices(str(typed), self.bot.workers.seen, interaction.locale.value)

    @newbie.autocomplete("model")
    async def suggest_model(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer the models that workers have, where there is more than one."""
        return model_choices(str(typed), self.bot.workers.seen)

    async def render_message(self, interaction: Interaction, message: discord.Message) -> None:
        """Render the file or the text of a message that somebody posted."""

        def read() -> Ask:
            file = choose_file(message.attachments)
            if file is not None:
                return Ask(file)
            if not message.content.strip():
                raise Refused("no_prompt_in_message")
            return Ask(prompt_in_message(message.content))

        await self.bot.intake.take(interaction, "render_message", read)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Take a form that was filled in."""
        if interaction.type is not discord.InteractionType.modal_submit:
            return
        data = cast(dict[str, Any], interaction.data or {})
        form_id = str(data.get("custom_id", ""))
        if not form_id.startswith(PREFIX):
            return

        def read() -> Ask:
            fields = field_values(data.get("components", []))
            options = options_of(form_id, fields.get(NEGATIVE_PROMPT_FIELD, ""))
            return Ask(fields.get(PROMPT_FIELD, ""), options)

        async with self.bot.requests.answering(interaction):
            await self.bot.intake.take(interaction, "form", read)


async def setup(bot: NewbieBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Render(bot))
