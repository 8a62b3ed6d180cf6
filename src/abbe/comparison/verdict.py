"""The verdict: improved, unchanged or doubtful, in one line with its reasons.

RSP and RSE alone cannot decide: the plainly enlarged original scores highest on both, noise and all. So a result must gain something (less
noise, or a finer resolution that blurs back to the original) and must not do any of the things that make a result untrue: show light that
the original does not, leave out light that it does, lie beside it, lose its detail, or sharpen its noise. Every threshold stands here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from abbe.comparison.evidence import NO_NOISE, NO_STRUCTURE
from abbe.comparison.fidelity import IDENTICAL
from abbe.comparison.records import Beside, Evidence, Fit, Linearity, Number, Registration, Undefined, Verdict, Word

#: change of the image, as a fraction of the original's contrast, below which nothing was done: three times the rounding to 8 bits
UNCHANGED = 0.01
#: and below which it is the same image, but for rounding
NOTHING = 1e-6
#: what is said of an image that is the original
SAME = "nothing was changed"
#: distance of grey values from the original's, as a fraction of its span, up to which they are the same: float32's rounding
SAME_VALUES = 1e-4
#: original pixels: less than the third that one pixel of a x3 result is, more than the drift between two real frames
SHIFT = 0.3
#: share of the original's light in places where the two disagree, and the fewest places
UNSUPPORTED, PLACES = 0.0015, 2
#: share of the original's structure that the result does not explain
UNEXPLAINED = 0.10
#: and the share from which on it shows something else
ANOTHER = 0.5
#: share of the original's structure, finer than the result shows
LOST = 0.01
#: how strongly noise is carried: above the first it was sharpened, below the second it was reduced
SHARPENED, REDUCED = 1.5, 0.75
#: width of the Gaussian (original pixels) by which the result must be blurred to be the original, from which it is sharper
SHARPER = 0.4
#: width (original pixels) that the structure alone must bear out: of equally sharp images with noise of their own it came to 0 to 0.16, of
#: sharper ones to what it was, within 0.1
BORNE_OUT = 0.3
#: the same for a result whose own noise is more than `SHARPENED` times the original's, beside which it scatters up to 0.4
BORNE_OUT_BY_NOISE = 0.6
#: deviation from a straight line, of its span
BENT = 0.25
#: how many times stronger one frame of a series may be in the result, against the original, than another
UNEVEN = 1.25
#: share of light left out as smooth background that is worth a word
BACKGROUND = 0.05
#: what a comparison cannot tell from light that is missing: haze finer than its smooth background
CLEARED = ", in which out-of-focus light that was to be taken away counts too where it is not smooth"
#: how a doubt begins that is none about the result
UNJUDGED = "it cannot be judged"
#: decibels towards the truth that count
DECIBELS = 0.2
#: original pixels a side, and in all, below which neither noise nor structure nor displacement can be told from chance: 1,000 pixels hold
#: some 50 spots of a lens
SIDE, PIXELS = 16, 1000
#: of a series, one frame alone must be this many times as far off as all of them together: it scatters more
ALONE = 2.0
#: most frames that are named
NAMED = 6


@dataclass(frozen=True, slots=True)
class Case:
    """What a verdict is made from."""

    rsp: Beside
    rse: Beside
    fit: Fit
    registration: Registration
    evidence: Evidence
    linearity: Linearity
    psnr_affine: Beside | None
    ssim: Beside | None
    #: light from other planes, or background, was taken away, says the result
    cleared: bool = False
    #: height and width of the original, and how many of its pixels were compared
    size: tuple[int, ...] = (SIDE, SIDE)
    pixels: int = PIXELS
    #: of one frame of a series: how bright its structure is in the result, as a multiple of what it is in all frames together
    strength: Number = 1.0


def judge(case: Case, frames: Sequence[Case | None] = (), foreign: str | None = None) -> Verdict:
    """The verdict on one channel.

    Args:
        frames: of a series, each frame for itself; None where one shows next to nothing.
        foreign: what the original is, where it is no fluorescence.
    """
    e = case.evidence
    same = isinstance(e.change, float) and e.change < UNCHANGED
    if isinstance(case.rsp.transformed, Undefined):
        return _say(case, "unchanged" if same else "doubtful", [case.rsp.transformed.reason])
    few = _too_few(case)
    if few is not None and not (isinstance(e.change, float) and e.change < NOTHING):
        return _say(case, "doubtful", [few])
    doubts, gains = [*_doubts(case), *_doubts_of_frames(frames), *_uneven(frames)], _gains(case)
    if isinstance(e.change, float) and same and not doubts:
        return _say(case, "unchanged", [_little(e.change, case.linearity)])
    towards = _towards_truth(case)
    if towards is not None:
        word, reason = towards
        if word != "improved":
            return _say(case, "doubtful" if doubts else word, [reason, *doubts])
        gains.insert(0, reason)
    if isinstance(e.unexplained, Undefined) and towards is None:
        doubts.append(f"{UNJUDGED}: {e.unexplained.reason}")
    if foreign is not None and towards is None:
        doubts.append(f"{UNJUDGED}: the original is no fluorescence, by its looks ({foreign})")
    if doubts:
        return _say(case, "doubtful", doubts)
    if not gains and isinstance(e.noise_carried, Undefined) and e.noise_carried != NO_NOISE and towards is None:
        return _say(case, "doubtful", [f"{UNJUDGED}: it is no sharper, and of its noise nothing can be told: {e.noise_carried.reason}"])
    if not gains:
        return _say(case, "unchanged", [_no_gain(e)])
    if isinstance(e.background_removed, float) and e.background_removed > BACKGROUND:
        gains.append(f"{_percent(e.background_removed)} of the light was left out as smooth background")
    if e.places:
        gains.append(f"look at {'one place' if e.places == 1 else f'{e.places} places'} in the error map")
    return _say(case, "improved", gains)


def _little(change: float, line: Linearity) -> str:
    """What is said of next to no change of the image, which is measured after gain and offset: these are told too."""
    tolerance = SAME_VALUES if change < NOTHING else UNCHANGED
    rescaled = _rescaled(line, tolerance)
    if change < NOTHING:
        return f"grey values were rescaled ({rescaled}), nothing else was changed" if rescaled else SAME
    also = f", and grey values were rescaled (about {rescaled})" if rescaled else ""
    return f"changed by {_percent(change)} of its contrast{also}"


def _rescaled(line: Linearity, tolerance: float) -> str | None:
    """The line on which grey values lie that are others than the original's, by more than `tolerance` of the original's span."""
    if isinstance(line.slope, Undefined) or isinstance(line.intercept, Undefined) or not line.curve:
        return None
    values = [before for before, _ in line.curve]
    off = max(abs(line.slope * value + line.intercept - value) for value in values)
    if off <= tolerance * (max(values) - min(values)):
        return None
    times = "" if abs(line.slope - 1) <= tolerance else f"{line.slope:.4g} × "
    moved = abs(line.intercept) > tolerance * abs(line.slope) * (max(values) - min(values))
    plus = f" {'-' if line.intercept < 0 else '+'} {abs(line.intercept):.4g}" if moved else ""
    return f"{times}original{plus}"


def _too_few(case: Case) -> str | None:
    """Why nothing can be told from so few pixels."""
    size = f"{case.size[1]} x {case.size[0]} pixels"
    if min(case.size) < SIDE:
        return f"{UNJUDGED}: images of {size} are too small; at least {SIDE} a side are needed"
    if case.pixels < PIXELS:
        return f"{UNJUDGED}: {case.pixels} pixels are too few (images of {size}); at least {PIXELS} are needed"
    return None


def _no_gain(e: Evidence) -> str:
    """What was looked for and not found; noise is gained only where it was measured."""
    if isinstance(e.noise_carried, Undefined):
        return f"no sharper than the original; whether it is less noisy cannot be told: {e.noise_carried.reason}"
    return "neither sharper nor less noisy than the original"


def _doubts_of_frames(frames: Sequence[Case | None]) -> list[str]:
    """What is wrong with single frames of a series: the worst is named with its reasons, the others with their numbers."""
    found = {t: _doubts(frame, ALONE) for t, frame in enumerate(frames, 1) if frame is not None and frame.pixels >= PIXELS}
    found = {t: doubts for t, doubts in found.items() if doubts}
    if not found:
        return []
    worst = max(found, key=lambda t: (len(found[t]), -t))
    others = [t for t in found if t != worst]
    said = f"in frame {worst} of {len(frames)}, {' and '.join(found[worst])}"
    if others:
        said += f"; and something is wrong in frame{'s' * (len(others) > 1)} {', '.join(map(str, others[:NAMED]))}"
        said += f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    return [said]


def _uneven(frames: Sequence[Case | None]) -> list[str]:
    """Is the result brighter in one frame and darker in another than the original is? Each frame is fitted for itself, so no RSP or RSE
    shows it, and what was measured of it over time would be wrong.
    """
    found = {t: frame.strength for t, frame in enumerate(frames, 1) if frame is not None and frame.pixels >= PIXELS}
    known = {t: strength for t, strength in found.items() if isinstance(strength, float) and strength > 0}
    if len(known) < 2:
        return []
    order = sorted(known, key=lambda t: known[t])
    dimmest, middle, brightest = order[0], order[len(order) // 2], order[-1]
    times = known[brightest] / known[dimmest]
    if times <= UNEVEN:
        return []
    dim = known[middle] / known[dimmest] > known[brightest] / known[middle]  # the odd one is named first
    which = f"frame {dimmest} is {times:.2g} times too dim beside frame {brightest}"
    if not dim:
        which = f"frame {brightest} is {times:.2g} times too bright beside frame {dimmest}"
    # haze that comes and goes over time, and is not all so smooth that coarse rings alone hold it, is taken for structure that does
    cleared = CLEARED if any(frame is not None and frame.cleared for frame in frames) else ""
    return [f"its frames are not in proportion to the original's: {which}{cleared}"]


def _doubts(case: Case, times: float = 1.0) -> list[str]:
    """What is wrong; `times` is how many times as wide the limits are that single frames scatter about."""
    e, found = case.evidence, []
    # of noise alone, a peak lies anywhere
    shift = Undefined(NO_STRUCTURE.reason) if e.unexplained == NO_STRUCTURE else case.registration.shift
    moved = not isinstance(shift, Undefined) and math.hypot(*shift) > times * SHIFT
    if moved and not isinstance(shift, Undefined):
        far = f"{math.hypot(*shift):.2g}"
        found.append(f"it lies {far} original pixel{'s' * (far != '1')} beside the original")
    visible = not isinstance(e.unexplained, Undefined)  # where no structure is, a fit to it means nothing
    if visible and _negative(case):
        found.append("bright is dark: it is a negative of the original")
    light = []
    if isinstance(e.unsupported, float) and e.unsupported > times * UNSUPPORTED and e.places >= PLACES:
        light.append(f"it disagrees with the original in {e.places} places, {_percent(e.unsupported)} of the light (see the error map)")
    if isinstance(e.unexplained, float) and e.unexplained > times * UNEXPLAINED:
        light.append(f"{_percent(e.unexplained)} of the original's structure is not explained by it")
    if light and case.cleared:
        light[-1] += CLEARED
    found += light
    if visible and isinstance(e.lost_detail, float) and e.lost_detail > times * LOST:
        found.append(f"it is smoother than the original: {_percent(e.lost_detail)} of the structure is lost")
    if isinstance(e.noise_carried, float) and e.noise_carried > SHARPENED:
        found.append(f"it sharpens the original's noise {e.noise_carried:.1f} times")
    added = e.noise_added
    apart = moved or (isinstance(e.unexplained, float) and e.unexplained > ANOTHER)  # then what is not alike is no noise
    if isinstance(added, float) and added > SHARPENED and not apart and not _sharper(case):
        found.append(f"it has noise of its own, {added:.1f} times the original's, and is no sharper")
    if visible and isinstance(case.linearity.deviation, float) and case.linearity.deviation > BENT:
        found.append(f"its brightness is not proportional to the original's (off the line by {_percent(case.linearity.deviation)})")
    return found


def _negative(case: Case) -> bool:
    """Is bright dark, and not only beside where it belongs?"""
    here, there = case.rsp.transformed, case.registration.rsp
    moved = isinstance(here, float) and isinstance(there, float) and there > abs(here)
    return isinstance(case.fit.gain, float) and case.fit.gain <= 0 and not moved


def _gains(case: Case) -> list[str]:
    found = []
    sigma, noise, added = case.fit.sigma, case.evidence.noise_carried, case.evidence.noise_added
    if isinstance(sigma, float) and _sharper(case):
        found.append(f"sharper: blurred by {sigma:.2g} original pixel{'s' * (f'{sigma:.2g}' != '1')} it looks like the original")
    if isinstance(noise, float) and isinstance(added, float):
        left = math.hypot(noise, added)  # at most: structure as fine as noise counts, too
        if left < REDUCED:
            found.append(f"noise down to {_percent(max(left, 0.01))} of the original's or less")
    return found


def _sharper(case: Case) -> bool:
    """Is it sharper? A result with noise of its own looks more like the original when blurred, too: so its structure alone must say so."""
    sigma, borne_out, added = case.fit.sigma, case.evidence.sharper, case.evidence.noise_added
    least = BORNE_OUT_BY_NOISE if isinstance(added, float) and added > SHARPENED else BORNE_OUT
    return isinstance(sigma, float) and sigma >= SHARPER and isinstance(borne_out, float) and borne_out >= least


def _towards_truth(case: Case) -> tuple[Word, str] | None:
    """Whether the result is nearer to the truth than the plain image; None without a truth."""
    if case.psnr_affine is None:
        return None
    ours, plain = case.psnr_affine.transformed, case.psnr_affine.upsampled
    if plain == IDENTICAL and ours != IDENTICAL:
        return "doubtful", "farther from the truth than plain enlargement, which is the truth itself"
    if ours == IDENTICAL and plain != IDENTICAL:
        return "improved", "it is the truth itself"
    if isinstance(ours, Undefined) or isinstance(plain, Undefined):
        return None
    gain = ours - plain
    if gain > DECIBELS:
        return "improved", f"{gain:.1f} dB nearer to the truth than plain enlargement"
    if gain < -DECIBELS:
        return "doubtful", f"{-gain:.1f} dB farther from the truth than plain enlargement"
    return "unchanged", "as near to the truth as plain enlargement"


def _say(case: Case, word: Word, reasons: list[str]) -> Verdict:
    possible = case.evidence.rsp_possible
    limit = f", possible {possible:.3f}" if isinstance(possible, float) else ""
    numbers = f"RSP {_short(case.rsp.transformed, '.3f')} (plain {_short(case.rsp.upsampled, '.3f')}{limit})"
    numbers += f", RSE {_short(case.rse.transformed, '.4g')} (plain {_short(case.rse.upsampled, '.4g')})"
    return Verdict(word, f"{word}: {numbers}; {'; '.join(reasons)}", tuple(reasons), case.rsp.transformed, case.rse.transformed)


def overall(verdicts: list[tuple[str, Verdict]]) -> Verdict:
    """One line for all channels: the doubtful speak first, then the improved, and those that are as they were last."""
    rank = {"doubtful": 0, "improved": 1, "unchanged": 2}
    name, first = min(verdicts, key=lambda pair: (rank[pair[1].word], pair[1].reasons == (SAME,)))
    if len(verdicts) == 1:
        return first
    others = ", ".join(f"{n} {v.word}" for n, v in verdicts if n != name)
    head, _, rest = first.line.partition(": ")
    return Verdict(first.word, f"{head}: {name}: {rest} ({others})", first.reasons, first.rsp, first.rse)


def _percent(fraction: float) -> str:
    if fraction < 0.001:
        return "less than 0.1 %"
    return f"{100 * fraction:.2g} %" if fraction < 0.995 else f"{100 * fraction:.0f} %"


def _short(number: Number, form: str) -> str:
    return format(number, form) if isinstance(number, float) else "undefined"
