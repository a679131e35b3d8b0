"""Names and descriptions of the options that moderators' commands have, and what they share.

An option has the same name and the same words wherever it stands; the few that mean something else
in one command are described by a key of their own. Discord allows 8,000 characters for all names
and descriptions of `/newbie-admin` together, so they are short.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from discord import app_commands
from discord.app_commands import Range

from bot.translation import words
from jobs.guild import MAX_REASON

Reason = Range[str, 1, MAX_REASON]
Command = TypeVar("Command", bound=Callable[..., Any])


def described(*names: str, **descriptions: str) -> Callable[[Command], Command]:
    """Name and describe options of a command by `admin.option.{name}` in all languages.

    `descriptions` has, for options whose meaning is this command's own, the key that describes
    them.
    """
    keys = {name: f"admin.option.{name}.description" for name in names} | descriptions
    rename = app_commands.rename(**{name: words(f"admin.option.{name}") for name in keys})
    describe = app_commands.describe(**{name: words(key) for name, key in keys.items()})

    def decorate(command: Command) -> Command:
        return rename(describe(command))

    return decorate
