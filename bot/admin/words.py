"""`/newbie-admin words`: a server's own lists of words, and what they would do to a text."""

import asyncio
import re

from discord import app_commands
from discord.app_commands import Choice, Range

from bot.admin.changes import change, place_of
from bot.admin.gate import Interaction
from bot.admin.options import Reason, described
from bot.admin.pages import Page, PageButton, numbered, template
from bot.admin.replies import reply
from bot.admin.word_trial import trial_sentences, try_text
from bot.errors import Refused
from bot.refusals import quote
from bot.requester import guild_of, requester_of
from bot.translation import words
from jobs.guild import EVERY_GUILD, WordKind
from jobs.guild_edits import add_words, remove_words
from jobs.wording import say
from jobs.words import MAX_ENTRY

WORDS_A_PAGE = 25
# Discord's clients take no more in one option.
Entries = Range[str, 1, 4_000]
Text = Range[str, 1, 6_000]
_COMMAS = re.compile(r"[,，、\n]")
KINDS = [Choice(name=words(f"admin.words.{kind.value}"), value=kind.value) for kind in WordKind]


class WordsButton(PageButton, template=template("words")):
    """Turns the pages of a list of words; a cursor is the kind, where, and the page's number."""

    book = "words"

    @classmethod
    async def read(cls, interaction: Interaction, cursor: str) -> Page:
        """Give a page of a list."""
        begin, _, number = cursor.rpartition("-")
        kind_name, _, where = begin.partition("-")
        if kind_name not in list(WordKind):
            raise Refused("page_outdated")
        kind, locale = WordKind(kind_name), interaction.locale.value
        guild = await place_of(interaction, everywhere=where == EVERY_GUILD)
        settings = await interaction.client.guild_settings.get(guild)
        entries = sorted(settings.words.get(kind, ()), key=str.casefold)
        shown, turns = numbered(len(entries), WORDS_A_PAGE, number, f"{begin}-")
        place = "everywhere" if guild == EVERY_GUILD else "here"
        if not entries:
            return Page(say(f"admin.words.list.none.{place}", locale))
        heading = say(f"admin.words.list.{kind.value}.{place}", locale, count=len(entries))
        lines = [f"- {quote(entries[index], MAX_ENTRY)}" for index in shown]
        return Page("\n".join([heading, *lines]), turns)


class Words(app_commands.Group):
    """Keeps the lists."""

    def __init__(self) -> None:
        super().__init__(name=words("admin.words"), description=words("admin.words.description"))

    @app_commands.command(name=words("admin.add"), description=words("admin.words.add.description"))
    @described("kind", "entries", "reason", "everywhere")
    @app_commands.choices(kind=KINDS)
    async def add(
        self,
        interaction: Interaction,
        kind: str,
        entries: Entries,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Add words."""
        edit = add_words(WordKind(kind), split(entries))
        await change(interaction, edit, reason=reason, everywhere=everywhere)

    @app_commands.command(
        name=words("admin.remove"), description=words("admin.words.remove.description")
    )
    @described("kind", "entries", "reason", "everywhere")
    @app_commands.choices(kind=KINDS)
    async def remove(
        self,
        interaction: Interaction,
        kind: str,
        entries: Entries,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Remove words, in whatever way they are written."""
        edit = remove_words(WordKind(kind), split(entries))
        await change(interaction, edit, reason=reason, everywhere=everywhere)

    @app_commands.command(
        name=words("admin.list"), description=words("admin.words.list.description")
    )
    @described("kind", "everywhere")
    @app_commands.choices(kind=KINDS)
    async def list(
        self, interaction: Interaction, kind: str, everywhere: bool | None = None
    ) -> None:
        """Show a list."""
        where = EVERY_GUILD if everywhere else ""
        await WordsButton.open(interaction, f"{kind}-{where}-")

    @app_commands.command(
        name=words("admin.test"), description=words("admin.words.test.description")
    )
    @described("text")
    async def test(self, interaction: Interaction, text: Text) -> None:
        """Tell whether a text would be refused as a prompt in this channel, and why."""
        guilds, locale = interaction.client.guild_settings, interaction.locale.value
        settings = await guilds.get(guild_of(interaction))
        everywhere = await guilds.everywhere()
        requester = requester_of(interaction)
        # A list of a thousand words takes long enough to keep others waiting.
        trial = await asyncio.to_thread(try_text, settings, everywhere, requester, text)
        await reply(interaction, "\n".join(trial_sentences(trial, locale)))


def split(entries: str) -> list[str]:
    """Read words between commas, of any script."""
    return [entry for each in _COMMAS.split(entries) if (entry := each.strip())]
