"""From light to counts: what a camera does to an expected number of photons.

The noise model is the usual one: Poisson photo-electrons, amplified (an EMCCD doubles the variance, a photomultiplier adds a
fifth to a half; Hirsch et al., PLoS ONE 8:e53671, 2013), Gaussian read noise, a gain and an offset, quantised and clipped. sCMOS
chips have their own offset, gain and read noise in every pixel (Huang et al., Nat Methods 10:653, 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera's constants."""

    #: counts per electron
    gain: float = 2.0
    #: counts without light
    offset: float = 100.0
    #: electrons, root mean square
    read_noise: float = 1.5
    #: variance of the amplified signal over that of plain Poisson: 1 for CCD and sCMOS, 1.2 to 1.5 for photomultipliers, 2 for EMCCD
    excess: float = 1.0
    #: relative spread of the gain, and of the read noise (log-normal), from pixel to pixel
    gain_spread: float = 0.0
    read_spread: float = 0.0
    #: electrons, root mean square, common to a row
    line_noise: float = 0.0
    #: fraction of pixels that shine by themselves
    hot: float = 0.0
    #: frames averaged
    frames: int = 1
    #: largest count
    top: float = 65535.0


def expose(rng: np.random.Generator, photons: npt.NDArray[np.floating], camera: Camera) -> tuple[Plane, Plane]:
    """One exposure of (Y, X) expected photo-electrons: (counts, expected counts).

    Counts are rounded and clipped to [0, top] for a single frame; see `expected_counts`.
    """
    light = np.maximum(photons, 0)
    n = camera.frames
    if camera.excess > 1:  # what n electrons become in an amplifier is gamma distributed: bright single events among many dark pixels
        each = 1 / (camera.excess - 1)
        shots = rng.standard_gamma(rng.poisson(light * n) * each) / each
    else:
        shots = rng.poisson(light * n)
    gain = camera.gain * (1 + rng.normal(0, camera.gain_spread, light.shape) if camera.gain_spread else 1.0)
    spread = np.exp(rng.normal(0, camera.read_spread, light.shape)) if camera.read_spread else 1.0
    electrons = shots / n + rng.normal(0, 1, light.shape) * (camera.read_noise / np.sqrt(n)) * spread
    if camera.line_noise:
        electrons = electrons + rng.normal(0, camera.line_noise / np.sqrt(n), (light.shape[0], 1))
    if camera.hot:
        electrons = electrons + (rng.random(light.shape) < camera.hot) * rng.exponential(
            30 * camera.read_noise + 0.3 * float(light.max()), light.shape
        )
    counts = electrons * gain + camera.offset
    if n == 1:
        counts = np.round(counts)
    return np.clip(counts, 0, camera.top).astype(np.float32), expected_counts(light, camera)


#: electrons in a pixel up to which their number is counted one by one, when the mean of counts that are cut at 0 is taken
COUNTED = 16


def expected_counts(light: npt.NDArray[np.floating], camera: Camera) -> Plane:
    """Mean counts of (Y, X) expected photo-electrons: gain x light + offset, and what read noise gains where counts are cut at 0.

    Electrons are never fewer than 0, so what lies below is read noise alone: over 0, 1, 2... electrons (Poisson), the mean of what a normal
    distribution has below 0. Where that would take more than `COUNTED`, shot noise counts as normal too.
    """
    n = camera.frames
    mean = light * camera.gain + camera.offset
    read = camera.gain * camera.read_noise / np.sqrt(n)
    most = int(np.ceil(n * (4 * camera.read_noise / np.sqrt(n) - camera.offset / camera.gain)))
    if most > COUNTED:
        expected = rectified_mean(mean, camera.gain * np.sqrt((light * camera.excess + camera.read_noise**2) / n))
    else:
        expected, chance = np.array(mean, np.float64), np.exp(-light * n)
        for k in range(most + 1):
            dark = camera.gain * k / n + camera.offset
            expected += chance * float(rectified_mean(np.array(dark), np.array(read)) - dark)
            chance = chance * light * n / (k + 1)
    return np.asarray(np.minimum(expected, camera.top), np.float32)


def rectified_mean(mean: npt.NDArray[np.floating], sigma: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Expectation of max(x, 0) for a normal x: mean Phi(mean/sigma) + sigma phi(mean/sigma)."""
    from scipy.special import ndtr

    u = mean / np.maximum(sigma, 1e-9)
    return np.asarray(mean * ndtr(u) + sigma * np.exp(-np.minimum(u * u, 700) / 2) / np.sqrt(2 * np.pi))
