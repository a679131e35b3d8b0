"""What is said about one job in lists, to its owner or to moderators; no I/O."""

from bot.async_queue import Place, place_of
from bot.refusals import quote
from bot.waiting_message import place_text
from jobs.models import Job, JobState
from jobs.overview import View
from jobs.wording import say


def state_text(view: View, locale: str) -> str:
    """Say where a job is: its place in line, its step, or that its end is being posted."""
    job, place = view.job, place_of(view)
    if place is not None:
        return _waiting_text(place, locale)
    if job.state is JobState.RUNNING and job.cancelled_by is not None:
        return say("cancel.stopping", locale)
    if job.state is JobState.RUNNING and job.progress.step:
        return say("progress", locale, step=job.progress.step, total=job.progress.total)
    return say(f"job.{job.state.value}", locale)


def _waiting_text(place: Place, locale: str) -> str:
    if place.position is None:
        return say("job.paused", locale)
    if place.wait is None:
        return say("job.no_worker", locale, position=place.position)
    return place_text(place, locale)


def request_text(job: Job, locale: str) -> str:
    """Say in one line what was asked for and when."""
    request = job.request
    return say(
        "job.request",
        locale,
        size=f"{request.size.width} × {request.size.height}",
        steps=request.num_inference_steps,
        count=request.count,
        when=f"<t:{int(job.submitted_at)}:R>",
    )


def prompt_text(job: Job) -> str:
    """Quote the beginning of a prompt."""
    return quote(job.request.prompt)


def message_link(job: Job) -> str:
    """Give the address of a job's message, which Discord's clients jump to."""
    address = job.address
    place = f"{address.guild_id or '@me'}/{address.channel_id}/{address.message_id}"
    return f"https://discord.com/channels/{place}"


def is_cancellable(job: Job) -> bool:
    """Tell whether it is not too late to cancel a job, as far as this record knows."""
    return job.cancelled_by is None and job.state in (JobState.WAITING, JobState.RUNNING)
