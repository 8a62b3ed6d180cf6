"""Makes the pictures of the model pages, from simulated specimens: .venv/bin/python docs/models/pictures.py [structures] [failures]

`structures.png`: rounded, irregular and filamentous structures x denoising, axial restoration, super-resolution, each with input, output,
truth and SQUIRREL's error map, after the figure of the protocol (doi 10.21203/rs.3.pex-1721/v1). `failure-NAME.png`: a known failure.
To be run again when weights change. The seeds are fixed, and no picture was chosen by its result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

import abbe
from abbe.comparison import enlarged, psnr, squirrel, ssim
from abbe.optics import Camera, expose
from abbe.simulation import specimen

HERE = Path(__file__).resolve().parent / "pictures"
Plane = npt.NDArray[np.float64]

#: kind of structure -> the simulated specimen that stands for it
STRUCTURES = {"rounded": "vesicles", "irregular": "mitochondria", "filamentous": "filaments"}
#: side of the input (pixels), width of the point-spread function (standard deviation, pixels), photons of the brightest structure
SIDE, SIGMA, PHOTONS = 128, 1.1, 150.0
PIXEL = 0.1  # um
STEPS = ("denoising", "axial", "super-resolution")


@dataclass(frozen=True)
class Row:
    """One task on one specimen; all planes of one field."""

    title: str
    seen: Plane
    output: Plane
    truth: Plane
    #: shown when the output alone says too little
    plain: Plane | None = None


def camera(rng: np.random.Generator, light: Plane, photons: float) -> Plane:
    """16-bit counts of a plain sCMOS camera."""
    return expose(rng, light * photons, Camera(gain=2.0, offset=100.0, read_noise=1.5))[0].astype(np.float64)


def enhanced(seen: Plane, *steps: str) -> Plane:
    image = abbe.Image.from_array(seen.astype(np.uint16), "YX", (None, PIXEL, PIXEL))
    return np.squeeze(np.asarray(abbe.enhance(image, steps=steps))).astype(np.float64)


def binned(fine: Plane) -> Plane:
    return np.asarray(fine.reshape(SIDE, 3, SIDE, 3).mean(axis=(1, 3)))


def row(kind: str, step: str) -> Row:
    """A specimen of `kind`, seen and restored; the truth is what the step is to give."""
    rng = np.random.default_rng([1873, list(STRUCTURES).index(kind), STEPS.index(step)])
    fine = specimen(rng, 3 * SIDE, STRUCTURES[kind]).astype(np.float64)
    focus = binned(gaussian_filter(fine, 3 * SIGMA))
    title = f"{kind}, {step}"
    if step == "denoising":
        seen = camera(rng, focus, PHOTONS / 5)
        return Row(title, seen, enhanced(seen, "denoise"), focus)
    if step == "axial":
        others = [specimen(rng, 3 * SIDE, STRUCTURES[kind]).astype(np.float64) for _ in range(3)]
        haze = sum(binned(gaussian_filter(plane, 3 * SIGMA * spread)) for plane, spread in zip(others, (3.0, 5.0, 8.0)))
        seen = camera(rng, focus + haze, PHOTONS)
        return Row(title, seen, enhanced(seen, "denoise", "axial"), focus)
    seen = camera(rng, focus, PHOTONS)
    return Row(title, seen, enhanced(seen, "denoise", "axial", "super_resolve"), fine)


def structures() -> None:
    rows = [row(kind, step) for step in STEPS for kind in STRUCTURES]
    figure = Figure(figsize=(8.6, 2.2 * len(rows)), layout="constrained", dpi=110)
    axes = figure.subplots(len(rows), 4)
    for line, one in zip(axes, rows):
        fit = squirrel(one.seen, one.output)
        assert fit.error_map is not None
        _panel(line[0], one.seen, one.title, figures(enlarged(one.seen, one.truth.shape), one.truth))
        _panel(line[1], one.output, "output", f"{figures(one.output, one.truth)}\nRSP {fit.rsp:.3f}, RSE {fit.rse:.1f}")
        _panel(line[2], one.truth, "truth", "")
        _panel(line[3], fit.error_map, "error map", f"to {np.percentile(fit.error_map, 99.5):.0f} counts", "inferno", zero=True)
    figure.suptitle("Simulated specimens; PSNR (dB) and SSIM against the truth after fitting gain and offset", fontsize=9)
    _save(figure, "structures.png")


def figures(image: Plane, truth: Plane) -> str:
    """PSNR and SSIM after the affine fit."""
    centred = image - image.mean()
    fitted = centred * (np.mean(centred * truth) / max(float(centred.var()), 1e-12)) + truth.mean()
    return f"PSNR {psnr(fitted, truth):.1f}, SSIM {ssim(fitted, truth):.2f}"


def faint() -> Row:
    rng = np.random.default_rng(3)
    focus = binned(gaussian_filter(specimen(rng, 3 * SIDE, "filaments").astype(np.float64), 3 * SIGMA))
    seen = camera(rng, focus, 4.0)
    return Row("4 photons at the brightest", seen, enhanced(seen, "denoise"), focus)


def stripes() -> Row:
    rng = np.random.default_rng(4)
    focus = binned(gaussian_filter(specimen(rng, 3 * SIDE, "vesicles").astype(np.float64), 3 * SIGMA))
    pattern = 8 * np.sin(2 * np.pi * np.arange(SIDE) / 9)[:, None]  # counts, as a camera's electronics can leave
    seen = camera(rng, focus, 40.0) + pattern
    return Row("stripes of the electronics", seen, enhanced(seen, "denoise"), focus)


def diffuse() -> Row:
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    cell = 0.5 / (1 + np.exp((np.hypot(y, x * 1.3) - 0.33) * 40))
    truth = cell + binned(gaussian_filter(specimen(rng, 3 * SIDE, "vesicles").astype(np.float64), 3 * SIGMA))
    seen = camera(rng, truth, PHOTONS)
    image = abbe.Image.from_array(seen.astype(np.uint16), "YX", (None, PIXEL, PIXEL))
    return Row("a diffuse protein and vesicles", seen, np.squeeze(np.asarray(abbe.correct_background(image))).astype(np.float64), truth)


def crowded() -> Row:
    rng = np.random.default_rng(6)
    planes = [binned(gaussian_filter(specimen(rng, 3 * SIDE, "filaments").astype(np.float64), 3 * SIGMA * s)) for s in (1, 1.4, 1.4, 2, 2)]
    seen = camera(rng, np.sum(planes, axis=0), PHOTONS)
    return Row("filaments close above and below", seen, enhanced(seen, "denoise", "axial"), planes[0])


def merged() -> Row:
    rng = np.random.default_rng(7)
    fine = np.zeros((3 * SIDE, 3 * SIDE))
    for k in range(8):  # pairs 2, 3, ... 9 fine pixels apart; the point-spread function is 3.3 wide
        column = 24 + 46 * k
        fine[20:-20, [column, column + 2 + k]] = 1
    fine = gaussian_filter(fine, 0.7)
    seen = camera(rng, binned(gaussian_filter(fine, 3 * SIGMA)) * 4, PHOTONS)
    return Row("pairs of lines, ever farther apart", seen, enhanced(seen, "denoise", "super_resolve"), fine)


FAILURES: dict[str, Callable[[], Row]] = {f.__name__: f for f in (faint, stripes, diffuse, crowded, merged)}


def failures() -> None:
    for name, make in FAILURES.items():
        one = make()
        figure = Figure(figsize=(8.6, 3.1), layout="constrained", dpi=100)
        axes = figure.subplots(1, 3)
        _panel(axes[0], one.seen, one.title, "")
        _panel(axes[1], one.output, "output", figures(one.output, one.truth))
        _panel(axes[2], one.truth, "truth", "")
        _save(figure, f"failure-{name}.png")


def _panel(axes: object, plane: Plane, title: str, below: str, colours: str = "gray", zero: bool = False) -> None:
    """One image from its 1st (or 0) to its 99.7th percentile."""
    low, high = (0.0 if zero else np.percentile(plane, 1)), np.percentile(plane, 99.7)
    axes.imshow(plane, cmap=colours, vmin=low, vmax=max(high, low + 1e-9), interpolation="nearest")  # type: ignore[attr-defined]
    axes.set_title(title, fontsize=8)  # type: ignore[attr-defined]
    axes.set_xlabel(below, fontsize=7)  # type: ignore[attr-defined]
    axes.set_xticks([])  # type: ignore[attr-defined]
    axes.set_yticks([])  # type: ignore[attr-defined]


def _save(figure: Figure, name: str) -> None:
    from io import BytesIO

    from PIL import Image as Picture

    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    with Picture.open(buffer) as whole:
        whole.convert("RGB").quantize(256, dither=Picture.Dither.NONE).save(HERE / name, optimize=True)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for what in sys.argv[1:] or ("structures", "failures"):
        {"structures": structures, "failures": failures}[what]()
