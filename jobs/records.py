"""Jobs as hashes in Redis: the one place that writes and reads the fields.

Uses `newbie:{queue}:job:{id}` (see `jobs.keys`). Models are stored as JSON, numbers as text. The
fields `member`, `guild`, `work`, `span`, `pixels`, `assist` and `model` are the line's
(`jobs/line.lua`).
"""

import time
from collections.abc import Mapping

from redis.typing import EncodableT, FieldT

from jobs.errors import UnreadableJob
from jobs.models import (
    DeliveryAddress,
    Handover,
    Job,
    JobState,
    Outcome,
    Progress,
    RenderRequest,
)

Fields = dict[FieldT, EncodableT]


def as_text(value: bytes | str) -> str:
    """Decode what Redis answered; RQ needs a connection that leaves answers as bytes."""
    return value.decode() if isinstance(value, bytes) else value


def to_fields(job: Job) -> Fields:
    """Write a job as the fields of its hash."""
    fields: Fields = {
        "request": job.request.model_dump_json(),
        "address": job.address.model_dump_json(),
        "state": job.state.value,
        "weight": repr(job.weight),
        "attempt": str(job.attempt),
        "submitted_at": repr(job.submitted_at),
        "step": str(job.progress.step),
        "total": str(job.progress.total),
    }
    if job.most_running is not None:
        fields["most_running"] = str(job.most_running)
    if job.handed_back:
        fields["handed_back"] = str(job.handed_back)
    if job.started_at is not None:
        fields["started_at"] = repr(job.started_at)
    if job.ended_at is not None:
        fields["ended_at"] = repr(job.ended_at)
    if job.delivered is not None:
        fields["delivered"] = job.delivered
    if job.ticket is not None:
        fields["ticket"] = job.ticket
    if job.cancelled_by is not None:
        fields["cancelled_by"] = job.cancelled_by
    if job.outcome is not None:
        fields["outcome"] = job.outcome.model_dump_json()
    return fields


def ended_fields(outcome: Outcome) -> Fields:
    """Write what changes in the hash of a job that ends now."""
    return {
        "state": JobState.ENDED.value,
        "ended_at": repr(time.time()),
        "outcome": outcome.model_dump_json(),
    }


def from_fields(job_id: str, raw: Mapping[bytes | str, bytes | str]) -> Job:
    """Read a job from the fields of its hash.

    Raises:
        UnreadableJob: fields are missing, or hold what this version does not know.
    """
    fields = {as_text(name): as_text(value) for name, value in raw.items()}
    try:
        return _read(job_id, fields)
    except (ValueError, KeyError) as error:
        raise UnreadableJob(job_id) from error


def _read(job_id: str, fields: Mapping[str, str]) -> Job:
    return Job(
        id=job_id,
        request=RenderRequest.model_validate_json(fields["request"]),
        address=DeliveryAddress.model_validate_json(fields["address"]),
        state=JobState(fields["state"]),
        weight=float(fields.get("weight", 1.0)),
        most_running=int(fields["most_running"]) if "most_running" in fields else None,
        attempt=int(fields["attempt"]),
        handed_back=int(fields.get("handed_back", 0)),
        ticket=fields.get("ticket"),
        cancelled_by=fields.get("cancelled_by"),
        submitted_at=float(fields["submitted_at"]),
        started_at=float(fields["started_at"]) if "started_at" in fields else None,
        ended_at=float(fields["ended_at"]) if "ended_at" in fields else None,
        progress=Progress(step=int(fields["step"]), total=int(fields["total"])),
        delivered=fields.get("delivered"),
        reports=int(fields.get("reports", 0)),
        report_after=float(fields.get("report_after", 0)),
        handover=Handover.model_validate_json(fields["handover"]) if "handover" in fields else None,
        outcome=Outcome.model_validate_json(fields["outcome"]) if "outcome" in fields else None,
    )
