"""How wide the lens's point-spread function is, for super-resolution to be told: as somebody says, or as the file's optics do.

Blind, super-resolution has to guess how much of an image's blur is the lens's and how much the specimen's own softness. Told, it undoes
the lens's. Widths are FWHM in the plane: 2.355 standard deviations; of a lens 0.49 wavelength / NA (`abbe.optics.gaussian_sigma`), taken a
tenth wider.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from abbe.errors import ParameterError
from abbe.image import Image, Notice
from abbe.optics.psf import FWHM, gaussian_sigma
from abbe.optics.width import NARROWEST, WIDEST
from abbe.restoration.sampling import resolved, sampling
from abbe.zoo import Model

#: FWHM in um, or in pixels as text, "2.6px"; one for all channels or one per channel that is enhanced, also as text, "0.21,-,2.6px"; None
#: or "-" where nobody knows. "unknown": the file's optics are not asked either
Psf: TypeAlias = float | str | Sequence[float | str | None]

UNKNOWN, NONE, PIXELS = "unknown", "-", "px"
#: a width, um or pixels, below which it is none
SMALLEST = 0.001
#: and above which it is none, um and pixels: the softest objectives there are (1x/0.02) draw a point 14 um wide
LARGEST, MOST_PIXELS = 50.0, 200.0
#: acquisition modes whose PSF follows from wavelength and aperture as below: of the emitted light where a camera takes the picture, of the
#: exciting light where a beam is scanned and the pinhole lets most of the light through (Wilhelm et al., Confocal Laser Scanning
#: Microscopy, Carl Zeiss 1997: 0.51 excitation / NA)
SCANNED, TAKEN = ("confocal",), (None, "widefield", "light sheet", "spinning disk", "tirf")
#: by how much a real lens's PSF is wider than theory: aberrations, specimens that are not quite flat. Too wide by this costs a flat
#: specimen under a perfect lens 0.1 dB, too narrow by it a thick cell as much
REAL = 1.1
#: pixels (um) behind objectives of 2x to 20x, which draw a point 0.9 (10x/0.45) to 1.7 (20x/0.5) of them wide; and what is taken where
#: nothing else is known. Measured on simulated fields at 0.9 to 1.3: soft cells come 4 to 6 dB nearer to the truth than untold, crisp
#: nuclei and textured cells 0.3 to 4 (untold they are worse than plain upsampling, with bright rims); filaments lose 0.4 or gain up to 1.5,
#: single points lose 0.2 to 1.6, the more the softer the truth that is compared with; at 1.7 filaments lose up to 1
COARSE_PIXELS, COARSE_WIDTH = (0.3, 3.5), 1.3
#: share of the highest frequency below which an image's detail ends too early for that width
FINEST = 0.5
#: an image whose spectrum reaches this much further than the lens lets through does not come from that lens
BEYOND = 1.3


@dataclass(frozen=True, slots=True)
class Widths:
    """FWHM in pixels of each chosen channel, None where it is not known, and who says so."""

    pixels: tuple[float | None, ...] = ()
    source: Literal["given", "file", "pixel size", "unknown"] = "unknown"

    def sigmas(self) -> tuple[float | None, ...]:
        """Standard deviations, in pixels."""
        return tuple(None if width is None else width / float(FWHM) for width in self.pixels)

    def account(self) -> dict[str, Any]:
        """For the recipe."""
        return {"psf": {"fwhm_pixels": list(self.pixels), "from": self.source}}


def choose_psf(image: Image, chosen: Sequence[int], models: Mapping[str, Model], wanted: Psf | None) -> tuple[Widths, list[Notice]]:
    """The widths that super-resolution will be told, and what is to be known of them: as wanted, by the file's optics, or by coarse pixels.

    Raises `ParameterError` for a width that is none, one in um for an image without pixel size, or one that no step could use.
    """
    check_psf(models, wanted)
    if "super_resolve" not in models:
        return Widths(), []
    names = [image.channels[c] for c in chosen]
    if wanted is not None:
        given = _given(image, names, wanted)
        notices = list(_doubts(image, chosen, given))
        used = tuple(width if width is None else min(width, _widest(image, c)) for c, width in zip(chosen, given))
        return Widths(used, "given" if any(width is not None for width in used) else "unknown"), notices
    by_optics, notices = by_file(image, chosen)
    return (by_optics, notices) if notices else by_pixels(image, chosen, by_optics)


def check_psf(steps: Iterable[str], wanted: Psf | None) -> None:
    """Raise `ParameterError` for a width that is none, or one that no step could use, whatever the image."""
    if wanted is None or wanted == UNKNOWN:
        return
    if "super_resolve" not in steps:
        raise ParameterError("wanted a psf for the step super_resolve, got one without that step; leave it out, or add the step")
    for width in _listed(wanted)[1]:
        _said(width)


def by_pixels(image: Image, chosen: Sequence[int], known: Widths) -> tuple[Widths, list[Notice]]:
    """The same, and for channels whose optics nobody knows `COARSE_WIDTH` where pixels are as coarse as before objectives of 2x to 20x."""
    size, modality = image.pixel_size[2], image.optics.modality
    low, high = COARSE_PIXELS
    if size is None or not low < size <= high or not _square(image) or modality not in (*SCANNED, *TAKEN) or resolved(image) is not None:
        return known, []
    silent = [c for c in chosen if from_optics(image, c) is None]
    guessed = [c for c in silent if (sampling(image, c).cutoff or 1) >= FINEST]
    if not guessed:
        return known, []
    names = ", ".join(image.channels[c] for c in guessed)
    taken = f"of pixels as coarse as {size:.3g} um {COARSE_WIDTH:g} of them were taken as the width of its point-spread function"
    about = Notice("optics", f"{names}: the file does not tell the lens; {taken}. Say the width (psf) where it is known")
    widths = tuple(COARSE_WIDTH if c in guessed else width for c, width in zip(chosen, known.pixels))
    return Widths(widths, "file" if known.source == "file" else "pixel size"), [about]


def by_file(image: Image, chosen: Sequence[int]) -> tuple[Widths, list[Notice]]:
    """The widths that the file's optics tell, where the image does not contradict them, and what is to be known of them."""
    known = tuple(from_optics(image, c) for c in chosen)
    beyond = {c for c, width in zip(chosen, known) if width is not None and _beyond(image, c, width)}
    unlike = "holds finer detail than the lens that the file names lets through; its PSF was taken as unknown"
    notices = [Notice("optics", f"{image.channels[c]}: {unlike}") for c in sorted(beyond)]
    used = tuple(None if c in beyond or width is None or not _within(width) else width for c, width in zip(chosen, known))
    return Widths(used, "file" if any(width is not None for width in used) else "unknown"), notices


