"""What it is worth for the planes of a stack to share their light, lens by lens, and what it costs along z.

    python benchmarks/planes.py [--photons 10,100] [--steps 0.1,0.2,0.3,0.5] [--seeds 3]

Volumes are simulated with seeds that no training has and seen through the point-spread functions of real lenses (Gibson and Lanni's for
widefield, three micrometres deep in water under oil; scalar theory's for confocal ones with a pinhole of one Airy unit), on pixels of
0.1 um. Of each stack the sixteen planes in the middle are exposed with read noise and denoised, each for itself, sharing their light, and
each as the mean of three, as people take it. Figures are PSNR (dB) against the stack without noise, and by how much they gain; the share of
pixels above a twentieth of what is bright that the 90 % interval holds; and how much wider along z beads come out than they are.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

import abbe
from abbe.image import Image
from abbe.optics.gibson_lanni import gibson_lanni_psf
from abbe.optics.lens import Lens, Mounting
from abbe.optics.scanning import confocal_psf
from abbe.simulation import volume

Stack = npt.NDArray[np.float64]
SIDE, PLANES, PIXEL, READ, GROUND = 128, 16, 0.1, 1.5, 2.0
GRID = ((SIDE, SIDE, SIDE), (PIXEL, PIXEL))
LENSES = {
    "widefield, 0.8 air": lambda: gibson_lanni_psf(*GRID, Lens(0.8, 0.52, Mounting.matched(1.0))),
    "widefield, 1.4 oil": lambda: gibson_lanni_psf(*GRID, Lens(1.4, 0.52, Mounting(), 3.0)),
    "confocal, 1.2 water": lambda: confocal_psf(*GRID, 0.561, 0.6, 1.2, 1.0, 1.33),
    "confocal, 1.4 oil": lambda: confocal_psf(*GRID, 0.488, 0.52, 1.4, 1.0),
}


def seen_through(objects: Stack, psf: npt.NDArray[np.floating]) -> Stack:
    kernel = np.fft.ifftshift(psf, axes=0)  # its middle plane is the focus, and [0, 0] of each plane its centre
    return np.maximum(np.fft.ifftn(np.fft.fftn(objects) * np.fft.fftn(kernel)).real, 0)


def every(seen: Stack, step: float) -> Stack:
    """So many planes around the middle, as bright as 1."""
    planes = seen[:: round(step / PIXEL)]
    first = max(0, (len(planes) - PLANES) // 2)
    return planes[first : first + PLANES] / np.percentile(seen, 99.8)


def exposed(photons: Stack, seed: int) -> Stack:
    rng = np.random.default_rng([904, seed])
    return rng.poisson(photons) + rng.normal(0, READ, photons.shape)


def denoised(stack: Stack, step: float, planes: bool) -> tuple[Stack, Stack, Stack, float]:
    """Result and both ends of its interval, and seconds."""
    began = time.perf_counter()
    image = Image.from_array(stack.astype(np.float32), axes="ZYX", pixel_size=(step, PIXEL, PIXEL))
    made = abbe.enhance(image, "denoise", planes=planes)
    assert made.interval is not None
    result, low, high = (np.asarray(part)[0, 0].astype(np.float64) for part in (made, *made.interval))
    return result, low, high, time.perf_counter() - began


def psnr(result: Stack, truth: Stack) -> float:
    return float(10 * np.log10((np.percentile(truth, 99.9) - truth.min()) ** 2 / np.mean((result - truth) ** 2)))


def width(profile: Stack) -> float:
    """Standard deviation of a profile above a tenth of its height."""
    light = np.maximum(profile - 0.1 * profile.max(), 0)
    z = np.arange(len(profile))
    middle = (light * z).sum() / light.sum()
    return float(np.sqrt((light * (z - middle) ** 2).sum() / light.sum()))


def beads(psf: npt.NDArray[np.floating], step: float, photons: float) -> tuple[float, float]:
    """How many times wider along z beads come out than in the stack without noise: each plane for itself, and sharing."""
    points = np.zeros((SIDE, SIDE, SIDE))
    places = [(y, x) for y in range(16, SIDE, 32) for x in range(16, SIDE, 32)]
    for y, x in places:
        points[SIDE // 2, y, x] = 1
    planes = every(seen_through(points, psf), step)
    photon_stack = planes / planes.max() * photons
    seen = exposed(photon_stack + GROUND, 9)
    ratios = []
    for made in (denoised(seen, step, planes=False)[0], denoised(seen, step, planes=True)[0]):
        of_beads = [sum(stack[:, y - 2 : y + 3, x - 2 : x + 3].sum((1, 2)) for y, x in places) for stack in (made - GROUND, photon_stack)]
        ratios.append(width(of_beads[0]) / width(of_beads[1]))
    return ratios[0], ratios[1]


def specimen(seed: int) -> Stack:
    return volume(np.random.default_rng([905, seed]), SIDE).astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photons", default="10,100", help="of bright structure, in a pixel")
    parser.add_argument("--steps", default="0.1,0.2,0.3,0.5", help="z-steps, um")
    parser.add_argument("--seeds", type=int, default=3)
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    spent = {False: 0.0, True: 0.0}
    print("lens                 z-step  photons  alone  sharing  mean of 3   interval: alone  sharing   beads' width: alone  sharing")
    for name, lens in LENSES.items():
        psf = lens()
        seen = [seen_through(specimen(seed), psf) for seed in range(wanted.seeds)]
        for step in map(float, wanted.steps.split(",")):
            for photons in map(float, wanted.photons.split(",")):
                rows = []
                for seed in range(wanted.seeds):
                    truth = every(seen[seed], step) * photons + GROUND
                    noisy = exposed(truth, seed)
                    figures, held = [], []
                    inside = truth - GROUND > 0.05 * photons
                    for planes in spent:
                        result, low, high, seconds = denoised(noisy, step, planes)
                        spent[planes] += seconds
                        figures.append(psnr(result, truth))
                        held.append(float(((truth >= low) & (truth <= high))[inside].mean()))
                    usual = psnr(denoised(uniform_filter1d(noisy, 3, axis=0), step, planes=False)[0], truth)
                    rows.append([figures[0], figures[1] - figures[0], usual - figures[0], *held])
                alone, shared, usual, before, after = np.mean(rows, axis=0)
                one, two = beads(psf, step, photons)
                print(
                    f"{name:20s} {step:6g} {photons:8g} {alone:6.2f} {shared:+8.2f} {usual:+10.2f} {before:17.2f} {after:8.2f} "
                    f"{one:21.2f} {two:8.2f}",
                    flush=True,
                )
    print(f"time, alone = 1: {spent[True] / spent[False]:.2f}")


if __name__ == "__main__":
    main()
