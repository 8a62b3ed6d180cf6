"""One whole cell whose truth is known, as a widefield microscope sees it: for the demo, the page's samples, the examples and the tests.

An adherent cell some 20 um across: a nucleus with chromatin and nucleoli, microtubules that radiate from the centrosome beside it, and
lysosomes strung along them. It has a depth of 2.4 um, so light from above and below the focus lies over what is in focus, as in every
widefield image; what the camera adds is the noise of `abbe.optics.expose`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from abbe.image import Image, Optics, Provenance
from abbe.optics import Camera, expose, widefield_psf
from abbe.simulation.drawing import cloud, splat

#: camera pixels along each side
FIELD = 256
#: pixels of the truth per camera pixel, as Workflow A triples them
FINE = 3
#: camera pixel in the specimen, um: a 6.5 um sCMOS pixel behind a 63x lens
PIXEL = 6.5 / 63
#: of that lens, and of its oil
APERTURE, INDEX = 1.3, 1.515
#: planes of the specimen: half their number on either side of the focus, and their distance in um
HALF_DEPTH, Z_STEP = 6, 0.2
#: planes within +- FOCUS of the focal plane are what a perfect optical section shows (depth of field n wavelength / NA^2 = 0.5 um)
FOCUS = 1
#: standard deviation of the truth, in its pixels: label size and drift, 80 nm full width, about what STED resolves in cells
LABEL = 1.0
#: side of the point-spread function, in fine pixels: at 1.2 um from the focus it is 4 um wide
KERNEL = 192

#: photons in every camera pixel that come from no label: the medium, the glass
GLOW = 1.0

#: channel -> (emission in um, colour, photons of the brightest structure in a camera pixel)
CHANNELS = {
    "nucleus": (0.461, "#4d6bff", 120.0),
    "microtubules": (0.520, "#3ddc5b", 90.0),
    "lysosomes": (0.617, "#ff4fd8", 90.0),
}

Points = npt.NDArray[np.float64]
Volume = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SimulatedCell:
    """The image that a microscope takes of the cell, and the cell.

    Attributes:
        image: uint16 counts, three channels, (1, 3, 1, 256, 256).
        truth: what is in focus, in the image's units, (1, 3, 1, 768, 768) float32: expected counts of a microscope without blur and noise.
    """

    image: Image
    truth: Image


def simulate_cell(seed: int = 1, light: float = 1.0) -> SimulatedCell:
    """A cell in a field of 256 x 256 camera pixels, 26 um wide; the same seed gives the same cell and the same noise.

    Args:
        seed: another number, another cell.
        light: exposure, 1 for the photons in `CHANNELS`; a tenth of the light is sqrt(10) times noisier.
    """
    rng = np.random.default_rng(seed)
    camera = Camera()
    seen, truth = [], []
    for volume, (wavelength, _, photons) in zip(_specimen(rng, FIELD * FINE), CHANNELS.values()):
        arriving = _bin(_through_the_lens(volume, wavelength))
        electrons = light * photons / float(np.percentile(arriving, 99.9))
        counts, _ = expose(rng, arriving * electrons + light * GLOW, camera)
        sharp = gaussian_filter(volume[HALF_DEPTH - FOCUS : HALF_DEPTH + FOCUS + 1].sum(axis=0), LABEL)
        seen.append(counts)
        truth.append(sharp * FINE**2 * electrons * camera.gain + camera.offset)
    about: dict[str, Any] = {
        "channels": tuple(CHANNELS),
        "colors": tuple(color for _, color, _ in CHANNELS.values()),
        "optics": Optics(APERTURE, 63.0, INDEX, "widefield", emission=tuple(1000 * um for um, _, _ in CHANNELS.values())),
        "provenance": Provenance("simulated cell", history=(f"simulated: seed {seed}, light {light:g}",)),
    }
    return SimulatedCell(
        Image.from_array(np.stack(seen).astype(np.uint16), "CYX", PIXEL, **about),
        Image.from_array(np.stack(truth).astype(np.float32), "CYX", PIXEL / FINE, **about),
    )


def _bin(plane: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Light per camera pixel, from light per fine pixel."""
    n = plane.shape[0] // FINE
    return np.asarray(plane.reshape(n, FINE, n, FINE).sum(axis=(1, 3)))


