"""Sorts finished pictures with an image-classification model of transformers.

- Loading is offline and strict: a folder, or a repository of the hub that lies in this machine's
  cache; safetensors only, no code of the repository, every key there and none left over.
- It computes on the CPU in float32, so it takes nothing of the device that the memory plan counts.
"""

from collections.abc import Sequence
from typing import Any, Self

from PIL import Image

from newbie_pipeline.errors import ClassifierError
from newbie_pipeline.render import let_waiting_threads_sleep

# Scores of a model that gives each label a probability of its own.
_INDEPENDENT = "multi_label_classification"


class ImageClassifier:
    """A loaded model, and the labels that are looked for."""

    def __init__(self, model: Any, processor: Any, wanted: tuple[int, ...]) -> None:
        self._model, self._processor, self._wanted = model, processor, wanted

    @classmethod
    def load(cls, source: str, labels: Sequence[str]) -> Self:
        """Load a model and find the labels in it, whatever their case.

        Raises ClassifierError where anything is missing, damaged or not known to transformers.
        """
        let_waiting_threads_sleep()
        import transformers  # noqa: PLC0415
        from safetensors import SafetensorError  # noqa: PLC0415

        # Nobody watches it in a worker's log.
        transformers.logging.disable_progress_bar()
        offline = {"local_files_only": True, "trust_remote_code": False}
        try:
            processor = transformers.AutoImageProcessor.from_pretrained(
                source, backend="pil", **offline
            )
            model, report = transformers.AutoModelForImageClassification.from_pretrained(
                source,
                dtype="float32",
                use_safetensors=True,
                output_loading_info=True,
                **offline,
            )
        except (
            *(OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError),
            SafetensorError,
        ) as error:
            raise ClassifierError(f"{source}: {_first_line(error)}") from error
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
            if found := report.get(kind):
                name = kind.removesuffix("_keys").replace("error_msgs", "error")
                raise ClassifierError(f"{source}: {name}: {sorted(map(str, found))[0]}")
        return cls(model.eval(), processor, _find(source, model.config, labels))

    def probability(self, image: Image.Image) -> float:
        """Give how likely a picture has one of the labels: the sum of their probabilities.

        Raises ClassifierError where no number comes out.
        """
        import torch  # noqa: PLC0415

        inputs = self._processor(images=image.convert("RGB"), return_tensors="pt")
        with torch.inference_mode():
            logits = self._model(**inputs).logits[0].double()
        if self._model.config.problem_type == _INDEPENDENT:
            shares = logits.sigmoid()
        else:
            shares = logits.softmax(-1)
        probability = float(shares[list(self._wanted)].sum())
        if not 0 <= probability < float("inf"):
            raise ClassifierError("the model's answer is not a number")
        return probability


def _find(source: str, config: Any, labels: Sequence[str]) -> tuple[int, ...]:
    """Give the numbers of labels; one that the model does not know would never be found."""
    known = {str(label).casefold(): int(number) for number, label in config.id2label.items()}
    if len(known) < 2:
        raise ClassifierError(f"{source}: a model with one label tells nothing apart")
    missing = [label for label in labels if label.casefold() not in known]
    if missing or not labels:
        names = ", ".join(map(str, config.id2label.values()))
        raise ClassifierError(f"{source}: no label {', '.join(missing)}; it knows {names}")
    return tuple(sorted({known[label.casefold()] for label in labels}))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
