"""Drawings to train on, made once: scenes that training may see, their pictures, where faces are.

Picture `index` shows the scene of seed `first + index`. The pictures lie in one file of bytes,
which is mapped and not read, so that a machine with little memory can train as well.
"""

import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from newbie_pipeline.demo.drawings import draw
from newbie_pipeline.demo.sampling import sample_scene
from newbie_pipeline.demo.scene import Position, Scene

CHUNK = 16
# Middle of the head and half its width, as shares of the picture.
_ALONE = {Position.LEFT: 0.285, Position.CENTER: 0.5, Position.RIGHT: 0.715}
_TOGETHER = {Position.LEFT: 0.252, Position.RIGHT: 0.748}

Face = tuple[float, float, float]


class PicturePool:
    """Pictures size x size x 3 by index, with their scenes."""

    def __init__(self, pictures: NDArray[np.uint8], first: int) -> None:
        self._pictures = pictures
        self.first = first
        self.size = pictures.shape[1]
        self.scenes = [sample_scene(first + index) for index in range(len(pictures))]

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self._pictures[index]

    def chunk(self, start: int, count: int) -> NDArray[np.uint8]:
        """Give some pictures in a row."""
        return self._pictures[start : start + count]

    def faces(self, index: int) -> list[Face]:
        """Give the faces of a picture: middle across, middle down, half the head's width."""
        return faces_of(self.scenes[index])

    def face_mask(self, index: int) -> NDArray[np.float32]:
        """Give 1 where eyes and mouth are, else 0, size x size."""
        mask = np.zeros((self.size, self.size), np.float32)
        for x, y, unit in self.faces(index):
            rows = [round((y + share * unit) * self.size) for share in (-0.3, 0.9)]
            columns = [round((x + share * unit) * self.size) for share in (-0.9, 0.9)]
            mask[slice(*rows), slice(*columns)] = 1.0
        return mask


def faces_of(scene: Scene) -> list[Face]:
    """Give where a scene's faces are, give or take what differs from drawing to drawing."""
    alone = len(scene.figures) == 1
    places = _ALONE if alone else _TOGETHER
    y, unit = (0.45, 0.212) if alone else (0.515, 0.174)
    return [(places[figure.position], y, unit) for figure in scene.figures]


def make_pool(
    path: Path,
    count: int,
    size: int,
    *,
    first: int,
    processes: int,
    on_drawn: Callable[[int], None] = lambda _count: None,
) -> PicturePool:
    """Draw `count` pictures into a file, in several processes, or take what is there already.

    What `on_drawn` raises ends it; nothing is there then.
    """
    shape = (count, size, size, 3)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.unfinished")
        file = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
        starts = range(0, count, CHUNK)
        work = partial(_drawn, size=size, first=first, count=count)
        # Not forked: torch's threads are running here.
        pool = ProcessPoolExecutor(processes, get_context("spawn"), _ignore_interrupts)
        try:
            for start, pictures in zip(starts, pool.map(work, starts), strict=True):
                file[start : start + len(pictures)] = pictures
                on_drawn(len(pictures))
        finally:
            pool.shutdown(cancel_futures=True)
        file.flush()
        unfinished.replace(path)
    pictures = np.load(path, mmap_mode="r")
    if pictures.shape != shape:
        raise ValueError(f"{path} holds pictures of another number or size")
    return PicturePool(pictures, first)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one that trains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _drawn(start: int, *, size: int, first: int, count: int) -> NDArray[np.uint8]:
    seeds = [first + index for index in range(start, min(start + CHUNK, count))]
    return np.stack([draw(sample_scene(seed), seed, size) for seed in seeds])
