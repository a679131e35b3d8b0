"""What is never drawn, whatever anybody has set: looked at before a request is taken in."""

from bot.errors import PolicyRefused
from jobs import rating
from jobs.admission import PolicyRefusal
from jobs.models import RenderRequest
from jobs.rating import RatingRefusal


def check_content(request: RenderRequest) -> None:
    """Refuse a request by its words; a prompt of 64 KiB takes a third of a second.

    Raises:
        PolicyRefused: the prompt is on the list that nothing opens.
    """
    if rating.look(request.prompt, request.negative_prompt).is_forbidden:
        raise PolicyRefused(PolicyRefusal(RatingRefusal.FORBIDDEN))
