"""Slices through stacks that are blurred and sampled more coarsely along z, with the isotropic truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from abbe.optics import expose
from abbe.simulation.pairs import random_camera

Generator = np.random.Generator
Volume = npt.NDArray[np.float32]


def blurred_stack(rng: Generator, volume: Volume) -> tuple[Volume, float]:
    """Expected light of an isotropic `volume` (Z, Y, X) through a PSF longer along z, and the z-step in voxels of the stack to take."""
    lateral = rng.uniform(0.7, 2.0)
    axial = lateral * rng.uniform(1.6, 4.5)
    light = gaussian_filter(volume, (axial, lateral, lateral), mode="nearest")
    if rng.random() < 0.5:  # the cone of light above and below: wider planes add up
        wide = gaussian_filter(volume, (2.2 * axial, 2.5 * lateral, 2.5 * lateral), mode="nearest")
        share = rng.uniform(0.05, 0.4)
        light = (1 - share) * light + share * wide
    step = float(rng.choice((1.0, 2.0, 3.0, 4.0, 5.0, rng.uniform(1.0, 6.0))))
    return light, step


def to_isotropic(stack: Volume, step: float) -> Volume:
    """Linear interpolation along z: input plane k at k * step, output plane j at j, round((n - 1) * step) + 1 planes."""
    planes = round((len(stack) - 1) * step) + 1
    at = np.minimum(np.arange(planes) / step, len(stack) - 1)
    low = np.minimum(at.astype(int), max(len(stack) - 2, 0))
    share = (at - low).astype(np.float32)[:, None, None]
    high = np.minimum(low + 1, len(stack) - 1)
    return np.asarray(stack[low] * (1 - share) + stack[high] * share, np.float32)


def sample_planes(light: Volume, step: float) -> Volume:
    """Planes of `light` at 0, step, 2 step, ... voxels."""
    if step == int(step):
        return light[:: int(step)]
    at = np.arange(0, len(light) - 1 + 1e-9, step)
    z, y, x = np.meshgrid(at, np.arange(light.shape[1]), np.arange(light.shape[2]), indexing="ij")
    return np.asarray(map_coordinates(light, [z, y, x], order=1), np.float32)


@dataclass(frozen=True, slots=True)
class BlurredStack:
    """A specimen (Z, Y, X), isotropic, the light of it that arrives at each plane, and the z-step (voxels) at which planes are taken."""

    specimen: Volume
    light: Volume
    step: float

    @classmethod
    def of(cls, rng: Generator, specimen: Volume) -> BlurredStack:
        return cls(specimen, *blurred_stack(rng, specimen))


def axial_pair(rng: Generator, volume: Volume, n: int, neighbours: int) -> tuple[Volume, npt.NDArray[np.float32], float]:
    """A slice of a stack of `volume` through random optics, and the stack's z-step in voxels: see `axial_slice`."""
    stack = BlurredStack.of(rng, volume)
    return *axial_slice(rng, stack, n, neighbours), stack.step


def axial_slice(rng: Generator, stack: BlurredStack, n: int, neighbours: int) -> tuple[Volume, npt.NDArray[np.float32]]:
    """A slice across planes: (neighbours, n, n) observed after linear interpolation along z, and the (n, n) truth.

    Rows are z, columns x; the truth is the middle slice of the specimen. Both in counts above the camera's offset plus offset.
    The noise is as left by a denoiser: what is left of it is low and smooth within planes, independent between them.
    """
    half = neighbours // 2
    y = int(rng.integers(half, stack.light.shape[1] - half))
    rows = slice(max(y - half - 4, 0), min(y + half + 5, stack.light.shape[1]))
    planes = sample_planes(stack.light[:, rows], stack.step)
    photons, camera = 10 ** rng.uniform(1.5, 3.3), random_camera(rng, plain=True)
    counts, expected = expose(rng, planes.reshape(-1, planes.shape[2]) * photons, camera)
    counts, expected = counts.reshape(planes.shape), expected.reshape(planes.shape)
    left = gaussian_filter(counts - expected, (0, rng.uniform(0.7, 2.0), rng.uniform(0.7, 2.0)))
    iso = to_isotropic(expected + left * rng.uniform(0.3, 1.0), stack.step)
    truth = stack.specimen[: len(iso), y] * photons * camera.gain + camera.offset
    middle = y - rows.start
    slices = np.moveaxis(iso[:, middle - half : middle + half + 1], 1, 0)
    slices, truth = _fit(slices, n), _fit(truth[None], n)
    x = int(rng.integers(0, slices.shape[2] - n + 1))
    z = int(rng.integers(0, slices.shape[1] - n + 1))
    return slices[:, z : z + n, x : x + n].astype(np.float32), truth[0, z : z + n, x : x + n].astype(np.float32)


def _fit(a: Volume, n: int) -> Volume:
    """Edge-extended to at least n rows and columns."""
    more = [(0, 0)] + [(0, max(0, n - s)) for s in a.shape[1:]]
    return np.pad(a, more, mode="edge")
