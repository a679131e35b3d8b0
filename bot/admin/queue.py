"""`/newbie-admin queue`: which jobs there are, and whether they go on."""

from dataclasses import dataclass

import discord
from discord import app_commands
from discord.app_commands import Choice

from bot.admin.changes import place_of, tell_change
from bot.admin.entries import mark
from bot.admin.gate import Interaction
from bot.admin.options import Reason, described
from bot.admin.pages import Page, PageButton, numbered, template
from bot.admin.replies import begin
from bot.errors import Refused
from bot.job_words import message_link, request_text, state_text
from bot.translation import words
from jobs.guild import EVERY_GUILD, GuildSettings, QueueState
from jobs.models import JobState
from jobs.overview import ACTIVE, View
from jobs.wording import say

ROWS = 5
# The states that moderators tell apart.
STATES = {
    "waiting": frozenset({JobState.WAITING}),
    "running": frozenset({JobState.RUNNING}),
    "posting": frozenset({JobState.RENDERED, JobState.FAILING}),
}


@dataclass(frozen=True)
class Filters:
    """Which jobs a list is of; what is empty leaves out none."""

    state: str = ""
    member: str = ""
    where: str = ""

    @classmethod
    def read(cls, cursor: str) -> tuple["Filters", str]:
        """Read the filters and the page's number from a cursor.

        Raises:
            Refused: another version wrote it.
        """
        state, _, rest = cursor.partition("/")
        member, _, rest = rest.partition("/")
        where, _, number = rest.partition("/")
        is_known = state in ("", *STATES) and where in ("", EVERY_GUILD)
        if not is_known or (member and not member.isdecimal()):
            raise Refused("page_outdated")
        return cls(state, member, where), number

    @property
    def prefix(self) -> str:
        """What stands before the page's number in a cursor."""
        return f"{self.state}/{self.member}/{self.where}/"


class QueueButton(PageButton, template=template("queue")):
    """Turns the pages of the queue; a cursor is the filters and the page's number."""

    book = "queue"

    @classmethod
    async def read(cls, interaction: Interaction, cursor: str) -> Page:
        """Give a few jobs, those in hand first and then the line in its order."""
        filters, number = Filters.read(cursor)
        client, locale = interaction.client, interaction.locale.value
        guild = await place_of(interaction, everywhere=filters.where == EVERY_GUILD)
        settings = await client.guild_settings.get(guild)
        everywhere = await client.guild_settings.everywhere()
        ids = await client.queue.active_ids(
            None if guild == EVERY_GUILD else guild,
            filters.member or None,
            STATES.get(filters.state, ACTIVE),
        )
        shown, turns = numbered(len(ids), ROWS, number, filters.prefix)
        rows = await client.queue.views([ids[index] for index in shown])
        lines = _heading(guild, settings, everywhere, locale)
        lines += _counted(filters, len(ids), locale)
        for place, row in enumerate(rows, shown.start + 1):
            lines += _row(place, row, locale)
        return Page("\n".join(lines), turns)


def _heading(
    guild: str, settings: GuildSettings, everywhere: GuildSettings, locale: str
) -> list[str]:
    place = "everywhere" if guild == EVERY_GUILD else "here"
    state = say(f"admin.queue.{settings.queue.value}", locale)
    lines = [say(f"admin.queue.heading.{place}", locale, state=state)]
    if guild != EVERY_GUILD and everywhere.queue is not QueueState.RUNNING:
        state = say(f"admin.queue.{everywhere.queue.value}", locale)
        lines.append(say("admin.queue.operator", locale, state=state))
    return lines


def _counted(filters: Filters, count: int, locale: str) -> list[str]:
    chosen = [say(f"admin.state.{filters.state}", locale)] if filters.state else []
    chosen += [mark("member", filters.member)] if filters.member else []
    if chosen:
        return [say("admin.queue.count.of", locale, count=count, filters=", ".join(chosen))]
    return [say("admin.queue.count", locale, count=count)]


def _row(place: int, row: View, locale: str) -> list[str]:
    job = row.job
    owner = mark("member", job.address.requester_id)
    return [
        f"**{place}.** `{job.id}` {owner} {state_text(row, locale)}",
        f"-# {request_text(job, locale)} · {message_link(job)}",
    ]


class Queue(app_commands.Group):
    """Shows the queue, and lets it rest and go on."""

    def __init__(self) -> None:
        super().__init__(name=words("admin.queue"), description=words("admin.queue.description"))

    @app_commands.command(
        name=words("admin.show"), description=words("admin.queue.show.description")
    )
    @described("member", "state", "everywhere")
    @app_commands.choices(
        state=[Choice(name=words(f"admin.state.{state}"), value=state) for state in STATES]
    )
    async def show(
        self,
        interaction: Interaction,
        member: discord.User | None = None,
        state: str | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Show the jobs that have not ended."""
        where = EVERY_GUILD if everywhere else ""
        filters = Filters(state or "", str(member.id) if member else "", where)
        await QueueButton.open(interaction, filters.prefix)

    @app_commands.command(
        name=words("admin.pause"), description=words("admin.queue.pause.description")
    )
    @described("reason", "everywhere")
    async def pause(
        self,
        interaction: Interaction,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Accept and begin nothing more; what waits keeps its place."""
        await _set_state(interaction, QueueState.PAUSED, reason, everywhere)

    @app_commands.command(
        name=words("admin.resume"), description=words("admin.queue.resume.description")
    )
    @described("reason", "everywhere")
    async def resume(
        self,
        interaction: Interaction,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Go on."""
        await _set_state(interaction, QueueState.RUNNING, reason, everywhere)

    @app_commands.command(
        name=words("admin.drain"), description=words("admin.queue.drain.description")
    )
    @described("reason", "everywhere")
    async def drain(
        self,
        interaction: Interaction,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Accept nothing more; what waits is drawn."""
        await _set_state(interaction, QueueState.DRAINING, reason, everywhere)


async def _set_state(
    interaction: Interaction, state: QueueState, reason: str | None, everywhere: bool | None
) -> None:
    guild = await place_of(interaction, everywhere)
    await begin(interaction)
    done = await interaction.client.queue.set_state(
        guild, state, str(interaction.user.id), reason or ""
    )
    note = say(f"admin.queue.note.{state.value}", interaction.locale.value)
    await tell_change(interaction, guild, done, reason=reason, note=note if done.is_made else None)
