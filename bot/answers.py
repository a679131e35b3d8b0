"""How the bot speaks to a member: acknowledge at once, then say one thing.

Discord waits three seconds for the first answer to an interaction, and only an answer that is the
first one can choose to be seen by the sender alone. A public placeholder that turns out to be in
vain is therefore deleted before the private sentence is sent.
"""

import aiohttp
import discord
import structlog

log = structlog.get_logger("bot")

ALREADY_ACKNOWLEDGED = 40060
UNKNOWN_INTERACTION = 10062
# What a request to Discord may raise when it is Discord or the network that fails.
NETWORK_ERRORS = (discord.DiscordException, aiohttp.ClientError, TimeoutError, OSError)

Interaction = discord.Interaction[discord.Client]


async def acknowledge(interaction: Interaction) -> int:
    """Show "thinking" publicly and give the id of that message, which the result will replace.

    Raises:
        discord.NotFound: it was too late, or the interaction is unknown.
        discord.HTTPException: Discord refused.
    """
    try:
        response = await interaction.response.defer(thinking=True)
        if response is not None and response.message_id is not None:
            return response.message_id
    except (aiohttp.ClientError, discord.DiscordServerError):
        # The connection broke. Perhaps Discord took the answer all the same: ask again.
        try:
            response = await interaction.response.defer(thinking=True)
            if response is not None and response.message_id is not None:
                return response.message_id
        except discord.HTTPException as error:
            if error.code != ALREADY_ACKNOWLEDGED:
                raise
    except discord.HTTPException as error:
        if error.code != ALREADY_ACKNOWLEDGED:
            raise
    return (await interaction.original_response()).id


async def tell(interaction: Interaction, sentence: str) -> None:
    """Say one sentence that only the sender sees, whatever was answered before.

    Raises:
        discord.HTTPException: Discord refused, for example because it was too late.
    """
    if not interaction.response.is_done():
        try:
            await interaction.response.send_message(sentence, ephemeral=True)
        except discord.HTTPException as error:
            if error.code != ALREADY_ACKNOWLEDGED:
                raise
        else:
            return
    try:
        await interaction.delete_original_response()
    except discord.NotFound:
        # Somebody deleted it already.
        pass
    except NETWORK_ERRORS:
        # Then the sentence takes the placeholder's place, for all to see: better than silence.
        log.warning("placeholder_not_deleted", job_id=str(interaction.id))
    await interaction.followup.send(sentence, ephemeral=True)


def is_too_late(error: BaseException) -> bool:
    """Tell whether Discord no longer waits for an answer to this interaction."""
    return isinstance(error, discord.NotFound) and error.code == UNKNOWN_INTERACTION
