"""`/newbie-admin`: the group that all moderators' commands lie in, with the one gate before them.

The command tree asks the outermost group's `interaction_check` before anything in it runs or
suggests (see `bot.client.Tree`), so a command that is added here cannot be left open.
"""

import discord
from discord import app_commands

from bot.admin.gate import Interaction, admit
from bot.admin.moderators import Moderators
from bot.translation import words


class NewbieAdmin(app_commands.Group):
    """The moderators' commands; Discord shows them to those who manage the server."""

    def __init__(self) -> None:
        super().__init__(
            name="newbie-admin",
            description=words("admin.newbie-admin"),
            default_permissions=discord.Permissions(manage_guild=True),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=False, private_channel=False
            ),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        )
        for subgroup in (Moderators(),):
            self.add_command(subgroup)

    async def interaction_check(self, interaction: Interaction, /) -> bool:  # type: ignore[override]
        """Let moderators pass."""
        return await admit(interaction)
