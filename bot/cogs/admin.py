"""Registers the moderators' commands (`bot.admin`)."""

from discord.ext import commands

from bot.admin.group import BUTTONS, NewbieAdmin
from bot.client import NewbieBot


class Admin(commands.Cog):
    """Offers `/newbie-admin`."""

    def __init__(self, bot: NewbieBot) -> None:
        self.bot = bot
        self.group = NewbieAdmin()

    async def cog_load(self) -> None:
        """Offer the commands, and learn who owns the bot before somebody waits for that."""
        if self.bot.user is not None:
            await self.bot.is_owner(self.bot.user)
        self.bot.tree.add_command(self.group)
        self.bot.add_dynamic_items(*BUTTONS)

    async def cog_unload(self) -> None:
        """Take the commands back."""
        self.bot.tree.remove_command(self.group.name)
        self.bot.remove_dynamic_items(*BUTTONS)


async def setup(bot: NewbieBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Admin(bot))
