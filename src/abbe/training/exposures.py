"""Exposures of fields that stand still: a denoiser learns from them without any clean image.

What one exposure cannot tell of another is the other's noise. A network that is to foretell it, and pays the square of its errors, learns
the mean of what the other may show, which is the specimen (Lehtinen et al., "Noise2Noise: learning image restoration without clean
data", ICML 2018). The more exposures a field has, the less noise is in the mean of the others, and the sooner that is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from abbe.alignment.shifts import between
from abbe.errors import ParameterError
from abbe.image import Image
from abbe.training.files import opened
from abbe.training.plan import PairsPlan
from abbe.training.pool import check_measured
from abbe.training.related import SMALLEST, SMOOTHED, STILL, UNRELATED, likeness
from abbe.training.samples import Pairs, RealPairs, cut_alike, divided, is_lossy

Plane = npt.NDArray[np.float32]

#: exposures of a field that are used, evenly over a longer series: of more the mean of the others gains little
MOST = 8
#: variance of the difference of exposures that follow each other, of that of the first and the last: where less, they share noise.
#: Exposures of their own have 1; running means of two frames 0.5, Kalman-filtered ones less
SHARED = 0.8
#: contrast of an exposure, of that of the mean of all, at least and at most: others have other noise, and hardly the same settings
FAINTEST, STRONGEST = 0.5, 2.0
#: standard errors by which a contrast is beyond these for sure
SURE = 3.0


@dataclass(frozen=True, slots=True)
class Field:
    """(N, Y, X) exposures as recorded, and for each the gain and the offset by which the field's mean becomes it.

    Of 8 and 16 bits they stay so: a hundred series of a camera's fields fill a laptop's memory else.
    """

    frames: npt.NDArray[np.generic]
    gains: tuple[float, ...]
    offsets: tuple[float, ...]

    def one(self, index: int, cut: tuple[slice, slice]) -> Plane:
        """Exposure `index` there."""
        return self.frames[index][cut].astype(np.float32)

    def others(self, index: int, cut: tuple[slice, slice]) -> Plane:
        """The mean of all exposures but `index` there, in that one's counts."""
        mean = np.zeros(self.frames[0][cut].shape, np.float32)
        for i, (gain, offset) in enumerate(zip(self.gains, self.offsets)):
            if i != index:
                mean += (self.one(i, cut) - np.float32(offset)) / np.float32(gain)
        mean /= len(self.frames) - 1
        return np.float32(self.gains[index]) * mean + np.float32(self.offsets[index])


class Exposures:
    """Fields of a plan whose pairs are exposures, divided by file name as `RealPairs`: the last tenth is for validation.

    Raises:
        ParameterError: a file has one exposure, the same one twice, or ones that show something else, that moved or that share their noise.
    """

    def __init__(self, plan: PairsPlan, data: Path, *, validation: bool = False) -> None:
        kept, held = divided(plan, data)
        self.fields: list[Field] = []
        self.lossy: list[str] = []
        self.left_out: list[str] = []
        for path in (held or kept) if validation else kept:
            files = [path] if plan.clean == plan.noisy else [path, data / plan.clean / path.name]
            images = [opened(file) for file in files]
            self.lossy += [file.relative_to(data).as_posix() for file, image in zip(files, images) if is_lossy(image)]
            made = list(_fields(files, images))
            if not made:
                raise ParameterError(
                    f"wanted exposures of at least {SMALLEST} x {SMALLEST} pixels that are not even, got none in {path.name}; take it out"
                )
            self.fields += made

    def pair(self, rng: np.random.Generator, n: int) -> tuple[Plane, Plane, int]:
        """One exposure of a part of a field, the mean of the others, and how many there are in all."""
        field = self.fields[int(rng.integers(len(self.fields)))]
        index = int(rng.integers(len(field.frames)))
        observed, others = cut_alike(rng, field.frames[index].shape, n, lambda cut: (field.one(index, cut), field.others(index, cut)))
        return observed, others, len(field.frames)


def pairs_of(plan: PairsPlan | None, data: Path | None, *, validation: bool) -> Pairs | None:
    """What a plan's real images are to a training, where there are some."""
    if plan is None or data is None:
        return None
    return (Exposures if plan.repeated else RealPairs)(plan, data, validation=validation)


