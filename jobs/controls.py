"""Cancelling in a job's message: the button, and the sentence that says who used it.

Bot and worker both write that message and know only this room in common, so the button is plain
data here. Its custom id holds the job's id: nobody has to remember a button, and one that was shown
before a restart works after it. Custom ids come back from clients; what one may do is decided anew
at each press.
"""

from dataclasses import dataclass

from jobs.models import Job
from jobs.wording import say

# The template of a whole custom id.
CANCEL_PATTERN = r"newbie:cancel:(?P<job_id>[0-9]{1,20})"
_CANCEL_PREFIX = "newbie:cancel:"


@dataclass(frozen=True)
class Button:
    """A button under a message, in the language of the message."""

    custom_id: str
    label: str


def cancel_button(job_id: str, locale: str) -> Button:
    """Give the button that cancels a waiting or running job."""
    return Button(f"{_CANCEL_PREFIX}{job_id}", say("cancel.button", locale))


def cancelled_text(job: Job) -> str:
    """Say to a job's owner that it was cancelled, and by whom if it was somebody else.

    The other is named and not to be notified: only the owner's mention may count as one.
    """
    owner, by, locale = job.address.requester_id, job.cancelled_by, job.address.locale
    if by is None or by == owner:
        return f"<@{owner}> {say('outcome.cancelled', locale)}"
    return f"<@{owner}> {say('outcome.cancelled.moderator', locale, moderator=f'<@{by}>')}"
