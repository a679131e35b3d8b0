"""Who sends an interaction and where, in the words of `jobs.admission`; no I/O.

What Discord does not tell counts as what allows less: a channel that nobody knows to be restricted
by age is open to all.
"""

import discord

from bot.answers import Interaction
from jobs.admission import Requester
from jobs.guild import NO_GUILD


def guild_of(interaction: Interaction) -> str:
    """Give the name under which the settings of this place are stored."""
    return NO_GUILD if interaction.guild_id is None else str(interaction.guild_id)


def requester_of(interaction: Interaction) -> Requester:
    """Tell who asks, with which roles, and in which channel of what kind."""
    user = interaction.user
    roles = user.roles if isinstance(user, discord.Member) else []
    return Requester(
        member=str(user.id),
        roles=tuple(str(role.id) for role in roles),
        channels=_channels(interaction),
        is_age_restricted=_is_age_restricted(interaction.channel),
    )


def _channels(interaction: Interaction) -> tuple[str, ...]:
    """List the channel and what it lies in, the most specific first."""
    channel = interaction.channel
    ids = [interaction.channel_id]
    if isinstance(channel, discord.Thread):
        ids.append(channel.parent_id)
    ids.append(getattr(channel, "category_id", None))
    return tuple(str(one) for one in ids if one is not None)


def _is_age_restricted(channel: object) -> bool:
    if isinstance(channel, discord.Thread):
        channel = channel.parent
    return isinstance(channel, discord.abc.GuildChannel) and bool(getattr(channel, "nsfw", False))
