"""What a renderer measures reaches the worker's first process, over restarts."""

from pathlib import Path

import pytest

from worker.speed_file import SPEED_FILE, Stopwatch, read_speed

PIXELS = 1024 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / SPEED_FILE


def test_the_first_render_of_a_process_is_left_out(path: Path) -> None:
    stopwatch = Stopwatch(path)
    stopwatch.note(PIXELS, 28, 60.0)
    assert read_speed(path) is None
    stopwatch.note(PIXELS, 28, 8.0)
    speed = read_speed(path)
    assert speed
    assert speed.seconds(1, PIXELS // 4096 * 28) == pytest.approx(8.0)


def test_a_renderer_that_is_started_again_goes_on(path: Path) -> None:
    for seconds in (8.0, 9.0):
        stopwatch = Stopwatch(path)
        stopwatch.note(PIXELS, 28, 99.0)
        stopwatch.note(PIXELS, 28, seconds)
    speed = read_speed(path)
    assert speed
    assert 8.0 < speed.seconds(1, PIXELS // 4096 * 28) < 9.0


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"unknown": 1}'])
def test_a_file_that_cannot_be_read_is_as_good_as_none(path: Path, text: str) -> None:
    path.write_text(text)
    assert read_speed(path) is None
    Stopwatch(path)


def test_a_directory_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    stopwatch = Stopwatch(tmp_path / "nowhere" / SPEED_FILE)
    stopwatch.note(PIXELS, 28, 8.0)
    stopwatch.note(PIXELS, 28, 8.0)
