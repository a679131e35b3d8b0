"""`/newbie-admin job`: one job of this server, for the bot's owner of any."""

import io
import re

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.admin.changes import place_of, tell_change
from bot.admin.gate import Interaction
from bot.admin.job_choices import JobChoices
from bot.admin.job_lines import job_lines
from bot.admin.options import Reason, described
from bot.admin.replies import begin, shortened
from bot.cancelling import after_cancelling, too_late
from bot.errors import Refused
from bot.translation import words
from jobs.errors import QueueUnavailable, UnknownJob, UnreadableJob
from jobs.guild import EVERY_GUILD, guild_of
from jobs.guild_edits import MISSING
from jobs.guild_settings import Change
from jobs.models import Job
from jobs.moderation import CANCELLED, FRONT
from jobs.wording import say

JobId = Range[str, 1, 50]
_ID = re.compile(r"[0-9]{1,20}")


class Jobs(app_commands.Group):
    """Shows one job, stops it, or lets it go first."""

    def __init__(self) -> None:
        super().__init__(name=words("admin.job"), description=words("admin.job.description"))
        self._choices = JobChoices()

    @app_commands.command(name=words("admin.info"), description=words("admin.job.info.description"))
    @described("job", "everywhere")
    async def info(
        self, interaction: Interaction, job: JobId, everywhere: bool | None = None
    ) -> None:
        """Show all about a job but its prompt, which comes as a file."""
        await begin(interaction)
        found = await find(interaction, job, everywhere)
        client, locale = interaction.client, interaction.locale.value
        views = await client.queue.views([found.id])
        if not views:
            raise Refused("no_such_job", given=job)
        lines = job_lines(views[0], client.queue.most_attempts, locale)
        await interaction.edit_original_response(
            content=shortened("\n".join(lines)), attachments=_prompts(views[0].job)
        )

    @app_commands.command(
        name=words("admin.cancel"), description=words("admin.job.cancel.description")
    )
    @described("job", "reason", "everywhere")
    async def cancel(
        self,
        interaction: Interaction,
        job: JobId,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Cancel a job; its message says so and by whom."""
        await begin(interaction)
        found = await find(interaction, job, everywhere)
        queue, by = interaction.client.queue, str(interaction.user.id)
        is_done = found.cancelled_by is None and await queue.cancel_for_others(
            found, by, reason or ""
        )
        now = await find(interaction, job, everywhere)
        verdict = after_cancelling(now) if is_done else too_late(now)
        note = say(f"cancel.{verdict.value}", interaction.locale.value)
        if not is_done:
            await interaction.edit_original_response(content=note)
            return
        await _tell(interaction, found, CANCELLED, reason, note)

    @app_commands.command(
        name=words("admin.front"), description=words("admin.job.front.description")
    )
    @described("job", "reason", "everywhere")
    async def front(
        self,
        interaction: Interaction,
        job: JobId,
        reason: Reason | None = None,
        everywhere: bool | None = None,
    ) -> None:
        """Let a waiting job go before all that were not moved."""
        await begin(interaction)
        found = await find(interaction, job, everywhere)
        by = str(interaction.user.id)
        if not await interaction.client.queue.front(found, by, reason or ""):
            raise Refused("job_not_waiting")
        await _tell(interaction, found, FRONT, reason, None)

    @info.autocomplete("job")
    @cancel.autocomplete("job")
    @front.autocomplete("job")
    async def suggest_job(self, interaction: Interaction, typed: str) -> list[Choice[str]]:
        """Offer jobs that have not ended; none where the sender may see none."""
        everywhere = getattr(interaction.namespace, "everywhere", None) is True
        queue, locale = interaction.client.queue, interaction.locale.value
        try:
            guild = await place_of(interaction, everywhere)
            return await self._choices.suggest(queue, guild, str(typed), locale)
        except (Refused, QueueUnavailable):
            return []


async def find(interaction: Interaction, job_id: str, everywhere: bool | None) -> Job:
    """Read a job that the sender may see: one of their server, for the bot's owner of any.

    Raises:
        Refused: there is none, or it is another server's, which is said in the same words.
        QueueUnavailable: Redis is out of reach.
    """
    place = await place_of(interaction, everywhere)
    missing = Refused("no_such_job", given=job_id)
    if not _ID.fullmatch(job_id.strip()):
        raise missing
    try:
        job = await interaction.client.queue.get(job_id.strip())
    except (UnknownJob, UnreadableJob) as error:
        raise missing from error
    if place not in (EVERY_GUILD, guild_of(job.address)):
        raise missing
    return job


async def _tell(
    interaction: Interaction, job: Job, what: str, reason: str | None, note: str | None
) -> None:
    done = Change(f"job:{job.id}", MISSING, what, is_made=True)
    await tell_change(interaction, guild_of(job.address), done, reason=reason, note=note)


def _prompts(job: Job) -> list[discord.File]:
    texts = {"prompt": job.request.prompt, "negative": job.request.negative_prompt}
    return [
        discord.File(io.BytesIO(text.encode("utf-8", "replace")), f"{name}-{job.id}.txt")
        for name, text in texts.items()
        if text
    ]
