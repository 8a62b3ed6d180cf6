"""A super-resolved image, seen through the lens again, is no stronger at any frequency than the image it was made of.

A network sees a patch, guesses how wide the lens's point-spread function is, and sharpens some frequencies more and others less than any
one lens would ask for. How much the result, blurred and binned again, differs from what the network saw is known far better from a whole
image than from a patch: for each spatial frequency f below the camera's limit, over all blocks of the image,

    c(f) = sum Re(M conj(Y)) / sum |M|^2,

with M the spectrum of the result on the camera's pixels, blurred by a Gaussian as wide as the lens's point-spread function, and Y that of
what the network saw. Where image and result rise and fall together, and not with noise, the result's part at f is multiplied by c(f)
where that is below 1.

The width is the one that somebody knows; else the one at which c comes nearest to 1 over all frequencies, the one that the network seems to
have had in mind, drawn half way towards `USUAL_MOST` where it is wider: a network that takes a soft specimen's softness for the lens's
sharpens too much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from abbe.image.pixels import Array, ArrayPixels, Pixels, ScratchPixels, Shape, put, scratch
from abbe.optics.psf import FWHM
from abbe.optics.width import NARROWEST, WIDEST
from abbe.restoration.resampling import EnlargedPixels
from abbe.restoration.tiles import Tile

#: sides of the blocks whose spectra are taken (pixels), and at most how many along an axis of a plane
BLOCK, MOST = 128, 20
#: standard deviation, in pixels of the result, of the Gaussian through which it is brought to the camera's pixels without aliases
SOFTENED, TAPS = 1.6, 5
#: share of the raw image that is no noise, at a frequency, from which on it counts, and counts in full: the lesser of the squared coherence
#: of result and raw image, and of what the step before left of the raw image, which is what it took for signal
COUNTS, IN_FULL = 0.4, 0.8
#: a frequency is weakened by at most this, and never strengthened: told too wide a PSF, that would draw ripples around everything, as was
#: seen on mitochondria; under the true one it brings 0.1 dB at best
LEAST_FACTOR, MOST_FACTOR = 0.5, 1.0
#: rings of frequencies, 1 / BLOCK wide, that stay as they are, up to 1 / 16 per pixel: the mean, and haze, of which a network may rightly
#: have taken some. Measured: flat specimens lose nothing by it, a hazy cell gains a little
KEPT = 8
#: PSF width (standard deviation, pixels) above which one that nobody knows is doubted: the geometric mean of those of a 60x/1.4 lens (0.7)
#: and of a 100x/1.4 one (1.2) before 6.5 um pixels
USUAL_MOST = 0.92
#: variance that a square pixel adds to a PSF, pixels squared
PIXEL = 1 / 12
#: pixels and rows that are worked on at once, at most and at least, and reach of the filter, in pixels
BAND, LEAST_ROWS, REACH = 2**20, 16, 24
#: share of a block's raw image that the step before must have left, in the rings from `KEPT` to three times that, for it to hold signal
SIGNAL = 0.2
TINY = float(np.finfo(np.float64).tiny)

Rings = npt.NDArray[np.float64]

_WINDOW = np.hanning(BLOCK + 2)[1:-1]
_DISTANCE = np.hypot(np.fft.fftfreq(BLOCK)[:, None], np.fft.rfftfreq(BLOCK))
_RING = np.minimum(np.round(_DISTANCE * BLOCK).astype(np.int64), BLOCK // 2).ravel()
#: of a half spectrum, all but the first and last column stand for two frequencies
_TWICE = np.broadcast_to(np.where(np.isin(np.arange(BLOCK // 2 + 1), (0, BLOCK // 2)), 1.0, 2.0), _DISTANCE.shape).ravel()
#: cycles per pixel of each ring
FREQUENCIES: Rings = np.arange(BLOCK // 2 + 1) / BLOCK


def on_camera(result: Array, scale: int) -> npt.NDArray[np.float32]:
    """(scale H, scale W) -> (H, W): through a Gaussian of `SOFTENED` result pixels, at the middle of each camera pixel; mirrored beyond the
    edges."""
    taps = np.exp(-0.5 * (np.arange(-TAPS, TAPS + 1) / SOFTENED) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    middle = scale // 2
    out = np.asarray(result, np.float32)
    for axis in (0, 1):
        edges = [(0, 0), (0, 0)]
        edges[axis] = (TAPS, TAPS)
        wide = np.pad(out, edges, mode="symmetric" if out.shape[axis] <= TAPS else "reflect")
        stop = out.shape[axis]
        parts = (
            wide[k + middle : k + middle + stop : scale] if axis == 0 else wide[:, k + middle : k + middle + stop : scale]
            for k in range(len(taps))
        )
        total: npt.NDArray[np.float32] | None = None
        for tap, part in zip(taps, parts):
            total = tap * part if total is None else total + tap * part
        assert total is not None
        out = total
    return out


@dataclass(slots=True)
class Spectra:
    """What is known of one channel: for each plane sums over blocks, per ring, of Re(M conj Y), |M|^2, Re(M conj R), Re(Y conj R), |R|^2.

    R is the raw image's spectrum.

    All spectra are taken before the lens's blur, which is then a factor per ring.
    """

    planes: list[Rings] = field(default_factory=list)

    def add(self, made: Pixels, seen: Pixels, raw: Pixels, plane: tuple[int, int, int]) -> None:
        """A plane (t, c, z) of `made`, the result on the camera's pixels (`on_camera`).

        What the network saw of it and the raw image are (1, 1, 1, H, W), in the same unit.
        """
        blocks = []
        for top in _starts(made.shape[3]):
            for left in _starts(made.shape[4]):
                m, y, r = (_spectrum(_block(a, at, top, left)) for a, at in ((made, plane), (seen, (0, 0, 0)), (raw, (0, 0, 0))))
                rows = ((m * y.conj()).real, _power(m), (m * r.conj()).real, (y * r.conj()).real, _power(r), _power(y))
                blocks.append([np.bincount(_RING, row.ravel() * _TWICE, len(FREQUENCIES)) for row in rows])
        found = np.array(blocks)
        found = found[np.isfinite(found).all(axis=(1, 2))]
        left_of_raw = found[:, 3, KEPT : 3 * KEPT].sum(axis=1) / np.maximum(found[:, 4, KEPT : 3 * KEPT].sum(axis=1), TINY)
        found = found[left_of_raw > SIGNAL]
        if len(found):
            self.planes.append(_even(found, power=5)[:5])

    @property
    def sums(self) -> Rings:
        """Over all planes."""
        return _even(np.array(self.planes), power=1) if self.planes else np.zeros((5, len(FREQUENCIES)))

    def counts(self) -> Rings:
        """How much each ring counts, 0 to 1."""
        _, made, made_raw, seen_raw, raw = self.sums
        coherence = made_raw * np.abs(made_raw) / np.maximum(made * raw, TINY)
        share = np.clip((np.minimum(coherence, seen_raw / np.maximum(raw, TINY)) - COUNTS) / (IN_FULL - COUNTS), 0, 1)
        share[:KEPT] = 0
        return np.asarray(share, np.float64)

    def factors(self, width: float, scale: int) -> Rings:
        """c(f), for a lens whose PSF has a standard deviation of `width` camera pixels."""
        left = width**2 + PIXEL - (SOFTENED / scale) ** 2
        with_seen, made = self.sums[:2]
        blurred = np.exp(-2 * np.pi**2 * left * FREQUENCIES**2)
        return np.asarray(with_seen / np.maximum(made * blurred, TINY), np.float64)

    def width(self, scale: int) -> float | None:
        """The PSF's width, camera pixels, with which the result agrees best with the image; None where too little of it counts."""
        weights = self.counts()
        if weights.sum() < 1:
            return None
        grid = np.linspace(np.log(NARROWEST), np.log(WIDEST), 64)
        cost = np.array([(weights * np.clip(_log(self.factors(np.exp(g), scale)), -1, 1) ** 2).sum() for g in grid])
        best = int(np.argmin(cost))
        if 0 < best < len(grid) - 1:  # the lowest point of a parabola: it does not jump from one step to the next
            below, here, above = cost[best - 1 : best + 2]
            bend = below - 2 * here + above
            shift = 0.5 * (below - above) / bend if bend > 0 else 0.0
            return float(np.exp(grid[best] + shift * (grid[1] - grid[0])))
        return float(np.exp(grid[best]))

    def added(self, width: float, scale: int) -> Rings:
        """c(f) - 1, as far as each ring counts, smoothed over rings: what is added of the result's own part at f."""
        factors = 1 + (np.clip(self.factors(width, scale), LEAST_FACTOR, MOST_FACTOR) - 1) * self.counts()
        smooth = np.convolve(np.pad(factors, 2, mode="edge"), np.array((1, 4, 6, 4, 1)) / 16, "valid")
        smooth[:KEPT] = 1
        return np.asarray(smooth - 1, np.float64)


