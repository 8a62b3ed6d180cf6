"""Slices through stacks that are blurred and sampled more coarsely along z, with the isotropic truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from abbe.optics import expose
from abbe.optics.stack_blur import COARSEST_STEP, FINEST_STEP, FLOOR, StackBlur, sharpen_stack, to_even
from abbe.simulation.pairs import random_camera
from abbe.simulation.volumes import uneven_volume

Generator = np.random.Generator
Volume = npt.NDArray[np.float32]


def blurred_stack(rng: Generator, volume: Volume) -> tuple[Volume, float, StackBlur]:
    """Expected light of an isotropic `volume` (Z, Y, X) through a PSF longer along z, the z-step to take (voxels), and the blur."""
    lateral = rng.uniform(0.7, 2.0)
    axial = lateral * rng.uniform(1.6, 4.5)
    light = gaussian_filter(volume, (axial, lateral, lateral), mode="nearest")
    if rng.random() < 0.5:  # the cone of light above and below: wider planes add up
        wide = gaussian_filter(volume, (2.2 * axial, 2.5 * lateral, 2.5 * lateral), mode="nearest")
        share = rng.uniform(0.05, 0.4)
        light = (1 - share) * light + share * wide
    step = float(rng.choice((1.0, 2.0, 3.0, 4.0, 5.0, rng.uniform(FINEST_STEP, COARSEST_STEP))))
    return light, step, StackBlur(lateral, axial)


def sample_planes(light: Volume, step: float) -> Volume:
    """Planes of `light` at 0, step, 2 step, ... voxels."""
    if step == int(step):
        return light[:: int(step)]
    at = np.arange(0, len(light) - 1 + 1e-9, step)
    z, y, x = np.meshgrid(at, np.arange(light.shape[1]), np.arange(light.shape[2]), indexing="ij")
    return np.asarray(map_coordinates(light, [z, y, x], order=1), np.float32)


#: slices across planes that a training stack has, and those on both sides that only serve to deblur them
SLICES, MARGIN = 20, 8
#: how far off the estimate of the axial blur may be, as factors
MISJUDGED = (0.85, 1.1)
#: share of stacks of which the blur could not be told: they are not deblurred beforehand
UNTOLD = 0.1
#: share of stacks whose label is uneven: beside what is a thousand times brighter, what is dim is still there
UNEVEN = 0.35
#: share of stacks that end within the specimen, and of its planes that are beyond either end, at most
ENDS, BEYOND = 0.5, 0.3
#: share of stacks that were not denoised before
RAW = 0.15
#: share of slices that lie at the edge of their stack and go on mirrored, as an engine shows them, and by how much of them, at most
AT_EDGE, MIRRORED = 0.25, 0.3


@dataclass(frozen=True, slots=True)
class BlurredStack:
    """Some slices of a stack: what the camera gave after interpolation along z, and the isotropic truth, both (Z, slices, X), in counts.

    The noise is as left by a denoiser: what is left of it is low and smooth within planes, independent between them.
    """

    observed: Volume
    truth: Volume
    #: z-step in voxels
    step: float
    #: the observed stack deblurred as `abbe.optics.stack_blur` does, with a width that is about right; None where that is not wanted
    sharp: Volume | None = None

    @classmethod
    def of(cls, rng: Generator, specimen: Volume, *, sharpen: bool = False) -> BlurredStack:
        """Slices somewhere in an isotropic `specimen` (Z, Y, X) through random optics and a random camera."""
        uneven = rng.random() < UNEVEN
        if uneven:
            specimen = uneven_volume(rng, specimen)
        light, step, blur = blurred_stack(rng, specimen)
        if rng.random() < ENDS:
            kept_planes = _ends(rng, len(specimen))
            light, specimen = light[kept_planes], specimen[kept_planes]
        first = int(rng.integers(0, max(light.shape[1] - SLICES, 0) + 1))
        rows = slice(max(first - MARGIN, 0), first + SLICES + MARGIN)
        kept = slice(first - rows.start, first - rows.start + SLICES)
        planes = sample_planes(light[:, rows], step)
        photons, camera = 10 ** rng.uniform(1.5, 4.3 if uneven else 3.3), random_camera(rng, plain=True)
        counts, expected = expose(rng, planes.reshape(-1, planes.shape[2]) * photons, camera)
        counts, expected = counts.reshape(planes.shape), expected.reshape(planes.shape)
        noise = counts - expected
        if rng.random() >= RAW:
            noise = gaussian_filter(noise, (0, rng.uniform(0.7, 2.0), rng.uniform(0.7, 2.0))) * rng.uniform(0.3, 1.0)
        seen = np.asarray(expected + noise, np.float32)
        even = to_even(seen, step)
        truth = specimen[: len(even), first : first + SLICES] * photons * camera.gain + camera.offset
        return cls(even[:, kept], truth.astype(np.float32), step, _sharpened(rng, seen, even, step, blur)[:, kept] if sharpen else None)


def _ends(rng: Generator, depth: int) -> slice:
    """The planes that a stack has of a specimen that goes on above and below."""
    below, above = (int(rng.integers(0, int(BEYOND * depth) + 1)) for _ in range(2))
    return slice(below, depth - above)


def _sharpened(rng: Generator, seen: Volume, even: Volume, step: float, blur: StackBlur) -> Volume:
    if rng.random() < UNTOLD:
        return even
    excess = float(np.sqrt(blur.axial**2 - blur.lateral**2)) * float(rng.uniform(*MISJUDGED))
    floor, top = np.percentile(seen, (FLOOR, 99.9))
    return sharpen_stack(seen, step, StackBlur.of_excess(excess), float(floor), max(float(top - floor), 1e-6))


def axial_pair(
    rng: Generator, volume: Volume, n: int, neighbours: int, *, sharpen: bool = False
) -> tuple[Volume, npt.NDArray[np.float32], float]:
    """A slice of a stack of `volume` through random optics, and the stack's z-step in voxels: see `axial_slice`."""
    stack = BlurredStack.of(rng, volume, sharpen=sharpen)
    return *axial_slice(rng, stack, n, neighbours), stack.step


def axial_slice(rng: Generator, stack: BlurredStack, n: int, neighbours: int) -> tuple[Volume, npt.NDArray[np.float32]]:
    """A slice across planes: (neighbours, n, n) observed, and the (n, n) truth of the middle one.

    Rows are z, columns x. Where the stack has been deblurred, the middle slice of that comes along behind the neighbours.
    """
    half = neighbours // 2
    y = int(rng.integers(half, stack.observed.shape[1] - half))
    parts = [stack.observed[:, y - half : y + half + 1], stack.truth[:, y : y + 1]]
    if stack.sharp is not None:
        parts.insert(1, stack.sharp[:, y : y + 1])
    cut = _part(rng, np.moveaxis(np.concatenate(parts, 1), 1, 0), n).astype(np.float32)
    return cut[:-1], cut[-1]


def _part(rng: Generator, slices: Volume, n: int) -> Volume:
    """(slices, n, n): a part anywhere, mirrored beyond the edges where what there is is smaller, or, at times, at an edge."""
    for axis in (1, 2):
        size = slices.shape[axis]
        start = int(rng.integers(0, max(size - n, 0) + 1))
        if rng.random() < AT_EDGE or size < n:
            beyond = int(rng.integers(0, max(int(MIRRORED * n), n - size) + 1))
            start = -beyond if rng.random() < 0.5 else size - n + beyond
        place = np.arange(start, start + n)
        place = np.abs(place) % (2 * (size - 1))
        slices = slices.take(np.where(place < size, place, 2 * (size - 1) - place), axis)
    return slices
