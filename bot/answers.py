"""How the bot speaks to a member: acknowledge at once, then say one thing.

Discord waits three seconds for the first answer to an interaction, and only an answer that is the
first one can choose to be seen by the sender alone. A public placeholder that turns out to be in
vain is therefore deleted before the private sentence is sent.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import aiohttp
import discord
import structlog

log = structlog.get_logger("bot")

# Discord's name for the interaction's own message; discord.py's annotation knows numbers only.
ORIGINAL = cast(int, "@original")
ALREADY_ACKNOWLEDGED = 40060
UNKNOWN_INTERACTION = 10062
UNKNOWN_WEBHOOK = 10015
UNAUTHORIZED = 401
# Discord opens an interaction's message for 15 minutes; the rest is kept for the request itself.
TOKEN_SECONDS = 15 * 60 - 30
# What a request to Discord raises when the way there or Discord itself fails...
CONNECTION_ERRORS = (aiohttp.ClientError, discord.DiscordServerError, TimeoutError, OSError)
# ... and when Discord does not want it either.
NETWORK_ERRORS = (*CONNECTION_ERRORS, discord.DiscordException)

Interaction = discord.Interaction[discord.Client]
Result = TypeVar("Result")


async def acknowledge(interaction: Interaction, *, is_private: bool = False) -> int:
    """Show "thinking" and give the id of that message, which the result will replace.

    Raises:
        discord.NotFound: it was too late, or the interaction is unknown.
        discord.HTTPException: Discord refused.
    """
    response = await answer_first(
        interaction, lambda: interaction.response.defer(thinking=True, ephemeral=is_private)
    )
    if response is not None and response.message_id is not None:
        return response.message_id
    return (await interaction.original_response()).id


async def acknowledge_privately(interaction: Interaction) -> None:
    """Show "thinking" to the sender alone, until the message is edited.

    Raises:
        discord.NotFound: it was too late, or the interaction is unknown.
        discord.HTTPException: Discord refused.
    """
    response = interaction.response
    await answer_first(interaction, lambda: response.defer(thinking=True, ephemeral=True))


async def acknowledge_press(interaction: Interaction) -> None:
    """Answer a button without changing its message or saying anything yet.

    Raises:
        discord.NotFound: it was too late, or the interaction is unknown.
        discord.HTTPException: Discord refused.
    """
    await answer_first(interaction, interaction.response.defer)


async def open_form(interaction: Interaction, form: discord.ui.Modal) -> None:
    """Open a form as the first answer.

    Raises:
        discord.HTTPException: Discord refused, for example because it was too late.
    """
    await answer_first(interaction, lambda: interaction.response.send_modal(form))


async def tell(interaction: Interaction, sentence: str) -> None:
    """Say one sentence that only the sender sees, whatever was answered before.

    A placeholder goes; what a button was pressed on is none and stays.

    Raises:
        discord.HTTPException: Discord refused, for example because it was too late.
    """
    if not is_answered(interaction):
        await answer_first(
            interaction, lambda: interaction.response.send_message(sentence, ephemeral=True)
        )
        return
    if interaction.type is not discord.InteractionType.component:
        await _delete_placeholder(interaction)
    await interaction.followup.send(sentence, ephemeral=True)


async def _delete_placeholder(interaction: Interaction) -> None:
    try:
        await interaction.delete_original_response()
    except discord.NotFound:
        # It was a form, or somebody deleted it already.
        pass
    except NETWORK_ERRORS:
        # Then the sentence takes the placeholder's place, for all to see: better than silence.
        log.warning("placeholder_not_deleted", job_id=str(interaction.id))


def is_too_late(error: BaseException) -> bool:
    """Tell whether Discord no longer waits for an answer to this interaction."""
    return isinstance(error, discord.NotFound) and error.code == UNKNOWN_INTERACTION


def is_token_over(error: discord.HTTPException) -> bool:
    """Tell whether Discord does not know an interaction's token any more."""
    return error.status == UNAUTHORIZED or error.code == UNKNOWN_WEBHOOK


def is_answered(interaction: Interaction) -> bool:
    """Tell whether the first answer was given."""
    return interaction.response.is_done() or "answered" in interaction.extras


async def answer_first(
    interaction: Interaction, send: Callable[[], Awaitable[Result]]
) -> Result | None:
    """Send the first answer, and once more where the connection broke.

    Gives None where Discord says that it has an answer already: nobody else can have given it, so
    it was ours, and only Discord's word about it got lost.
    """
    for is_last in (False, True):
        try:
            return await send()
        except CONNECTION_ERRORS:
            if is_last:
                raise
        except discord.HTTPException as error:
            if error.code != ALREADY_ACKNOWLEDGED:
                raise
            break
    interaction.extras["answered"] = True
    return None
