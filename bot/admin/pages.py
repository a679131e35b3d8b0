"""Long lists in pages: a private message with buttons that turn them.

A button's custom id says all: which list, who asked, and where its page begins. So pages can be
turned after a restart of the bot, and what they show is always what is there now. Only who asked
may turn them, and only while they moderate: what a custom id says is checked like an option.
"""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.admin.gate import Interaction, admit
from bot.admin.replies import reply, shortened
from bot.answers import answer_first
from bot.errors import Refused
from jobs.wording import say

PREFIX = "newbie-admin:page"


@dataclass(frozen=True)
class Turn:
    """A button of a page: the key of its label, and where the page begins that it turns to."""

    label: str
    cursor: str


@dataclass(frozen=True)
class Page:
    """What a page says, and the buttons below it."""

    text: str
    turns: tuple[Turn, ...] = ()


def template(book: str) -> str:
    """Give the pattern of the custom ids of one list's buttons."""
    return rf"{re.escape(PREFIX)}:{book}:(?P<asker>[0-9]{{1,20}}):(?P<cursor>.{{0,50}})"


class PageButton(ui.DynamicItem[ui.Button[ui.View]], template=r"(?!)"):
    """Turns the pages of one list; each list has a class of its own, with its template."""

    book: ClassVar[str]

    def __init__(self, asker: str, cursor: str, label: str | None) -> None:
        custom_id = f"{PREFIX}:{self.book}:{asker}:{cursor}"
        super().__init__(ui.Button(label=label, custom_id=custom_id))
        self.asker = asker
        self.cursor = cursor

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Read a button back that is pressed."""
        return cls(match["asker"], match["cursor"], getattr(item, "label", None))

    @classmethod
    async def read(cls, interaction: Interaction, cursor: str) -> Page:
        """Give the page that begins at a cursor; the first one's is empty.

        Raises:
            Refused: the cursor comes from another version, or the sender may not see it.
        """
        raise NotImplementedError

    @classmethod
    async def open(cls, interaction: Interaction, cursor: str = "") -> None:
        """Answer a command with a page."""
        page = await cls.read(interaction, cursor)
        await reply(interaction, page.text, cls._buttons(interaction, page))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Turn the page."""
        async with interaction.client.requests.answering(interaction):
            await self._turn(interaction)

    def check_asker(self, user_id: int) -> None:
        """Refuse who did not ask for the list; Discord shows it to nobody else.

        Raises:
            Refused: somebody else presses.
        """
        if str(user_id) != self.asker:
            raise Refused("not_your_page")

    async def _turn(self, interaction: Interaction) -> None:
        self.check_asker(interaction.user.id)
        if not await admit(interaction):
            return
        page = await self.read(interaction, self.cursor)
        view = self._buttons(interaction, page)
        await answer_first(
            interaction,
            lambda: interaction.response.edit_message(content=shortened(page.text), view=view),
        )

    @classmethod
    def _buttons(cls, interaction: Interaction, page: Page) -> ui.View | None:
        if not page.turns:
            return None
        view = ui.View(timeout=None)
        for turn in page.turns:
            label = say(turn.label, interaction.locale.value)
            view.add_item(cls(str(interaction.user.id), turn.cursor, label))
        return view


def numbered(
    total: int, size: int, cursor: str, prefix: str = ""
) -> tuple[range, tuple[Turn, ...]]:
    """Choose which of `total` entries are on a page, and its buttons; pages are numbered from 0.

    A page that is no more, as the list became shorter, is the last one. `prefix` stands before the
    number in cursors.

    Raises:
        Refused: the cursor holds no number.
    """
    if not re.fullmatch(r"[0-9]{0,6}", cursor):
        raise Refused("page_outdated")
    last = max(0, (total - 1) // size)
    number = min(int(cursor or 0), last)
    turns = []
    if number > 0:
        turns.append(Turn("admin.page.back", f"{prefix}{number - 1}"))
    if number < last:
        turns.append(Turn("admin.page.next", f"{prefix}{number + 1}"))
    return range(number * size, min(total, (number + 1) * size)), tuple(turns)
