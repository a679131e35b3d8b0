"""A job and a render of it, as small as they can be."""

from typing import Any

from jobs.models import DeliveryAddress, Job, JobState, RenderRequest
from worker.client import Picture, Rendered


def job(*, locale: str = "en-US", **request: Any) -> Job:
    """A running job with the given request."""
    values = {"prompt": "1girl", "seed": 3, "num_inference_steps": 2}
    return Job(
        id="1001",
        request=RenderRequest(**{**values, **request}),
        address=DeliveryAddress(
            application_id="100",
            interaction_id="1001",
            interaction_token="secret-token",
            interaction_at=1_700_000_000.0,
            guild_id="200",
            channel_id="300",
            message_id="4001",
            requester_id="500",
            locale=locale,
        ),
        state=JobState.RUNNING,
        submitted_at=1_700_000_000.0,
    )


def rendered(count: int = 1, **changes: Any) -> Rendered:
    """Pictures of two by two pixels."""
    values: dict[str, Any] = {
        "pictures": (Picture(2, 2, bytes(12)),) * count,
        "seconds": 1.5,
        "model": "tiny",
        "model_hash": "0123456789ab",
        "solver": "euler",
        "adapters": (),
    }
    return Rendered(**{**values, **changes})
