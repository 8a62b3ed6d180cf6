"""`compare`, and `Comparison`: what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy.typing as npt

from abbe.comparison.channel import Question, compare_channel
from abbe.comparison.criterion import Criterion, checked
from abbe.comparison.error_map import ErrorPixels
from abbe.comparison.fits import Fitting, Measured
from abbe.comparison.grid import Grid, align
from abbe.comparison.laid import laid_alike
from abbe.comparison.recorded import without_what_it_left_out
from abbe.comparison.records import ChannelComparison, Resolution, Verdict, plain
from abbe.comparison.resolution import resolve
from abbe.comparison.squirrel import Border
from abbe.comparison.verdict import overall
from abbe.errors import AxesError, ParameterError
from abbe.image import Image, Notice, as_image

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The original, the transformed image, and all that is measured between them; each part is computed when first asked for.

    Attributes:
        original, transformed, truth: the images compared. `truth` lies on the transformed image's pixels.
        repeats: a second acquisition of the original and its own transformed image, for Fourier ring correlation.
        grid: transformed pixels per original pixel along z, y, x.
        border: the border rule of RSP and RSE: "clamped" or "inside".
        frc_threshold: the threshold of ring correlation.
    """

    original: Image
    transformed: Image
    truth: Image | None
    repeats: tuple[Image, Image] | None
    grid: Grid
    border: Border = "clamped"
    data_range: float | None = None
    progress: Progress | None = None
    frc_threshold: Criterion = "1/7"

    @cached_property
    def channels(self) -> tuple[ChannelComparison, ...]:
        """Every measure but the resolution, per channel."""
        question = self._question
        count = self.original.shape[1]

        def one(c: int) -> ChannelComparison:
            return compare_channel(question, c, lambda done: self._report((c + done) / count, self.original.channels[c]))

        result = tuple(one(c) for c in range(count))
        self._report(1.0, "compared")
        return result

    @property
    def _question(self) -> Question:
        return Question(self.original, self.transformed, self.truth, self.grid, self.border, self.data_range)

    @cached_property
    def _fits(self) -> Fitting:
        return Fitting(self._question)

    @cached_property
    def verdict(self) -> Verdict:
        """Improved, unchanged or doubtful; the first doubtful channel speaks for the image, else the first improved one."""
        return overall([(channel.channel, channel.verdict) for channel in self.channels])

    @cached_property
    def resolution(self) -> tuple[Resolution, ...]:
        """Resolution per channel, of the plane with the most contrast."""
        return tuple(
            resolve(self.original, self.transformed, self.truth, self.repeats, self.grid, c, self.frc_threshold)
            for c in range(self.original.shape[1])
        )

    @cached_property
    def error_map(self) -> Image:
        """Absolute difference between the original and the fitted transformed image, in the original's units on its pixels (float32).

        Nothing is computed but for the planes that are read of it.
        """
        return self._map(signed=False)

    @cached_property
    def residual(self) -> Image:
        """Original minus fitted transformed image: positive where the result lacks light, negative where it adds some."""
        return self._map(signed=True)

    def _map(self, signed: bool) -> Image:
        fits = Measured(self.channels) if "channels" in self.__dict__ else self._fits
        pixels = ErrorPixels(self.original, self.transformed, self.grid, fits, signed)
        return Image(
            pixels,
            self.original.pixel_size,
            self.original.channels,
            self.original.colors,
            time_step=self.original.time_step,
            mask=self.original.mask,
        )

    @property
    def asked(self) -> dict[str, Any]:
        """The settings, as a report keeps them to measure again."""
        return {"border": self.border, "data_range": self.data_range, "frc_threshold": self.frc_threshold}

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """What to know before believing the numbers."""
        return self.grid.notices

    def to_dict(self, resolution: bool = True) -> dict[str, Any]:
        """All numbers as plain data for JSON; `resolution=False` leaves out what takes longest."""
        data: dict[str, Any] = {
            "verdict": plain(self.verdict),
            "grid": {
                "scale": list(self.grid.scale),
                "shape": list(self.original.shape),
                "transformed_shape": list(self.transformed.shape),
                "alignment": "pixel centres, by the field of view",
                "border": self.border,
            },
            "channels": plain(self.channels),
            "notices": [notice.to_dict() for notice in self.notices],
        }
        if resolution:
            data["resolution"] = plain(self.resolution)
        return data

    def _report(self, done: float, what: str) -> None:
        if self.progress is not None:
            self.progress(done, what)

    def __repr__(self) -> str:
        return f"<abbe.Comparison {self.verdict.line}>" if "channels" in self.__dict__ else "<abbe.Comparison, not measured yet>"


def compare(
    original: Image | npt.ArrayLike,
    transformed: Image | npt.ArrayLike,
    truth: Image | npt.ArrayLike | None = None,
    *,
    repeats: tuple[Image | npt.ArrayLike, Image | npt.ArrayLike] | None = None,
    data_range: float | None = None,
    border: Border = "clamped",
    frc_threshold: Criterion = "1/7",
    progress: Progress | None = None,
) -> Comparison:
    """Compare an image with what was computed from it.

    Args:
        original: the recorded image.
        transformed: the same field on the same or a finer grid; same frames and channels. An isotropic stack is compared at the original's
            planes: plane k at k * dz.
        truth: where it is known (simulations, long exposures), on the transformed image's pixels.
        repeats: (original, transformed) of a second acquisition of the same specimen, for two-frame Fourier ring correlation.
        data_range: the peak of PSNR, the range of SSIM and NRMSE; None: largest minus smallest value of the truth, or of the original.
        border: "clamped": beyond its border the transformed image continues with its outermost pixels, and every pixel counts. "inside":
            pixels nearer to the border than three widths of the fitted Gaussian are left out.
        frc_threshold: what the ring correlations of one image and of two frames are compared with: "1/7", "half-bit", "3-sigma" (van Heel &
            Schatz 2005) or a number between 0 and 1. With the truth it is 1/2.
        progress: called with (fraction done, what).

    Returns:
        A `Comparison`. Nothing is computed before it is asked for; `comparison.verdict` is the one line.

    Raises:
        AxesError: frames, channels, planes or fields of the images differ.
        ParameterError: `border`, `data_range` or `frc_threshold` is not one of those above.
    """
    if border not in ("clamped", "inside"):
        raise ParameterError(f"wanted the border rule 'clamped' or 'inside', got {border!r}")
    if data_range is not None and not 0 < data_range < float("inf"):
        raise ParameterError(f"wanted a data range above 0, got {data_range!r}")
    first, second, told = laid_alike(as_image(original), as_image(transformed))
    first = without_what_it_left_out(first, second)
    grid = align(first, second)
    grid = replace(grid, notices=(*grid.notices, *told))
    exact = None if truth is None else _fitting(as_image(truth), second, "truth")
    again = None
    if repeats is not None:
        again = (
            _fitting(as_image(repeats[0]), first, "repeated original"),
            _fitting(as_image(repeats[1]), second, "repeated transformed image"),
        )
    return Comparison(first, second, exact, again, grid, border, data_range, progress, checked(frc_threshold))


def _fitting(image: Image, like: Image, what: str) -> Image:
    if image.shape != like.shape:
        raise AxesError(
            f"wanted a {what} with the axes TCZYX {' x '.join(map(str, like.shape))}, got {' x '.join(map(str, image.shape))}; "
            "bring it to that grid first"
        )
    return image