def from_optics(image: Image, channel: int) -> float | None:
    """FWHM in pixels by the file's wavelength, aperture and pixel size; None where one is missing, or the image is super-resolved."""
    optics, size = image.optics, image.pixel_size[2]
    waves = optics.excitation if optics.modality in SCANNED and _of(optics.excitation, channel) else optics.emission
    wave = _of(waves, channel)
    if optics.modality not in (*SCANNED, *TAKEN) or not wave or not optics.numerical_aperture or not size or not _square(image):
        return None
    if resolved(image) is not None:
        return None
    return round(REAL * float(FWHM * gaussian_sigma(wave / 1000, optics.numerical_aperture)) / size, 3)


def _of(waves: Sequence[float | None], channel: int) -> float | None:
    return waves[channel] if channel < len(waves) else None


def _square(image: Image) -> bool:
    _, y, x = image.pixel_size
    return y is not None and x is not None and math.isclose(y, x, rel_tol=0.02)


def _given(image: Image, names: Sequence[str], wanted: Psf) -> tuple[float | None, ...]:
    """Widths in pixels, as the caller said them."""
    each, listed = _listed(wanted)
    if each and len(listed) != len(names):
        raise ParameterError(f"wanted one psf, or one per channel that is enhanced ({', '.join(names)}), got {len(listed)}")
    return tuple(_pixels(image, one) for one in (listed if each else listed * len(names)))


