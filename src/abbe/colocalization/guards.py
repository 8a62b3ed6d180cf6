"""Guards against wrong science: what to know before a number is believed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from abbe.alignment.shifts import ChannelShift, between
from abbe.colocalization.bleeding import BLEEDING, bleeding
from abbe.colocalization.definitions import DEFINITIONS
from abbe.colocalization.light import MOST_BELOW
from abbe.colocalization.measurement import FILLED, HARDLY, Measurement, percent
from abbe.colocalization.once import known
from abbe.colocalization.pair import Pair
from abbe.colocalization.shifted import pearson_at
from abbe.image import Notice
from abbe.image.computed import is_result
from abbe.image.inspection import SATURATED
from abbe.image.unmeasured import LIMIT, unmeasured

#: fewer pixels than this leave Pearson's r uncertain by more than 0.1 (95 %, Fisher's z, independent pixels)
FEW = 400
#: what to do about it, by what was subtracted: a most frequent value that nearly all pixels are above is that of a rim or of clipped ones
SUBTRACT = {
    "none": "subtract the background",
    "mode": "the most frequent value is not the background here: subtract two numbers or the mean of a ROI",
    "given": "the background is higher than what was subtracted",
    "roi": "the background is higher than what was subtracted",
}
#: share of the region over the thresholds below which thresholded numbers rest on few pixels
SCARCE = 1e-4
#: correlation of the noise of two channels above which they were not recorded independently; independent detectors give 0 +- 0.02
SHARED_NOISE = 0.3
#: by how much r is to rise when the channels are laid on one another, to be worth a word
GAINED = 0.02
#: rows and columns of the part in which noise and bleed-through are looked for
SAMPLE = 768
#: pixels that the filters of that part reach to either side, at most
REACH = 16
#: notices of the image that bear on colocalization
PASSED_ON = ("lossy", "eight_bit", "damaged", "non_finite", "inverted", "rgb")


def notices(m: Measurement) -> Iterator[Notice]:
    """Everything that these pixels and this measurement give reason to say."""
    yield from _from_image(m.pair)
    yield from _grid(m.pair)
    if m.sums.all.n == 0:
        yield Notice("few_pixels", "the region has no pixels; nothing was measured")
        return
    yield from _few(m)
    yield from _decided(m)
    yield from _unmeasured(m.pair)
    yield from _shifted(m)
    yield from _saturated(m)
    yield from _zero(m)
    yield from _negative(m)
    yield from _chance(m)
    yield from _thresholds(m)
    if m.note:
        yield Notice("converted", f"ranks: {m.note}")
    sample = _sample(m.pair)
    if sample is not None:
        yield from _same_source(m, *sample)
        yield from _bleeding(m, *sample)


def _from_image(pair: Pair) -> Iterator[Notice]:
    alone = pair.image.original is None and is_result(pair.image)
    for notice in pair.image.notices:
        if notice.code in PASSED_ON:
            yield notice
        elif alone and notice.code == "saturated" and notice.message.startswith(tuple(f"{name}:" for name in pair.names)):
            # no pixel of a result is at the top of its type, and its brightness there is none the less unknown
            yield Notice("saturated", f"of the image that this was made from: {notice.message}")
    if any(notice.code == "lossy" for notice in pair.image.notices):
        yield Notice(
            "lossy",
            "lossy compression makes channels correlate that are not: two channels of independent noise, r = 0.001, had r = 0.92 after one "
            "colour JPEG, which stores colour more coarsely than brightness. Measure on the microscope's own file",
        )


def _grid(pair: Pair) -> Iterator[Notice]:
    """A ROI in pixels on a result without its original: whoever drew it on the result, in another program, meant the result's pixels."""
    roi, (_, y, x) = pair.region.roi, pair.grid.original
    if roi is not None and roi.unit == "pixel" and pair.image.original is None and (y, x) != (1, 1):
        yield Notice(
            "roi",
            f"the ROI is in pixels of the original, of which each is {1 / y:.3g} x {1 / x:.3g} pixels of this image; if it was drawn on "
            "this image, give it in um",
        )


def _few(m: Measurement) -> Iterator[Notice]:
    n = m.sums.all.n
    if n < FEW:
        r = m.coefficients["pearson"].value
        if r is None or n < 4:
            yield Notice("few_pixels", f"only {n} pixels: too few to measure anything")
            return
        z, width = math.atanh(max(-0.999999, min(0.999999, r))), 1.96 / math.sqrt(n - 3)
        low, high = math.tanh(z - width), math.tanh(z + width)
        yield Notice(
            "few_pixels",
            f"only {n} pixels: even if each were independent, Pearson's r lies between {low:.2f} and {high:.2f} (95 %, Fisher's z); "
            "pixels within the blur of one another are not, so it is less certain still",
        )


