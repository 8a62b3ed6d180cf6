"""Do a noisy and a clean image show the same field, and in the same place? What does not is learnt as blur, or as light to be erased."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, median_filter

from abbe.alignment.shifts import AGREE, FEWEST, MOST_OF, between
from abbe.comparison.records import Undefined
from abbe.comparison.registration import displacement
from abbe.errors import ParameterError
from abbe.image import Image
from abbe.restoration.noise import cut, noise_of

Plane = npt.NDArray[np.float32]

#: sides that a real pair has at least
SMALLEST = 32
#: a pair correlates by more than this between those Gaussians (pixels): of W2S by 0.93 at least, by 0.24 with noise ten times the signal.
#: Other fields by 0.05 at most, without the wider one by up to 0.5: all fields are dark at their edges. Through the finer one
#: both are seen when they are fitted
UNRELATED, SMOOTHED, EVENED = 0.1, 2.0, 16.0
#: structure is plain where that share of pixels lies, between those Gaussians, more than so many standard deviations of noise off the
#: mean: of noise alone 0.02 at most. Then at least 0.64 of the variance there is structure, and true pairs correlate by as much; other
#: fields of 64 x 64 pixels by 0.25 at most, of larger ones by less. Smaller ones tell neither
PLAIN, BEYOND, APART, TELLING = 0.05, 6.0, 0.3, 64
#: pixels by which a clean image may lie off its noisy one, and the last exposures off the first: half the width of the sharpest PSF that
#: cameras sample. Pairs of W2S, FMD and Hagen et al. lie 0.01 to 0.21 off
STILL = 0.5
#: standard errors by which a shift is beyond that for sure; of n places or pairs that tell it, an error is taken 1 + OF_FEW / (n - 1) times
#: as large as they scatter: the scatter of a few says little of itself
SURE, OF_FEW = 3.0, 4.0
#: planes of a channel of a file in which the shift is measured
MOST = 8


@dataclass(frozen=True, slots=True)
class Related:
    """A plane of a pair: (Y, X) noisy, as recorded, and clean, fitted to it.

    Attributes:
        file: both have that name. place: which channel, plane and time point of it, in words; empty where there is one.
        channel: index of the channel.
        alike: see `likeness`; before they were fitted, as they are alike.
        apart: both show plain structure, and not the same.
    """

    file: str
    place: str
    channel: int
    noisy: Plane
    clean: Plane
    alike: float
    apart: bool

    @property
    def named(self) -> str:
        return f"{self.file} ({self.place})" if self.place else self.file


@dataclass(frozen=True, slots=True)
class _Shift:
    """(y, x) in pixels by which a clean plane lies below and right of its noisy one, and the standard error; None: of one place alone."""

    at: tuple[float, float]
    error: float | None


def fitted(file: str, place: tuple[int, int, int], image: Image, noisy: npt.NDArray[Any], clean: npt.NDArray[Any]) -> Related:
    """The plane (t, c, z) of a pair, of which `image` is one, the clean one fitted to the noisy one."""
    # noise that the clean one still has would make its contrast look too large, and the fit take contrast away
    noisy_smooth, clean_smooth = (gaussian_filter(plane.astype(np.float64), SMOOTHED).ravel() for plane in (noisy, clean))
    gain, offset = np.polyfit(clean_smooth, noisy_smooth, 1)
    alike = likeness(noisy, clean)
    apart = alike < APART and is_plain(noisy) and is_plain(clean)
    made = (gain * clean + offset).astype(np.float32)
    return Related(file, _in_words(image, place), place[1], np.asarray(noisy, np.float32), made, alike, apart)


def likeness(noisy: npt.NDArray[Any], clean: npt.NDArray[Any]) -> float:
    """Correlation of what both have coarser than most of their noise and finer than their illumination."""
    a, b = (_band(plane.astype(np.float64)) for plane in (noisy, clean))
    if not (np.ptp(a) and np.ptp(b)):
        return 0.0
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def is_plain(plane: npt.NDArray[Any]) -> bool:
    """Has it structure that no noise is taken for: hot pixels are none, and noise may be smeared from pixel to pixel."""
    if min(plane.shape) < TELLING:
        return False
    seen = median_filter(plane.astype(np.float64), 3)
    noise = noise_of(cut(seen))
    # of white noise blurred by a Gaussian of that variance, what is left behind a wider one
    smeared = 1 / (4 * math.pi)
    if 0 < noise.correlation < 1:
        smeared = max(smeared, -1 / (4 * math.log(noise.correlation)))
    left = noise.sigma * math.sqrt(smeared / (smeared + SMOOTHED**2))
    return bool((np.abs(_band(seen)) > BEYOND * left).mean() > PLAIN)


def _band(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = gaussian_filter(plane, SMOOTHED) - gaussian_filter(plane, EVENED)
    return found


def check_related(planes: Sequence[Related], noisy: Path, clean: Path) -> None:
    """Raises `ParameterError` where planes show something else than their clean ones, or the same in another place.

    Planes of a file that show noise alone, in either image, are nothing against the file.
    """
    # first, as what lies far off is not alike either
    _check_shifts([plane for plane in planes if plane.alike >= UNRELATED or plane.apart], noisy, clean)
    files = list(dict.fromkeys(plane.file for plane in planes))
    unrelated = [name for name in files if max(plane.alike for plane in planes if plane.file == name) < UNRELATED]
    if unrelated:
        raise ParameterError(
            f"wanted noisy and clean images of the same fields, got {listed(unrelated)}, which show nothing in common; give files of "
            "one field the same name, or take these out"
        )
    apart = [plane.named for plane in planes if plane.apart]
    if apart:
        raise ParameterError(
            f"wanted noisy and clean images of the same fields, got ones in {noisy} and {clean} that show something else: "
            f"{listed(apart)}; put channels and planes into the same order in both, or take these files out"
        )


def _check_shifts(planes: Sequence[Related], noisy: Path, clean: Path) -> None:
    """Raises `ParameterError` where a clean image surely lies off its noisy one: a channel of one file, or of most files alike.

    Where a plane has several places that tell its shift alike, their scatter tells how sure it is. Smaller and noisier ones have one number
    each, and are sure together: a camera or a filter that is set otherwise moves all images alike.
    """
    found: dict[tuple[str, int], list[_Shift]] = {}
    for key in dict.fromkeys((plane.file, plane.channel) for plane in planes):
        of_it = [plane for plane in planes if (plane.file, plane.channel) == key]
        chosen = np.unique(np.linspace(0, len(of_it) - 1, MOST).round().astype(int))
        found[key] = [shift for shift in (_shift(of_it[i]) for i in chosen) if shift is not None]
    wrong = {}
    for key, shifts in found.items():
        sure = [math.hypot(*shift.at) for shift in shifts if shift.error is not None and _is_off(shift.at, shift.error)]
        if sure and 2 * len(sure) > sum(shift.error is not None for shift in shifts):
            wrong[key] = float(np.median(sure))
    for channel in {plane.channel for plane in planes}:
        of_all = {key: [shift.at for shift in shifts] for key, shifts in found.items() if key[1] == channel and shifts}
        together = _together([at for shifts in of_all.values() for at in shifts])
        if together is not None and _is_off(*together):
            wrong |= {
                key: math.hypot(*np.median(shifts, axis=0))
                for key, shifts in of_all.items()
                if key not in wrong and math.dist(np.median(shifts, axis=0), together[0]) <= AGREE
            }
    if wrong:
        several = len({plane.channel for plane in planes}) > 1
        names = [
            f"{file} ({f'channel {channel + 1}, ' if several else ''}{far:.1f} pixels)" for (file, channel), far in sorted(wrong.items())
        ]
        raise ParameterError(
            f"wanted clean images in {clean} that lie on the noisy ones in {noisy} to {STILL:g} pixels, got ones that lie off: "
            f"{listed(names)}; this would be learnt as blur: lay them on one another (in Fiji: Plugins > Registration), record them again, "
            "or take these files out"
        )


def _shift(plane: Related) -> _Shift | None:
    """Where the clean one lies against the noisy one; None where that cannot be told."""
    noisy, clean = (part.astype(np.float64) for part in (plane.noisy, plane.clean))
    seen = between(noisy, clean, None)
    if seen.shift is not None:
        return _Shift(seen.shift, _error(seen.scatter or 0.0, seen.places))
    whole = displacement(clean, noisy)
    return None if isinstance(whole, Undefined) else _Shift(whole, None)


def _together(shifts: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], float] | None:
    """The shift that most of several have, and its standard error."""
    if len(shifts) < FEWEST:
        return None
    every = np.array(shifts)
    middle = np.median(every, axis=0)
    near = every[np.hypot(*(every - middle).T) <= AGREE]
    if len(near) < max(FEWEST, MOST_OF * len(every)):
        return None
    y, x = np.median(near, axis=0)
    return (float(y), float(x)), _error(float(np.sqrt(((near - (y, x)) ** 2).sum(axis=1).mean())), len(near))


def _error(scatter: float, count: int) -> float:
    """Standard error of the shift that `count` places or pairs tell with that scatter (root-mean-square), larger of a few."""
    return scatter / math.sqrt(count - 1) * (1 + OF_FEW / (count - 1))


def _is_off(at: tuple[float, float], error: float) -> bool:
    return math.hypot(*at) > STILL + SURE * error


def _in_words(image: Image, place: tuple[int, int, int]) -> str:
    """Which channel, plane and time point, of those of which there are several; counted from 1, as Fiji does."""
    frames, channels, depth = image.shape[:3]
    t, c, z = place
    parts = ((channels, "channel", c), (depth, "plane", z), (frames, "time point", t))
    return ", ".join(f"{name} {index + 1}" for count, name, index in parts if count > 1)


def listed(names: Sequence[str]) -> str:
    """A few of them, and how many more there are."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
