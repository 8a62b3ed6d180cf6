"""A folder of images by `abbe enhance *.tif`, and by `abbe batch` with so many processes.

    .venv/bin/python benchmarks/batch.py [--workers 1,2] [--rounds 3] [--count 24]

The ways take turns, round by round, so that other work on the machine meets them all; the figures are medians, and the last column is how
many times faster than `abbe enhance` a way was. CPU seconds are those of all processes. Each way is a fresh start, as on the shell, with
its networks to compile; `--count` of images says how much that weighs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile


def fill(folder: Path, count: int, side: int) -> list[Path]:
    """Spots of all widths under photon noise, each image another."""
    files = []
    for k in range(count):
        rng = np.random.default_rng(k)
        light = np.full((side, side), 20.0)
        y, x = np.mgrid[:side, :side]
        for cy, cx, width in zip(rng.uniform(0, side, 40), rng.uniform(0, side, 40), rng.uniform(1, 9, 40)):
            light += 150 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width**2))
        files.append(folder / f"{k:03d}.tif")
        tifffile.imwrite(files[-1], rng.poisson(light).astype(np.uint16))
    return files


def timed(words: list[str]) -> tuple[float, float]:
    """(wall seconds, CPU seconds of all its processes) of one command line."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "abbe", *words], capture_output=True, text=True, check=False)
    after, end = os.times(), time.perf_counter()
    if done.returncode:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return end - start, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=24, help="images")
    parser.add_argument("--side", type=int, default=512, help="pixels")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", default="denoise,axial,super_resolve")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        images = Path(scratch, "images")
        images.mkdir()
        files = fill(images, options.count, options.side)
        steps = ["--steps", options.steps]
        ways: dict[str, list[str]] = {"enhance *.tif": ["enhance", *map(str, files), *steps]}
        ways |= {f"batch --workers {n}": ["batch", str(images), *steps, "--workers", n] for n in options.workers.split(",")}
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for k in range(options.rounds):
            for name, words in ways.items():
                out = Path(scratch, f"{k} {name.replace('*', '')}")
                out.mkdir()
                figures[name].append(timed([*words, "--out", str(out)]))
                print(f"round {k + 1}: {name}: {figures[name][-1][0]:.1f} s, {figures[name][-1][1]:.1f} s of CPU", flush=True)
    print(f"{'':20} {'wall s':>7} {'CPU s':>7} {'faster':>7}")
    usual = statistics.median(wall for wall, _ in figures["enhance *.tif"])
    for name, measured in figures.items():
        wall, cpu = (statistics.median(values) for values in zip(*measured))
        print(f"{name:20} {wall:7.1f} {cpu:7.1f} {usual / wall:7.2f}")


if __name__ == "__main__":
    main()
