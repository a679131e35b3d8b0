"""What a moderator is told about one job, in words; no I/O. Its prompt is not among it."""

from bot.admin.entries import mark, moment
from bot.job_words import message_link, request_text, state_text
from bot.refusals import quote
from jobs.models import Job
from jobs.overview import View
from jobs.wording import say


def job_lines(view: View, most_attempts: int, locale: str) -> list[str]:
    """Say whose job it is, where it is, what was asked for, and how it went so far."""
    job, owner = view.job, mark("member", view.job.address.requester_id)
    channel = mark("channel", job.address.channel_id)
    rows = [
        say("admin.job.heading", locale, job=f"`{job.id}`", member=owner),
        state_text(view, locale),
        request_text(job, locale),
        say("admin.job.guidance", locale, value=f"{job.request.guidance_scale:g}"),
        say("admin.job.assist", locale, mode=job.request.assist.value),
        say("admin.job.place", locale, channel=channel, link=message_link(job)),
        say("admin.job.attempt", locale, attempt=job.attempt + 1, most=most_attempts),
    ]
    return rows + _course(job, locale)


def _course(job: Job, locale: str) -> list[str]:
    """Say what happened to it, as far as anything did."""
    lines = []
    if job.started_at is not None:
        lines.append(say("admin.job.started", locale, at=moment(job.started_at, "T")))
    if job.ticket is not None:
        lines.append(say("admin.job.ticket", locale, ticket=quote(job.ticket, 60)))
    if job.cancelled_by is not None:
        by = mark("member", job.cancelled_by)
        lines.append(say("admin.job.cancelled", locale, by=by))
    if job.outcome is not None:
        lines.append(say("admin.job.outcome", locale, code=f"`{job.outcome.code.value}`"))
        if job.outcome.seconds is not None:
            seconds = f"{job.outcome.seconds:.1f}"
            lines.append(say("admin.job.seconds", locale, seconds=seconds))
    if job.ended_at is not None:
        lines.append(say("admin.job.ended", locale, at=moment(job.ended_at)))
    return lines
