"""The image classifier that a worker would look at pictures with, loaded and asked once."""

from importlib.util import find_spec

from newbie_cli.doctor.findings import Finding, failure, ok, skipped
from newbie_cli.doctor.model import NO_MODEL

NAME = "classifier"


def check_classifier() -> list[Finding]:
    """Look whether one is named, loads, knows its labels and gives an answer."""
    if find_spec("safetensors") is None:
        return []  # the line about the checkpoint says that this machine cannot be a worker
    from jobs.errors import SettingsError
    from jobs.settings import read
    from worker.settings import WorkerSettings

    try:
        settings = read(WorkerSettings)
    except SettingsError as error:
        if str(error) != NO_MODEL:
            return [skipped(NAME, "the worker's settings cannot be read")]
        settings = WorkerSettings(model=".")
    if settings.classifier is None:
        detail = "NEWBIE_WORKER_CLASSIFIER is not set: pictures are posted without a look at them"
        return [skipped(NAME, detail)]
    if find_spec("torch") is None or find_spec("transformers") is None:
        return [skipped(NAME, f"{settings.classifier}: it takes torch and transformers to check")]
    return [_ask(settings.classifier, settings.adult_labels, settings.classifier_threshold)]


def _ask(source: str, labels: tuple[str, ...], threshold: float) -> Finding:
    from PIL import Image

    from newbie_pipeline.errors import ClassifierError
    from newbie_pipeline.image_classifier import ImageClassifier

    try:
        ImageClassifier.load(source, labels).probability(Image.new("RGB", (64, 64), "grey"))
    except ClassifierError as error:
        fix = (
            "Without it the worker draws only where adult pictures may be posted. Correct "
            "NEWBIE_WORKER_CLASSIFIER or its labels; the files have to be on this machine already."
        )
        return failure(NAME, str(error), fix)
    return ok(NAME, f"{source}: {', '.join(labels)} at {threshold:g} or more count as adult")
