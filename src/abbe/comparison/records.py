"""What a comparison says: plain frozen records, numbers beside the numbers of the plainly upsampled input."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

Word: TypeAlias = Literal["improved", "unchanged", "doubtful"]


@dataclass(frozen=True, slots=True)
class Undefined:
    """A number that does not exist here, with the reason. It prints as "undefined"."""

    reason: str

    def __str__(self) -> str:
        return "undefined"

    def __format__(self, specification: str) -> str:
        """Number formats print "undefined" too, as wide as the number would be."""
        width = specification.lstrip("<>^+- ").partition(".")[0]
        return f"{'undefined':>{width}}" if width.isdigit() else "undefined"


#: a measured value, or why there is none
Number: TypeAlias = float | Undefined


@dataclass(frozen=True, slots=True)
class Beside:
    """One measure of the transformed image, beside the same measure of the plainly upsampled original.

    The plain one is the original enlarged to the transformed image's grid by cubic splines, nothing else: what doing nothing scores.
    """

    transformed: Number
    upsampled: Number


@dataclass(frozen=True, slots=True)
class Fit:
    """The closed-form fit that makes the original out of the transformed image (SQUIRREL's resolution scaling).

    original ~ gain * G(sigma) * transformed + offset, with G a Gaussian integrated over pixels.

    Attributes:
        gain, offset: original units per transformed unit; original units.
        sigma: standard deviation of the Gaussian in pixels of the original, (y and x).
        sigma_um: the same in um, undefined where no pixel size is known.
        width: the standard deviation of the whole kernel in pixels of the original: the Gaussian and the box of the pixel that it is
            integrated over, sqrt(sigma^2 + 1/(12 scale^2)).
        sigma_z: standard deviation along z in planes of the original; 0 for a single plane.
    """

    gain: Number
    offset: Number
    sigma: Number
    sigma_um: Number
    width: Number
    sigma_z: Number


@dataclass(frozen=True, slots=True)
class Registration:
    """By how much the transformed image lies off, by sub-pixel cross-correlation with the original; (y, x), positive: down, right.

    RSP and RSE of the comparison are measured in place, without this shift; those here after taking it back.
    """

    shift: tuple[float, float] | Undefined
    shift_um: tuple[float, float] | Undefined
    rsp: Number
    rse: Number


@dataclass(frozen=True, slots=True)
class PlaneErrors:
    """RSP, RSE and fit of one plane of the original."""

    t: int
    z: int
    rsp: Number
    rse: Number
    gain: Number
    offset: Number
    sigma: Number


@dataclass(frozen=True, slots=True)
class Linearity:
    """How the transformed intensities follow the original's (or the truth's): a straight line, or a curve.

    Attributes:
        slope, intercept: least-squares line of the transformed intensities (blurred to the original's resolution) on the original's.
        r_squared: the share of their variance that the line explains.
        deviation: largest distance from the line of the mean within a brightness class, as a fraction of the line's span.
        curve: (original, transformed) means of up to 16 brightness classes of equal pixel count.
    """

    slope: Number
    intercept: Number
    r_squared: Number
    deviation: Number
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Pixels per bin; `edges` has one value more than `counts`, in the image's units."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    minimum: float
    maximum: float
    mean: float
    median: float
    pixels: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the verdict rests on, besides RSP and RSE; all measured on the original's grid.

    Attributes:
        change: how far the transformed image is from the plain one, as a fraction of the original's contrast, after gain and offset.
        rsp_possible: the RSP that a perfect result would have: the original's own noise allows no more.
        unexplained: the share of the original's structure (its variance less noise) that the fitted result does not explain.
        unsupported: light in places where result and original disagree beyond noise, as a fraction of the original's light.
        places: the number of such places.
        lost_detail: the share of the original's structure that is finer than what the result shows: over-smoothing.
        noise_carried: how strongly the original's noise is found again in the result: 1 as it was, 0 gone, 3 three times amplified.
        noise_added: how strong other noise (or structure as fine) is in the result where the original is noise, as a multiple of that.
        sharper: standard deviation (original pixels) of the Gaussian by which the result's structure is sharper than the original's,
            whatever the noise of either; 0: not at all.
        background_removed: the share of the original's light that the result leaves out as smooth background; it counts against
            nothing, but it is said.
    """

    change: Number
    rsp_possible: Number
    unexplained: Number
    unsupported: Number
    places: int
    lost_detail: Number
    noise_carried: Number
    noise_added: Number
    sharper: Number
    background_removed: Number


@dataclass(frozen=True, slots=True)
class Verdict:
    """One word, and one line that says why. `reasons` are the parts of the line."""

    word: Word
    line: str
    reasons: tuple[str, ...]
    rsp: Number
    rse: Number

    def __str__(self) -> str:
        return self.line


@dataclass(frozen=True, slots=True)
class Resolution:
    """Resolution of one channel: full period in um (in pixels of the original where no pixel size is known). Smaller is finer.

    Attributes:
        decorrelation: decorrelation analysis (Descloux et al. 2019).
        frc_one_image: Fourier ring correlation from one image by splitting.
        frc_two_frames: Fourier ring correlation of two acquisitions, where `repeats` were given.
        frc_with_truth: where the correlation with the truth falls below one half, where a truth was given.
        unit: "um" or "px".
        threshold: of the ring correlation of one image and of two frames: "1/7", "half-bit", "3-sigma" or a number.
    """

    channel: str
    decorrelation: Beside
    frc_one_image: Beside
    frc_two_frames: Beside
    frc_with_truth: Beside
    unit: Literal["um", "px"]
    threshold: str = "1/7"


@dataclass(frozen=True, slots=True)
class ChannelComparison:
    """Everything about one channel but its resolution, over all its planes and frames.

    PSNR (dB), SSIM, MicroSSIM and NRMSE are against the truth where there is one, else against the plainly upsampled original: then
    they say how much was changed, not how good it is, and the plain image's own values are undefined. `data_range` is what they use.
    """

    channel: str
    verdict: Verdict
    rsp: Beside
    rse: Beside
    fit: Fit
    registration: Registration
    reference: Literal["truth", "original"]
    data_range: Number
    psnr: Beside
    psnr_affine: Beside
    ssim: Beside
    microssim: Beside
    nrmse: Beside
    linearity: Linearity
    histogram_before: Histogram
    histogram_after: Histogram
    evidence: Evidence
    planes: tuple[PlaneErrors, ...]
    pixels: int
    masked: int


def plain(value: Any) -> Any:
    """A record as dicts, lists, numbers and text that JSON holds; an undefined number is {"undefined": reason}."""
    if isinstance(value, Undefined):
        return {"undefined": value.reason}
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
