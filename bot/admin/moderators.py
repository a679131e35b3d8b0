"""`/newbie-admin moderators`: the roles that may use these commands beside Manage Server."""

import discord
from discord import app_commands

from bot.admin.changes import change
from bot.admin.entries import mark
from bot.admin.gate import Interaction
from bot.admin.options import Reason, described
from bot.admin.replies import reply
from bot.errors import Refused
from bot.requester import guild_of
from bot.translation import words
from jobs.guild_edits import add_moderators, remove_moderators
from jobs.wording import say


class Moderators(app_commands.Group):
    """Names moderator roles."""

    def __init__(self) -> None:
        super().__init__(
            name=words("admin.moderators"), description=words("admin.moderators.description")
        )

    @app_commands.command(
        name=words("admin.add"), description=words("admin.moderators.add.description")
    )
    @described("role", "reason")
    async def add(
        self, interaction: Interaction, role: discord.Role, reason: Reason | None = None
    ) -> None:
        """Let a role use the commands."""
        if role.is_default():
            raise Refused("everyone_moderates")
        note = say("admin.moderators.visibility", interaction.locale.value)
        await change(interaction, add_moderators([str(role.id)]), reason=reason, note=note)

    @app_commands.command(
        name=words("admin.remove"), description=words("admin.moderators.remove.description")
    )
    @described("role", "reason")
    async def remove(
        self, interaction: Interaction, role: discord.Role, reason: Reason | None = None
    ) -> None:
        """Take the commands back from a role."""
        await change(interaction, remove_moderators([str(role.id)]), reason=reason)

    @app_commands.command(
        name=words("admin.list"), description=words("admin.moderators.list.description")
    )
    async def list(self, interaction: Interaction) -> None:
        """Show the roles."""
        settings = await interaction.client.guild_settings.get(guild_of(interaction))
        locale = interaction.locale.value
        if not settings.moderators:
            await reply(interaction, say("admin.moderators.none", locale))
            return
        lines = [say("admin.moderators.always", locale)]
        lines += [f"- {mark('role', role)}" for role in sorted(settings.moderators)]
        await reply(interaction, "\n".join(lines))