def _decided(m: Measurement) -> Iterator[Notice]:
    if m.decided is None:
        return
    k, without, places, (t, z, y, x) = m.decided
    frames, planes = (last - first for first, last in (m.pair.region.frames, m.pair.region.planes))  # of one alone the region tells
    at = f"x = {x}, y = {y}" + (f", plane {z + 1}" if planes > 1 else "") + (f", frame {t + 1}" if frames > 1 else "")
    at = f"at {at}" if k == 1 else f"the brightest at {at}"
    if places:
        lie = "It lies" if k == 1 else f"They lie in {'one place' if places == 1 else f'{places} places'},"
        why = (
            f"{lie} {at}: a speck that shines does this, and so do few bright structures in an empty field. See what it is, and take a "
            "region without it, or one around the structures"
        )
    else:
        why = f"Sharper than what a lens makes, {at}: hot pixels do this. Take a region without them, or read Spearman's rank correlation"
    yield Notice(
        "outliers",
        f"{'one pixel decides' if k == 1 else f'{k} pixels decide'} Pearson's r: it is {m.coefficients['pearson'].value:.3f}, and "
        f"{without:.3f} over the {m.sums.all.n - k} others. {why}; the overlap coefficient and Costes' thresholds follow them, too",
    )


def _chance(m: Measurement) -> Iterator[Notice]:
    """An r that one would take for a correlation, but that unrelated channels often reach: few wide structures meet by chance."""
    r = m.coefficients["pearson"].value
    if r is not None and m.by_chance is not None and m.perhaps_chance and abs(r) >= HARDLY:
        yield Notice(
            "chance",
            f"Pearson's r is {r:.2f}, but unrelated channels with structure as wide as these have r between {-m.by_chance:.2f} and "
            f"{m.by_chance:.2f} (95 %): so few structures lie in the region that they may meet by chance. Measure more of the specimen, or "
            "regions within the cells; shares of light get no words",
        )


