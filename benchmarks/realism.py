"""What realism gains and costs: the fidelity model against its adversarial partner, on images with known truth.

    python benchmarks/realism.py [TASK ...] [--data DATA] [--model FOLDER] [--at 0,0.5,1] [--every 5] [--json out.json]

TASK is denoise, background, axial_plane, axial_stack or super_resolve; without one, those of abbe's models that have a partner. Specimens
are simulated with seeds that no training has; with DATA, the folder of the quality check's images, real ones are added (w2s/val, hagen;
er/val, sim_hr, sted). For super-resolution each is blurred, binned to pixels three times as wide, exposed, and goes through the whole of
Workflow A with every step at that realism; the axial steps see what the denoiser makes at realism 0. FOLDER is a model of the one TASK
with a partner; without it, abbe's own.

Figures: PSNR after fitting gain and offset, SSIM, detail (where a ring's correlation or transfer falls below one half, 1 = Nyquist), and
per tenth of the frequencies up to half of Nyquist the Fourier ring correlation with the truth and the transfer: how much of the truth's
amplitude comes out in phase. `docs/models/make.py --realism out.json` puts them onto the card.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

import abbe
from abbe.comparison.ssim import ssim
from abbe.simulation.structures import specimen
from abbe.simulation.volumes import volume
from abbe.zoo import find, load

Array = npt.NDArray[np.float64]
#: photons at brightness 1, and the Gaussian blur in output pixels
CONDITIONS = ((30, 3.2), (300, 3.2), (300, 2.4))
SIMULATED, SIDE, VOLUME = 12, 384, 96
#: edges of the bands of rings, 1 = Nyquist
BANDS = tuple(round(0.1 * k, 1) for k in range(6))
#: how much lower the partner's ring correlation may be in any ring below half of Nyquist
ALLOWED = 0.03
OFFSET, GAIN, READ_NOISE = 100, 2.0, 1.5


class Case(NamedTuple):
    """An image of known truth: the test set, what a step restores at a realism, and the truth, (Y, X) or (Z, Y, X)."""

    set: str
    restored: Callable[[float], Array]
    truth: Array


def specimens(data: Path | None, every: int) -> Iterator[tuple[str, Array]]:
    """(set, image in [0, 1.5] whose sides are multiples of three)."""
    yield from (("simulated", simulated(k)) for k in range(0, SIMULATED, max(1, every // 3)))
    found = [("er", p) for p in sorted(data.glob("er/val/*.tif"))[::every]] if data else []
    found += [(kind, p) for kind in ("sim_hr", "sted") for p in (sorted(data.glob(f"{kind}/*.tif")) if data else ())]
    for kind, path in found:
        image = np.squeeze(np.asarray(abbe.open(path))).astype(np.float64)
        # a STED frame is noisy: smoothed, it is the specimen
        plane = gaussian_filter(image[1], 1.0) if kind == "sted" else image
        low, high = np.percentile(plane, [0.5, 99.9])
        plane = np.clip((plane - low) / max(high - low, 1e-6), 0, 1.5)
        yield kind, plane[: plane.shape[0] // 3 * 3, : plane.shape[1] // 3 * 3]


def simulated(number: int) -> Array:
    """(SIDE, SIDE) specimen number so-and-so."""
    return np.asarray(specimen(np.random.default_rng([90917, number]), SIDE), np.float64)


def counts(light: Array, photons: float, rng: np.random.Generator) -> npt.NDArray[np.uint16]:
    """What a camera records of light whose 1 is so many photons."""
    electrons = rng.poisson(np.maximum(light, 0) * photons) + rng.normal(0, READ_NOISE, light.shape)
    return np.clip(np.round(electrons * GAIN + OFFSET), 0, 65535).astype(np.uint16)


def plane_of(image: object) -> Array:
    return np.squeeze(np.asarray(image)).astype(np.float64)


# ------------------------------------------------------------------------------------------------ the tasks
def denoise(options: argparse.Namespace) -> Iterator[Case]:
    """Specimens behind a lens; real noisy images beside means of many frames."""
    for k in range(0, SIMULATED, max(1, options.every // 3)):
        truth = gaussian_filter(simulated(k), 1.2)
        for photons in (10, 100):
            image = counts(truth, photons, np.random.default_rng([1, k, photons]))
            yield Case(f"simulated/{photons} photons", step(options, image, "denoise"), truth)
    for name in ("w2s/val", "hagen") if options.data else ():
        for path in sorted(options.data.glob(f"{name}/noisy/*.tif"))[:: options.every]:
            clean = abbe.open(path.parent.parent / "clean" / path.name)
            yield Case(name, step(options, abbe.open(path), "denoise"), plane_of(clean))


def background(options: argparse.Namespace) -> Iterator[Case]:
    """Specimens under haze, an even glow and shading."""
    for k in range(0, SIMULATED, max(1, options.every // 3)):
        sharp = gaussian_filter(simulated(k), 1.0)
        truth = np.maximum(sharp - np.percentile(sharp, 30), 0)
        y, x = np.linspace(-1, 1, SIDE)[:, None], np.linspace(-1, 1, SIDE)
        light = (truth + 2 * gaussian_filter(truth, 14) + 0.1) * (1 - 0.15 * (y * y + x * x))
        image = counts(0.4 * light, 200, np.random.default_rng([2, k]))
        yield Case("simulated", without_background(options, image), truth)


def axial_plane(options: argparse.Namespace) -> Iterator[Case]:
    """One plane of a thick specimen, with the light of the planes above and below it."""
    for k in range(0, SIMULATED, max(1, options.every // 3)):
        v = volume(np.random.default_rng([90918, k]), VOLUME)
        light = sum(gaussian_filter(v[VOLUME // 2 + d], 1.3 + 0.6 * abs(d)) / (1 + 0.05 * d * d) for d in range(-20, 21))
        truth = gaussian_filter(v[VOLUME // 2 - 2 : VOLUME // 2 + 3].mean(0), 1.0)
        image = abbe.enhance(counts(light / light.max(), 600, np.random.default_rng([3, k])), steps="denoise", realism=0)
        yield Case("simulated", step(options, image, "axial"), truth.astype(np.float64))


def axial_stack(options: argparse.Namespace) -> Iterator[Case]:
    """Stacks whose planes are two and four times as far apart as their pixels."""
    for k in range(0, SIMULATED, max(1, options.every)):
        truth = volume(np.random.default_rng([90919, k]), VOLUME)[: VOLUME - VOLUME % 4 - 3]
        for spacing in (2, 4):
            stack = counts(gaussian_filter(truth, (4.0, 1.3, 1.3))[::spacing], 400, np.random.default_rng([4, k, spacing]))
            image = abbe.Image.from_array(stack, axes="ZYX", pixel_size=(0.1 * spacing, 0.1, 0.1))
            denoised = abbe.enhance(image, steps="denoise", realism=0)
            yield Case(f"simulated/z-step x{spacing}", step(options, denoised, "axial"), truth.astype(np.float64))


def super_resolve(options: argparse.Namespace) -> Iterator[Case]:
    """The whole chain, on coarse and noisy images of specimens and of real super-resolved images."""
    for number, (kind, truth) in enumerate(specimens(options.data, options.every)):
        for k, (photons, sigma) in enumerate(CONDITIONS):
            h, w = (n // 3 for n in truth.shape)
            light = gaussian_filter(truth, sigma).reshape(h, 3, w, 3).mean(axis=(1, 3))
            image = counts(light, photons, np.random.default_rng([number, k]))
            yield Case(f"{kind}/{photons} photons, sigma {sigma}", step(options, image, None), truth)


def without_background(options: argparse.Namespace, image: object) -> Callable[[float], Array]:
    model = {"background": options.model} if options.model else None
    return lambda share: plane_of(abbe.correct_background(image, model=model, realism=share))


TASKS = {run.__name__: run for run in (denoise, background, axial_plane, axial_stack, super_resolve)}


def step(options: argparse.Namespace, image: object, name: str | None) -> Callable[[float], Array]:
    """One step, or the whole of Workflow A, on an image at a realism."""
    model = {options.tasks[0].removesuffix("_plane").removesuffix("_stack"): options.model} if options.model else None
    given = {"steps": name} if name else {}
    return lambda share: plane_of(abbe.enhance(image, model=model, realism=share, **given))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ figures
def figures(result: Array, truth: Array) -> tuple[dict[str, float], Array, Array]:
    """(figures, ring correlation, transfer of each ring up to half of Nyquist); of a stack the means of some of its XZ planes."""
    if truth.ndim == 3:
        parts = [figures(result[:, y], truth[:, y]) for y in range(8, truth.shape[1] - 4, 12)]
        means = {measure: float(np.mean([part[0][measure] for part in parts])) for measure in parts[0][0]}
        return means, *(np.mean([part[i] for part in parts], axis=0) for i in (1, 2))  # type: ignore[return-value]
    gain, offset = np.polyfit(result.ravel(), truth.ravel(), 1)
    fitted = gain * result + offset
    span = float(np.percentile(truth, 99.99) - truth.min())
    cross, own, true = rings(fitted, truth)
    correlation, transfer = cross / np.sqrt(own * true), cross / true
    low = np.flatnonzero((correlation < 0.5) | (transfer < 0.5))
    side = min(truth.shape)
    out = {
        "PSNR after fitting gain and offset (dB)": float(10 * np.log10(span**2 / ((fitted - truth) ** 2).mean())),
        "SSIM": float(ssim(fitted, truth, span)),
        "detail": float((low[0] + 2 if low.size else side // 2) / (side / 2)),
    }
    half = side // 4
    return out, correlation[:half], transfer[:half]


def rings(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """Cross power and both powers per Fourier ring, each the mean of five neighbouring rings."""
    n = min(a.shape)
    window = np.hanning(n)[:, None] * np.hanning(n)
    one, two = (np.fft.fftshift(np.fft.fft2((x[:n, :n] - x[:n, :n].mean()) * window)) for x in (a, b))
    y, x = np.indices((n, n)) - n // 2
    ring = np.hypot(y, x).astype(int).ravel()

    def along(power: Array) -> Array:
        return np.convolve(np.bincount(ring, power.ravel())[: n // 2], np.ones(5), "valid")

    return along((one * two.conj()).real), along(abs(one) ** 2), along(abs(two) ** 2)


def banded(values: Array) -> list[float]:
    """Means over the bands; `values` are of the rings up to half of Nyquist."""
    at = (np.arange(len(values)) + 2) / (2 * len(values))
    return [float(values[(low <= at) & (at < high)].mean()) for low, high in pairwise(BANDS)]


def evenly(values: object) -> Array:
    """Rings up to half of Nyquist at places that images of all sizes share."""
    rings = np.asarray(values, np.float64)
    return np.interp(np.linspace(0, 1, 64), np.linspace(0, 1, len(rings)), rings)


def measured(task: str, options: argparse.Namespace) -> dict[str, dict[str, list[dict[str, object]]]]:
    """set -> realism -> figures of each image."""
    found: dict[str, dict[str, list[dict[str, object]]]] = {}
    for case in TASKS[task](options):
        for share in options.at:
            values, correlation, transfer = figures(case.restored(share), case.truth)
            row = {**values, "correlation": correlation, "transfer": transfer}
            found.setdefault(case.set, {}).setdefault(f"{share:g}", []).append(row)
    return found


def summary(found: dict[str, dict[str, list[dict[str, object]]]]) -> dict[str, dict[str, dict[str, float]]]:
    """set -> measure -> realism -> mean. A loss of ring correlation is against the first realism, the largest in any ring of the means."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    for name, by_share in found.items():
        here = out[name] = {}
        first = next(iter(by_share))
        for share, rows in by_share.items():
            for measure in ("PSNR after fitting gain and offset (dB)", "SSIM", "detail"):
                here.setdefault(measure, {})[share] = float(np.mean([row[measure] for row in rows]))  # type: ignore[arg-type]
            for what, title in (("correlation", "ring correlation"), ("transfer", "transfer")):
                bands = np.mean([banded(row[what]) for row in rows], axis=0)  # type: ignore[arg-type]
                for (low, high), value in zip(pairwise(BANDS), bands):
                    here.setdefault(f"{title}, {low:g} to {high:g} of Nyquist", {})[share] = float(value)
            mean, fidelity = (np.mean([evenly(r["correlation"]) for r in some], axis=0) for some in (rows, by_share[first]))
            here.setdefault("largest loss of ring correlation", {})[share] = float(np.max(fidelity - mean))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--at", type=lambda text: [float(part) for part in text.split(",")], default=[0.0, 0.5, 1.0])
    parser.add_argument("--every", type=int, default=5, help="only every n-th image of the large sets")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.tasks:
        options.tasks = [load(options.model).card.task] if options.model else [t for t in TASKS if find(t).card.realism.partner]
    if not set(options.tasks) <= TASKS.keys() or (options.model and len(options.tasks) > 1):
        parser.error(f"wanted tasks of {', '.join(TASKS)}, and one alone with --model, got {' '.join(options.tasks)}")
    warnings.simplefilter("ignore")  # that the interval is calibrated at realism 0 alone
    shares = [f"{share:g}" for share in options.at]
    made = {}
    for task in options.tasks:
        made[task] = summary(measured(task, options))
        for name, measures in made[task].items():
            print(f"{task}: {name}")
            for measure, values in measures.items():
                mark = "!" if measure.startswith("largest loss") and max(values.values()) > ALLOWED else ""
                print(f"  {measure:42s}" + "".join(f"{values[share]:9.3f}" for share in shares) + mark, flush=True)
    print(f"columns: realism {', '.join(shares)}; ! more than {ALLOWED} of ring correlation lost in a ring below half of Nyquist")
    if options.json:
        options.json.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
