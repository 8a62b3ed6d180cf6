"""What realism gains and costs: the fidelity model against its adversarial partner, on images with known truth.

    python benchmarks/realism.py [--data DATA] [--model FOLDER] [--at 0,0.5,1] [--every 5] [--json out.json]

Specimens are simulated with seeds that no training has; with DATA, the folder of the quality check's images, crisp real ones are
added (er/val, sim_hr, sted). Each is blurred, binned to pixels three times as wide, exposed, and goes through the whole of Workflow A.
FOLDER is a super-resolution model with a partner; without it, abbe's own.

Figures: PSNR after fitting gain and offset, SSIM, detail (where a ring's correlation or transfer falls below one half, 1 = Nyquist), and
per tenth of the frequencies up to half of Nyquist the Fourier ring correlation with the truth and the transfer: how much of the truth's
amplitude comes out in phase. `docs/models/make.py --realism out.json` puts them onto the card.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

import abbe
from abbe.comparison.ssim import ssim
from abbe.simulation.structures import specimen

Array = npt.NDArray[np.float64]
#: photons at brightness 1, and the Gaussian blur in output pixels
CONDITIONS = ((30, 3.2), (300, 3.2), (300, 2.4))
SIMULATED, SIDE = 12, 384
#: edges of the bands of rings, 1 = Nyquist
BANDS = tuple(round(0.1 * k, 1) for k in range(6))
#: how much lower the partner's ring correlation may be in any ring below half of Nyquist
ALLOWED = 0.03
OFFSET, GAIN, READ_NOISE = 100, 2.0, 1.5


def specimens(data: Path | None, every: int) -> Iterator[tuple[str, Array]]:
    """(set, image in [0, 1.5] whose sides are multiples of three)."""
    for k in range(0, SIMULATED, max(1, every // 3)):
        yield "simulated", np.asarray(specimen(np.random.default_rng([90917, k]), SIDE), np.float64)
    found = [("er", p) for p in sorted(data.glob("er/val/*.tif"))[::every]] if data else []
    found += [(kind, p) for kind in ("sim_hr", "sted") for p in (sorted(data.glob(f"{kind}/*.tif")) if data else ())]
    for kind, path in found:
        image = np.squeeze(np.asarray(abbe.open(path))).astype(np.float64)
        # a STED frame is noisy: smoothed, it is the specimen
        plane = gaussian_filter(image[1], 1.0) if kind == "sted" else image
        low, high = np.percentile(plane, [0.5, 99.9])
        plane = np.clip((plane - low) / max(high - low, 1e-6), 0, 1.5)
        yield kind, plane[: plane.shape[0] // 3 * 3, : plane.shape[1] // 3 * 3]


def exposed(truth: Array, photons: float, sigma: float, rng: np.random.Generator) -> npt.NDArray[np.uint16]:
    """What a camera with pixels three times as wide records of it."""
    h, w = (n // 3 for n in truth.shape)
    light = gaussian_filter(truth, sigma).reshape(h, 3, w, 3).mean(axis=(1, 3))
    electrons = rng.poisson(light * photons) + rng.normal(0, READ_NOISE, light.shape)
    return np.clip(np.round(electrons * GAIN + OFFSET), 0, 65535).astype(np.uint16)


def figures(result: Array, truth: Array) -> tuple[dict[str, float], Array, Array]:
    """(figures, ring correlation, transfer of each ring up to half of Nyquist)."""
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


def measured(options: argparse.Namespace) -> dict[str, dict[str, list[dict[str, object]]]]:
    """set -> realism -> figures of each image."""
    found: dict[str, dict[str, list[dict[str, object]]]] = {}
    model = {"super_resolve": options.model} if options.model else None
    for number, (kind, truth) in enumerate(specimens(options.data, options.every)):
        for k, (photons, sigma) in enumerate(CONDITIONS):
            low = exposed(truth, photons, sigma, np.random.default_rng([number, k]))
            name = f"{kind}/{photons} photons, sigma {sigma}"
            for share in options.at:
                result = np.asarray(abbe.enhance(low, model=model, realism=share), np.float64)[0, 0, 0]
                values, correlation, transfer = figures(result, truth)
                row = {**values, "correlation": correlation, "transfer": transfer}
                found.setdefault(name, {}).setdefault(f"{share:g}", []).append(row)
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
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--at", type=lambda text: [float(part) for part in text.split(",")], default=[0.0, 0.5, 1.0])
    parser.add_argument("--every", type=int, default=5, help="only every n-th image of the large sets")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = summary(measured(options))
    shares = [f"{share:g}" for share in options.at]
    for name, measures in figures.items():
        print(name)
        for measure, values in measures.items():
            mark = "!" if measure.startswith("largest loss") and max(values.values()) > ALLOWED else ""
            print(f"  {measure:42s}" + "".join(f"{values[share]:9.3f}" for share in shares) + mark)
    print(f"columns: realism {', '.join(shares)}; ! more than {ALLOWED} of ring correlation lost in a ring below half of Nyquist")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
