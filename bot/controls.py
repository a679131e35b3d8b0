"""The buttons of `jobs.controls` as discord.py draws them.

Presses are taken by their custom ids (`bot.cogs.cancel`, `bot.cogs.queue`), so a view is only drawn
and nothing of it kept in memory.
"""

from discord import ui

from jobs.controls import cancel_button


def cancel_view(job_id: str, locale: str) -> ui.View:
    """Draw the Cancel button of a waiting or running job."""
    button = cancel_button(job_id, locale)
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label=button.label, custom_id=button.custom_id))
    return drawn(view)


def drawn(view: ui.View) -> ui.View:
    """Finish a view that nobody waits for: the library listens for presses of open ones only."""
    view.stop()
    return view
