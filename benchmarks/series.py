"""What it is worth for the frames of a time series to share their light, and what it costs what moves.

    python benchmarks/series.py [--photons 10,60,400] [--seeds 2] [--side 160]

Series of nine frames are simulated with seeds that no training has: a specimen that stands still, one that drifts by half a pixel and by
1.8 pixels a frame, and vesicles that each go their own way, by 0.7, 2 and 6 pixels a frame, on an empty ground. Exposed with read noise,
the five frames in the middle are denoised, each for itself and with its neighbours. Figures are PSNR (dB): of the denoised frames as they
are, and by how much they gain with one, two and four frames on each side; beside them what the mean of five frames, as people take it,
gains before the same denoising. Then the share of pixels that the 90 % interval holds, alone and with two frames on each side.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, shift

import abbe
from abbe.image import Image
from abbe.simulation import specimen

Series = npt.NDArray[np.float64]
FRAMES, MIDDLE = 9, slice(2, 7)
SPECIMENS = {"stands still": 0.0, "drifts, 0.5": 0.5, "drifts, 1.8": 1.8}
VESICLES = {"vesicles, 0.7": 0.7, "vesicles, 2": 2.0, "vesicles, 6": 6.0}
READ, GROUND, LENS = 1.5, 2.0, 1.3


def drifting(seed: int, side: int, speed: float) -> Series:
    """(FRAMES, side, side) of a dense specimen, as bright as 1."""
    whole = specimen(np.random.default_rng([901, 1, seed]), side + 40).astype(np.float64)
    whole /= np.percentile(whole, 99.8)
    made = [shift(whole, (0.8 * speed * (t - 4), 0.6 * speed * (t - 4)), order=1)[20:-20, 20:-20] for t in range(FRAMES)]
    return np.array([gaussian_filter(np.maximum(frame, 0), LENS) for frame in made])


def vesicles(seed: int, side: int, speed: float) -> Series:
    rng = np.random.default_rng([902, seed])
    count = side * side // 700
    places, ways, light = rng.uniform(0, side, (count, 2)), rng.uniform(0, 2 * np.pi, count), rng.uniform(0.4, 1, count)
    y, x = np.indices((side, side))
    out = np.zeros((FRAMES, side, side))
    for t in range(FRAMES):
        at = places + speed * (t - 4) * np.stack([np.sin(ways), np.cos(ways)], 1)
        for (a, b), bright in zip(at, light):
            out[t] += bright * np.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * 1.8**2))
    return out


def psnr(result: Series, truth: Series) -> float:
    return float(10 * np.log10((np.percentile(truth, 99.9) - truth.min()) ** 2 / np.mean((result - truth) ** 2)))


def denoised(series: Series, frames: int) -> tuple[Series, Series, Series, float]:
    """Result and both ends of its interval, of the frames in the middle, and seconds for all."""
    began = time.perf_counter()
    made = abbe.enhance(Image.from_array(series.astype(np.float32), axes="TYX"), "denoise", frames=frames)
    seconds = time.perf_counter() - began
    assert made.interval is not None
    result, low, high = (np.asarray(part)[MIDDLE, 0, 0] for part in (made, *made.interval))
    return result, low, high, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photons", default="10,60,400", help="of bright structure, in a pixel")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--side", type=int, default=160)
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    spent = {0: 0.0, 1: 0.0, 2: 0.0, 4: 0.0}
    print("series         photons   alone    +1    +2    +4  mean of 5   interval: alone  with 2")
    for name, speed in {**SPECIMENS, **VESICLES}.items():
        make = vesicles if name in VESICLES else drifting
        for photons in map(float, wanted.photons.split(",")):
            rows = []
            for seed in range(wanted.seeds):
                truth = make(seed, wanted.side, speed) * photons + GROUND
                rng = np.random.default_rng([903, seed])
                seen = rng.poisson(truth) + rng.normal(0, READ, truth.shape)
                truth = truth[MIDDLE]
                figures, held = [], []
                for frames in spent:
                    result, low, high, seconds = denoised(seen, frames)
                    spent[frames] += seconds
                    figures.append(psnr(result, truth))
                    held.append(float(((truth >= low) & (truth <= high)).mean()))
                mean = np.array([seen[max(0, t - 2) : t + 3].mean(axis=0) for t in range(FRAMES)])
                figures.append(psnr(denoised(mean, 0)[0], truth))
                rows.append([figures[0], *(f - figures[0] for f in figures[1:]), held[0], held[2]])
            alone, one, two, four, usual, before, after = np.mean(rows, axis=0)
            print(f"{name:14s} {photons:7g} {alone:7.2f} {one:+5.2f} {two:+5.2f} {four:+5.2f} {usual:+10.2f} {before:17.2f} {after:7.2f}")
    print("time, alone = 1: " + ", ".join(f"{spent[n] / spent[0]:.2f} with {n} on each side" for n in (1, 2, 4)))


if __name__ == "__main__":
    main()
