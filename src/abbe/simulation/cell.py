"""A simulated cell with known truth: for the demo, the tests and the page's empty first screen."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from abbe.image import Image, Optics, Provenance
from abbe.optics import Camera, expose, gaussian_sigma
from abbe.optics.blur import convolve, gaussian_transfer
from abbe.simulation.pairs import bin3
from abbe.simulation.structures import splat, to_unit

Plane = npt.NDArray[np.float32]
Generator = np.random.Generator

#: um; a usual camera pixel behind a 63x objective
PIXEL = 0.1
#: lens and light of the simulated microscope
APERTURE, EMISSION = 1.3, (0.520, 0.610)
NAMES = ("tubulin", "vesicles")


class SimulatedCell(NamedTuple):
    """`observed` is the noisy conventional image (C, n, n) in counts; `truth` the specimen (C, 3n, 3n) in the same counts."""

    observed: Image
    truth: Image


def simulate_cell(side: int = 256, photons: float = 120.0, seed: int = 1) -> SimulatedCell:
    """A cell of two channels, microtubules and vesicles carried along them, as a widefield microscope sees it.

    Args:
        side: pixels a side of the observed image (0.1 um each); the truth has three times as many.
        photons: photo-electrons per pixel of the brightest structure.
        seed: equal seeds give equal cells.
    """
    rng = np.random.default_rng(seed)
    fine = 3 * side
    inside, centre = _outline(rng, fine)
    tracks = _microtubules(rng, fine, centre, inside)
    specimen = np.stack([_drawn(tracks, fine), _vesicles(rng, tracks, fine)]) * inside
    camera = Camera(gain=2.0, offset=100.0, read_noise=1.6)
    observed, truth = [], []
    for plane, wavelength in zip(specimen, EMISSION):
        sharp = to_unit(gaussian_filter(plane, 0.8)) + 0.03 * inside
        sigma = gaussian_sigma(wavelength, APERTURE) / PIXEL * 3
        light = convolve(sharp, gaussian_transfer(sharp.shape, sigma))
        haze = convolve(sharp, gaussian_transfer(sharp.shape, 8 * sigma))
        expected = np.maximum(bin3(light + 0.5 * haze), 0) + 0.02
        counts, _ = expose(rng, expected * photons, camera)
        observed.append(counts)
        truth.append((sharp + 0.02) * photons * camera.gain + camera.offset)
    optics = Optics(numerical_aperture=APERTURE, refractive_index=1.515, modality="widefield", emission=tuple(1000 * w for w in EMISSION))
    more: dict[str, Any] = {"channels": NAMES, "colors": ("#00ff00", "#ff00ff"), "optics": optics}
    origin = Provenance(source="simulated cell", history=(f"simulated: {side} x {side} pixels, {photons:g} photons, seed {seed}",))
    return SimulatedCell(
        Image.from_array(np.stack(observed).astype(np.uint16), "CYX", (PIXEL, PIXEL), provenance=origin, **more),
        Image.from_array(np.stack(truth).astype(np.float32), "CYX", (PIXEL / 3, PIXEL / 3), provenance=origin, **more),
    )


def _outline(rng: Generator, n: int) -> tuple[Plane, npt.NDArray[np.float64]]:
    """The cell's soft outline (n, n) in [0, 1], and where its microtubules start."""
    yy, xx = np.mgrid[:n, :n].astype(np.float32)
    centre = n * rng.uniform(0.42, 0.58, 2)
    angle = np.arctan2(yy - centre[0], xx - centre[1])
    edge = 0.42 * n * (1 + sum(rng.normal(0, 0.08 / k) * np.cos(k * angle + rng.uniform(0, 6)) for k in (2, 3, 4, 5)))
    return expit((edge - np.hypot(yy - centre[0], xx - centre[1])) / 4).astype(np.float32), centre


def _microtubules(rng: Generator, n: int, centre: npt.NDArray[np.float64], inside: Plane) -> npt.NDArray[np.float64]:
    """Paths (count, steps, 2) from around the centrosome outwards, bent along the edge; points outside the cell are NaN."""
    count, steps = 70, int(0.8 * n)
    angle = rng.uniform(0, 2 * np.pi, (count, 1)) + np.cumsum(rng.normal(0, 0.035, (count, steps)), axis=1)
    start = centre + rng.normal(0, 0.03 * n, (count, 1, 2))
    paths = start + 0.7 * np.cumsum(np.stack([np.sin(angle), np.cos(angle)], -1), axis=1)
    at = np.clip(paths.astype(int), 0, n - 1)
    gone = np.cumsum(inside[at[..., 0], at[..., 1]] < 0.3, axis=1) > 0
    paths[gone] = np.nan
    return np.asarray(paths)


def _drawn(tracks: npt.NDArray[np.float64], n: int) -> Plane:
    points = tracks.reshape(-1, 2)
    return splat(points[np.isfinite(points[:, 0])], 1.0, (n, n))


def _vesicles(rng: Generator, tracks: npt.NDArray[np.float64], n: int) -> Plane:
    """Hollow vesicles, two thirds of them on microtubules."""
    points = tracks.reshape(-1, 2)
    points = points[np.isfinite(points[:, 0])]
    centres = np.concatenate([points[rng.integers(0, len(points), 90)], rng.uniform(0, n, (60, 2))])
    radius = rng.uniform(1.5, 6.0, (len(centres), 1))
    phi = rng.uniform(0, 2 * np.pi, (len(centres), 120))
    shell = centres[:, None] + radius[..., None] * np.stack([np.sin(phi), np.cos(phi)], -1)
    weight = np.repeat(rng.lognormal(0, 0.4, len(centres)) * radius[:, 0] / 120, 120)
    return splat(shell.reshape(-1, 2), weight, (n, n))
