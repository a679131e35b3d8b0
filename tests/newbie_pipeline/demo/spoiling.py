"""Spoil a drawing as a small autoencoder does: soft edges and grain, at a given PSNR."""

import numpy as np
from PIL import Image


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Give the peak signal-to-noise ratio of two pictures of bytes, in dB."""
    return float(10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2)))


def spoiled(picture: np.ndarray, seed: int, decibels: float = 31.0) -> np.ndarray:
    """Mix in the picture from two thirds of its size, then grain, until the PSNR is as wanted."""
    side = picture.shape[0]
    small = Image.fromarray(picture).resize((side * 2 // 3,) * 2, Image.Resampling.BILINEAR)
    soft = np.asarray(small.resize((side,) * 2, Image.Resampling.BICUBIC)).astype(float)
    sharp = picture.astype(float)
    allowed = 255**2 / 10 ** (decibels / 10)
    # Seven tenths of the error are softness, if the picture has so much to lose.
    share = min(1.0, np.sqrt(0.7 * allowed / np.mean((soft - sharp) ** 2)))
    mixed = sharp + share * (soft - sharp)
    grain = np.sqrt(max(0.0, allowed - np.mean((mixed - sharp) ** 2)))
    noise = np.random.default_rng(seed).normal(0, grain, mixed.shape)
    return (mixed + noise).clip(0, 255).round().astype(np.uint8)
