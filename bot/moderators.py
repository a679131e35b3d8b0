"""Who may use the moderators' controls; a decision without any I/O.

Discord hides `/newbie-admin` from members without Manage Server, but a server can change that and
buttons have no such rule: so the permission is looked at again on our side, each time.
"""

import discord

from bot.answers import Interaction
from jobs.guild import GuildSettings


def may_moderate(interaction: Interaction, settings: GuildSettings, *, is_owner: bool) -> bool:
    """Tell whether the sender moderates this server; `is_owner` is true of the bot's owners.

    In direct messages there is nobody to moderate but for the bot's owner.
    """
    if is_owner:
        return True
    user = interaction.user
    if interaction.guild_id is None or not isinstance(user, discord.Member):
        return False
    # Discord sends what the member may do in this channel, with its overwrites.
    if interaction.permissions.manage_guild or interaction.permissions.administrator:
        return True
    return any(str(role.id) in settings.moderators for role in user.roles)