def _listed(wanted: Psf) -> tuple[bool, list[float | str | None]]:
    """(is there one for each channel, the widths)."""
    if isinstance(wanted, str) and "," in wanted:
        wanted = wanted.split(",")
    if isinstance(wanted, Iterable) and not isinstance(wanted, str):
        return True, list(wanted)
    return False, [wanted]


def _said(width: float | str | None) -> tuple[float, bool] | None:
    """(width, is it in pixels), as one says it; None where nobody knows. Raises `ParameterError` for what is no width."""
    text = NONE if width is None else str(width).strip()
    if text in (NONE, UNKNOWN):
        return None
    in_pixels = text.endswith(PIXELS)
    try:
        number = float(text.removesuffix(PIXELS))
    except ValueError:
        number = math.nan
    if isinstance(width, bool) or not SMALLEST <= number < math.inf:
        raise ParameterError(f'wanted the FWHM of a PSF in um (0.25), in pixels ("2.6px") or "{UNKNOWN}", got {width!r}')
    if number > (MOST_PIXELS if in_pixels else LARGEST):
        nm = "" if in_pixels or number > 1000 * LARGEST else f"; if that is nm, say {number / 1000:g}"
        limit = f"{MOST_PIXELS:g}{PIXELS}" if in_pixels else f"{LARGEST:g} um"
        raise ParameterError(f"wanted the FWHM of a PSF of at most {limit}, got {width}{'' if in_pixels else ' um'}{nm}")
    return number, in_pixels


def _pixels(image: Image, width: float | str | None) -> float | None:
    said = _said(width)
    if said is None:
        return None
    number, in_pixels = said
    if in_pixels:
        return round(number, 3)
    if not _square(image) or image.pixel_size[2] is None:
        got = " x ".join("unknown" if side is None else f"{side:g} um" for side in image.pixel_size[1:])
        raise ParameterError(
            f"wanted square pixels of known size for a psf of {number:g} um, got {got}; say the pixel size, or the psf in pixels "
            f'("2.6{PIXELS}")'
        )
    return max(round(number / image.pixel_size[2], 3), SMALLEST)


def _within(width: float) -> bool:
    return bool(NARROWEST <= width / FWHM <= WIDEST)


def _doubts(image: Image, chosen: Sequence[int], widths: Sequence[float | None]) -> Iterator[Notice]:
    for channel, width in zip(chosen, widths):
        if width is None:
            continue
        name = image.channels[channel]
        if width > (widest := _widest(image, channel)):
            lens = f"a lens with a PSF of {width:g} pixels"
            yield Notice("optics", f"{name}: holds finer detail than {lens} lets through; {widest:g}, the widest that it allows, was taken")
            width = widest
        if not _within(width):
            least, most = (round(FWHM * sigma, 1) for sigma in (NARROWEST, WIDEST))
            learnt = f"what super-resolution learnt ({least} to {most})"
            yield Notice("optics", f"{name}: a PSF of {width:g} pixels is beyond {learnt}; it was told the nearest")


def _beyond(image: Image, channel: int, width: float) -> bool:
    return width > _widest(image, channel)


def _widest(image: Image, channel: int) -> float:
    """FWHM in pixels of the widest PSF through which the image's finest detail can have come.

    Its spectrum ends at `cutoff` of the highest frequency that pixels hold; a lens's at 2 NA / wavelength = 0.42 / sigma.
    """
    cutoff = sampling(image, channel).cutoff
    return math.inf if cutoff is None else round(BEYOND * 0.42 / (cutoff * 0.5) * float(FWHM), 3)
