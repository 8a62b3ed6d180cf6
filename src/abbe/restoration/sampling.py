"""How finely an image samples what its microscope can resolve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abbe.image import Image

#: side of the part of a plane whose spectrum is looked at
SIDE = 512
#: a ring of the spectrum is above the noise when its power is this many times the floor
ABOVE = 1.5
#: only where the broadest structure's power is this many times the floor does the spectrum end where the lens ends it, and not where noise
#: covers it: means of hundreds of frames lie above three million, their single frames near ten thousand
CLEAR = 5e4
#: words in a file's acquisition mode that mean: resolved beyond Abbe's limit already
_RESOLVED = ("sted", "structured", "sim", "storm", "palm", "single", "super", "resolft", "minflux", "paint")
#: below this pixel size (um) no diffraction-limited image needs to be sampled: Abbe's limit at 400 nm and NA 1.49 is 0.13 um, half of it
#: for a confocal with a closed pinhole, and half of that again for sampling
FINE_PIXEL = 0.034


@dataclass(frozen=True, slots=True)
class Sampling:
    """Of one channel.

    Attributes:
        cutoff: where the spectrum sinks into the noise, as a fraction of the highest frequency that the pixels can hold; 1 where it does
            not, None where the image is too small, empty or noisy to tell.
        nyquist: pixel size that just samples Abbe's limit, emission / (4 NA), in um; None where the optics are not known.
        pixel: the image's pixel size in um.
    """

    cutoff: float | None
    nyquist: float | None
    pixel: float | None

    @property
    def oversampling(self) -> float | None:
        """How many times finer than needed the pixels are: by the optics where known, else by the spectrum. Below 1: too coarse."""
        if self.nyquist is not None and self.pixel is not None:
            return self.nyquist / self.pixel
        return None if self.cutoff is None else 1 / self.cutoff


def sampling(image: Image, channel: int) -> Sampling:
    """The sampling of one channel, from its optics and from the spectrum of the middle of its middle plane."""
    optics = image.optics
    emission = optics.emission[channel] if len(optics.emission) > channel else None
    aperture = optics.numerical_aperture
    nyquist = emission / 1000 / (4 * aperture) if emission and aperture else None
    return Sampling(_cutoff(image, channel), nyquist, image.pixel_size[2])


def made_here(image: Image) -> bool:
    """Did abbe compute it, now or before its file was written?"""
    return image.recipe is not None or any(line.startswith(("enhance:", "background:")) for line in image.provenance.history)


def resolved(image: Image) -> str | None:
    """Why an image is to be taken as super-resolved already; None where nothing says so."""
    done = image.recipe.to_dict().get("steps", []) if image.recipe is not None else []
    if any(step.get("name") == "super_resolve" for step in done) or any(
        line.startswith("enhance:") and "super_resolve (" in line for line in image.provenance.history
    ):
        return "the image was super-resolved by abbe already; what can still go is background"
    modality = (image.optics.modality or "").lower()
    if any(word in modality for word in _RESOLVED):
        return f"the file says that it is a super-resolved image ({modality}); what can still go is background and noise"
    pixel = image.pixel_size[2]
    if pixel is not None and pixel < FINE_PIXEL:
        return f"its pixels of {1000 * pixel:.3g} nm are finer than a diffraction-limited image needs: super-resolved already"
    return None


def _cutoff(image: Image, channel: int) -> float | None:
    t, _, z, y, x = image.shape
    n = min(y, x, SIDE)
    if n < 32:
        return None
    top, left = (y - n) // 2, (x - n) // 2
    where = (slice(t // 2, t // 2 + 1), slice(channel, channel + 1), slice(z // 2, z // 2 + 1), slice(top, top + n), slice(left, left + n))
    part = np.nan_to_num(image.read(where)[0, 0, 0].astype(np.float64))
    if part.min() == part.max():
        return None
    window = np.hanning(n)[:, None] * np.hanning(n)
    power = np.abs(np.fft.rfft2((part - part.mean()) * window)) ** 2
    fy, fx = np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)
    ring = (np.hypot(fy, fx) * n).astype(np.int64)
    rings = np.bincount(ring.ravel(), power.ravel()) / np.maximum(np.bincount(ring.ravel()), 1)
    rings = np.convolve(rings[: n // 2], np.ones(5) / 5, "valid")  # ring k is now centred on k + 2
    floor = float(np.median(rings[int(0.9 * len(rings)) :]))
    below = np.flatnonzero(rings < ABOVE * floor)
    cutoff = float((below[0] + 2) / (n / 2)) if below.size else 1.0
    return cutoff if cutoff > 0.5 or rings[0] > CLEAR * floor else None
