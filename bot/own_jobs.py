"""The list that `/queue` shows: a member's own jobs, with a button to cancel each; no I/O.

The list keeps nothing in memory. Its buttons say which page they belong to, and everything is read
anew at each press. Custom ids: `newbie:queue:{page}` shows a page, `newbie:queue:{page}:{job}`
cancels a job and shows the page.
"""

from collections.abc import Iterable

from discord import ui

from bot.controls import drawn
from bot.job_words import is_cancellable, message_link, prompt_text, request_text, state_text
from jobs.models import QueueStatus
from jobs.overview import Page, View
from jobs.wording import say

# One row of buttons.
ROWS = 5
PAGE_PATTERN = r"newbie:queue:(?P<page>[0-9]{1,4})"
CANCEL_PATTERN = rf"{PAGE_PATTERN}:(?P<job_id>[0-9]{{1,20}})"


def list_text(page: Page, status: QueueStatus, locale: str) -> str:
    """Write a page of the list, and how much there is to do in all."""
    lines = [say("own.head", locale, count=page.count) if page.count else say("own.none", locale)]
    for number, row in _numbered(page):
        lines.append(f"**{number}.** {state_text(row, locale)}")
        about = (prompt_text(row.job), request_text(row.job, locale), message_link(row.job))
        lines.append(f"-# {' · '.join(about)}")
    if page.last:
        lines.append(say("own.page", locale, page=page.number + 1, pages=page.last + 1))
    counts = {"waiting": status.waiting, "running": status.running, "workers": status.workers}
    lines.append(say("own.all", locale, **counts))
    return "\n".join(lines)


def list_view(page: Page, locale: str) -> ui.View:
    """Draw the buttons: one for each job that can be cancelled, then those that turn pages."""
    view = ui.View(timeout=None)
    for number, row in _numbered(page):
        if is_cancellable(row.job):
            label = say("own.cancel", locale, number=number)
            custom_id = f"newbie:queue:{page.number}:{row.job.id}"
            view.add_item(ui.Button(label=label, custom_id=custom_id, row=0))
    if page.number > 0:
        view.add_item(_turn("own.previous", page.number - 1, locale))
    view.add_item(_turn("own.refresh", page.number, locale))
    if page.number < page.last:
        view.add_item(_turn("own.next", page.number + 1, locale))
    return drawn(view)


def _numbered(page: Page) -> Iterable[tuple[int, View]]:
    return enumerate(page.rows, page.number * page.size + 1)


def _turn(key: str, page: int, locale: str) -> ui.Button[ui.View]:
    return ui.Button(label=say(key, locale), custom_id=f"newbie:queue:{page}", row=1)
