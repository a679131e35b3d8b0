"""What a member reads instead of a picture: the words for an outcome, for bot and worker alike."""

from jobs.controls import cancelled_text
from jobs.models import Job, Outcome, OutcomeCode
from jobs.settings import QueueSettings
from jobs.wording import say


def outcome_text(job: Job, outcome: Outcome, settings: QueueSettings) -> str:
    """Say why there is no picture. Only the requester is addressed."""
    if outcome.code is OutcomeCode.CANCELLED:
        return cancelled_text(job)
    sentence = say(
        f"outcome.{outcome.code.value}",
        job.address.locale,
        seconds=settings.job_timeout,
        attempts=settings.max_attempts,
        job_id=job.id,
        days=settings.fetch_days,
    )
    return f"<@{job.address.requester_id}> {sentence}"
