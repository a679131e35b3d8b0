"""The error tree of the worker room. Each error knows the outcome code that members see."""

from jobs.models import OutcomeCode


class WorkerError(Exception):
    """Base of every error that the worker room raises on purpose."""

    code = OutcomeCode.INTERNAL


class RendererUnavailable(WorkerError):
    """No renderer answered on its socket in time."""

    code = OutcomeCode.MODEL_UNAVAILABLE


class RendererLost(WorkerError):
    """The renderer closed the connection in the middle of a render: it died."""

    code = OutcomeCode.RENDERER_LOST


class RenderRefused(WorkerError):
    """The pipeline refused the request: it is not something that the model can draw."""

    code = OutcomeCode.RENDER_REFUSED


class RenderFailed(WorkerError):
    """The pipeline broke while it rendered."""

    code = OutcomeCode.RENDER_FAILED


class RendererOutOfMemory(WorkerError):
    """Memory ran out, and again after the renderer had saved where it could."""

    code = OutcomeCode.OUT_OF_MEMORY


class ForbiddenPicture(WorkerError):
    """With what was added to it, the prompt is one that is never drawn: the picture is dropped."""

    code = OutcomeCode.FORBIDDEN


class Cancelled(WorkerError):
    """Somebody cancelled the job while it was drawn."""

    code = OutcomeCode.CANCELLED


class HandedBack(WorkerError):
    """The worker stops, and what it has not drawn is another's to draw: no outcome of the job."""


class Undeliverable(WorkerError):
    """Discord refused the message on every way that we have."""

    code = OutcomeCode.UNDELIVERABLE


class DiscordUnreachable(WorkerError):
    """Discord could not be reached for minutes, or does not know our token: try again later."""

    code = OutcomeCode.UNDELIVERABLE


class BadFrame(WorkerError):
    """What came over the renderer's socket is not a frame of ours."""