def _unmeasured(pair: Pair) -> Iterator[Notice]:
    """A label burned in or a rim, in the middle plane: both channels are dark there together, or bright together."""
    places = list(pair.places())
    t, z = places[len(places) // 2].t, places[len(places) // 2].z
    if pair.grid.rows * pair.grid.columns > LIMIT:
        return
    parts = [part for part in (_unmeasured_in(pair, k, t, z) for k in (0, 1)) if part is not None]
    if not parts:
        return
    counted = [pair.inside(place) for place in places if (place.t, place.z) == (t, z)]
    inside = True if any(part is None for part in counted) else np.concatenate([part for part in counted if part is not None])
    n = int(np.count_nonzero(np.logical_or.reduce(parts) & inside))
    if n:
        yield Notice(
            "unmeasured",
            f"{n} pixels of a plane lie within straight, sharp edges and hold one value, as a burned-in label or a registered image's rim: "
            "they were measured as others are; where both channels are dark or bright together, every coefficient rises; take a region "
            "without them",
        )


def _shifted(m: Measurement) -> Iterator[Notice]:
    """One channel lies off the other, as filters and second cameras leave it, by a pixel or more, and r suffers."""
    pair, r = m.pair, m.coefficients["pearson"].value
    if r is None or pair.grid.rows * pair.grid.columns > LIMIT:
        return
    found = _apart(pair)
    if found.shift is None or found.whole in (None, (0, 0)):
        return
    there = pearson_at(pair, *found.whole)
    if there is None or there < r + GAINED:
        return
    (y, x), (first, second) = found.shift, pair.names
    yield Notice(
        "shifted",
        f"{second} lies {abs(y):.1f} pixels {'below' if y > 0 else 'above'} and {abs(x):.1f} {'right' if x > 0 else 'left'} of {first}, in "
        f"{found.places} of the {found.of} places over the field where they have something in common: a filter or a second camera does "
        f"this, or a specimen that is arranged so everywhere. Pearson's r is {r:.2f}, and {there:.2f} with one on the other; every "
        "coefficient suffers alike. Align the channels, best by an image of beads, and measure again",
    )


def _apart(pair: Pair) -> ChannelShift:
    """How the channels lie in the middle plane as a whole; the same for every region."""
    places = list(pair.places())
    t, z = places[len(places) // 2].t, places[len(places) // 2].z
    before = known(pair.image.pixels)
    key = ("apart", *pair.channels, t, z)
    if key not in before:
        span = (slice(t, t + 1), slice(0, 1), slice(z, z + 1), slice(0, pair.grid.rows), slice(0, pair.grid.columns))
        masked = None
        if pair.image.mask is not None:
            masked = np.logical_or(*(pair.image.mask.read((span[0], slice(c, c + 1), *span[2:]))[0, 0, 0] for c in pair.channels))
        first, second = (source.read(span)[0, 0, 0].astype(np.float64) for source in pair.sources)
        before[key] = between(first, second, masked)
    found: ChannelShift = before[key]
    return found


def _unmeasured_in(pair: Pair, k: int, t: int, z: int) -> Inside | None:
    """Which pixels of a whole plane of either channel hold no measurement; the same for every region."""
    span = (slice(t, t + 1), slice(0, 1), slice(z, z + 1), slice(0, pair.grid.rows), slice(0, pair.grid.columns))
    before = known(pair.image.pixels)
    key = ("unmeasured", pair.channels[k], t, z)
    if key not in before:
        before[key] = unmeasured(pair.sources[k].read(span)[0, 0, 0])
    found: Inside | None = before[key]
    return found


def _saturated(m: Measurement) -> Iterator[Notice]:
    for k, name in enumerate(m.pair.names):
        count, n = m.signs.saturated[k], m.sums.all.n
        top = m.sums.high[k] + (m.pair.background.first, m.pair.background.second)[k]
        if count > SATURATED * n:
            yield Notice(
                "saturated",
                f"{name}: {count} pixels of the region ({100 * count / n:.2g} %) are saturated at {top:g}; their true "
                "brightness is unknown, and every coefficient but the counts is wrong by an unknown amount",
            )


def _zero(m: Measurement) -> Iterator[Notice]:
    n = m.sums.all.n
    shares = [positive / n for positive in m.sums.positive]
    full = [k for k, share in enumerate(shares) if share > FILLED]
    if not full or n == 1:
        return
    instead = ", or read tM1 and tM2" if m.over is not None and m.doubt is None else ""
    subtract = SUBTRACT[m.pair.background.method]
    if len(full) == 1:
        (k,) = full
        filled = "no pixel is 0" if shares[k] == 1 else f"{100 * shares[k]:.3g} % of the pixels are above 0"
        near = "is 1" if shares[k] == 1 else "lies near 1"
        yield Notice("threshold", f"{m.pair.names[k]}: {filled}, so M{2 - k} {near} whatever the specimen; {subtract}{instead}")
        return
    least = min(shares)
    filled = "no pixel is 0 in either channel" if least == 1 else f"{100 * least:.3g} % of the pixels are above 0 in either channel"
    near = "are 1" if least == 1 else "lie near 1"
    yield Notice(
        "threshold",
        f"{filled}, so M1 and M2 {near} whatever the specimen; {subtract}{instead}. "
        "The overlap coefficient (MOC) is raised by the same background",
    )


def _negative(m: Measurement) -> Iterator[Notice]:
    """Values below 0: restored images have them around an empty background; too many of them leave no light to have a share of."""
    for k, (channel, name) in enumerate(zip(m.light, m.pair.names)):
        n = channel.pixels_below
        if n and channel.share_below > MOST_BELOW:
            where = f"{n} pixels ({100 * n / m.sums.all.n:.2g} %) are below 0"
            share = f", together {percent(channel.share_below)} % of its light" if channel.total > 0 else " and none above"
            keys = (f"tm{k + 1}", f"m{k + 1}_above", f"rwc{k + 1}")
            without = [DEFINITIONS[key].title for key in keys if key in m.coefficients and m.coefficients[key].value is None]
            yield Notice(
                "negative",
                f"{name}: {where}{share}, so no share of its light means anything: undefined are {', '.join(['M1', 'M2', *without])}; "
                "subtract another background, or use the unsubtracted image",
            )
        elif n:
            yield Notice(
                "negative",
                f"{name}: {n} pixels ({100 * n / m.sums.all.n:.2g} %) are below 0, together {100 * channel.share_below:.2g} % of its "
                "light; M1, M2, tM1 and tM2 count them as no light. Noise around 0 lies above it, too, where M1 and M2 count it: read tM1 "
                "and tM2",
            )


def _thresholds(m: Measurement) -> Iterator[Notice]:
    t = m.thresholds
    if m.over is None or t.first is None or t.second is None:
        if t.method != "none":
            yield Notice("threshold", f"no thresholds were found ({t.method}): {t.reason}; thresholded coefficients are undefined")
        return
    if m.doubt is not None:
        yield Notice("threshold", m.doubt)
    if m.over.both.n == 0:
        yield Notice("threshold", "no pixel is at or over both thresholds: nothing colocalizes by them")
    elif m.over.both.n < SCARCE * m.sums.all.n:
        yield Notice(
            "threshold",
            f"only {m.over.both.n} of {m.sums.all.n} pixels {'is' if m.over.both.n == 1 else 'are'} at or over both thresholds; "
            "coefficients above threshold rest on these",
        )


# ---------------------------------------------------------------------------------------------- looking at some pixels
Values = npt.NDArray[np.floating[Any]]
Inside = npt.NDArray[np.bool_]
Sample = tuple[Values, Values, Inside]


def _sample(pair: Pair) -> Sample | None:
    """The middle of the middle plane, and which of its pixels count; None where it is too small to tell anything."""
    places = list(pair.places())
    place = places[len(places) // 2]
    inside, shape = pair.inside(place), (place.last - place.first, pair.grid.columns)
    rows, columns = ((n - min(n, SAMPLE)) // 2 for n in shape)
    part = slice(rows, rows + SAMPLE), slice(columns, columns + SAMPLE)
    counted = np.ones(shape, bool)[part] if inside is None else inside[part]
    if min(counted.shape) < 16 or counted.sum() < FEW:
        return None
    a, b, _ = pair.read(place)
    y, x = (_around(np.asarray(counted.any(axis=axis))) for axis in (1, 0))  # beyond is nothing that counts
    return a[part][y, x].astype(np.float64), b[part][y, x].astype(np.float64), counted[y, x]


def _around(counted: Inside) -> slice:
    """From the first that counts to the last, and as many beside them as filters of the sample reach."""
    where = np.flatnonzero(counted)
    return slice(max(0, int(where[0]) - REACH), int(where[-1]) + 1 + REACH)


def _same_source(m: Measurement, a: Values, b: Values, inside: Inside) -> Iterator[Notice]:
    """Do the channels share their noise? Detectors do not; colours of one compressed or converted picture do.

    A result has no noise left to tell by: what its pixels differ from their neighbours by is structure, and channels that colocalize
    share that.
    """
    if is_result(m.pair.image):
        return
    shared = noise_correlation(a, b, inside)
    if shared is not None and shared > SHARED_NOISE:
        yield Notice(
            "lossy",
            f"the channels share their noise (correlation {shared:.2f} from pixel to pixel in dark, empty places): they were not recorded "
            "independently. Colours of a JPEG, of a screenshot or of a colour camera, strong bleed-through and a common filter do this, "
            "and it makes channels correlate that are not",
        )


def noise_correlation(a: Values, b: Values, inside: Inside) -> float | None:
    """Pearson's r of what a pixel differs from its neighbours by, in the darker half of the region; None where there is no noise.

    The filter [1 -2 1] in both directions leaves noise and takes away everything smooth (Immerkaer, CVIU 64:300, 1996).
    """
    rough = [_rough(channel) for channel in (a, b)]
    smooth = [uniform_filter(channel, 5) for channel in (a, b)]
    inner = inside[1:-1, 1:-1]
    quiet = inner.copy()
    for channel in smooth:
        quiet &= channel[1:-1, 1:-1] <= np.median(channel[1:-1, 1:-1][inner])
    one, two = (residual[quiet].astype(np.float64) for residual in rough)
    if len(one) < FEW or one.std() == 0 or two.std() == 0:
        return None
    return float(np.corrcoef(one, two)[0, 1])


def _rough(channel: Values) -> Values:
    rows = channel[:-2] - 2 * channel[1:-1] + channel[2:]
    rough: Values = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return rough


def _bleeding(m: Measurement, a: Values, b: Values, inside: Inside) -> Iterator[Notice]:
    """Is there, wherever one channel is bright, always a fixed share of it in the other?"""
    names = m.pair.names
    for (one, two), (source, target) in (((a, b), names), ((b, a), (names[1], names[0]))):
        share = bleeding(one, two, inside)
        if share is not None and share > BLEEDING:
            yield Notice(
                "bleed_through",
                f"wherever {source} is bright, {target} has at least {100 * share:.0f} % of its brightness. Full colocalization looks like "
                f"this, and so does light of {source} that bleeds through into {target}: check with a specimen stained for {source} alone",
            )
