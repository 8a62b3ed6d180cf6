"""What it is worth to know the width of the point-spread function: super-resolution told nothing, the truth, and something wrong.

    python benchmarks/psf.py [--data DATA] [--widths 0.6,0.8,1.07,1.4] [--wrong 1.15] [--photons 300] [--every 4]

Specimens are simulated with seeds that no training has; with DATA, the folder of the quality check's images, real ones are added (er/val,
sim_hr, sted). Each is blurred by a Gaussian of so many camera pixels, binned to pixels three times as wide, exposed, and goes through the
whole of Workflow A. Figures are PSNR (dB) after fitting gain and offset, means over a set: beside Richardson-Lucy with the true width and
the number of iterations, and the smoothing before it, chosen with the truth in hand.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

import abbe

sys.path.insert(0, str(Path(__file__).parent))
from realism import Array, counts, plane_of, specimens

FWHM = 2 * np.sqrt(2 * np.log(2))
ITERATIONS, SMOOTHED = (5, 12, 30), (0.0, 0.8, 1.2)


def binned(a: Array) -> Array:
    """Mean of 3 x 3 pixels."""
    h, w = a.shape[0] // 3, a.shape[1] // 3
    return np.asarray(a.reshape(h, 3, w, 3).mean(axis=(1, 3)), np.float64)


def psnr(result: Array, truth: Array) -> float:
    gain, offset = np.polyfit(result.ravel(), truth.ravel(), 1)
    return float(10 * np.log10((np.percentile(truth, 99.99) - truth.min()) ** 2 / np.mean((gain * result + offset - truth) ** 2)))


def richardson_lucy(low: Array, sigma: float, truth: Array) -> float:
    """The best of it, by the truth; `sigma` in pixels of the truth."""
    found = []
    for before in SMOOTHED:
        data = gaussian_filter(low.astype(np.float64), before) if before else low.astype(np.float64)
        data = np.maximum(data - np.percentile(data, 1), 1e-3)
        estimate = np.maximum(zoom(data, 3, order=1, grid_mode=True, mode="nearest"), 1e-3)
        for k in range(1, max(ITERATIONS) + 1):
            ratio = data / np.maximum(binned(gaussian_filter(estimate, sigma)), 1e-3)
            estimate = estimate * gaussian_filter(np.kron(ratio, np.ones((3, 3))), sigma)
            if k in ITERATIONS:
                found.append(psnr(estimate, truth))
    return max(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--widths", default="0.6,0.8,1.07,1.4", help="standard deviations of the PSF, camera pixels")
    parser.add_argument("--wrong", type=float, default=1.15, help="by what factor a wrong width is too large, and too small")
    parser.add_argument("--photons", type=float, default=300)
    parser.add_argument("--every", type=int, default=4)
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = list(specimens(wanted.data, wanted.every))
    print("set        width  Richardson-Lucy  told nothing  the truth  too narrow  too wide   worst told - nothing")
    for width in map(float, wanted.widths.split(",")):
        rows: dict[str, list[list[float]]] = {}
        for number, (kind, truth) in enumerate(cases):
            low = counts(binned(gaussian_filter(truth, 3 * width)), wanted.photons, np.random.default_rng([17, number]))
            told = ("unknown", *(f"{FWHM * w:.3f}px" for w in (width, width / wanted.wrong, width * wanted.wrong)))
            results = [psnr(plane_of(abbe.enhance(low, psf=psf)), truth) for psf in told]
            rows.setdefault(kind, []).append([richardson_lucy(low, 3 * width, truth), *results])
        for kind, values in rows.items():
            mean = np.mean(values, axis=0)
            worst = min(row[2] - row[1] for row in values)
            figures = "  ".join(f"{value:{w}.2f}" for value, w in zip(mean, (15, 12, 9, 10, 8)))
            print(f"{kind:10s} {width:5.2f}  {figures}  {worst:+21.2f}")


if __name__ == "__main__":
    main()
