"""`/newbie-admin audit`: who changed what, and the channel where changes are told."""

import re

import discord
from discord import app_commands

from bot.admin.announcements import missing_here
from bot.admin.changes import change, place_of
from bot.admin.entries import Deed, mark, moment
from bot.admin.gate import Interaction
from bot.admin.options import Reason, described
from bot.admin.pages import Page, PageButton, Turn, template
from bot.admin.replies import MAX_CONTENT
from bot.errors import Refused
from bot.translation import words
from jobs.audit import Entry
from jobs.guild import EVERY_GUILD
from jobs.guild_edits import set_audit_channel
from jobs.wording import say

_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")


class AuditButton(PageButton, template=template("audit")):
    """Turns the pages of the audit; a cursor is where, and the entry that was shown last."""

    book = "audit"

    @classmethod
    async def read(cls, interaction: Interaction, cursor: str) -> Page:
        """Give as many entries as a message holds, the newest first."""
        where, _, before = cursor.partition("/")
        if before and not _ENTRY_ID.fullmatch(before):
            raise Refused("page_outdated")
        locale = interaction.locale.value
        guild = await place_of(interaction, everywhere=where == EVERY_GUILD)
        found = await interaction.client.guild_settings.changes(guild, before or None)
        if not found.entries:
            return Page(say("admin.audit.none", locale), _turns(where, before, None))
        lines, last = [say("admin.audit.heading", locale)], found.entries[0]
        length = len(lines[0])
        for entry in found.entries:
            line = entry_line(entry, locale)
            length += 1 + len(line)
            if length > MAX_CONTENT and len(lines) > 1:
                break
            lines.append(line)
            last = entry
        has_more = found.before is not None or last is not found.entries[-1]
        return Page("\n".join(lines), _turns(where, before, last.id if has_more else None))


class Audit(app_commands.Group):
    """Shows changes, and says where they are told."""

    def __init__(self) -> None:
        super().__init__(name=words("admin.audit"), description=words("admin.audit.description"))

    @app_commands.command(
        name=words("admin.show"), description=words("admin.audit.show.description")
    )
    @described("everywhere")
    async def show(self, interaction: Interaction, everywhere: bool | None = None) -> None:
        """Show the newest changes."""
        await AuditButton.open(interaction, f"{EVERY_GUILD if everywhere else ''}/")

    @app_commands.command(
        name=words("admin.channel"), description=words("admin.audit.channel.description")
    )
    @described("reason", channel="admin.audit.channel.option")
    async def channel(
        self,
        interaction: Interaction,
        channel: discord.TextChannel | None = None,
        reason: Reason | None = None,
    ) -> None:
        """Tell changes in a channel, or in none."""
        if channel is not None:
            missing = missing_here(channel)
            if missing:
                locale = interaction.locale.value
                rights = ", ".join(f"**{say(f'right.{name}', locale)}**" for name in missing)
                raise Refused("audit_rights", rights=rights)
        edit = set_audit_channel(None if channel is None else str(channel.id))
        await change(interaction, edit, reason=reason)


def entry_line(entry: Entry, locale: str) -> str:
    """Say who did what, and when."""
    deed = Deed(entry.what, entry.old, entry.new, entry.reason)
    said = say("admin.entry.by", locale, by=mark("member", entry.by), deed=deed.say(locale))
    return f"- {moment(entry.at)} {said}"


def _turns(where: str, before: str, last: str | None) -> tuple[Turn, ...]:
    turns = []
    if before:
        turns.append(Turn("admin.page.newest", f"{where}/"))
    if last is not None:
        turns.append(Turn("admin.page.older", f"{where}/{last}"))
    return tuple(turns)
