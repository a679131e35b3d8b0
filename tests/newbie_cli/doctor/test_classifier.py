"""`newbie doctor` says whether pictures are looked at before they are posted, and by what."""

import pytest

from newbie_cli.__main__ import main
from newbie_cli.doctor.classifier import check_classifier
from newbie_cli.doctor.findings import Status
from tests.tiny_classifier import make_classifier

KEY = "NEWBIE_WORKER_CLASSIFIER"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    """Read no `.env` of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = make_classifier(tmp_path / "classifier")
    monkeypatch.setenv(KEY, str(path))
    monkeypatch.setenv(f"{KEY}_ADULT_LABELS", "nsfw")
    monkeypatch.setenv(f"{KEY}_THRESHOLD", "0.7")
    return path


def found():
    (finding,) = check_classifier()
    return finding


def test_without_a_classifier_that_is_said():
    assert found().status is Status.SKIPPED
    assert KEY in found().detail


def test_one_that_loads_is_named_with_what_counts_as_adult(folder):
    assert found().status is Status.OK
    assert str(folder) in found().detail
    assert "nsfw at 0.7 or more" in found().detail


def test_one_that_does_not_load_is_a_failure_with_its_reason(folder):
    (folder / "model.safetensors").unlink()
    assert found().status is Status.FAILURE
    assert "model.safetensors" in found().detail
    assert found().fix


def test_a_label_that_it_does_not_know_is_a_failure_that_names_those_it_knows(folder, monkeypatch):
    monkeypatch.setenv(f"{KEY}_ADULT_LABELS", "porn")
    assert found().status is Status.FAILURE
    assert "normal, nsfw" in found().detail


def test_settings_that_cannot_be_read_are_told_elsewhere(folder, monkeypatch):
    monkeypatch.setenv(f"{KEY}_THRESHOLD", "2")
    assert found().status is Status.SKIPPED


@pytest.mark.slow
def test_it_has_its_line_on_the_screen(folder, tiny_model, capsys):
    main(["doctor", "--model", str(tiny_model)])
    assert "ok   classifier" in capsys.readouterr().out
