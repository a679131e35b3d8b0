"""Changes and entries of the audit in words; no I/O.

The same words stand in a moderator's private answer, in the audit channel and in `audit show`.
People, roles and channels are written as Discord's marks, which mention nobody where the message
allows no mentions. What people wrote stands as code, where it can neither mention nor format.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bot.refusals import quote
from jobs.errors import BadValue
from jobs.guild import MAX_REASON, Json
from jobs.guild_edits import Missing, Stored
from jobs.moderation import CANCELLED, FRONT
from jobs.settings_table import SETTINGS, Scope
from jobs.wording import say

# A list of a thousand words can be removed at once.
MAX_LISTED = 10
MAX_SHOWN = 60
_MARKS = {"role": "<@&{}>", "channel": "<#{}>", "member": "<@{}>"}


@dataclass(frozen=True)
class Deed:
    """One change in a form that all three places can tell: what, its old and its new value."""

    what: str
    old: Stored
    new: Stored
    reason: str = ""
    is_everywhere: bool = False

    def say(self, locale: str) -> str:
        """Say what was changed, from what to what, and why."""
        text = _said(self, locale)
        if self.is_everywhere:
            text = say("admin.entry.everywhere", locale, deed=text)
        if self.reason:
            reason = quote(self.reason, MAX_REASON)
            text = say("admin.entry.because", locale, deed=text, reason=reason)
        return text


def mark(kind: Scope | str, target: str) -> str:
    """Write a role, channel or member so that Discord shows its name."""
    # Discord gives the role that everybody has the id of its server.
    return _MARKS[str(kind)].format(target)


def moment(at: float, style: str = "f") -> str:
    """Write a time (seconds since 1970) so that Discord shows it in its reader's zone."""
    return f"<t:{math.floor(at)}:{style}>"


def _said(deed: Deed, locale: str) -> str:
    group, _, rest = deed.what.partition(":")
    tell = _TELLERS.get(group)
    if tell is None:
        name = quote(deed.what, MAX_SHOWN)
        return _changed(name, _plain(deed.old, locale), _plain(deed.new, locale), locale)
    return tell(deed, rest, locale)


def _changed(name: str, old: str, new: str, locale: str) -> str:
    return say("admin.entry.changed", locale, name=name, old=old, new=new)


def _plain(value: Stored, locale: str) -> str:
    if isinstance(value, Missing):
        return say("admin.value.missing", locale)
    return quote(str(value), MAX_SHOWN)


def _setting(deed: Deed, rest: str, locale: str) -> str:
    name, _, place = rest.partition(":")
    scope, _, target = place.partition(":")
    shown = f"**{name}**" if name in SETTINGS else quote(name, MAX_SHOWN)
    if scope in _MARKS:
        shown = say("admin.entry.of", locale, name=shown, target=mark(scope, target))
    old, new = (_value(name, value, locale) for value in (deed.old, deed.new))
    return _changed(shown, old, new, locale)


def _value(name: str, value: Stored, locale: str) -> str:
    setting = SETTINGS.get(name)
    if setting is None or isinstance(value, Missing):
        return _plain(value, locale)
    try:
        return f"**{setting.format(setting.from_json(value))}**"
    except BadValue:
        return _plain(value, locale)


def _access(deed: Deed, channel: str, locale: str) -> str:
    old, new = (
        say(f"admin.access.{'none' if isinstance(value, Missing) else value}", locale)
        for value in (deed.old, deed.new)
    )
    name = say("admin.entry.access", locale, channel=mark("channel", channel))
    return _changed(name, old, new, locale)


def _blocked(deed: Deed, member: str, locale: str) -> str:
    person = mark("member", member)
    if isinstance(deed.new, Missing):
        return say("admin.entry.unblocked", locale, member=person)
    until = deed.new.get("until") if isinstance(deed.new, dict) else None
    if isinstance(until, int | float):
        return say("admin.entry.blocked.until", locale, member=person, until=moment(until))
    return say("admin.entry.blocked", locale, member=person)


def _words(deed: Deed, kind: str, locale: str) -> str:
    return _list_changed(f"admin.entry.words.{kind}", deed, quote, locale)


def _moderators(deed: Deed, rest: str, locale: str) -> str:
    return _list_changed("admin.entry.moderators", deed, lambda role: mark("role", role), locale)


def _list_changed(key: str, deed: Deed, shown: Callable[[str], str], locale: str) -> str:
    """Say what was taken out of a list and what was put in."""
    parts = [
        say(f"admin.entry.{change}", locale, entries=listed(values, shown, locale))
        for change, values in (("removed", deed.old), ("added", deed.new))
        if isinstance(values, list) and values
    ]
    name = say(key, locale)
    return say("admin.entry.list", locale, name=name, changes=" ".join(parts))


def listed(values: list[Json], shown: Callable[[str], str], locale: str) -> str:
    """List the first of some values and count the others."""
    text = ", ".join(shown(str(value)) for value in values[:MAX_LISTED])
    if len(values) > MAX_LISTED:
        more = say("admin.entry.more", locale, count=len(values) - MAX_LISTED)
        text = f"{text} {more}"
    return text


def _audit_channel(deed: Deed, rest: str, locale: str) -> str:
    old, new = (
        say("admin.value.missing", locale)
        if isinstance(value, Missing)
        else mark("channel", str(value))
        for value in (deed.old, deed.new)
    )
    return _changed(say("admin.entry.audit_channel", locale), old, new, locale)


def _queue(deed: Deed, rest: str, locale: str) -> str:
    old, new = (
        say(f"admin.queue.{'running' if isinstance(value, Missing) else value}", locale)
        for value in (deed.old, deed.new)
    )
    return _changed(say("admin.entry.queue", locale), old, new, locale)


def _job(deed: Deed, job_id: str, locale: str) -> str:
    key = _JOB_KEYS.get(str(deed.new))
    name = quote(job_id)
    if key is None:
        return _changed(name, _plain(deed.old, locale), _plain(deed.new, locale), locale)
    return say(key, locale, job=name)


_JOB_KEYS = {CANCELLED: "admin.entry.job.cancelled", FRONT: "admin.entry.job.front"}
_TELLERS: dict[str, Callable[[Deed, str, str], str]] = {
    "set": _setting,
    "access": _access,
    "blocked": _blocked,
    "words": _words,
    "moderators": _moderators,
    "audit_channel": _audit_channel,
    "queue": _queue,
    "job": _job,
}
