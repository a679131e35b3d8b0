"""The buttons of `jobs.controls` as discord.py draws them.

Presses are taken by `bot.cogs.cancel` by their custom ids, so a view is only drawn here: it is
stopped, and the library keeps none of it in memory.
"""

from discord import ButtonStyle, ui

from jobs.controls import cancel_button


def cancel_view(job_id: str, locale: str) -> ui.View:
    """Draw the Cancel button of a waiting or running job."""
    button = cancel_button(job_id, locale)
    view = ui.View(timeout=None)
    view.add_item(
        ui.Button(style=ButtonStyle.secondary, label=button.label, custom_id=button.custom_id)
    )
    view.stop()
    return view
