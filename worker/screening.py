"""What the renderer lets through: additions to prompts, and pictures.

A picture that the classifier finds adult leaves this process only for a place that is open for
adult pictures. It fails closed: while a classifier is named and cannot be loaded, nothing is even
drawn for other places, and where it breaks over a picture, the whole job fails. Without a
classifier every picture is let through.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Self

import structlog

from jobs.admission import PromptRules
from jobs.rating import RatingRefusal
from jobs.settings_table import Rating
from worker.errors import ClassifierFailed, ForbiddenPicture, PictureRefused
from worker.settings import WorkerSettings

if TYPE_CHECKING:
    from PIL.Image import Image

    from newbie_pipeline.image_classifier import ImageClassifier

log = structlog.get_logger("renderer")


class Screen:
    """Looks at pictures with a classifier, or at none where no classifier is named."""

    def __init__(
        self,
        classifier: "ImageClassifier | None" = None,
        threshold: float = 1.0,
        *,
        is_broken: bool = False,
    ) -> None:
        self._classifier, self._threshold = classifier, threshold
        self._is_broken = is_broken

    @classmethod
    def load(cls, settings: WorkerSettings) -> Self:
        """Load the classifier that the settings name; one that cannot be loaded is logged."""
        if settings.classifier is None:
            return cls()
        from newbie_pipeline.image_classifier import ImageClassifier  # noqa: PLC0415

        try:
            classifier = ImageClassifier.load(settings.classifier, settings.adult_labels)
        except Exception as error:  # the edge of the process: whatever it is, nothing gets past
            log.error("classifier_not_loaded", reason=str(error))
            return cls(is_broken=True)
        log.info("classifier_ready", labels=settings.adult_labels)
        return cls(classifier, settings.classifier_threshold)

    def check_ready(self, allowed: Rating) -> None:
        """Look before anything is drawn whether its pictures could be looked at.

        Raises:
            ClassifierFailed: they would have to be, and cannot.
        """
        if self._is_broken and allowed is not Rating.ADULT:
            raise ClassifierFailed("the classifier was not loaded")

    def look(self, images: "Sequence[Image]", allowed: Rating) -> list[bool]:
        """Tell for each picture whether it may leave this process.

        Raises:
            PictureRefused: none may.
            ClassifierFailed: the classifier cannot tell.
        """
        self.check_ready(allowed)
        if self._classifier is None or allowed is Rating.ADULT:
            return [True] * len(images)
        try:
            shown = [self._classifier.probability(image) < self._threshold for image in images]
        except Exception as error:  # as above: whatever it is, nothing gets past
            log.exception("classifier_failed")
            raise ClassifierFailed("the classifier broke") from error
        if not any(shown):
            raise PictureRefused("the classifier found every picture adult")
        return shown


def additions_allowed(rules: PromptRules, negative_prompt: str) -> Callable[[str], bool]:
    """Make the question whether a prompt with an addition may be drawn.

    It raises ForbiddenPicture for one that is never drawn, which ends the render.
    """

    def allows(prompt: str) -> bool:
        refusal = rules.refuse(prompt, negative_prompt)
        if refusal is not None and refusal.code is RatingRefusal.FORBIDDEN:
            raise ForbiddenPicture("additions made the prompt one that is never drawn")
        return refusal is None

    return allows
