"""What speaks for and against a result, measured tile by tile on the original's grid, where the light was recorded.

Three questions that RSP and RSE leave open, since both are best for an image that was only enlarged:

- Is there light in the result that the original does not have, or the other way round? (places)
- Does the result lack detail that the original shows? (lost detail)
- Is the original's noise still there, or even sharpened? (noise carried)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, label, maximum_filter, sum_labels

from abbe.comparison.parts import Mask, window
from abbe.comparison.records import Number, Undefined
from abbe.comparison.spectrum import Float, ring_of, ring_sums, transform, twice
from abbe.comparison.squirrel import Sums

#: pixels (standard deviation) over which differences are averaged before they count: about the size of a diffraction-limited spot
SPOT = 1.2
#: standard deviation in pixels beyond which light counts as smooth background
SMOOTH = 12.0
#: a difference counts where it is beyond this many standard deviations of the noise ...
SIGMAS = 6.0
#: ... and this fraction of the signal there, and of the brightest signal within `NEAR` pixels (no Gaussian is a real point-spread
#: function: its misfit is proportional to the structure beside it)
OF_SIGNAL, OF_NEIGHBOUR, NEAR = 0.25, 0.12, 6
#: and this fraction of the contrast of the whole channel
OF_CONTRAST = 0.02
#: the fewest connected pixels of a place; a hot pixel is not one
SMALLEST_PLACE = 4
#: noise in files is correlated from pixel to pixel; spot-sized averages may then vary up to this much more than white noise would
MOST_CORRELATED = 3.0
#: rings from 0 to 1/2 cycles per pixel
RINGS = 32
#: signal stands out of the noise where the spectrum is this many times the floor; noise is alone where it is below the second
SIGNAL, ALONE = 3.0, 1.3
#: rings whose light may be haze: periods of 32 pixels and more
HAZY = 2
#: and noise counts for next to nothing where the spectrum is this many times the floor; in two rings at least
STRONG, RINGS_OF_STRENGTH = 20.0, 2
#: weakest noise that is still noise: its share of the original's variance
FAINTEST = 1e-6
#: structure stands out of the noise where the variance of spot-sized averages exceeds that of noise by this many times its scatter; of
#: 2,100 planes of photon noise of 16 x 16 to 128 x 128 pixels, white or blurred by half a pixel, the highest is at 2.4
STANDS_OUT = 4.0

NO_NOISE = Undefined("the original has no measurable noise")
NO_STRUCTURE = Undefined("no structure stands out of the original's noise")

Counted = TypeVar("Counted", "Spectra", "Places")


def together(parts: Iterable[Counted]) -> Counted:
    """Tiles that were counted by parts, as one."""
    first, *others = parts
    rows = [[getattr(part, f.name) for part in (first, *others)] for f in dataclasses.fields(first)]
    return type(first)(*(sum(row[1:], row[0]) for row in rows))


@dataclass
class Noise:
    """Noise variance against brightness, from second differences, which smooth structure leaves at zero (Immerkaer, CVIU 64:300, 1996)."""

    brightness: list[Float] = field(default_factory=list)
    squares: list[Float] = field(default_factory=list)

    def add(self, plane: Float, most: int, masked: Mask | None = None) -> None:
        """Take up to `most` pixels of a plane, evenly spread, none of them or of their neighbours `masked`."""
        a = plane[:-2] - 2 * plane[1:-1] + plane[2:]
        a = a[:, :-2] - 2 * a[:, 1:-1] + a[:, 2:]
        mean = gaussian_filter(plane, 2.0)[1:-1, 1:-1]
        step = max(1, a.size // most)
        use = slice(None) if masked is None else ~maximum_filter(masked, 3)[1:-1, 1:-1].ravel()[::step]
        self.brightness.append(mean.ravel()[::step][use])
        self.squares.append(a.ravel()[::step][use] / 6.0)

    def model(self) -> tuple[float, float]:
        """(variance at brightness 0, variance per brightness): a line through robust values of up to 12 equal classes."""
        if not any(part.size for part in self.brightness):
            return 0.0, 0.0
        level, value = np.concatenate(self.brightness), np.concatenate(self.squares)
        order = np.argsort(level, kind="stable")
        classes = [part for part in np.array_split(order, 12) if part.size >= 30] or [order]
        x = np.array([float(level[p].mean()) for p in classes])
        v = np.array([(1.4826 * float(np.median(np.abs(value[p])))) ** 2 for p in classes])
        if np.ptp(x) > 0:
            slope = max(float(np.sum((x - x.mean()) * (v - v.mean())) / np.sum((x - x.mean()) ** 2)), 0.0)
        else:
            slope = 0.0
        return float(np.median(v - slope * x)), slope


@dataclass
class Spectra:
    """Ring sums over tiles: powers of original o and result x (at sigma 0), and their product; `carried` is the product without what
    averaging the result's finer pixels took from it."""

    count: Float = field(default_factory=lambda: np.zeros(RINGS))
    oo: Float = field(default_factory=lambda: np.zeros(RINGS))
    xx: Float = field(default_factory=lambda: np.zeros(RINGS))
    ox: Float = field(default_factory=lambda: np.zeros(RINGS))
    carried: Float = field(default_factory=lambda: np.zeros(RINGS))

    def add(self, original: Float, result: Float, averaged: bool, masked: Mask | None = None) -> None:
        """Count one tile; `masked` is True where either has no measured value."""
        clear = window(masked)
        if min(original.shape) < 16 or (clear is not None and clear.sum() < 16**2):
            return
        shape = (original.shape[0], original.shape[1])
        o, x = (transform(plane, clear=clear) for plane in (original, result))
        weight = original.size  # power per place, whatever the tile's size
        self.count += np.bincount(ring_of(shape, RINGS).ravel(), twice(shape).ravel(), RINGS + 1)[:RINGS]
        self.oo += ring_sums(np.abs(o) ** 2, shape, RINGS) / weight
        self.xx += ring_sums(np.abs(x) ** 2, shape, RINGS) / weight
        product = (o * x.conj()).real
        self.ox += ring_sums(product, shape, RINGS) / weight
        self.carried += ring_sums(product / pixel_transfer(shape) if averaged else product, shape, RINGS) / weight

    def floor(self) -> float:
        """Noise power per place: of the finest rings, the median."""
        mean = self.oo / np.maximum(self.count, 1)
        return float(np.median(mean[-RINGS // 6 :]))

    def _signal(self) -> npt.NDArray[np.bool_]:
        signal: npt.NDArray[np.bool_] = (self.oo > SIGNAL * self.floor() * self.count) & (self.count > 0)
        return signal

    def noise(self) -> tuple[Number, Number]:
        """How strongly the original's noise is found in the result, and how much more there is that is not the original's.

        Both relative to how strongly its structure is. In the rings where the original is noise, the first is the factor on it that the
        result shows, <o x*> / <o o*>, times their coherence: faint structure that a good result has there, too, is not coherent with
        the noise around it. The second is the amplitude of what is not coherent.
        """
        reason = self._no_noise()
        scale = self._scale() if reason is None else 0.0
        if reason is None and scale <= 0:
            reason = Undefined("the result does not follow the original")
        if reason is not None:
            return reason, reason
        noise = self._noise()
        oo, xx, ox = (float(sums[noise].sum()) for sums in (self.oo, self.xx, self.ox))
        coherence = ox**2 / (oo * xx) if xx > 0 else 0.0
        return max(self._kept() * coherence, 0.0), math.sqrt(max(xx * (1 - coherence), 0.0) / oo) / scale

    def strength(self, whole: Spectra) -> Number:
        """How bright a frame's structure is in the result, as a multiple of what it is in all frames together (`whole`).

        Of a line fitted to pixels the slope rises with the noise that result and original share; here, rings of structure alone are
        asked, each against what the result shows of that ring in all frames, since a sharper result shows more of the finer ones.
        """
        strong = (self.oo > STRONG * self.floor() * self.count) & (self.count > 0) & (np.arange(RINGS) >= HAZY) & (whole.ox > 0)
        if strong.sum() < RINGS_OF_STRENGTH:
            return Undefined("too little structure stands far out of the noise")
        shown = whole.ox[strong] / (whole.oo - whole.floor() * whole.count)[strong]
        expected = float((shown * (self.oo - self.floor() * self.count)[strong]).sum())
        return float(self.ox[strong].sum()) / expected if expected > 0 else Undefined("the result does not follow the original")

    def _scale(self) -> float:
        """How strongly the original's structure is in the result."""
        signal = self._signal()
        return float(self.ox[signal].sum() / self.oo[signal].sum())

    def _kept(self) -> float:
        """The factor on what the original shows in the rings of its noise, relative to that on its structure."""
        noise, scale = self._noise(), self._scale()
        return float(self.carried[noise].sum() / self.oo[noise].sum()) / scale if scale > 0 else 0.0

    def _noise(self) -> npt.NDArray[np.bool_]:
        alone = (self.oo < ALONE * self.floor() * self.count) & (self.count > 0)
        noise: npt.NDArray[np.bool_] = alone & (np.arange(RINGS) >= RINGS // 4)
        return noise

    def _no_noise(self) -> Undefined | None:
        if not self.oo.sum() > 0:
            return Undefined("the original is constant, or smaller than 16 pixels")
        if self.floor() * self.count.sum() < FAINTEST * self.oo.sum():
            return NO_NOISE
        if not self._signal().any() or self._noise().sum() < 2:
            return Undefined("structure and noise cannot be told apart in the original's spectrum")
        return None

    def sharper(self) -> Number:
        """Standard deviation (original pixels) of the Gaussian by which the result's structure is sharper than the original's.

        Ring by ring, the factor on the original's structure that the result shows is <o x*> / (<o o*> - noise). Noise of the result's own
        does not change it, while it does make a blurred result look more like the original. Noise of the original that the result carries
        is in <o x*>, too, by that product over <o o*> where the original is noise: as much of it is taken off, at most all. Whether the
        two are coherent there is not asked: beside noise of the result's own they are not, though the original's is there as it was; and
        where faint structure made the product, taking it off costs a few hundredths of a pixel. A Gaussian's inverse,
        exp(2 pi^2 sigma^2 f^2), is fitted to it, each ring by its structure's amplitude; without the coarsest, from which haze may have
        been taken.
        """
        signal = self._signal() & (np.arange(RINGS) >= HAZY)
        power = np.where(signal, self.oo - self.floor() * self.count, 0.0)
        use = signal & (self.ox > 0)
        if use.sum() < 3 or use.sum() < 0.8 * signal.sum():
            return Undefined("too little structure stands out of the noise")
        f2 = ((np.flatnonzero(use) + 0.5) / (2 * RINGS)) ** 2
        kept = min(max(self._kept(), 0.0), 1.0) if self._no_noise() is None else 0.0
        structure = self.ox[use] * (1 - kept * (1 - power[use] / self.oo[use]))
        slope = float(np.polyfit(f2, np.log(structure / power[use]), 1, w=np.sqrt(np.sqrt(power[use])))[0])
        return math.sqrt(max(slope, 0.0) / (2 * math.pi**2))

    def lost_detail(self) -> Number:
        """The share of the original's structure that would have to be sharpened back into the result.

        Ring by ring, the best factor on the result's spectrum to predict the original's is H = <o x*> / <x x*>: noise in the original
        does not change it. A result that is sharper than the original needs H < 1; one that is smoother, H > 1.
        """
        signal = self._signal()
        if signal.sum() < 2 or not self.xx[signal].sum() > 0:
            return Undefined("too little structure stands out of the noise")
        factor = np.divide(self.ox, self.xx, out=np.zeros(RINGS), where=self.xx > 1e-12 * self.xx.max())
        power = np.where(signal, self.oo - self.floor() * self.count, 0.0)
        coarse = np.flatnonzero(signal)[: max(2, int(signal.sum()) // 6)]
        base = float(np.average(factor[coarse], weights=power[coarse]))
        if base <= 0:
            return Undefined("the result does not follow the original")
        missing = np.where(factor > base, 1 - base / np.maximum(factor, base), 0.0)
        return float((missing**2 * power).sum() / power.sum())


def pixel_transfer(shape: tuple[int, int]) -> Float:
    """What averaging over a pixel leaves of each frequency of `transform`'s result."""
    transfer: Float = np.sinc(np.fft.fftfreq(shape[0]))[:, None] * np.sinc(np.fft.rfftfreq(shape[1]))
    return transfer


@dataclass
class Places:
    """Where result and original disagree beyond noise and beyond what a Gaussian's misfit explains."""

    number: int = 0
    light: float = 0.0
    signal: float = 0.0
    #: of the differences smoothed to spots, background aside: sum of squares, what noise alone gives, and of the original so smoothed
    left: float = 0.0
    noise: float = 0.0
    structure: float = 0.0
    pixels: int = 0
    #: light of the original and of the fitted result above the darkest of each, both smoothed so far that noise is gone
    light_original: float = 0.0
    light_result: float = 0.0

    def add(
        self, original: Float, fitted: Float, noise: tuple[float, float], contrast: float, inner: tuple[slice, slice], ok: np.ndarray | None
    ) -> None:
        """Count one tile; `fitted` is the result at the original's resolution, gain and offset; `inner` is what counts of it, and `ok` is
        False where either has no measured value: neither shows there, nor into what lies beside, what the other does not."""
        valid = np.zeros(original.shape, bool)
        valid[inner] = True
        if ok is not None:
            valid &= ok
        if not valid.any():
            return
        original = original if ok is None else np.where(ok, original, fitted)
        o, x = gaussian_filter(original, SPOT), gaussian_filter(fitted, SPOT)
        haze = gaussian_filter(original, SMOOTH), gaussian_filter(fitted, SMOOTH)
        x += haze[0] - haze[1]
        deviation = np.sqrt(np.maximum(noise[0] + noise[1] * np.maximum(x, 0), 0) / (4 * math.pi * SPOT**2))
        wider = _wider(o - x, deviation, valid)
        self._count(o, x, SIGMAS * wider * deviation, contrast, valid)
        self.left += float(((o - x)[valid] ** 2).sum())
        self.noise += float((deviation[valid] ** 2).sum()) * wider**2
        self.structure += float(((o - haze[0])[valid] ** 2).sum())
        self.pixels += int(valid.sum())
        self.light_original += float((haze[0] - haze[0][valid].min())[valid].sum())
        self.light_result += float((haze[1] - haze[1][valid].min())[valid].sum())

    def _count(self, o: Float, x: Float, beyond: Float, contrast: float, valid: np.ndarray) -> None:
        """Connected pixels that differ by more than noise (`beyond`), than a misfit beside structure, and than next to nothing."""
        difference = np.abs(o - x)
        signal = np.maximum(o, x) - float(np.percentile(o, 5))
        bar = np.maximum(OF_SIGNAL * signal, OF_NEIGHBOUR * maximum_filter(signal, 2 * NEAR + 1))
        marked = (difference > np.maximum(np.maximum(bar, beyond), OF_CONTRAST * contrast)) & valid
        self.signal += float(np.maximum(signal, 0)[valid].sum())
        labels, count = label(marked)
        if not count:
            return
        places = np.arange(1, count + 1)
        large = sum_labels(marked, labels, places) >= SMALLEST_PLACE
        self.number += int(large.sum())
        self.light += float(sum_labels(difference, labels, places)[large].sum())

    def unexplained(self) -> Number:
        structure = self.structure - self.noise
        scatter = self.noise * math.sqrt(2 / max(self.pixels / (4 * math.pi * SPOT**2), 1))
        if structure <= max(0.02 * self.structure, STANDS_OUT * scatter) or self.pixels == 0:
            return NO_STRUCTURE
        return max(self.left - self.noise, 0.0) / structure

    def unsupported(self) -> Number:
        return self.light / self.signal if self.signal > 0 else Undefined("the original has no light above its background")

    def background_removed(self) -> Number:
        if self.light_original <= 0:
            return Undefined("the original has no light above its darkest parts")
        return min(max(1 - self.light_result / self.light_original, 0.0), 1.0)


def _wider(difference: Float, deviation: Float, valid: np.ndarray) -> float:
    """How much more spot-sized averages vary than white noise would, from their own spread."""
    if not deviation.max() > 0:
        return 1.0
    z = difference[valid] / np.maximum(deviation[valid], 1e-30)
    return min(max(1.4826 * float(np.median(np.abs(z))), 1.0), MOST_CORRELATED)


def possible_rsp(planes: Iterable[Sums], noise: tuple[float, float]) -> Number:
    """The correlation of the original with its own noise-free self: what a perfect result could reach.

    Over planes as RSP is (`Tally.mean`), each about its own mean: by differences of brightness between planes no plane's RSP can gain.
    """
    weights, reached = 0.0, 0.0
    for plane in planes:
        _, variance, _ = plane.moments
        mean = plane.centre[1] + plane.y / max(plane.n, 1)
        # the line is fitted to all planes; a dark one may lie below where it meets 0
        own = max(noise[0] + noise[1] * mean, 0.0) * plane.n
        if variance > 0:
            weights += variance
            reached += variance * math.sqrt(max(1 - own / variance, 0.0))
    return reached / weights if weights > 0 else Undefined("the original is constant")
