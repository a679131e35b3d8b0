"""The renderer's measured speed, on its way to the worker's first process, which publishes it.

Like the memory plan (`worker.plan_file`) it crosses in a file beside the renderer's socket. The
file holds all that was measured, so that a renderer that is started again goes on from there.
"""

import dataclasses
import json
from pathlib import Path

import structlog

from jobs.cost import TILE_PIXELS, Meter, Speed

log = structlog.get_logger("renderer")

SPEED_FILE = "speed.json"


def read_meter(path: Path) -> Meter:
    """Read what was measured; an empty meter where there is nothing to read."""
    try:
        return Meter(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Meter()


def read_speed(path: Path) -> Speed | None:
    """Give the speed that was measured; None where nothing was yet."""
    return read_meter(path).speed


class Stopwatch:
    """Measures the renders of one renderer process.

    Its first render is left out: it warms the device up, which says nothing about the next.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._meter = read_meter(path)
        self._is_warm = False

    def note(self, pixels: int, steps: int, seconds: float) -> None:
        """Take a finished render into account: pixels of a picture, steps of all pictures."""
        if not self._is_warm:
            self._is_warm = True
            return
        self._meter = self._meter.observe(pixels / TILE_PIXELS * steps, seconds)
        part = self._path.with_suffix(".part")
        try:
            part.write_text(json.dumps(dataclasses.asdict(self._meter)), encoding="utf-8")
            part.replace(self._path)
        except OSError as error:
            log.warning("speed_not_published", reason=str(error))
