"""What context adds: the same step with its second image, and with none.

    python benchmarks/context.py [--data DATA] [--levels FOLDER] [--every 10] [--json out.json]

Super-resolution sees the raw image beside what the steps before made of it; without, it sees their result alone (the denoised image
is handed to it as if it were the raw one). FOLDER is a background model of several levels (a plan with `levels = true`), whose context
is its own coarser result: it is compared with abbe's, of one level, under haze of several widths. Specimens, DATA and figures are
those of `realism.py`.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from realism import CONDITIONS, SIMULATED, Array, counts, figures, plane_of, simulated, specimens
from scipy.ndimage import gaussian_filter

import abbe

#: standard deviations of the haze in pixels
HAZES = (7, 14, 30, 60)


def super_resolve(options: argparse.Namespace) -> Iterator[tuple[str, Array, Array, Array]]:
    """(set, with, without, truth)"""
    for number, (kind, truth) in enumerate(specimens(options.data, options.every)):
        for k, (photons, sigma) in enumerate(CONDITIONS):
            h, w = (n // 3 for n in truth.shape)
            light = gaussian_filter(truth, sigma).reshape(h, 3, w, 3).mean(axis=(1, 3))
            image = counts(light, photons, np.random.default_rng([number, k]))
            beside = abbe.enhance(image, steps=("denoise", "super_resolve"))
            alone = abbe.enhance(abbe.enhance(image, steps="denoise"), steps="super_resolve")
            yield f"super_resolve: {kind}/{photons} photons, sigma {sigma}", plane_of(beside), plane_of(alone), truth


def levels(options: argparse.Namespace) -> Iterator[tuple[str, Array, Array, Array]]:
    """(set, with, without, truth)"""
    for k in range(0, SIMULATED, max(1, options.every // 3)):
        truth = gaussian_filter(simulated(k), 1.0)
        truth = np.maximum(truth - np.percentile(truth, 30), 0)
        for haze in HAZES:
            light = truth + 2 * gaussian_filter(truth, haze) + 0.1
            image = counts(0.4 * light, 200, np.random.default_rng([5, k, haze]))
            coarser = abbe.correct_background(image, model=options.levels)
            yield f"background: haze of {haze} pixels", plane_of(coarser), plane_of(abbe.correct_background(image)), truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--levels", type=Path)
    parser.add_argument("--every", type=int, default=10, help="only every n-th image of the large sets")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for run in (super_resolve, levels) if options.levels else (super_resolve,):
        for name, beside, alone, truth in run(options):
            one, two = figures(beside, truth)[0], figures(alone, truth)[0]
            for measure, value in one.items():
                found.setdefault(name, {}).setdefault(measure, []).append((value, two[measure]))
    means = {name: {m: np.mean(pairs, axis=0).tolist() for m, pairs in measures.items()} for name, measures in found.items()}
    print(f"{'with context, without, and the gain':50s}" + "".join(f"{m[:22]:>26s}" for m in next(iter(means.values()))))
    for name, measures in means.items():
        print(f"{name:50s}" + "".join(f"{a:9.3f}{b:9.3f}{a - b:+8.3f}" for a, b in measures.values()))
    if options.json:
        options.json.write_text(json.dumps(means, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
