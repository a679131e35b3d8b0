"""`/newbie-admin`: the group that all moderators' commands lie in, with the one gate before them.

The command tree asks the outermost group's `interaction_check` before anything in it runs or
suggests (see `bot.client.Tree`), so a command that is added here cannot be left open.
"""

import discord
from discord import app_commands

from bot.admin.audit import Audit, AuditButton
from bot.admin.channels import Channels, ChannelsButton
from bot.admin.gate import Interaction, admit
from bot.admin.jobs import Jobs
from bot.admin.limits import Limits
from bot.admin.members import Members
from bot.admin.moderators import Moderators
from bot.admin.queue import Queue, QueueButton
from bot.admin.stats import stats
from bot.admin.words import Words, WordsButton
from bot.translation import words

# Buttons that turn pages; the bot learns their patterns at its start.
BUTTONS = (AuditButton, ChannelsButton, QueueButton, WordsButton)


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
        for subgroup in (
            *(Limits(), Words(), Channels(), Members(), Moderators(), Audit()),
            *(Queue(), Jobs()),
        ):
            self.add_command(subgroup)
        self.add_command(stats)

    async def interaction_check(self, interaction: Interaction, /) -> bool:  # type: ignore[override]
        """Let moderators pass."""
        return await admit(interaction)