def usual(width: float) -> float:
    """A width that nobody knows, half way (in octaves) to `USUAL_MOST` where it is more."""
    return width if width <= USUAL_MOST else USUAL_MOST * (width / USUAL_MOST) ** 0.5


class Agreement:
    """Gathers, tile by tile, what agreement takes, and brings it about.

    Args:
        shape: (T, C, Z, Y, X) of what the network sees.
        scale: pixels of the result per pixel, along y and x.
    """

    def __init__(self, shape: Shape, scale: int) -> None:
        self.scale = scale
        self.channels = [Spectra() for _ in range(shape[1])]
        self._made = scratch(shape, np.float32)
        self._seen, self._raw, self._change = (scratch((1, 1, 1, *shape[3:]), np.float32) for _ in range(3))

    def add(self, plane: tuple[int, int, int], tile: Tile, made: Array, seen: Array, raw: Array) -> None:
        """A tile of the plane (t, c, z): the result (scale H, scale W), what the network saw and the raw image, (H, W), all normalised."""
        kept, (y, x) = tile.kept(1), tile.place(1)
        for target, (t, c, z), values in (
            (self._made, plane, on_camera(made, self.scale)),
            (self._seen, (0, 0, 0), seen),
            (self._raw, (0, 0, 0), raw),
        ):
            put(target, (slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), y, x), values[kept][None, None, None])

    def end(self, plane: tuple[int, int, int]) -> None:
        """All tiles of the plane (t, c, z) are there."""
        self.channels[plane[1]].add(self._made, self._seen, self._raw, plane)

    def reach(
        self, estimate: ArrayPixels | ScratchPixels, psf: Sequence[float | None], units: Sequence[float], alive: Callable[[], None]
    ) -> dict[str, Any]:
        """Make every plane of `estimate`, (T, C, Z, scale Y, scale X) in the image's units, agree; returns what is to be recorded.

        Args:
            psf: standard deviation of each channel's PSF in pixels; None, or nothing at all, where nobody knows.
            units: of each channel's normalisation.
            alive: called now and then; raises where the run is to stop.
        """
        t, _, z = self._made.shape[:3]
        taken: list[float | None] = []
        for j, spectra in enumerate(self.channels):
            known = psf[j] if psf else None
            fitted = spectra.width(self.scale)
            width = None if fitted is None else usual(fitted) if known is None else min(max(known, NARROWEST), WIDEST)
            taken.append(None if width is None else round(float(FWHM) * width, 3))
            if width is None:
                continue
            kernel = _kernel(spectra.added(width, self.scale), self.scale)
            for i, k in np.ndindex(t, z):
                self._agree(estimate, (i, j, k), kernel, np.float32(units[j]), alive)
        return {"agrees_at_fwhm_pixels": taken}

    def _agree(
        self, estimate: ArrayPixels | ScratchPixels, plane: tuple[int, int, int], kernel: Array, unit: np.float32, alive: Callable[[], None]
    ) -> None:
        """Add to a plane what the filter makes of it on the camera's pixels, band by band."""
        from scipy.signal import oaconvolve  # slow to load, and Workflow B and all that only starts do without

        height, width = self._made.shape[3:]
        t, c, z = (slice(k, k + 1) for k in plane)
        one, everything = slice(0, 1), slice(0, width)
        columns = _mirrored(-REACH, width + REACH, width)
        step, total = max(LEAST_ROWS, BAND // width), 0.0
        for top in range(0, height, step):
            alive()
            stop = min(top + step, height)
            rows = _mirrored(top - REACH, stop + REACH, height)
            first = int(rows.min())
            band = self._made.read((t, c, z, slice(first, int(rows.max()) + 1), everything))[0, 0, 0]
            filtered = oaconvolve(band[np.ix_(rows - first, columns)], kernel, mode="valid").astype(np.float32)
            put(self._change, (one, one, one, slice(top, stop), everything), filtered[None, None, None])
            total += float(filtered.sum(dtype=np.float64))
        even = np.float32(total / (height * width))  # next to nothing, which edges make; the mean of a plane stays
        enlarged = EnlargedPixels(self._change, self.scale)
        for top in range(0, height * self.scale, step):
            alive()
            place = (slice(top, min(top + step, height * self.scale)), slice(0, width * self.scale))
            put(estimate, (t, c, z, *place), estimate.read((t, c, z, *place)) + unit * (enlarged.read((one, one, one, *place)) - even))


def _even(found: Rings, power: int) -> Rings:
    """The sum of (N, K, rings), in which at each frequency none of the N counts more than the median one, by the power in row `power`.

    So a bright object decides little elsewhere. Measured: without this bound results are no better.
    """
    share = np.minimum(1, np.median(found[:, power], axis=0) / np.maximum(found[:, power], TINY))
    return np.asarray(np.einsum("nr,nkr->kr", share, found), np.float64)


def _block(pixels: Pixels, plane: tuple[int, int, int], top: int, left: int) -> Array:
    """Up to BLOCK x BLOCK pixels of a plane."""
    t, c, z = (slice(k, k + 1) for k in plane)
    height, width = pixels.shape[3:]
    block: Array = pixels.read((t, c, z, slice(top, min(top + BLOCK, height)), slice(left, min(left + BLOCK, width))))[0, 0, 0]
    return block


def _kernel(added: Rings, scale: int) -> npt.NDArray[np.float32]:
    """(2 REACH + 1, 2 REACH + 1): the filter in space. What softening, and the linear interpolation that follows, weaken is made up for."""
    fy, fx = np.fft.fftfreq(BLOCK)[:, None], np.fft.rfftfreq(BLOCK)
    distance = np.hypot(fy, fx)
    lost = np.exp(-2 * np.pi**2 * (SOFTENED / scale) ** 2 * distance**2) * np.sinc(fy) ** 2 * np.sinc(fx) ** 2
    response = np.interp(distance, FREQUENCIES, added, right=0.0) / lost
    kernel = np.fft.fftshift(np.fft.irfft2(response, (BLOCK, BLOCK)))
    middle = slice(BLOCK // 2 - REACH, BLOCK // 2 + REACH + 1)
    cut = kernel[middle, middle] * (np.hanning(2 * REACH + 3)[1:-1, None] * np.hanning(2 * REACH + 3)[1:-1])
    return np.asarray(cut - cut.mean(), np.float32)  # what is even stays


def _starts(length: int) -> list[int]:
    """Where blocks start along an axis: half overlapping, evenly."""
    if length <= BLOCK:
        return [0]
    count = min(MOST, -(-2 * (length - BLOCK) // BLOCK) + 1)
    return sorted({round(start) for start in np.linspace(0, length - BLOCK, count).tolist()})


def _spectrum(block: Array) -> npt.NDArray[np.complexfloating]:
    """(BLOCK, BLOCK / 2 + 1), of a block of up to BLOCK x BLOCK pixels without its mean, in a window."""
    h, w = block.shape
    rows, columns = (_WINDOW if n == BLOCK else np.hanning(n + 2)[1:-1] for n in (h, w))
    window = rows[:, None] * columns
    out = np.zeros((BLOCK, BLOCK))  # double precision: a pixel of 1e30 is a number yet
    out[:h, :w] = (block - float((block * window).sum() / window.sum())) * window
    return np.asarray(fft.rfft2(out))


def _power(spectrum: npt.NDArray[np.complexfloating]) -> Rings:
    return np.asarray(spectrum.real.astype(np.float64) ** 2 + spectrum.imag.astype(np.float64) ** 2)


def _log(values: Rings) -> Rings:
    return np.asarray(np.log(np.maximum(values, TINY)))


def _mirrored(start: int, stop: int, length: int) -> npt.NDArray[np.int64]:
    """Indices start to stop of an axis that goes on beyond its ends as its mirror image, as often as it takes."""
    if length == 1:
        return np.zeros(stop - start, np.int64)
    period = 2 * (length - 1)
    i = np.abs(np.arange(start, stop)) % period
    return np.where(i < length, i, period - i)
