"""Finished pictures are sorted by a real model, and one that is not sound is not loaded."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from newbie_pipeline.errors import ClassifierError
from newbie_pipeline.image_classifier import ImageClassifier
from tests.tiny_classifier import make_classifier

WHITE, BLACK = (Image.new("RGB", (48, 64), colour) for colour in ("white", "black"))
THREE = {0: "drawing", 1: "neutral", 2: "porn"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_classifier(tmp_path / "classifier")


def test_a_white_picture_has_the_label_and_a_black_one_has_not(folder: Path) -> None:
    classifier = ImageClassifier.load(str(folder), ["nsfw"])
    assert classifier.probability(WHITE) > 0.99
    assert classifier.probability(BLACK) < 0.01
    transparent = Image.new("RGBA", (16, 16), "black")
    assert classifier.probability(transparent) < 0.01


def test_probabilities_of_several_labels_are_added_up(tmp_path: Path) -> None:
    folder = str(make_classifier(tmp_path / "three", THREE))
    one = ImageClassifier.load(folder, ["neutral"]).probability(BLACK)
    assert one == pytest.approx(0.5, abs=0.01)
    assert ImageClassifier.load(folder, ["neutral", "DRAWING"]).probability(BLACK) > 0.99
    assert ImageClassifier.load(folder, list(THREE.values())).probability(WHITE) == pytest.approx(1)
    assert ImageClassifier.load(folder, ["porn", "Porn"]).probability(WHITE) <= 1


def test_labels_that_do_not_exclude_each_other_have_probabilities_of_their_own(
    tmp_path: Path,
) -> None:
    folder = str(make_classifier(tmp_path / "many", THREE, "multi_label_classification"))
    both = ImageClassifier.load(folder, ["neutral", "drawing"])
    assert both.probability(BLACK) > 1.9
    assert both.probability(WHITE) < 0.01


def forget(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, data: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return damage


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    return damage


def pickle_instead(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-64])


HEAD = "classifier.weight"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (forget("config.json"), "config.json"),
        (forget("preprocessor_config.json"), "image processor"),
        (forget("model.safetensors"), "model.safetensors"),
        (write("config.json", b"{"), "line 1"),
        (write("config.json", b'{"model_type": "gemma3_text"}'), "Gemma3TextConfig"),
        (write("model.safetensors", b"\x00" * 64), ""),
        (cut_short, ""),
        (pickle_instead, "model.safetensors"),
        (weights(lambda tensors: tensors.pop(HEAD)), f"missing: {HEAD}"),
        (weights(lambda tensors: tensors.update(more=torch.zeros(1))), "unexpected: more"),
        (weights(lambda tensors: tensors.update({HEAD: torch.zeros(3, 4)})), ""),
    ],
)
def test_a_checkpoint_that_is_not_whole_is_not_loaded(
    folder: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(folder)
    with pytest.raises(ClassifierError) as refusal:
        ImageClassifier.load(str(folder), ["nsfw"])
    assert said in str(refusal.value)
    assert str(folder) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("source", ["nobody/no-such-model", "/nowhere/model", "./model", ""])
def test_what_is_not_on_this_machine_is_not_fetched(source: str) -> None:
    with pytest.raises(ClassifierError):
        ImageClassifier.load(source, ["nsfw"])


def test_code_that_comes_with_a_model_is_not_run(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "run"
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    config = json.loads((folder / "config.json").read_text())
    auto_map = {"AutoConfig": "own.Config", "AutoModelForImageClassification": "own.Model"}
    (folder / "config.json").write_text(
        json.dumps({**config, "model_type": "own", "auto_map": auto_map})
    )
    with pytest.raises(ClassifierError):
        ImageClassifier.load(str(folder), ["nsfw"])
    assert not mark.exists()


@pytest.mark.parametrize("labels", [["porn"], ["nsfw", "porn"], []])
def test_a_label_that_the_model_does_not_know_is_refused(folder: Path, labels: list[str]) -> None:
    with pytest.raises(ClassifierError, match="normal, nsfw"):
        ImageClassifier.load(str(folder), labels)


def test_a_model_that_tells_nothing_apart_is_refused(tmp_path: Path) -> None:
    folder = make_classifier(tmp_path / "one", {0: "nsfw"})
    with pytest.raises(ClassifierError, match="one label"):
        ImageClassifier.load(str(folder), ["nsfw"])


def test_an_answer_that_is_no_number_is_no_answer(folder: Path) -> None:
    weights(lambda tensors: tensors[HEAD].fill_(math.nan))(folder)
    classifier = ImageClassifier.load(str(folder), ["nsfw"])
    with pytest.raises(ClassifierError, match="not a number"):
        classifier.probability(BLACK)
