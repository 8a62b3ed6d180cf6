"""Before a run: which workflow suits an image, how noisy and how finely sampled it is, and what the result will take."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from abbe.image import Image, as_image
from abbe.image.foreign import foreign
from abbe.image.pixels import Shape
from abbe.image.sample import sample
from abbe.restoration.noise import Noise, noise_sigma
from abbe.restoration.psf import by_file
from abbe.restoration.request import STEPS, axial_ratio, check_channels, check_steps
from abbe.restoration.result import Grid
from abbe.restoration.room import free_disk, in_words, output_shape, scratch_bytes
from abbe.restoration.sampling import Sampling, made_here, resolved, sampling
from abbe.restoration.sharing import ALONE, Sharing

#: from this correlation of neighbouring pixels on, noise was smeared by something between photon and file
CORRELATED = 0.3
#: noise, as a share of the contrast, below which there is next to nothing for a denoiser to take, and the share of the highest frequency
#: from which on an image's detail is as fine as its pixels: there is something for it to lose. Of means of hundreds of frames (w2s) none is
#: that fine; crisp images of 1,000 photons and more are
CLEAN, FINE = 0.006, 0.75
#: pixels from which that is taken
LOOKED_AT = 2**18
#: pixels (um) coarser than Abbe's limit needs with any lens that cells are looked at with: 600 nm / (4 x 0.5)
COARSE_PIXEL = 0.3


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do with an image, and why.

    Attributes:
        workflow: "A" (enhance) or "B" (correct_background).
        reason: one sentence.
        noise: per channel, in the image's units.
        sampling: per channel.
        output_shape: (T, C, Z, Y, X) of the result.
        output_bytes: of the result as float32.
        scratch_bytes: disk that the run needs meanwhile; 0 when everything fits in memory.
        free_bytes: free disk for it; None where nobody knows.
        remarks: sentences on what may disappoint; those of `foreign` come first.
        foreign: a sentence about each channel that does not look like fluorescence.
        psf: per channel, FWHM in pixels of the lens's point-spread function by the file's optics, which super-resolution will undo; None
            where they do not say. Empty where that is no step of the run.
    """

    workflow: Literal["A", "B"]
    reason: str
    noise: tuple[Noise, ...]
    sampling: tuple[Sampling, ...]
    output_shape: Shape
    output_bytes: int
    scratch_bytes: int
    free_bytes: int | None
    remarks: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    psf: tuple[float | None, ...] = ()

    @property
    def fits(self) -> bool:
        """Is there disk enough for the run?"""
        return self.free_bytes is None or self.scratch_bytes <= self.free_bytes

    def __str__(self) -> str:
        size = " x ".join(str(n) for n in self.output_shape if n > 1) or "1"
        return f"Workflow {self.workflow}: {self.reason}. Result: {size} pixels, {in_words(self.output_bytes)}"


def advise(
    image: Image | npt.ArrayLike,
    steps: Sequence[str] | str = STEPS,
    channels: Sequence[int | str] | int | str | None = None,
    workflow: Literal["A", "B"] | None = None,
    *,
    frames: int = 0,
    planes: bool | None = None,
) -> Advice:
    """Look at an image before a run; reads a few blocks of it.

    Args:
        image, steps, channels, frames, planes: as for `enhance`.
        workflow: the one that will be run, for the size of the result; None: the one that is advised.
    """
    source = as_image(image)
    wanted = check_steps(steps)
    chosen = check_channels(source, channels)
    noise = tuple(noise_sigma(source, c) for c in range(source.shape[1]))
    samples = tuple(sampling(source, c) for c in range(source.shape[1]))
    letter, reason = _choose(source, samples)
    plan = workflow or letter
    grid, sharing = Grid(), ALONE
    if plan == "A":
        sharing = Sharing.of(source, wanted, frames, planes)
        grid = Grid(3 if "super_resolve" in wanted else 1, axial_ratio(source) if "axial" in wanted else None)
    strange = foreign(source, chosen)
    shape = output_shape(source, grid)
    t, c, z, y, x = shape
    return Advice(
        letter,
        reason,
        noise,
        samples,
        shape,
        4 * t * c * z * y * x,
        scratch_bytes(source, chosen, grid, sharing.frames > 0, sharing.planes),
        free_disk(tempfile.gettempdir()),
        (*strange, *_remarks(source, noise, samples, chosen, plan == "A" and grid.factor > 1, plan == "A" and "denoise" in wanted)),
        tuple(strange),
        by_file(source, range(source.shape[1]))[0].pixels if plan == "A" and "super_resolve" in wanted else (),
    )


def _choose(image: Image, samples: Sequence[Sampling]) -> tuple[Literal["A", "B"], str]:
    """The workflow and why."""
    already = resolved(image)
    if already is not None:
        return "B", already
    over = [s.oversampling for s in samples if s.nyquist is not None and s.oversampling is not None]
    if over and min(over) >= 3:
        return "B", f"its pixels are {min(over):.1f} times finer than Abbe's limit needs, so three times as many would be empty"
    return "A", "a conventional image: noise and out-of-focus light can be taken away, and detail brought out on three times as many pixels"


def _contrast(image: Image, channel: int) -> float:
    low, high = np.percentile(sample(image.pixels, channel, LOOKED_AT).astype(np.float64), [1, 99.8])
    return float(high - low)


def _remarks(
    image: Image, noise: Sequence[Noise], samples: Sequence[Sampling], chosen: tuple[int, ...], finer: bool, denoised: bool
) -> list[str]:
    said = []
    for c in chosen:
        name = image.channels[c]
        cutoff = samples[c].cutoff
        crisp = cutoff is not None and cutoff >= FINE and noise[c].correlation <= CORRELATED
        if denoised and crisp and 0 < noise[c].sigma < CLEAN * _contrast(image, c):
            said.append(
                f"{name}: next to no noise, and detail as fine as the pixels: denoising may soften that and has little to take; leave "
                "the step out (steps axial and super_resolve)"
            )
        if noise[c].correlation > CORRELATED and not made_here(image):  # what abbe made is smooth on purpose
            said.append(
                f"{name}: neighbouring pixels share their noise (correlation {noise[c].correlation:.2f}), as after resampling, averaging "
                "or compression; the raw file would give more"
            )
        over = samples[c].oversampling
        if finer and over is not None and over >= 3:
            said.append(f"{name}: sampled {over:.1f} times finer than its detail needs; super-resolution will add little to it")
        if samples[c].nyquist is not None and over is not None and over < 0.5:
            said.append(f"{name}: pixels are {1 / over:.1f} times coarser than Abbe's limit needs; detail below them is lost")
    pixel = image.pixel_size[2]
    if pixel is not None and pixel > COARSE_PIXEL and any(samples[c].nyquist is None for c in chosen):
        said.append(
            f"pixels of {pixel:.3g} um are coarser than any lens needs that resolves cells; the models were made for images that sample "
            "what their lens resolves, and may take what is close for what is fine"
        )
    return said
