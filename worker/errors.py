"""The error tree of the worker room. Each error knows the outcome code that members see."""

from typing import TYPE_CHECKING

import discord

from jobs.models import OutcomeCode

if TYPE_CHECKING:
    from worker.presentation import Content


TOO_MANY_REQUESTS = 429


def may_pass(error: discord.HTTPException) -> bool:
    """Tell whether the same call may go well later: Discord is down or wants to be left alone."""
    return error.status >= 500 or error.status == TOO_MANY_REQUESTS


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


class AdditionsRefused(WorkerError):
    """What was added to the prompt is not allowed where the picture goes: it is dropped."""

    code = OutcomeCode.ADDITIONS_REFUSED


class PromptRefused(WorkerError):
    """The rules of the place changed since the prompt was accepted."""

    code = OutcomeCode.PROMPT_REFUSED


class RulesUnreadable(WorkerError):
    """What is set for the place cannot be read: another version wrote it."""

    code = OutcomeCode.SETTINGS_UNREADABLE


class PictureRefused(WorkerError):
    """The classifier found every picture adult, where adult pictures are not posted."""

    code = OutcomeCode.PICTURE_REFUSED


class ClassifierFailed(WorkerError):
    """The classifier cannot look at pictures, so none is posted where it would have to."""

    code = OutcomeCode.CLASSIFIER_FAILED


class Cancelled(WorkerError):
    """Somebody cancelled the job while it was drawn."""

    code = OutcomeCode.CANCELLED


class HandedBack(WorkerError):
    """The worker stops, and what it has not drawn is another's to draw: no outcome of the job."""


class Undeliverable(WorkerError):
    """Discord refused the message on every way that we have.

    `content` is what was refused last: where files were too large, with the smallest ones.
    """

    code = OutcomeCode.UNDELIVERABLE

    def __init__(self, message: str, content: "Content") -> None:
        super().__init__(message)
        self.content = content


class DiscordUnreachable(WorkerError):
    """Discord could not be reached for minutes, or does not know our token: try again later."""

    code = OutcomeCode.UNDELIVERABLE


class BadFrame(WorkerError):
    """What came over the renderer's socket is not a frame of ours."""
