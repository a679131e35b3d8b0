"""What a worker says of itself: its device, model, memory plan and speed, and what it can do.

A renderer describes itself (`Description`); its worker adds a name, the speed that was measured and
the time, and publishes the whole as its sign of life (`jobs.presence`). What another version wrote
beside the fields known here is left out; a worker of which nothing can be read counts as one that
can do everything.
"""

import json
import time
from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from jobs.capability import ANYTHING, Capability
from jobs.cost import Speed
from jobs.models import Frozen

MAX_NAME = 200


class Readable(Frozen):
    """A frozen model that leaves out what it does not know: bots and workers differ in version."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Device(Readable):
    """What pictures are drawn on: the name of a GPU and its memory in bytes, or the CPU."""

    name: str = Field(max_length=MAX_NAME)
    memory: int | None = Field(None, ge=0)


class Description(Readable):
    """What a renderer says of itself; None where it has not said.

    `plan` is its memory plan as plain data (`newbie_pipeline.memory.table`), predicted and, after
    its first picture, measured.
    """

    device: Device | None = None
    model: str | None = Field(None, max_length=MAX_NAME)
    model_hash: str | None = Field(None, max_length=MAX_NAME)
    plan: dict[str, Any] | None = None
    capability: Capability = ANYTHING


class Registration(Description):
    """One worker, and when it last gave a sign of life (seconds since 1970)."""

    name: str
    speed: Speed | None = None
    seen_at: float = Field(default_factory=time.time)


def registration(
    name: str, description: Description | None = None, speed: Speed | None = None
) -> Registration:
    """Put together what a worker says of itself now."""
    said = Description() if description is None else description
    return Registration(name=name, speed=speed, **dict(said))


def read_registration(name: str, seen_at: float, text: bytes | str | None) -> Registration:
    """Read what a worker published; one whose words are lost or unknown has said nothing."""
    try:
        if text is not None:
            found = Registration.model_validate_json(text)
            return found.model_copy(update={"name": name, "seen_at": seen_at})
    except ValidationError:
        pass  # another version wrote it
    return Registration(name=name, seen_at=seen_at)


def read_older(
    name: str, seen_at: float, plan: bytes | str | None, speed: bytes | str | None
) -> Registration:
    """Read what a worker of a version before registrations published: its plan and its speed.

    Such a worker takes any job; its plan tells whether it can help with prompts.
    """
    said = _object(plan)
    cannot_assist = said is not None and said.get("assist") is False
    return Registration(
        name=name,
        seen_at=seen_at,
        plan=said,
        speed=_speed(speed),
        capability=Capability(assist=not cannot_assist),
    )


def _speed(text: bytes | str | None) -> Speed | None:
    try:
        return None if text is None else Speed.model_validate_json(text)
    except ValidationError:
        return None


def _object(text: bytes | str | None) -> dict[str, Any] | None:
    try:
        found = None if text is None else json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
