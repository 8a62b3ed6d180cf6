"""Comparison of an image with what was computed from it: PSNR, SSIM, RSP, RSE, error map, resolution, and a verdict."""

from abbe.comparison._comparison import Comparison, compare
from abbe.comparison.decorrelation import Decorrelation, decorrelation
from abbe.comparison.fidelity import nrmse, psnr
from abbe.comparison.frc import RingCorrelation, frc, frc_one_image
from abbe.comparison.records import (
    Beside,
    ChannelComparison,
    Evidence,
    Fit,
    Histogram,
    Linearity,
    Number,
    PlaneErrors,
    Registration,
    Resolution,
    Undefined,
    Verdict,
)
from abbe.comparison.registration import displacement
from abbe.comparison.resample import enlarged
from abbe.comparison.squirrel import SquirrelFit, squirrel
from abbe.comparison.ssim import micro_ssim, ssim

__all__ = [
    "Beside",
    "ChannelComparison",
    "Comparison",
    "Decorrelation",
    "Evidence",
    "Fit",
    "Histogram",
    "Linearity",
    "Number",
    "PlaneErrors",
    "Registration",
    "Resolution",
    "RingCorrelation",
    "SquirrelFit",
    "Undefined",
    "Verdict",
    "compare",
    "decorrelation",
    "displacement",
    "enlarged",
    "frc",
    "frc_one_image",
    "micro_ssim",
    "nrmse",
    "psnr",
    "squirrel",
    "ssim",
]
