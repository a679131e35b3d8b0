"""CIELAB: colours as people tell them apart, from sRGB with its white point D65."""

import numpy as np
from numpy.typing import NDArray

Lab = NDArray[np.float32]

# IEC 61966-2-1 and CIE 15; the rows give X, Y and Z relative to the white point.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_TO_XYZ /= _TO_XYZ.sum(axis=1, keepdims=True)
_EDGE = (6 / 29) ** 3


def to_lab(rgb: NDArray[np.floating]) -> Lab:
    """Give L, a and b of colours whose last axis is R, G and B from 0 to 1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    root = np.where(xyz > _EDGE, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def lab_of(color: str) -> Lab:
    """Give L, a and b of a colour that is written as #rrggbb."""
    return to_lab(np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255)


def distance(first: Lab, second: Lab) -> NDArray[np.float32]:
    """Give the distance of colours, CIE 1976; 2.3 is about what people just notice."""
    apart = first - second
    return np.sqrt((apart * apart).sum(axis=-1))
