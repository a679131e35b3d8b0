"""What a member is told when something fails that the command itself does not tell them."""

import discord
import structlog
from discord import app_commands

from bot.answers import CONNECTION_ERRORS, Interaction, is_too_late, tell
from bot.refusals import FORESEEN, code_of, sentence
from jobs.wording import say

log = structlog.get_logger("bot")


async def answer_failure(interaction: Interaction, error: BaseException) -> None:
    """Log an error and end the member's wait: with its sentence, or ours if nobody foresaw it."""
    ids = {"job_id": str(interaction.id), "user_id": str(interaction.user.id)}
    if is_too_late(error):
        log.warning("answer_too_late", **ids)
        return
    if isinstance(error, FORESEEN):
        log.info("refused", code=code_of(error), **ids)
    elif isinstance(error, CONNECTION_ERRORS):
        log.error("command_failed", code="connection", error=type(error).__name__, **ids)
    else:
        log.error("command_failed", code="internal", exc_info=error, **ids)
    if interaction.type is discord.InteractionType.autocomplete:
        return  # nobody waits for a sentence: Discord takes choices alone
    try:
        await tell(interaction, _sentence_for(error, interaction))
    except Exception as second:  # the last net: nothing is left to try
        log.error("member_not_told", error=type(second).__name__, **ids)


def _sentence_for(error: BaseException, interaction: Interaction) -> str:
    locale = interaction.locale.value
    if isinstance(error, FORESEEN):
        return sentence(error, locale)
    is_unknown = isinstance(error, app_commands.CommandNotFound)
    key = "error.unknown_command" if is_unknown else "error.internal"
    return say(key, locale, job_id=interaction.id)
