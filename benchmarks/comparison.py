#!/usr/bin/env python3
"""Comparison measures on a 1024 x 1024 original and its 3072 x 3072 result, beside scikit-image and plain ways in the same run.

    python benchmarks/comparison.py [--size 1024] [--repeat 3] [--json out.json]

CPU seconds of this process are shown beside wall seconds, since other work on the machine hardly changes them; the best of several
runs counts. `difference` is how far the two results are apart: it must be rounding, or speed means nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize
from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio, structural_similarity

from abbe.comparison import compare, decorrelation, frc, micro_ssim, nrmse, psnr, squirrel, ssim

Plane = np.ndarray[Any, np.dtype[np.float64]]


def scene(size: int, scale: int = 3) -> tuple[Plane, Plane, Plane]:
    """(original, result, plainly noisy truth): fine spots and haze, seen through a Gaussian, with noise."""
    rng = np.random.default_rng(1)
    fine = gaussian_filter((rng.random((size * scale, size * scale)) > 0.999).astype(float), 1.5) * 2000 + 20
    seen = gaussian_filter(fine, 1.3 * scale).reshape(size, scale, size, scale).mean((1, 3))
    return seen * 8 + 200 + rng.normal(0, 5, seen.shape), fine, fine + rng.normal(0, 4, fine.shape)


def best(work: Callable[[], Any], repeat: int) -> tuple[float, float, Any]:
    """(CPU seconds, wall seconds, result) of the fastest run."""
    runs = []
    result = None
    for _ in range(repeat):
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        runs.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(runs)[0], min(r[1] for r in runs), result


def squirrel_by_simplex(original: Plane, result: Plane, scale: int) -> float:
    """RSP by a search over width, gain and offset at once, with whole-plane filters: what a general optimiser does."""

    def model(sigma: float) -> Plane:
        blurred = gaussian_filter(result, abs(sigma) * scale, mode="nearest")
        return blurred.reshape(original.shape[0], scale, -1, scale).mean((1, 3))

    def loss(p: np.ndarray[Any, Any]) -> float:
        return float(((p[0] * model(p[2]) + p[1] - original) ** 2).mean())

    found = minimize(loss, [original.std() / result.std(), original.mean(), 2.0], method="Nelder-Mead", options={"maxiter": 60})
    return float(np.corrcoef(model(found.x[2]).ravel(), original.ravel())[0, 1])


def decorrelation_by_planes(plane: Plane, radii: int = 50, filters: int = 20) -> None:
    """The sums of decorrelation analysis as its paper writes them, over whole planes, without looking for peaks."""
    f = np.fft.rfft2(plane - plane.mean())
    radius = 2 * np.hypot(np.fft.fftfreq(plane.shape[0])[:, None], np.fft.rfftfreq(plane.shape[1]))
    size = np.abs(f)
    for sigma in np.geomspace(50, 0.15, filters):
        kept = size * (1 - np.exp(-2 * sigma**2 * radius**2))
        for r in np.linspace(0, 1, radii):
            (kept * (radius < r)).sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json")
    a = parser.parse_args()
    original, result, noisy = scene(a.size)
    span = float(np.ptp(result))
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    small = slice(0, min(512, a.size * 3))
    part = noisy[small, small]
    pairs: list[tuple[str, Callable[[], Any], str, Callable[[], Any] | None]] = [
        ("PSNR", lambda: psnr(noisy, result), "scikit-image", lambda: peak_signal_noise_ratio(result, noisy, data_range=span)),
        ("NRMSE", lambda: nrmse(noisy, result), "scikit-image", lambda: normalized_root_mse(result, noisy, normalization="min-max")),
        (
            "SSIM, Gaussian",
            lambda: ssim(noisy, result),
            "scikit-image",
            lambda: structural_similarity(noisy, result, data_range=span, **gaussian),
        ),
        (
            "SSIM, uniform",
            lambda: ssim(noisy, result, window="uniform"),
            "scikit-image",
            lambda: structural_similarity(noisy, result, data_range=span),
        ),
        ("MicroSSIM", lambda: micro_ssim(noisy, result), "", None),
        ("SQUIRREL fit", lambda: squirrel(original, result).rsp, "simplex search", lambda: squirrel_by_simplex(original, result, 3)),
        ("FRC", lambda: frc(noisy, result).resolution, "", None),
        ("decorrelation, 512 x 512", lambda: decorrelation(part).resolution, "whole planes", lambda: decorrelation_by_planes(part)),
        ("compare, all but resolution", lambda: compare(original, result).verdict.word, "", None),
    ]
    rows = []
    print(f"{'measure':30s} {'cpu s':>8s} {'wall s':>8s}   {'beside':16s} {'cpu s':>8s} {'times':>7s} {'difference':>11s}")
    for name, ours, beside, theirs in pairs:
        cpu, wall, value = best(ours, a.repeat)
        row: dict[str, Any] = {"measure": name, "cpu": cpu, "wall": wall}
        line = f"{name:30s} {cpu:8.3f} {wall:8.3f}"
        if theirs is not None:
            other, _, peer = best(theirs, 1)
            row |= {"beside": beside, "beside_cpu": other, "times": other / cpu}
            line += f"   {beside:16s} {other:8.3f} {other / cpu:7.1f}"
            if isinstance(value, float) and peer is not None:
                row["difference"] = abs(value - float(peer))
                line += f" {row['difference']:11.2e}"
        print(line, flush=True)
        rows.append(row)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"largest memory of the process: {peak:.0f} MB")
    if a.json:
        with open(a.json, "w", encoding="utf-8") as file:
            json.dump({"size": a.size, "rows": rows, "peak_mb": peak}, file, indent=1)


if __name__ == "__main__":
    main()
