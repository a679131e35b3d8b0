"""What a moderator is told about one member, in words; no I/O."""

from bot.admin.entries import mark, moment
from bot.refusals import quote
from jobs.guild import MAX_REASON, Block, GuildSettings
from jobs.limits import DAY, HOUR, MEGAPIXEL, Limit, Limits
from jobs.member_state import MemberState
from jobs.settings_table import SETTINGS
from jobs.wording import say

MAX_JOBS = 5


def block_lines(
    guild: GuildSettings, everywhere: GuildSettings, member: str, now: float, locale: str
) -> list[str]:
    """Say whether somebody is blocked here or on all servers, by whom, until when and why."""
    name = mark("member", member)
    found = [
        _block_line(name, settings.block_of(member, now), place, locale)
        for place, settings in (("here", guild), ("everywhere", everywhere))
    ]
    return [line for line in found if line] or [say("admin.block.none", locale, member=name)]


def _block_line(name: str, block: Block | None, place: str, locale: str) -> str | None:
    if block is None:
        return None
    line = say(
        f"admin.block.{place}",
        locale,
        member=name,
        by=mark("member", block.by),
        at=moment(block.at),
        until=say("admin.block.for_good", locale) if block.until is None else moment(block.until),
    )
    if block.reason:
        reason = quote(block.reason, MAX_REASON)
        line = say("admin.entry.because", locale, deed=line, reason=reason)
    return line


def state_lines(state: MemberState, limits: Limits, now: float, locale: str) -> list[str]:
    """Say what somebody has in hand and used, each beside its limit."""
    lines = [
        say(
            "admin.member.in_hand",
            locale,
            waiting=len(state.waiting),
            most_waiting=_shown(Limit.WAITING, limits.waiting),
            running=state.running,
            most_running=_shown(Limit.RUNNING, limits.running),
        )
    ]
    if state.waiting:
        shown = ", ".join(f"`{job_id}`" for job_id in state.waiting[:MAX_JOBS])
        if len(state.waiting) > MAX_JOBS:
            more = say("admin.entry.more", locale, count=len(state.waiting) - MAX_JOBS)
            shown = f"{shown} {more}"
        lines.append(say("admin.member.jobs", locale, jobs=shown))
    lines.append(
        say(
            "admin.member.used",
            locale,
            hour=_used(state, HOUR, now),
            hourly=_shown(Limit.HOURLY_BUDGET, limits.hourly_budget),
            day=_used(state, DAY, now),
            daily=_shown(Limit.DAILY_BUDGET, limits.daily_budget),
        )
    )
    if state.usage.last_accepted is not None:
        at = moment(state.usage.last_accepted, "R")
        lines.append(say("admin.member.last", locale, at=at))
    return lines


def _used(state: MemberState, window: float, now: float) -> str:
    """Sum up megapixel-steps of the last `window` seconds."""
    spent = sum(each.pixel_steps for each in state.usage.spent if now < each.at + window)
    return SETTINGS[Limit.DAILY_BUDGET.value].format(round(spent / MEGAPIXEL, 2))


def _shown(limit: Limit, value: float | None) -> str:
    return SETTINGS[limit.value].format(value)
