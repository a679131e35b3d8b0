"""What applies to whom and why, in words: `limits show` and `member info`; no I/O."""

from collections.abc import Iterable, Mapping

from bot.admin.entries import mark
from jobs.admission import Requester, layers_for
from jobs.guild import GuildSettings
from jobs.limit_layers import Resolved, Source, trace
from jobs.limits import Limit, LimitSet
from jobs.settings_table import SETTINGS, Rating, Scope
from jobs.wording import say


def limit_lines(
    guild: GuildSettings,
    everywhere: GuildSettings,
    who: Requester,
    locale: str,
    *,
    for_owner: bool = False,
) -> list[str]:
    """List each limit that applies, with the place that it comes from."""
    found = trace(layers_for(guild, everywhere, who))
    lines = []
    for limit, resolved in found.items():
        setting = SETTINGS[limit.value]
        if setting.is_operators and not for_owner:
            continue
        origin = _origin(limit, resolved, guild, who, locale)
        value = setting.format(resolved.value)
        lines.append(
            say("admin.limits.line", locale, name=setting.name, value=value, origin=origin)
        )
    return lines


def channel_lines(guild: GuildSettings, channels: tuple[str, ...], locale: str) -> list[str]:
    """List what is set for a channel alone: what it is open for, and how pictures are posted."""
    of_channels = guild.values.get(Scope.CHANNEL, {})
    values = {"rating": guild.rating(channels), "spoilers": guild.posts_spoilers(channels)}
    lines = []
    for name, value in values.items():
        holder = next((one for one in channels if name in of_channels.get(one, {})), None)
        origin = say("admin.origin.default", locale) if holder is None else mark("channel", holder)
        shown = SETTINGS[name].format(value)
        lines.append(say("admin.limits.line", locale, name=name, value=shown, origin=origin))
    return lines


def ceiling_lines(everywhere: GuildSettings, locale: str) -> list[str]:
    """List what the operator set for all servers."""
    found = everywhere.limits(Scope.GUILD)
    origin = say("admin.origin.operator", locale)
    return [
        say(
            "admin.limits.line",
            locale,
            name=limit.value,
            value=SETTINGS[limit.value].format(value),
            origin=origin,
        )
        for limit, value in found.items()
    ]


def has_no_effect(rating: Rating, *, is_restricted: bool) -> bool:
    """Tell whether what a channel is open for waits for Discord's own restriction by age."""
    return rating is Rating.ADULT and not is_restricted


def _origin(
    limit: Limit, resolved: Resolved, guild: GuildSettings, who: Requester, locale: str
) -> str:
    """Name the place: the roles or the channel that set it, where it is one of these."""
    if resolved.source is Source.ROLE:
        sets = {role: guild.limits(Scope.ROLE, role) for role in who.roles}
        return " ".join(mark("role", role) for role in _setting_it(limit, resolved, sets))
    if resolved.source is Source.CHANNEL:
        sets = {one: guild.limits(Scope.CHANNEL, one) for one in who.channels}
        return mark("channel", next(one for one, found in sets.items() if limit in found))
    return say(f"admin.origin.{resolved.source.value}", locale)


def _setting_it(limit: Limit, resolved: Resolved, sets: Mapping[str, LimitSet]) -> Iterable[str]:
    """Choose the roles whose value applies; of kinds of prompt help, all add theirs."""
    for role, found in sets.items():
        if limit in found and (limit is Limit.ASSIST or found[limit] == resolved.value):
            yield role