def _fields(files: Sequence[Path], images: Sequence[Image]) -> Iterator[Field]:
    """Every channel and plane of the files of one field."""
    name = files[0].name
    if len({image.shape[1:] for image in images}) > 1:
        raise ParameterError(f"wanted {name} of one size in both folders, got {' and '.join(str(image.shape) for image in images)} (TCZYX)")
    places = [(image, file, t) for image, file in zip(images, files) for t in range(image.shape[0])]
    if len(places) < 2:
        planes = images[0].shape[2]
        stack = f"{planes} planes along z; are they time points? Say so in the file (in Fiji: Image > Properties)" if planes > 1 else ""
        raise ParameterError(f"wanted two exposures or more of the same field (time points) in {name}, got {stack or 'one'}")
    places = [places[i] for i in np.unique(np.linspace(0, len(places) - 1, MOST).round().astype(int))]
    _, channels, depth, height, width = images[0].shape
    if min(height, width) < SMALLEST:
        return
    made, unlike = 0, 0
    for c in range(channels):
        for z in range(depth):
            for image, file, t in places:
                check_measured(image, (t, c, z), file)
            frames = np.stack([_stored(image.plane(t, c, z)) for image, _, t in places])
            if not all(np.ptp(frame) for frame in frames):
                continue
            if any(np.array_equal(one, other) for one, other in combinations(frames, 2)):
                raise ParameterError(
                    f"wanted exposures each with its own noise in {name}, got the same one twice; take one out, or the file"
                )
            if likeness(*(frames[start::2].mean(axis=0, dtype=np.float32) for start in (0, 1))) < UNRELATED:
                unlike += 1  # planes beyond the specimen, and channels without any, show noise alone
                continue
            made += 1
            yield _checked(name, frames)
    if unlike and not made:
        raise ParameterError(
            f"wanted exposures of one field in {name}, got ones that show nothing in common, or noise alone; take the file out"
        )


def _stored(plane: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    return plane if plane.dtype.kind in "ui" and plane.dtype.itemsize <= 2 else plane.astype(np.float32)


def _fit(name: str, frame: npt.NDArray[np.generic], mean: Plane) -> tuple[float, float]:
    """Gain and offset of an exposure against the mean of all: lamps flicker and dyes bleach."""
    one, other = (gaussian_filter(plane.astype(np.float64), SMOOTHED).ravel() for plane in (frame, mean))
    slope, offset = (float(value) for value in np.polyfit(other, one, 1))
    independent = one.size / (4 * math.pi * SMOOTHED**2)  # pixels of that noise
    error = float((one - slope * other - offset).std() / (other.std() * math.sqrt(independent)))
    beyond = max(FAINTEST - slope, slope - STRONGEST)
    if beyond > SURE * error:
        raise ParameterError(
            f"wanted exposures with the same settings in {name}, got one with {slope:.2g} times the contrast of their mean: bleached, "
            "without light, or exposed for another time; take such exposures out, or the file"
        )
    gain = slope if beyond <= 0 else 1.0  # noise alone has none
    return gain, float(one.mean() - gain * other.mean())


def _checked(name: str, frames: npt.NDArray[np.generic]) -> Field:
    """Exposures of one field as such: does it stand still, and has each noise of its own?"""
    half = len(frames) // 2
    first, last = (part.mean(axis=0, dtype=np.float64) for part in (frames[:half], frames[-half:]))
    seen = between(first, last, None)
    by = seen.shift  # as several places tell it alike, twice as sure as their mean is: noise alone has a highest place as well
    if by is not None and math.hypot(*by) > STILL + 2 * (seen.scatter or 0) / math.sqrt(seen.places):
        raise ParameterError(
            f"wanted exposures of what stands still, got ones in {name} of which the last lie {math.hypot(*by):.1f} pixels off the first; "
            "what moves would be learnt as blur: take the file out, or record it again"
        )
    mean = frames.mean(axis=0, dtype=np.float32)
    gains, offsets = zip(*(_fit(name, frame, mean) for frame in frames))
    if len(frames) > 2:
        # what bleaches or flickers is no noise, and is taken out by the gains
        noise = [frame - np.float32(gain) * mean - np.float32(offset) for frame, gain, offset in zip(frames, gains, offsets)]
        near = np.mean([np.var(after - before, dtype=np.float64) for before, after in pairwise(noise)])
        if near < SHARED * np.var(noise[-1] - noise[0], dtype=np.float64):
            raise ParameterError(
                f"wanted exposures each with its own noise in {name}, got ones that are more alike the sooner they follow each other: "
                "running means of frames, or what changes in time; record single exposures of what stands still"
            )
    return Field(frames, gains, offsets)
