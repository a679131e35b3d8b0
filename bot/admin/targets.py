"""Whom a moderators' command is about: a role, a channel, a member; no I/O."""

from dataclasses import dataclass

import discord
from discord.app_commands import AppCommandChannel, AppCommandThread

from bot.admin.entries import mark
from bot.errors import Refused
from jobs.settings_table import Scope

ChannelOption = AppCommandChannel | AppCommandThread


@dataclass(frozen=True)
class Target:
    """For whom something is set; without an id for the whole server."""

    scope: Scope
    id: str = ""

    @property
    def mark(self) -> str:
        """What Discord shows as its name; nothing for the server."""
        return mark(self.scope, self.id) if self.id else ""


def target_of(
    role: discord.Role | None, channel: ChannelOption | None, member: discord.User | None
) -> Target:
    """Give the one target that was named; the server where none was.

    Raises:
        Refused: more than one was named.
    """
    named = [
        Target(scope, str(found.id))
        for scope, found in (
            (Scope.ROLE, role),
            (Scope.CHANNEL, channel),
            (Scope.MEMBER, member),
        )
        if found is not None
    ]
    if len(named) > 1:
        raise Refused("several_targets")
    return named[0] if named else Target(Scope.GUILD)


def path_of(channel: ChannelOption) -> tuple[str, ...]:
    """List a channel and what it lies in, the most specific first, as `Requester.channels` is."""
    ids: list[int | None] = [channel.id]
    if isinstance(channel, AppCommandThread):
        parent = channel.parent
        ids += [channel.parent_id, None if parent is None else parent.category_id]
    else:
        ids.append(channel.category_id)
    return tuple(str(one) for one in ids if one is not None)


def is_age_restricted(channel: ChannelOption) -> bool:
    """Tell whether Discord shows a channel, or that of a thread, to adults only."""
    found = channel.parent if isinstance(channel, AppCommandThread) else channel.resolve()
    if found is None:
        return isinstance(channel, AppCommandChannel) and channel.nsfw
    return bool(getattr(found, "nsfw", False))
