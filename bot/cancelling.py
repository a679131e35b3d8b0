"""Somebody wants a job cancelled: whether they may, and what came of it.

A job is its owner's to cancel, and that of the moderators of the server where it was asked for.
That is decided for the job and not for the message with the button: where a press comes from says
nothing about whose job it names.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import discord

from bot.moderators import may_moderate
from bot.requester import guild_of
from jobs.errors import QueueUnavailable, UnknownJob, UnreadableJob
from jobs.guild import guild_of as guild_of_address
from jobs.models import Job, JobState, OutcomeCode

if TYPE_CHECKING:
    from bot.client import NewbieBot


class Verdict(StrEnum):
    """What came of it, as the key's end of a sentence `cancel.{verdict}`."""

    # It waited, and will not be drawn.
    DONE = "done"
    # It runs, and is stopped.
    STOPPING = "stopping"
    ALREADY = "already"
    DRAWN = "drawn"
    FAILED = "failed"
    UNKNOWN = "unknown"
    FORBIDDEN = "forbidden"
    # Redis did not answer: it may be cancelled or not.
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Attempt:
    """What came of it, and the job as it was then; none where nobody may know more.

    `is_moderation`: somebody else than the job's owner tried.
    """

    verdict: Verdict
    job: Job | None = None
    is_moderation: bool = False


async def try_to_cancel(interaction: discord.Interaction["NewbieBot"], job_id: str) -> Attempt:
    """Cancel a job for whoever sent the interaction.

    Raises:
        UnreadableSettings: another version wrote the settings of the job's server.
        discord.HTTPException: Discord does not tell who owns the bot.
    """
    queue, by = interaction.client.queue, str(interaction.user.id)
    try:
        job = await queue.get(job_id)
        is_own = job.address.requester_id == by
        if not is_own and not await _moderates(interaction, job):
            return Attempt(Verdict.FORBIDDEN)
        if job.cancelled_by is None:
            if is_own:
                is_done = await queue.cancel(job_id, by)
            else:
                is_done = await queue.cancel_for_others(job, by)
            job = await queue.get(job_id)
            if is_done:
                return Attempt(after_cancelling(job), job, is_moderation=not is_own)
        return Attempt(too_late(job), job)
    except (UnknownJob, UnreadableJob):
        return Attempt(Verdict.UNKNOWN)
    except QueueUnavailable:
        return Attempt(Verdict.UNAVAILABLE)


async def _moderates(interaction: discord.Interaction["NewbieBot"], job: Job) -> bool:
    """Tell whether the sender moderates the job's server, and from there."""
    guild = guild_of_address(job.address)
    if guild == guild_of(interaction):
        settings = await interaction.client.guild_settings.get(guild)
        if may_moderate(interaction, settings, is_owner=False):
            return True
    return await interaction.client.is_owner(interaction.user)


def after_cancelling(job: Job) -> Verdict:
    """Tell what comes next for a job that has just been cancelled."""
    return Verdict.STOPPING if job.state is JobState.RUNNING else Verdict.DONE


def too_late(job: Job) -> Verdict:
    """Tell why a job could not be cancelled any more."""
    code = None if job.outcome is None else job.outcome.code
    if code is OutcomeCode.CANCELLED or (job.cancelled_by is not None and code is None):
        return Verdict.ALREADY
    if job.state is JobState.RENDERED or code is OutcomeCode.DONE:
        return Verdict.DRAWN
    return Verdict.FAILED
