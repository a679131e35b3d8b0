"""The changes that moderators can make to a server's settings, each checked and without any I/O.

An edit names one field and computes its new value from the stored one, inside of the transaction
that stores it: two moderators who add a word each at the same moment both succeed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from jobs.errors import BadValue, TooManySettings
from jobs.guild import QUEUE_FIELD, Access, Block, Json, QueueState, WordKind
from jobs.settings_table import SETTINGS, Scope
from jobs.words import canonical

MAX_WORDS = 1_000
MAX_MODERATOR_ROLES = 25


class Missing(Enum):
    """The value of a field that is not stored; None is a value."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING

Stored = Json | Missing
Shown = Callable[[Stored, Stored], tuple[Stored, Stored]]


def _whole(old: Stored, new: Stored) -> tuple[Stored, Stored]:
    return old, new


def _difference(old: Stored, new: Stored) -> tuple[Stored, Stored]:
    """Of two lists, what was taken out and what was put in."""
    before, after = ([] if each is MISSING else each for each in (old, new))
    removed = [each for each in before if each not in after]
    added = [each for each in after if each not in before]
    return removed or MISSING, added or MISSING


@dataclass(frozen=True)
class Edit:
    """One change of one field: `apply` gives its new value for the stored one.

    `shown` gives what the audit stream tells of the two.
    """

    field: str
    apply: Callable[[Stored], Stored]
    shown: Shown = _whole


def set_value(name: str, value: Any, scope: Scope = Scope.GUILD, target: str = "") -> Edit:
    """Set a setting of the table for the server, or for one role, channel or member.

    Raises:
        BadValue: it cannot have this value, or cannot be set there.
    """
    setting = SETTINGS[name]
    field = _field_of(name, scope, target)
    value = setting.to_json(setting.check(value))
    return Edit(field, lambda _: value)


def reset_value(name: str, scope: Scope = Scope.GUILD, target: str = "") -> Edit:
    """Let a setting be what the next wider place says."""
    return Edit(_field_of(name, scope, target), lambda _: MISSING)


def remove_field(field: str) -> Edit:
    """Remove whatever is stored in a field."""
    return Edit(field, lambda _: MISSING)


def _field_of(name: str, scope: Scope, target: str) -> str:
    setting = SETTINGS[name]
    if scope not in setting.scopes:
        raise BadValue(name, "scope", allowed=", ".join(sorted(setting.scopes)))
    if (scope is Scope.GUILD) != (target == ""):
        raise ValueError("the server's own settings have no target, all others have one")
    return f"set:{name}" if scope is Scope.GUILD else f"set:{name}:{scope.value}:{target}"


def set_access(channel: str, access: Access | None) -> Edit:
    """Allow or deny a channel; None takes the rule back."""
    return Edit(f"access:{channel}", lambda _: MISSING if access is None else access.value)


def set_queue(state: QueueState) -> Edit:
    """Pause, drain or resume."""
    value = MISSING if state is QueueState.RUNNING else state.value
    return Edit(QUEUE_FIELD, lambda _: value)


def block(member: str, details: Block) -> Edit:
    """Keep a member from drawing."""
    value = details.model_dump(mode="json")
    return Edit(f"blocked:{member}", lambda _: value)


def unblock(member: str) -> Edit:
    """Let a member draw again."""
    return Edit(f"blocked:{member}", lambda _: MISSING)


def set_audit_channel(channel: str | None) -> Edit:
    """Tell changes in a channel, or in none."""
    return Edit("audit_channel", lambda _: MISSING if channel is None else channel)


def add_moderators(roles: Iterable[str]) -> Edit:
    """Let roles use the moderators' commands.

    Its `apply` raises TooManySettings.
    """
    added = list(roles)

    def apply(old: Stored) -> Stored:
        return _at_most(MAX_MODERATOR_ROLES, sorted({*_list(old), *added}))

    return Edit("moderators", apply, _difference)


def remove_moderators(roles: Iterable[str]) -> Edit:
    """Take the moderators' commands back from roles."""
    removed = set(roles)
    return Edit(
        "moderators",
        lambda old: [role for role in _list(old) if role not in removed] or MISSING,
        _difference,
    )


def add_words(kind: WordKind, entries: Iterable[str]) -> Edit:
    """Add words to a list; one that matches the same as another is left out.

    Its `apply` raises TooManySettings.

    Raises:
        BadValue: an entry cannot be looked for (see `jobs.words.canonical`).
    """
    added = {canonical(entry): " ".join(entry.split()) for entry in entries}

    def apply(old: Stored) -> Stored:
        known = {canonical(entry): entry for entry in _list(old)}
        return _at_most(MAX_WORDS, list({**added, **known}.values())) or MISSING

    return Edit(f"words:{kind.value}", apply, _difference)


def remove_words(kind: WordKind, entries: Iterable[str]) -> Edit:
    """Take words out of a list, in whatever way they are written.

    Raises:
        BadValue: an entry cannot be looked for, so it is in no list.
    """
    removed = {canonical(entry) for entry in entries}
    return Edit(
        f"words:{kind.value}",
        lambda old: [word for word in _list(old) if canonical(word) not in removed] or MISSING,
        _difference,
    )


def _list(stored: Stored) -> list[str]:
    return [] if stored is MISSING else list(stored)


def _at_most(most: int, entries: list[str]) -> list[str]:
    if len(entries) > most:
        raise TooManySettings(most)
    return entries
