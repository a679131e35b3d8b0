"""`/newbie-fetch`: hands over what could not be posted. Any other contact tells what waits."""

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers import acknowledge
from bot.client import NewbieBot
from bot.handing_over import hand_over_all
from bot.reminders import LOOKED
from bot.translation import words

Interaction = discord.Interaction[NewbieBot]


class Fetch(commands.Cog):
    """Brings members and their results together."""

    def __init__(self, bot: NewbieBot) -> None:
        self.bot = bot

    # In direct messages too: they are often why a result waits, but not its member's way to us.
    @app_commands.command(name="newbie-fetch", description=words("bot.command.newbie-fetch"))
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    async def fetch(self, interaction: Interaction) -> None:
        """Hand over all that waits for the sender."""
        interaction.extras[LOOKED] = True
        message_id = await acknowledge(interaction, is_private=True)
        await hand_over_all(interaction, self.bot.kept, message_id)

    @commands.Cog.listener()
    async def on_app_command_completion(
        self,
        interaction: Interaction,
        _command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu,
    ) -> None:
        """Tell a member who used another command what waits."""
        await self.bot.reminders.tell(interaction)


async def setup(bot: NewbieBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Fetch(bot))