def _through_the_lens(volume: Volume, wavelength: float) -> npt.NDArray[np.floating]:
    """(Y, X) light that arrives in focus from all planes of (Z, Y, X) specimen."""
    depth, n, _ = volume.shape
    side = min(KERNEL, n)
    psf = widefield_psf((depth, side, side), (Z_STEP, PIXEL / FINE), wavelength, APERTURE, INDEX) * depth
    spectrum = np.zeros((n, n // 2 + 1), np.complex64)
    for plane, kernel in zip(volume, psf):
        padded = np.zeros((n, n), np.float32)
        padded[:side, :side] = np.fft.fftshift(kernel)
        spectrum += fft.rfft2(plane) * fft.rfft2(np.roll(padded, (-(side // 2), -(side // 2)), (0, 1)))
    return np.asarray(np.maximum(fft.irfft2(spectrum, (n, n)), 0))


# ------------------------------------------------------------------------------------------------ the specimen
@dataclass(frozen=True, slots=True)
class _Plan:
    """Where things are, in fine pixels (y, x); the cell and the nucleus are lobed ellipses."""

    centre: Points
    cell: float
    nucleus: float
    lobes: Points

    def edge(self, radius: float, angle: Points) -> Points:
        """Distance from the centre to the outline of `radius` in the direction `angle`."""
        k = np.arange(2, 2 + len(self.lobes))
        wave = (self.lobes[:, 0] * np.cos(angle[..., None] * k + self.lobes[:, 1])).sum(axis=-1)
        return np.asarray(radius * (1 + wave))

    def inside(self, points: Points, radius: float) -> npt.NDArray[np.bool_]:
        """Which of the points (..., y, x) lie within the outline of `radius`."""
        off = points - self.centre
        return np.asarray(np.hypot(off[..., 0], off[..., 1]) < self.edge(radius, np.arctan2(off[..., 0], off[..., 1])))


def _specimen(rng: np.random.Generator, n: int) -> tuple[Volume, Volume, Volume]:
    """Nucleus, microtubules and lysosomes, (Z, Y, X) each, in arbitrary units."""
    um = FINE / PIXEL
    lobes = np.stack([rng.normal(0, (0.08, 0.05, 0.03)), rng.uniform(0, 2 * np.pi, 3)], axis=1)
    plan = _Plan(n / 2 + rng.normal(0, 0.4 * um, 2), 11.2 * um, 4.2 * um, lobes)
    paths, height = _microtubules(rng, plan, um)
    shape = (2 * HALF_DEPTH + 1, n, n)
    tubes = _place(np.concatenate([height[..., None], paths], axis=-1).reshape(-1, 3), np.ones(height.size), shape)
    return _nucleus(rng, plan, um, shape), tubes, _lysosomes(rng, plan, um, paths, height, shape)


def _microtubules(rng: np.random.Generator, plan: _Plan, um: float) -> tuple[Points, Points]:
    """Paths (count, steps, 2) in fine pixels and their heights (count, steps) in um; steps outside the cell are put at infinity."""
    count, step = 170, 0.5
    steps = int(15 * um / step)
    # most radiate from the centrosome beside the nucleus; others have left it, and point outwards all the same
    centrosome = plan.centre + plan.edge(plan.nucleus, np.array(2.2)) * 1.1 * np.array([np.sin(2.2), np.cos(2.2)])
    free = rng.random((count, 1)) < 0.55
    around, out = rng.uniform(0, 2 * np.pi, (count, 1)), rng.uniform(1.02, 1.9, (count, 1))
    elsewhere = plan.centre + out * plan.edge(plan.nucleus, around) * np.concatenate([np.sin(around), np.cos(around)], axis=1)
    start = np.where(free, elsewhere, centrosome + rng.normal(0, 0.25 * um, (count, 2)))
    heading = np.where(free, around + rng.normal(0, 0.7, (count, 1)), rng.uniform(0, 2 * np.pi, (count, 1)))
    # persistence length in cells: some 30 um (Brangwynne et al., J Cell Biol 173:733, 2006)
    turn = rng.normal(0, np.sqrt(step / (30 * um)), (count, steps)) + rng.normal(0, 0.004, (count, 1)) * step
    angle = heading + np.cumsum(turn, axis=1)
    paths = start[:, None] + step * np.cumsum(np.stack([np.sin(angle), np.cos(angle)], axis=-1), axis=1)
    # over the nucleus or under it, and down to the coverslip at the cell's edge
    side = rng.choice((-1.0, 1.0), (count, 1)) * rng.uniform(0.5, 1.2, (count, 1))
    distance = np.linalg.norm(paths - plan.centre, axis=-1) / plan.cell
    height = side * np.exp(-((distance / 0.5) ** 2)) + np.cumsum(rng.normal(0, 0.012, (count, steps)), axis=1)
    paths[~plan.inside(paths, plan.cell)] = np.inf
    return paths, np.clip(height, -HALF_DEPTH * Z_STEP, HALF_DEPTH * Z_STEP)


def _lysosomes(rng: np.random.Generator, plan: _Plan, um: float, paths: Points, height: Points, shape: tuple[int, int, int]) -> Volume:
    """Hollow vesicles of 0.2 to 0.8 um, most of them on microtubules near the nucleus."""
    seats = np.concatenate([paths, height[..., None]], axis=-1).reshape(-1, 3)
    seats = seats[np.isfinite(seats[:, 0])]
    seats = seats[~plan.inside(seats[:, :2], plan.nucleus * 1.05)]
    near = np.exp(-np.linalg.norm(seats[:, :2] - plan.centre, axis=1) / (4 * um))
    chosen = seats[rng.choice(len(seats), 170, p=near / near.sum())]
    radius = np.clip(rng.lognormal(np.log(0.17), 0.4, len(chosen)), 0.08, 0.4)
    direction = rng.normal(size=(len(chosen), 1000, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    shell = direction * radius[:, None, None] * np.array((1.0, um, um))
    points = chosen[:, None, (2, 0, 1)] + shell
    weight = np.repeat(rng.gamma(4, 0.25, len(chosen)) * (radius / 0.2) ** 1.5, points.shape[1])
    return _place(points.reshape(-1, 3), weight, shape)


def _nucleus(rng: np.random.Generator, plan: _Plan, um: float, shape: tuple[int, int, int]) -> Volume:
    """A flat ellipsoid of chromatin, dense at its rim, with three nucleoli that hold none."""
    half = int(1.4 * plan.nucleus)
    corner = np.round(plan.centre).astype(int) - half
    grid = np.moveaxis(np.indices((2 * half, 2 * half)), 0, -1) + corner - plan.centre
    reach = np.hypot(grid[..., 0], grid[..., 1]) / plan.edge(plan.nucleus, np.arctan2(grid[..., 0], grid[..., 1]))
    angle, out = rng.uniform(0, 2 * np.pi) + np.array((0.0, 2.1, 4.2)), rng.uniform(0.25, 0.6, 3)
    nucleoli = np.stack([out * np.sin(angle), out * np.cos(angle)], -1) * plan.nucleus
    body = np.zeros(shape, np.float32)
    for k in range(shape[0]):
        z = (k - HALF_DEPTH) * Z_STEP
        r = np.hypot(reach, z / 2.2)  # 4.4 um high
        chromatin = np.exp(0.55 * cloud(rng, 2 * half, 1.3)) * (1 + 0.6 * np.exp(-(((r - 0.97) / 0.03) ** 2)))
        for spot in nucleoli:
            distance = np.hypot(np.linalg.norm(grid - spot, axis=-1) / um, z)
            chromatin *= 1 - 0.85 * expit((0.7 - distance) / 0.08)
        body[k, corner[0] : corner[0] + 2 * half, corner[1] : corner[1] + 2 * half] = chromatin * expit((1 - r) / 0.01)
    return body


def _place(points: Points, weights: Points, shape: tuple[int, int, int]) -> Volume:
    """Point emitters (N, 3), z in um from the focus, y and x in fine pixels, on the specimen's grid; those outside are left out."""
    at = points.copy()
    at[:, 0] = at[:, 0] / Z_STEP + HALF_DEPTH
    inside = np.all((at > -1) & (at < shape), axis=1)
    return splat(at[inside], weights[inside], shape)
