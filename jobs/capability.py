"""What a worker can draw, and what a job needs; a decision without any I/O.

A worker says what it can when it registers (`jobs.presence`) and each time it asks for a job
(`jobs.line`): a job that it cannot do keeps its place for a worker that can.
"""

from collections.abc import Iterable

from pydantic import Field

from jobs.models import Frozen, RenderRequest
from newbie_pipeline.prompt.assist import AssistMode


class Needs(Frozen):
    """What a job needs of a worker; `model` None is any."""

    pixels: int = Field(ge=0)
    assist: bool = False
    model: str | None = None


class Capability(Frozen):
    """What a worker can do; None is no limit to `max_pixels` (of one picture), and any `model`."""

    max_pixels: int | None = Field(None, ge=0)
    assist: bool = True
    model: str | None = None

    def can(self, needs: Needs) -> bool:
        """Tell whether a job is for this worker."""
        return (
            (self.max_pixels is None or needs.pixels <= self.max_pixels)
            and (self.assist or not needs.assist)
            and (None in (needs.model, self.model) or needs.model == self.model)
        )


# A worker that says nothing can do everything, as those of earlier versions.
ANYTHING = Capability()


def needs_of(request: RenderRequest) -> Needs:
    """Tell what a request needs."""
    return Needs(
        pixels=request.size.width * request.size.height,
        assist=request.assist is not AssistMode.OFF,
        model=request.model,
    )


def someone_can(needs: Needs, workers: Iterable[Capability]) -> bool:
    """Tell whether any of the workers can do a job."""
    return any(worker.can(needs) for worker in workers)
