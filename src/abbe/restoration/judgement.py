"""After a run: is the result better than its input, and does it agree with it?

The result is made into what the microscope would have seen of it: blurred by a Gaussian, binned to the input's pixels, scaled and shifted,
plus, where light from out of focus was removed, broad blurs of itself for that light and a smooth surface for uneven illumination and glow;
width and factors are fitted. What is compared is smoothed, so that the input's noise counts little, and what is left of that is not held
against the result. (After the resolution-scaled Pearson correlation and error of Culley et al. 2018,
doi 10.1038/nmeth.4605; `abbe.compare` measures these in full.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.polynomial.legendre import legvander
from scipy.ndimage import gaussian_filter

from abbe.errors import ParameterError
from abbe.image import Image
from abbe.image.foreign import kind
from abbe.image.inspection import fill_from_around
from abbe.restoration.blurring import blurred
from abbe.restoration.noise import cut, noise_of, without_surface

#: side of the part that is compared, in input pixels
SIDE = 256
#: smoothing before comparing (input pixels), and the factor by which it lowers white noise: 1 / (2 sqrt(pi) SMOOTH)
SMOOTH = 2.0
QUIETER = 1 / (2 * np.sqrt(np.pi) * SMOOTH)
#: correlation of neighbours above which they are nearly one pixel
ALIKE = 0.95
#: widths of blur that are tried (input pixels)
BLURS = (0.0, 0.4, 0.7, 1.0, 1.3, 1.7, 2.2, 2.8)
#: widths of the light from out of focus (input pixels)
HAZE = (6.0, 16.0, 40.0)
#: degree of the surface that takes up illumination and glow: what is broader than a quarter of the part is no structure
DEGREE = 4
#: agreement below which a result is doubtful
AGREEMENT = 0.9
#: structure is there when the smoothed input varies by this many times its remaining noise. Measured on 493 planes of real microscopes: 1.1
#: to 1.3 where there is none; a few of the dimmest single frames lie between that and 2
STRUCTURE = 2.0
#: and from this on where the result agrees with it: what is drawn into noise alone does not
PERHAPS = 1.5
#: where the input shows none: share of its smoothed noise from which on the result shows something, of which nobody can say whether it is
#: there. Of noise alone the networks leave 0.13 to 0.23
DRAWN = 0.3
#: noise left, relative to the input's, below which an image was improved
QUIET = 0.8
#: share of the blocks, the flattest of the result, in which noise is compared
FLAT = 0.25
#: a result that must be blurred by more than this (input pixels) to look like the input is sharper than it
SHARPER = 0.5
#: input pixels a side, and in all without masked ones, below which nothing can be told from chance
LEAST_SIDE, LEAST = 16, 1000
#: frames of a series that are looked at, the first and the last among them; but for the middle one, a part of half the side
FRAMES = 5

#: what part of the brightest pixel is no variation: of constant pixels single precision leaves some
ROUNDING = 1e-6

#: how a doubt begins that is none about the result
UNJUDGED = "it cannot be judged"

Word = Literal["improved", "unchanged", "doubtful"]
Plane = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChannelVerdict:
    """One channel.

    Attributes:
        word: "improved", "unchanged" or "doubtful".
        reason: why, in one sentence.
        agreement: Pearson correlation of the smoothed input with what the microscope would have seen of the result, as it would be without
            the input's noise; None where the input has no structure above its noise.
        blur: Gaussian width (input pixels) that makes the result look like the input.
        noise_before, noise_after: standard deviations in flat parts, on the input's pixels, in its units.
    """

    word: Word
    reason: str
    agreement: float | None
    blur: float
    noise_before: float
    noise_after: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """All channels that were worked on; `word` and `reason` are those of the worst."""

    channels: dict[str, ChannelVerdict]

    @property
    def worst(self) -> str:
        order = ("doubtful", "unchanged", "improved")
        return min(self.channels, key=lambda name: order.index(self.channels[name].word))

    @property
    def word(self) -> Word:
        return self.channels[self.worst].word

    @property
    def reason(self) -> str:
        reason = self.channels[self.worst].reason
        return reason if len(self.channels) == 1 else f"{self.worst}: {reason}"

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"


def verdict(result: Image) -> Verdict:
    """Compare a result of `enhance` or `correct_background` with its original.

    Raises `ParameterError` for an image that has no original.
    """
    if not isinstance(result, Image) or result.original is None or result.recipe is None:
        raise ParameterError("wanted a result of enhance or correct_background, got an image without an original to compare it with")
    steps = result.recipe.to_dict()["steps"]
    picked = steps[-1].get("channels") if steps else None
    chosen = range(result.shape[1]) if picked is None else picked
    hazy = any(step["name"] in ("axial", "background") for step in steps)
    return Verdict({result.channels[c]: _judge(result, c, hazy) for c in chosen})


def _judge(result: Image, channel: int, hazy: bool) -> ChannelVerdict:
    """The middle frame speaks for a series, unless another is wrong, or the middle one shows nothing; frames beyond judging are named."""
    original = result.original
    assert original is not None
    if (why := _beyond_judging(original, channel)) is not None:
        return ChannelVerdict("doubtful", f"{UNJUDGED}: {why}", None, 0.0, 0.0, 0.0)
    count = original.shape[0]
    frames = sorted(set(np.linspace(0, count - 1, FRAMES).round().astype(int).tolist()), key=lambda t: (abs(t - count // 2), t))
    judged = [_judge_frame(result, channel, hazy, t, SIDE if t == frames[0] else SIDE // 2) for t in frames]
    wrong = [(t, found) for t, found in zip(frames, judged, strict=True) if found.word == "doubtful"]
    dark = sorted(t + 1 for t, found in wrong if found.reason.startswith(UNJUDGED))
    if judged[0].agreement is not None:  # frames that bleached, or were masked, say nothing against those that show something
        wrong = [(t, found) for t, found in wrong if t + 1 not in dark]
    if wrong and count > 1:
        return replace(wrong[0][1], reason=f"in frame {wrong[0][0] + 1} of {count}, {wrong[0][1].reason}")
    spoken = next((found for found in judged if found.agreement is not None), judged[0])
    if not dark or count == 1:
        return spoken
    said = f"frame{'s' * (len(dark) > 1)} {' and '.join(map(str, dark))} of {count} cannot be judged"
    return replace(spoken, reason=f"{spoken.reason}; {said}")


def _beyond_judging(original: Image, channel: int) -> str | None:
    """Why nothing can be told: too few pixels, or no fluorescence."""
    y, x = original.shape[3:]
    if min(y, x) < LEAST_SIDE or y * x < LEAST:
        return f"{x} x {y} pixels are too few; at least {LEAST} are needed, and {LEAST_SIDE} a side"
    what = kind(original, channel)
    return None if what is None else f"the original is no fluorescence, by its looks ({what})"


def _judge_frame(result: Image, channel: int, hazy: bool, t: int, side: int) -> ChannelVerdict:
    seen, stack, ratio, measured = _parts(result, channel, t, side)
    if measured < LEAST:
        why = f"{UNJUDGED}: of the part that is looked at {measured} pixels were measured; at least {LEAST} are needed"
        return ChannelVerdict("doubtful", why, None, 0.0, 0.0, 0.0)
    factor = stack.shape[1] // seen.shape[0]
    best = _best_fit(seen, stack, factor, ratio, hazy)
    before, after = _noise(seen, _bin(stack[len(stack) // 2], factor))
    smooth = gaussian_filter(seen, SMOOTH)
    there, noise = float(_structure([smooth], hazy)[0].std()), _noise_left(seen)
    agreement = None
    rounding = ROUNDING * float(np.abs(seen).max())
    if there > max(PERHAPS * noise, rounding):
        agreement = min(best.agreement / float(np.sqrt(1 - (noise / there) ** 2)), 1.0)
        if there <= STRUCTURE * noise and agreement < AGREEMENT:
            agreement = None
    drawn = float(best.model.std())
    word, reason = _word(agreement, best.blur, before, after, drawn if drawn > rounding else 0.0, float(smooth.std()))
    return ChannelVerdict(word, reason, agreement, best.blur, before, after)


def _structure(planes: list[Plane], hazy: bool) -> list[Plane]:
    """Planes as they are compared: where light was removed, without the smooth surface (a polynomial) that fits them best."""
    if not hazy:
        return planes
    basis = _surfaces(*planes[0].shape)
    flat = np.stack([plane.ravel() for plane in planes], axis=1)
    rest = flat - basis @ (basis.T @ flat)
    return [column.reshape(planes[0].shape) for column in rest.T]


@lru_cache(maxsize=2)
def _surfaces(height: int, width: int) -> Plane:
    """Orthonormal columns that span the smooth surfaces over height x width pixels."""
    y, x = (legvander(np.linspace(-1, 1, n), DEGREE) for n in (height, width))
    terms = [np.outer(y[:, i], x[:, j]).ravel() for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    columns = np.stack(terms, axis=1)
    size, mix = np.linalg.eigh(columns.T @ columns)
    kept = size > 1e-9 * size[-1]
    basis: Plane = columns @ (mix[:, kept] / np.sqrt(size[kept]))
    return basis


def _noise_left(seen: Plane) -> float:
    """Standard deviation of the noise that smoothing leaves: more where neighbours share it, as if it had been blurred before."""
    noise = noise_of(cut(seen))
    shared = min(noise.correlation, ALIKE)
    blurred = -1 / (4 * np.log(shared)) if shared > 0 else 0.0  # variance of the Gaussian, pixels squared
    return float(noise.sigma * max(np.sqrt(blurred / (blurred + SMOOTH**2)), QUIETER))


def _noise(seen: Plane, result: Plane) -> tuple[float, float]:
    """Standard deviations of input and result, on the input's pixels, in the blocks where the result is flattest.

    The result tells better than the noisy input where there is no structure. Where single photons are counted, most flat blocks hold none
    and have no noise to lose: they do not count.
    """
    (before, freedom), (after, _) = without_surface(cut(seen)), without_surface(cut(result))
    variances = np.stack([(a**2).sum(axis=(1, 2)) / freedom for a in (before, after)])
    noisy = variances[0] > ROUNDING**2 * variances[0].max()
    variances = variances[:, noisy] if noisy.any() else variances
    flattest = variances[1] <= np.quantile(variances[1], FLAT)
    return tuple(float(v) for v in np.sqrt(variances[:, flattest].mean(axis=1)))  # type: ignore[return-value]


def _word(agreement: float | None, blur: float, before: float, after: float, drawn: float, there: float) -> tuple[Word, str]:
    """The word and the reason from the figures; `drawn` and `there` are the variation of the smoothed result and input."""
    if agreement is not None and agreement < AGREEMENT:
        return "doubtful", f"blurred back, the result agrees with the input only to {agreement:.2f} (1 is full agreement)"
    if after > 1.25 * before and before > 0:
        return "doubtful", f"its flat parts vary {after / before:.1f} times as much as the input's"
    if agreement is None and drawn > 2 * max(there, QUIETER * before) and drawn > 0:
        return "doubtful", "the input shows no structure above its noise, and the result does"
    if agreement is None and drawn > DRAWN * there and drawn > 0 and before > 0:
        return "doubtful", f"{UNJUDGED}: the input shows hardly any structure above its noise, and the result shows some"
    gains = []
    if before > 0 and after < QUIET * before:
        gains.append(f"noise in flat parts down to {max(100 * after / before, 1):.0f} %")
    if agreement is not None and blur > SHARPER:
        gains.append(f"sharper by a blur of {blur:.1f} input pixels")
    agree = (
        "the input shows no structure above its noise, and the result hardly any"
        if agreement is None
        else f"agrees with the input to {agreement:.3f}"
    )
    if gains:
        return "improved", f"{' and '.join(gains)}; {agree}"
    return "unchanged", f"neither noise nor sharpness changed much; {agree}"


def _parts(result: Image, channel: int, t: int, side: int) -> tuple[Plane, Plane, float | None, int]:
    """(part of an input plane, the result's planes around it, z-step over pixel size where the stack was made even, pixels measured in it).

    The part is the middle plane's, where its pixels vary most.
    """
    original = result.original
    assert original is not None
    z, y, x = original.shape[2:]
    bad = _masked(original, (t, channel, z // 2))
    plane = original.plane(t, channel, z // 2).astype(np.float64)
    plane = plane if bad is None else _filled(plane, bad)
    top, left = _liveliest(plane, side)
    h, w = min(side, y), min(side, x)
    measured = h * w - (0 if bad is None else int(np.count_nonzero(bad[top : top + h, left : left + w])))
    factor = result.shape[3] // y
    planes = result.shape[2]
    ratio = None if planes == z else (planes - 1) / (z - 1)
    middle = min(round((z // 2) * (ratio or 1)), planes - 1)
    reach = 0 if ratio is None else int(np.ceil(2 * ratio))
    depth = slice(max(0, middle - reach), min(planes, middle + reach + 1))
    columns = slice(left * factor, (left + w) * factor)
    rows = slice(top * factor, (top + h) * factor)
    region = (slice(t, t + 1), slice(channel, channel + 1), depth, rows, columns)
    near = np.nan_to_num(result.read(region)[0, 0].astype(np.float64))
    if result.mask is not None:
        near = np.stack([_filled(a, bad) for a, bad in zip(near, result.mask.read(region)[0, 0].astype(bool))])
    if ratio is not None:  # centred on the input's plane, as far as the stack goes
        near = near[np.clip(np.arange(middle - reach, middle + reach + 1) - depth.start, 0, len(near) - 1)]
    return np.nan_to_num(plane[top : top + h, left : left + w]), near, ratio, measured


def _masked(image: Image, place: tuple[int, int, int]) -> npt.NDArray[np.bool_] | None:
    """What the mask marks of a plane (t, c, z): a label or a rim says nothing about a result."""
    if image.mask is None:
        return None
    t, c, z = (slice(i, i + 1) for i in place)
    bad: npt.NDArray[np.bool_] = image.mask.read((t, c, z, slice(0, image.shape[3]), slice(0, image.shape[4])))[0, 0, 0].astype(bool)
    return bad


def _filled(plane: Plane, bad: npt.NDArray[np.bool_]) -> Plane:
    return fill_from_around(plane, bad) if bad.any() and not bad.all() else plane


def _liveliest(plane: Plane, side: int) -> tuple[int, int]:
    y, x = plane.shape
    tops, lefts = ({0, max(0, n - side), *range(0, max(1, n - side), side)} for n in (y, x))
    corners = [(top, left) for top in sorted(tops) for left in sorted(lefts)]
    return max(corners, key=lambda at: float(plane[at[0] : at[0] + side : 4, at[1] : at[1] + side : 4].std()))


@dataclass(frozen=True, slots=True)
class _Fit:
    agreement: float
    blur: float
    model: Plane


def _best_fit(seen: Plane, stack: Plane, factor: int, ratio: float | None, hazy: bool) -> _Fit:
    """The blur, gain, offset and haze under which the result looks most like the input."""
    target, sharpest = _structure([gaussian_filter(seen, SMOOTH), seen], hazy)
    fits = []
    for focus in _focused(stack, ratio):
        for blur in BLURS:
            binned = blurred(focus, blur * factor, factor)
            smooth = blurred(binned, SMOOTH)
            wide = [blurred(binned, haze) for haze in HAZE] if hazy else []
            fine, *terms = _structure([binned, smooth, *wide], hazy)
            model = _fitted(terms, target)
            # on the unsmoothed input: a blur too strong for it must not win by being smooth
            sharp = _fitted([fine, *terms[1:]], sharpest)
            fits.append((float(((sharp - sharpest) ** 2).mean()), _Fit(_pearson(model, target), blur, smooth)))
    return min(fits, key=lambda fit: fit[0])[1]


def _focused(stack: Plane, ratio: float | None) -> Iterator[Plane]:
    """The result's plane, and for an even stack its means over depth as well: what a plane of the input collected."""
    middle = len(stack) // 2
    yield stack[middle]
    if ratio is None:
        return
    depth = np.arange(len(stack)) - middle
    for width in (0.5, 1.0, 1.5):
        weights = np.exp(-(depth**2) / (2 * (width * ratio) ** 2))
        yield np.tensordot(weights / weights.sum(), stack, axes=1)


def _fitted(terms: list[Plane], target: Plane) -> Plane:
    """The non-negative mixture of the terms, plus a constant, nearest to the target."""
    columns = np.stack([*(term.ravel() for term in terms), np.ones(target.size), -np.ones(target.size)], axis=1)
    scale = np.maximum(np.abs(columns).max(axis=0), np.finfo(np.float64).tiny)
    columns /= scale
    gram, side = columns.T @ columns, columns.T @ target.ravel()
    # the normal equations by their Cholesky-like root: a few columns instead of all pixels
    values, vectors = np.linalg.eigh(gram)
    keep = values > 1e-12 * values.max()
    root = (vectors[:, keep] * np.sqrt(values[keep])).T
    from scipy.optimize import nnls  # slow to load, and not every use of this room needs it

    weights, _ = nnls(root, (vectors[:, keep] / np.sqrt(values[keep])).T @ side)
    mixture: Plane = (columns @ weights).reshape(target.shape)
    return mixture


def _pearson(a: Plane, b: Plane) -> float:
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt((a * a).mean() * (b * b).mean()))
    return float((a * b).mean() / power) if power > 0 else 0.0


def _bin(plane: npt.NDArray[Any], factor: int) -> Plane:
    y, x = (n // factor for n in plane.shape)
    binned: Plane = plane[: y * factor, : x * factor].reshape(y, factor, x, factor).mean(axis=(1, 3))
    return binned
