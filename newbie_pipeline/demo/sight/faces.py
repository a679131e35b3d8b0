"""Find faces: where skin lies as it does in a face, with its holes for eyes and its edge of hair.

The map of skin is compared with the mean ones of the artist's own faces at every place and several
sizes, by their correlation, which neither other skin nor skin-coloured sand reaches.
"""

from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from newbie_pipeline.demo.artist.palette import SKIN
from newbie_pipeline.demo.scene import Accessory, Expression, HairStyle
from newbie_pipeline.demo.sight.lab import Lab, distance, lab_of
from newbie_pipeline.demo.sight.reference import SIDE, Frame, grid, reference

_POINTS = grid(-1.1, 1.1, -0.6, 1.1, 0.1)
# In CIELAB; skin in the light is farther from everything else on a face.
_LIKE_SKIN = 12.0
_UNITS = tuple(SIDE * unit for unit in (0.16, 0.174, 0.19, 0.205, 0.22))
_STEP = 1.5
_LEAST_LIKENESS = 0.42
_LEAST_OF_BEST = 0.6
_APART = 0.25 * SIDE
_MOST_FACES = 2


def find_faces(picture: Lab) -> tuple[Frame, ...]:
    """Give up to two faces of a picture of `SIDE` squared, from left to right."""
    skin = _skin(picture)
    candidates = _candidates()
    likeness = _likeness(skin, candidates)
    found: list[tuple[float, Frame]] = []
    for k in np.argsort(-likeness)[:400]:
        frame = Frame(*candidates[k].tolist())
        if likeness[k] < max(_LEAST_LIKENESS, _LEAST_OF_BEST * (found[0][0] if found else 0)):
            break
        if all(abs(frame.x - other.x) > _APART for _, other in found):
            found.append((float(likeness[k]), frame))
        if len(found) == _MOST_FACES:
            break
    return tuple(sorted(_refined(skin, frame) for _, frame in found))


def _refined(skin: NDArray[np.float32], frame: Frame) -> Frame:
    """Look around a place for the one that fits best, in finer steps."""
    steps = np.array(list(product((-1, -0.5, 0, 0.5, 1), (-1, -0.5, 0, 0.5, 1), (0.95, 1, 1.05))))
    near = np.array(frame) * np.stack([np.ones(len(steps)), np.ones(len(steps)), steps[:, 2]], 1)
    near[:, :2] += steps[:, :2]
    return Frame(*near[int(np.argmax(_likeness(skin, near)))].tolist())


def _skin(picture: Lab) -> NDArray[np.float32]:
    return np.exp(-((distance(picture, lab_of(SKIN.base)) / _LIKE_SKIN) ** 2))


def _likeness(skin: NDArray[np.float32], frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """Give the correlation with a face of what each frame holds."""
    across = np.rint(frames[:, :1] + frames[:, 2:] * _POINTS.x - 0.5).astype(int)
    down = np.rint(frames[:, 1:2] + frames[:, 2:] * _POINTS.y - 0.5).astype(int)
    held = skin[down.clip(0, SIDE - 1), across.clip(0, SIDE - 1)]
    held = held - held.mean(axis=1, keepdims=True)
    # A place without any skin is like nothing.
    size = np.sqrt((held * held).sum(axis=1)) + 1.0
    return (held @ _faces()).max(axis=1) / size


@cache
def _candidates() -> NDArray[np.float32]:
    across = np.arange(0.17 * SIDE, 0.83 * SIDE, _STEP)
    down = np.arange(0.38 * SIDE, 0.58 * SIDE, _STEP)
    return np.array(list(product(across, down, _UNITS)), dtype=np.float32)


@cache
def _faces() -> NDArray[np.float32]:
    """Give the mean maps of skin, of mean 0 and length 1, without glasses and with them."""
    expressions = (Expression.SMILE, Expression.SAD, Expression.HAPPY, Expression.SURPRISED)
    maps = []
    for worn in (Accessory.NONE, Accessory.GLASSES):
        looks = ({"hair_style": a, "expression": b} for a in HairStyle for b in expressions)
        mean = np.mean([_skin(reference(_POINTS, accessory=worn, **each)) for each in looks], 0)
        mean -= mean.mean()
        maps.append(mean / np.sqrt((mean * mean).sum()))
    return np.stack(maps, axis=1).astype(np.float32)
