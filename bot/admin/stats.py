"""`/newbie-admin stats`: what happened in a server today or in a week, in numbers."""

from collections.abc import Mapping

from discord import app_commands
from discord.app_commands import Choice

from bot.admin.changes import place_of
from bot.admin.gate import Interaction
from bot.admin.options import described
from bot.admin.replies import reply
from bot.translation import words
from jobs.guild import EVERY_GUILD
from jobs.settings_table import format_seconds
from jobs.stats import WEEK, Summary
from jobs.wording import say

DAYS = {"today": 1, "week": WEEK}
MAX_REASONS = 15


@app_commands.command(name=words("admin.stats"), description=words("admin.stats.description"))
@described("period", "everywhere")
@app_commands.choices(
    period=[Choice(name=words(f"admin.stats.{name}"), value=name) for name in DAYS]
)
async def stats(
    interaction: Interaction, period: str = "today", everywhere: bool | None = None
) -> None:
    """Show the numbers."""
    guild = await place_of(interaction, everywhere)
    summary = await interaction.client.queue.statistics(guild, DAYS[period])
    locale = interaction.locale.value
    place = "everywhere" if guild == EVERY_GUILD else "here"
    heading = say(f"admin.stats.heading.{period}.{place}", locale)
    await reply(interaction, "\n".join([heading, *summary_lines(summary, locale)]))


def summary_lines(summary: Summary, locale: str) -> list[str]:
    """Say what the numbers are; no I/O."""
    failed = sum(summary.failures.values())
    lines = [
        say("admin.stats.jobs", locale, jobs=summary.accepted, members=summary.members),
        say("admin.stats.ended", locale, done=summary.done, failed=failed),
    ]
    if summary.failures:
        lines.append(say("admin.stats.failures", locale, reasons=_listed(summary.failures)))
    if summary.waited is not None:
        mean = format_seconds(round(summary.waited))
        lines.append(say("admin.stats.waited", locale, mean=mean))
    if summary.half_waited is not None:
        lines.append(say("admin.stats.half", locale, half=format_seconds(summary.half_waited)))
    if summary.refusals:
        total = sum(summary.refusals.values())
        reasons = _listed(summary.refusals)
        lines.append(say("admin.stats.refusals", locale, count=total, reasons=reasons))
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    """List reasons, the most frequent first, by the codes that docs/moderators.md explains."""
    order = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    shown = [f"`{code}` {count}" for code, count in order[:MAX_REASONS]]
    return ", ".join(shown) + (" …" if len(order) > MAX_REASONS else "")
