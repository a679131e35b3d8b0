"""How moderators are answered: privately, and with nobody mentioned.

A command that only reads answers at once. One that changes something says first that it works on
it: what follows may take longer than the three seconds that Discord waits.
"""

import discord

from bot.admin.gate import Interaction
from bot.answers import answer_first, is_answered

# Discord's limit for the text of a message.
MAX_CONTENT = 2_000


async def begin(interaction: Interaction) -> None:
    """Show privately that the answer will take a moment.

    Raises:
        discord.HTTPException: Discord refused, for example because it was too late.
    """
    await answer_first(
        interaction, lambda: interaction.response.defer(thinking=True, ephemeral=True)
    )


async def reply(interaction: Interaction, text: str, view: discord.ui.View | None = None) -> None:
    """Say something to the sender alone, in the place of what `begin` showed.

    Raises:
        discord.HTTPException: Discord refused, for example because it was too late.
    """
    text = shortened(text)
    if is_answered(interaction):
        await interaction.edit_original_response(content=text, view=view)
        return
    shown = discord.utils.MISSING if view is None else view
    await answer_first(
        interaction,
        lambda: interaction.response.send_message(text, view=shown, ephemeral=True),
    )


def shortened(text: str, most: int = MAX_CONTENT) -> str:
    """Leave out the last lines of a text that is too long for a message."""
    if len(text) <= most:
        return text
    kept = text[: most - 2].rsplit("\n", maxsplit=1)[0]
    return f"{kept}\n…"
