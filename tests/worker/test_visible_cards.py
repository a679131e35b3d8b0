"""Which cards a worker may choose among, by what the driver's program says."""

import os
from pathlib import Path

import pytest

from worker.__main__ import RENDERER, children
from worker.settings import WorkerSettings
from worker.visible_cards import VARIABLE, read_answer, visible_cards

TWO = "GPU-1111, Disabled\nGPU-2222, [N/A]\n"


def environment(tmp_path: Path, answer: str | None) -> dict[str, str]:
    """An environment with a driver's program that gives an answer, or with none."""
    if answer is not None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f'#!/bin/sh\nprintf %s "{answer}"\n')
        program.chmod(0o700)
    return {"PATH": f"{tmp_path}{os.pathsep}/bin" if answer is not None else str(tmp_path)}


def test_all_cards_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = environment(tmp_path, TWO)
    monkeypatch.setenv("PATH", values["PATH"])
    assert visible_cards(values) == ["GPU-1111", "GPU-2222"]


@pytest.mark.parametrize("chosen", ["", "0", "GPU-2222"])
def test_where_the_operator_has_chosen_there_is_no_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    values = environment(tmp_path, TWO)
    monkeypatch.setenv("PATH", values["PATH"])
    assert visible_cards({**values, VARIABLE: chosen}) == []


def test_without_a_driver_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_cards({"PATH": str(tmp_path)}) == []


@pytest.mark.parametrize(
    ("answer", "cards"),
    [
        ("", []),
        ("No devices were found", []),
        ("GPU-1111, Enabled\nGPU-2222, Disabled", []),
        ("GPU-1111, Disabled", ["GPU-1111"]),
    ],
)
def test_the_answer_is_read(answer: str, cards: list[str]) -> None:
    assert read_answer(answer) == cards


def test_the_renderer_alone_is_told_of_the_card(tmp_path: Path) -> None:
    settings = WorkerSettings(model=".")
    for card in ("GPU-2222", None):
        told = {one.name: one.env.get(VARIABLE) for one in children(settings, tmp_path, card)}
        assert told.pop(RENDERER) == card
        assert set(told.values()) == {None}
