"""The figures of the demo: how close to the truth plain upsampling comes, and how close abbe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abbe.comparison import Number, Undefined, enlarged, psnr, ssim
from abbe.image import Image


def upsampled(image: Image, enhanced: Image) -> Image:
    """The image on the result's pixels by cubic splines: what enlarging alone gives."""
    planes = [enlarged(image.plane(c=c).astype(np.float64), enhanced.shape[3:]) for c in range(image.shape[1])]
    return Image.from_array(np.stack(planes), "CYX", enhanced.pixel_size, image.channels, colors=image.colors)


@dataclass(frozen=True, slots=True)
class Score:
    """How close one channel is to the truth, after the gain and offset that bring it closest: PSNR in dB, SSIM."""

    channel: str
    psnr: float
    ssim: float


def against_truth(image: Image, truth: Image) -> list[Score]:
    """The score of each channel of (1, C, 1, Y, X) images on one grid."""
    found = []
    for c, name in enumerate(truth.channels):
        x, y = image.plane(c=c).astype(np.float64), truth.plane(c=c).astype(np.float64)
        gain = np.mean((x - x.mean()) * (y - y.mean())) / x.var()
        fitted = gain * (x - x.mean()) + y.mean()
        found.append(Score(name, round(_value(psnr(fitted, y)), 2), round(_value(ssim(fitted, y)), 4)))
    return found


def _value(number: Number) -> float:
    return float("nan") if isinstance(number, Undefined) else number


def table(scores: dict[str, list[Score]]) -> list[str]:
    """PSNR and SSIM of each channel, side by side."""
    rows = ["Against the truth, after fitting gain and offset; higher is better:", ""]
    rows.append(" " * 14 + "".join(f"  {side:^20s}" for side in scores).rstrip())
    rows.append(" " * 14 + f"  {'PSNR (dB)':>10s} {'SSIM':>8s} " * len(scores))
    for channel in zip(*scores.values()):
        rows.append(f"{channel[0].channel:14s}" + "".join(f"  {score.psnr:10.2f} {score.ssim:8.3f} " for score in channel))
    return [row.rstrip() for row in rows]
