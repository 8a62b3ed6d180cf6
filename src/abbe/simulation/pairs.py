"""Pairs of what a microscope gives and what it should have given, with known truth.

Each function draws its own optics, light, camera and file from wide ranges. What limits how a network does on a
microscope it has never seen is how diverse these are, more than structures or steps; so no two pairs share a camera.
All planes are float32; a pair is in one unit (counts of the noisy image).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, zoom

from abbe.optics import Camera, ColourCamera, expose
from abbe.optics import file as processing
from abbe.optics.blur import Transfer, convolve, gaussian_transfer, random_transfer
from abbe.optics.colour import COLOURS
from abbe.simulation.drawing import between, cloud
from abbe.simulation.structures import crowd

Plane = npt.NDArray[np.float32]
Generator = np.random.Generator


class Source(Protocol):
    """Where truth comes from: simulated specimens, or crisp images."""

    def crop(self, rng: Generator, size: int) -> Plane:
        """(size, size) float32, background about 0, bright structure about 1."""
        ...


class Pair(NamedTuple):
    """`observed` is what a file holds; `truth` is what a restoration should give, on the same or a finer grid, in the same unit.

    `level` is how much of the truth is even background (camera offset, glow), where that is known; `width` the PSF's standard deviation in
    observed pixels, where super-resolution is to undo it.
    """

    observed: Plane
    truth: Plane
    level: float = 0.0
    width: float = 0.0


#: pixels around a patch, so that the periodic blur does not wrap into it
MARGIN = 24
#: share of denoising pairs that hold detail as fine as their pixels, and how wide (pixels) their PSF is: a lens before large pixels, a
#: deconvolved or super-resolved image. A network that never saw any takes dense fine structure for noise, and the brighter it is the more
CRISP_SHARE, CRISP = 0.3, (0.1, 0.6)
#: read noise in counts, at least: no camera's steps are much coarser than its noise
LEAST_STEP = 0.5
#: share of denoising pairs from a colour camera
COLOUR = 0.12
#: share of super-resolution pairs whose specimen holds nothing finer than a Gaussian of 0.6 to 4.2 fine pixels
SOFT = 0.5
#: width of the PSF in an optical section of one plane, of the lens's own: a confocal microscope shows a plane so, between an open pinhole
#: (1) and a closed one (0.71, whose PSF is the lens's squared: Wilhelm et al., Confocal Laser Scanning Microscopy, Carl Zeiss 1997)
SECTION = 0.77
#: PSF widths (standard deviation, 0.21 wavelength / NA, in camera pixels) of most super-resolution pairs: from 0.55 (20x/0.75 before 6.5 um
#: pixels) over 0.7 (60x/1.4) and 1.2 (100x/1.4) to 1.5; one in sixteen is wider, as a zoomed confocal's. Where a soft specimen under a
#: sharp lens looks like a sharp one under a soft lens, this decides what comes out
WIDTHS = (0.55, 1.5)
#: share of wider ones, and how wide (logarithmically even) they are: networks that had seen 2.3 at most joined the blobs of zoomed images
#: to a mesh
WIDER_SHARE, WIDER = 0.06, (1.5, 4.0)
#: the same where the network is told the width: nothing is to be guessed then, and any lens may come
ANY_WIDTH = (0.42, 4.0)
#: share of denoising pairs of crowded blobs about as fine as the pixels, and how wide (pixels) their PSF is: among all specimens these come
#: once in three hundred times, and what a network has hardly seen it takes for noise, however much light there is
CROWDED, CROWDED_THROUGH = 0.07, (0.1, 1.2)
#: share of denoising pairs whose label is uneven at all sizes, by how much (standard deviation of its logarithm), and with which power of
#: frequency that falls: as dense bundles and what lies out of focus are. Measured on actin of FMD: 1.4
TEXTURED, UNEVENNESS, FALLS = 0.2, (0.05, 0.6), (0.8, 2.0)
#: share of denoising and of super-resolution pairs with spots far brighter than all else, to which a network is to answer nowhere but there
LITTERED = 0.04
#: share of super-resolution pairs whose label is far weaker in one place than in another
UNEVEN = 0.08
#: share of denoising and of super-resolution pairs without any structure: from noise alone, noise alone is to come
BLANK = 0.08


def random_camera(rng: Generator, *, plain: bool = False) -> Camera:
    """Any camera or detector that people use. `plain`: without the faults that only some have."""
    faults = not plain and rng.random() < 0.4
    gain, offset, read_noise = 10 ** rng.uniform(-0.5, 1.5), rng.choice((0.0, 0.0, 10.0, 100.0, 400.0)), 10 ** rng.uniform(-0.5, 1.0)
    return Camera(
        gain=float(max(gain, LEAST_STEP / read_noise)),
        offset=float(offset),
        read_noise=float(read_noise),
        excess=float(rng.choice((1.0, rng.uniform(1.15, 1.6), 2.0), p=(0.7, 0.12, 0.18))),
        gain_spread=float(rng.uniform(0, 0.03)) if faults else 0.0,
        read_spread=float(rng.uniform(0, 0.6)) if faults else 0.0,
        line_noise=float(rng.uniform(0, 1.0)) if faults and rng.random() < 0.3 else 0.0,
        hot=float(10 ** rng.uniform(-4.5, -3)) if faults and rng.random() < 0.3 else 0.0,
        frames=int(rng.choice((1, 1, 1, 2, 4, 8))),
    )


def random_colour_camera(rng: Generator) -> ColourCamera:
    """A colour camera behind one of its dyes: the light passes one filter well and the others less, or all alike (transmitted, white)."""
    shown = int(rng.integers(3))
    passes = 10 ** rng.uniform(-1.7, -0.1, 3)
    passes[shown] = 1.0
    balance = rng.uniform(1.0, 2.2, 3)
    balance[1] = 1.0
    return ColourCamera(
        random_camera(rng, plain=True),
        (float(passes[0]), float(passes[1]), float(passes[2])),
        (float(balance[0]), float(balance[1]), float(balance[2])),
        "bilinear" if rng.random() < 0.4 else "gradients",
        softened=float(rng.uniform(0.6, 3.0)) if rng.random() < 0.5 else 0.0,
        shown=None if rng.random() < 0.4 else COLOURS[shown],
    )


def exposed(rng: Generator, photons: npt.NDArray[np.floating]) -> processing.Pair:
    """(noisy, expected) counts of (Y, X) photo-electrons, whose outermost pixel is cut off, by any camera: one in eight has a mosaic."""
    if rng.random() < COLOUR:
        y, x = (int(i) for i in rng.integers(0, 3, 2))  # a patch may begin anywhere in the mosaic
        noisy, expected = random_colour_camera(rng).expose(rng, photons)
        cut = (slice(y, y + photons.shape[0] - 2), slice(x, x + photons.shape[1] - 2))
        return noisy[cut], expected[cut]
    return expose(rng, photons[1:-1, 1:-1], random_camera(rng))


def light(rng: Generator, sharp: Plane, sigma: float) -> Plane:
    """`sharp` seen through a microscope of about that PSF width, with its haze, background and shading: expected intensity, 1 = signal."""
    plane = convolve(sharp, random_transfer(rng, sharp.shape, sigma))
    if rng.random() < 0.4:
        plane = plane + convolve(sharp, gaussian_transfer(sharp.shape, rng.uniform(4, 10) * max(sigma, 1))) * rng.uniform(0.1, 2)
    if rng.random() < 0.8:
        plane = plane + 10 ** rng.uniform(-2.5, 0.2)
    return np.maximum(plane, 0)


def uneven(rng: Generator, plane: Plane) -> Plane:
    """`plane` under a label that is up to three hundred times weaker in one place than in another.

    Without it a network learns that what is dim beside something bright must be haze, and takes dim cells away.
    """
    coarse = rng.uniform(-1, 0, (int(rng.integers(2, 6)),) * 2)
    field = zoom(coarse, plane.shape[0] / len(coarse), order=1, grid_mode=True, mode="nearest")
    return np.asarray(plane * 10 ** (rng.uniform(0.5, 2.5) * field[: plane.shape[0], : plane.shape[1]]), np.float32)


def littered(rng: Generator, plane: Plane, grid: float = 1.0) -> Plane:
    """`plane` with one to three round spots up to a thousand times brighter: dust, dead cells, clumps of label.

    `grid`: pixels of the plane per camera pixel.
    """
    y, x = np.ogrid[: plane.shape[0], : plane.shape[1]]
    out = plane
    for _ in range(int(rng.integers(1, 4))):
        (cy, cx), width = rng.uniform(0, plane.shape), grid * 10 ** rng.uniform(-0.1, 0.9)
        spot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width**2))
        out = out + np.float32(10 ** rng.uniform(1, 3)) * spot.astype(np.float32)
    return out


def under_lens(rng: Generator, source: Source, n: int) -> Plane:
    """Any specimen through any lens: expected intensity (n + 2, n + 2), 1 = signal."""
    sharp = source.crop(rng, n + 2 * MARGIN)
    if rng.random() < BLANK:
        sharp = np.zeros_like(sharp)
    if rng.random() < LITTERED:
        sharp = littered(rng, sharp)
    sigma = rng.uniform(*CRISP) if rng.random() < CRISP_SHARE else rng.uniform(0.5, 2.4)
    if rng.random() < CROWDED:
        blobs, sigma = crowd(rng, len(sharp)), rng.uniform(*CROWDED_THROUGH)
        sharp = sharp * blobs if rng.random() < 0.5 else blobs  # the texture of a cell, or a field of them
    if rng.random() < TEXTURED:
        sharp = sharp * np.exp(rng.uniform(*UNEVENNESS) * cloud(rng, len(sharp), rng.uniform(*FALLS)))
    return light(rng, sharp, sigma)[MARGIN - 1 : 1 - MARGIN, MARGIN - 1 : 1 - MARGIN]


def denoising_pair(rng: Generator, source: Source, n: int) -> Pair:
    """A noisy image and its expectation, both (n, n), after everything that happens between photon and file."""
    factor = float(rng.choice((1.0, rng.uniform(1.1, 2.2), rng.uniform(0.55, 0.95)), p=(0.62, 0.3, 0.08)))
    m = max(32, int(np.ceil(n / factor)))
    expected = under_lens(rng, source, m)
    photons = 10 ** rng.uniform(-0.2, 4.0)
    pair = exposed(rng, expected * photons)
    if rng.random() < 0.15:
        pair = processing.smooth(rng, pair)
    if m != n:
        pair = processing.enlarge(rng, pair, n)
    if rng.random() < 0.06:
        pair = processing.sharpen(rng, pair)
    if rng.random() < 0.15:
        pair = processing.gamma(pair, rng.uniform(0.6, 1.5))
    if rng.random() < 0.45:
        pair = processing.eight_bit(rng, pair)
        if rng.random() < 0.12:
            pair = processing.jpeg(pair[0], int(rng.integers(60, 98))), pair[1]
    return Pair(*pair)


def super_resolution_pair(rng: Generator, source: Source, n: int, *, known: bool = False) -> Pair:
    """A conventional image (n, n) and the specimen on a grid three times finer (3n, 3n), in the image's counts.

    `known`: the PSF's width will be told, and may be any.

    A third of the images were taken on coarser pixels and enlarged, as registration, drift correction and debayering do: their noise is
    smooth from pixel to pixel, and a network that has seen white noise alone takes it for filaments.
    """
    width = rng.uniform(*WIDTHS) if rng.random() < 1 - WIDER_SHARE else between(rng, *WIDER)
    if known:
        width = between(rng, *ANY_WIDTH)
    zoomed = rng.uniform(1, max(width / WIDER[0], 1))  # who zooms in on a lens's blur zooms in on the specimen, more or less
    side = 3 * n + 6 * MARGIN
    fine = source.crop(rng, int(np.ceil(side / zoomed)))
    if len(fine) != side:
        fine = np.maximum(processing.resize(fine, (side, side)), 0)
    if rng.random() < BLANK:
        fine = np.zeros_like(fine)
    if rng.random() < UNEVEN:
        fine = uneven(rng, fine)
    if rng.random() < LITTERED:
        fine = littered(rng, fine, 3.0)
    if rng.random() < SOFT:  # a specimen need not be fine, and its label, tissue or fixation may have softened it
        fine = np.asarray(convolve(fine, gaussian_transfer(fine.shape, zoomed * 0.6 * 7 ** rng.random())), np.float32)
    edge = 3 * MARGIN
    factor = float(rng.uniform(1.15, 2.2)) if rng.random() < 0.33 else 1.0
    width *= factor**0.6
    blurred = convolve(fine, random_transfer(rng, fine.shape, 3 * width))
    haze: Plane | float = 0.0
    if rng.random() < 0.25:
        haze = convolve(fine, gaussian_transfer(fine.shape, rng.uniform(12, 36))) * rng.uniform(0.1, 1.0)
    floor = 10 ** rng.uniform(-2.5, 0.0) if rng.random() < 0.6 or not fine.any() else 0.0
    cut = (slice(edge, edge + 3 * n),) * 2
    low = np.maximum(bin3(np.asarray(blurred + haze)[cut]), 0) + floor
    if factor > 1:
        low = np.maximum(processing.resize(low.astype(np.float32), (round(n / factor),) * 2), 0)
    photons = 10 ** rng.uniform(0.4, 3.4)
    camera = random_camera(rng, plain=bool(rng.random() < 0.7))
    observed, expected = expose(rng, low * photons, camera)
    level = floor * photons * camera.gain + camera.offset
    truth = fine[cut] * photons * camera.gain + level
    if rng.random() < 0.15:
        observed, _ = processing.smooth(rng, (observed, expected))
    if factor > 1:
        observed, _ = processing.enlarge(rng, (observed, expected), n)
    if rng.random() < 0.25:
        observed, truth, level = _in_eight_bits(rng, observed, truth, level)
        if rng.random() < 0.15:
            observed = processing.jpeg(observed, int(rng.integers(60, 98)))
    return Pair(observed, truth.astype(np.float32), level, float(width))


def _in_eight_bits(rng: Generator, observed: Plane, truth: Plane, level: float) -> tuple[Plane, Plane, float]:
    """Stretched over 255 steps and rounded; the truth, whose peaks lie above what the image shows, is stretched alike but not clipped."""
    low, high = float(observed.min()), float(observed.max())
    scale = 255 / max(high - low, 1e-6) / float(rng.choice(processing.HEADROOM))
    return np.round((observed - low) * scale).astype(np.float32), (truth - low) * scale, (level - low) * scale


def background_pair(rng: Generator, source: Source, n: int) -> Pair:
    """An image under haze, autofluorescence and shading, and its structure alone on a background of 0; both (n, n).

    A third have no haze: a super-resolved image has little, and what is weak in it is structure.
    """
    margin = 2 * MARGIN
    sharp = source.crop(rng, n + 2 * margin)
    hazy = rng.random() > 1 / 3
    if rng.random() < 0.25:
        sharp = uneven(rng, sharp)
    sharp = convolve(sharp, gaussian_transfer(sharp.shape, rng.uniform(0.3, 1.8)))
    structure = np.maximum(sharp - np.percentile(sharp, rng.uniform(5, 40)), 0)
    haze = convolve(structure, gaussian_transfer(sharp.shape, 10 ** rng.uniform(0.75, 1.4))) * (rng.uniform(0, 4) * hazy)
    if hazy and rng.random() < 0.5:
        other = source.crop(rng, n + 2 * margin)
        haze = haze + convolve(other, gaussian_transfer(sharp.shape, 10 ** rng.uniform(0.6, 1.5))) * rng.uniform(0, 2)
    total = np.maximum(structure + haze, 0) + 10 ** rng.uniform(-2, 0.3)
    y, x = np.linspace(-1, 1, total.shape[0])[:, None], np.linspace(-1, 1, total.shape[1])[None]
    cy, cx = rng.uniform(-2, 2, 2)
    shading = 1 - rng.uniform(0, 0.3) * ((y - cy) ** 2 + (x - cx) ** 2) / 8
    cut = (slice(margin, margin + n),) * 2
    photons = 10 ** rng.uniform(1.0, 3.0)
    camera = random_camera(rng, plain=True)
    pair = expose(rng, (total * shading)[cut] * photons, camera)
    truth = structure[cut] * photons * camera.gain
    observed = processing.smooth(rng, pair)[0] if rng.random() < 0.2 else pair[0]
    return Pair(observed, truth.astype(np.float32))


def section_pair(rng: Generator, volume: npt.NDArray[np.floating], n: int) -> Pair:
    """One plane of a specimen with the light of the planes above and below, and an optical section of the focal plane; both (n, n).

    The section is as sharp as a confocal microscope of that lens would show it (`SECTION`).

    `volume` is (Z, Y, X) with Y, X >= n, isotropic; the plane is taken from its middle third. An eighth of the specimens are thin:
    where there is nothing above and below, nothing is to be taken away.
    """
    depth = volume.shape[0]
    middle = int(rng.integers(depth // 3, 2 * depth // 3))
    start, spread, fade = rng.uniform(0.8, 1.8), rng.uniform(0.25, 1.0), rng.uniform(0.0, 0.1)
    fy, fx = np.fft.fftfreq(volume.shape[1])[:, None], np.fft.rfftfreq(volume.shape[2])[None]
    f2 = (-2 * np.pi**2 * (fy * fy + fx * fx)).astype(np.float32)
    half = int(rng.integers(1, 4))
    spectra = np.fft.rfft2(volume)
    if rng.random() < 0.12:
        spectra[: middle - half] = 0
        spectra[middle + half + 1 :] = 0
    total = sum(
        spectra[k] * np.exp(f2 * (start + spread * abs(k - middle)) ** 2) / (1 + fade * (k - middle) ** 2)
        for k in range(max(0, middle - 24), min(depth, middle + 25))
    )
    total = np.maximum(np.fft.irfft2(total, volume.shape[1:]), 0)
    # periodic, as the light is
    focus = gaussian_filter(volume[middle - half : middle + half + 1].sum(0).astype(np.float32), SECTION * start, mode="wrap")
    top = max(float(total.max()), 1e-6)
    photons, camera = 10 ** rng.uniform(1.3, 3.3), random_camera(rng, plain=True)
    y, x = (int(rng.integers(0, s - n + 1)) for s in volume.shape[1:])
    cut = (slice(y, y + n), slice(x, x + n))
    floor = 10 ** rng.uniform(-2.5, -0.3) if rng.random() < 0.6 else 0.0
    observed, _ = expose(rng, (total / top + floor)[cut] * photons, camera)
    truth = focus[cut] / top * photons * camera.gain
    return Pair(observed, truth.astype(np.float32))


def thin_pair(rng: Generator, source: Source, n: int) -> Pair:
    """A specimen all of which is in focus, at times under light that was scattered far, and an optical section of it; both (n, n).

    What a section of a single plane is to leave as it is: cells flat on the coverslip, and whatever is as sharp as the lens allows.
    """
    sharp = source.crop(rng, n + 2 * MARGIN)
    if rng.random() < 0.5:
        sharp = uneven(rng, sharp)
    # what is in focus need not be fine: vesicles and nuclei are as smooth as haze
    width = rng.uniform(0.55, 1.7) if rng.random() < 0.75 else rng.uniform(1.7, 5.0)
    lens = random_transfer(rng, sharp.shape, width)
    total = seen = convolve(sharp, lens)
    focus = convolve(sharp, sharpened(lens))
    if rng.random() < 0.4:
        total = seen + convolve(sharp, gaussian_transfer(sharp.shape, 10 ** rng.uniform(0.7, 1.25))) * rng.uniform(0.1, 1.0)
    floor = 10 ** rng.uniform(-2.5, -0.1) if rng.random() < 0.6 else 0.0
    photons, camera = 10 ** rng.uniform(0.8, 3.3), random_camera(rng, plain=True)
    cut = (slice(MARGIN, MARGIN + n),) * 2
    observed, _ = expose(rng, (np.maximum(total, 0) + floor)[cut] * photons, camera)
    return Pair(observed, (np.maximum(focus, 0)[cut] * photons * camera.gain).astype(np.float32))


def sharpened(lens: Transfer) -> Transfer:
    """The transfer function of a PSF `SECTION` times as wide (exactly so for a Gaussian one): what the lens lets through is weakened less,
    what it does not let through stays lost."""
    strength = np.abs(lens)
    return np.asarray(lens * np.where(strength > 0, strength, 1) ** (SECTION**2 - 1))


def bin3(a: npt.NDArray[np.floating]) -> Plane:
    """Mean of 3 x 3 pixels: a camera whose pixels are three times as large."""
    h, w = a.shape[0] // 3, a.shape[1] // 3
    return np.asarray(a[: 3 * h, : 3 * w].reshape(h, 3, w, 3).mean(axis=(1, 3)), np.float32)
